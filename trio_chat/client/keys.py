"""Bytes from a terminal to keys: UTF-8 and escape sequences taken apart, however they are cut.

This file owns what a terminal sends for a key. It must not know what a key does, nor read anything. There
is no clock in it: an ESC waits for the character after it, so that the same bytes always mean the same.
"""

import codecs
import enum
import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct


class Key(enum.Enum):
    """What a key, or a combination of keys, asks for."""

    LEFT = enum.auto()
    RIGHT = enum.auto()
    WORD_LEFT = enum.auto()
    WORD_RIGHT = enum.auto()
    HOME = enum.auto()
    END = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()
    BACKSPACE = enum.auto()
    DELETE = enum.auto()
    DELETE_OR_LEAVE = enum.auto()
    KILL_WORD = enum.auto()
    KILL_WORD_RIGHT = enum.auto()
    KILL_TO_START = enum.auto()
    KILL_TO_END = enum.auto()
    COMPLETE = enum.auto()
    SUBMIT = enum.auto()
    NEWLINE = enum.auto()
    REDRAW = enum.auto()
    LEAVE = enum.auto()


class Typed(Struct, frozen=True):
    """Characters, none of them a control character; with `pasted`, newlines and tabs may be among them."""

    text: str
    pasted: bool = False


class PasteEnd(Struct, frozen=True):
    """A bracketed paste is complete."""


class Chord(Struct, frozen=True):
    """A key that only a full screen has a use for, by its name: ``alt-1``, ``page-up``, ``f1``."""

    name: str


class Mouse(Struct, frozen=True):
    """A button went down, 1 to 3, or the wheel was turned, 4 (up) and 5, over a cell counted from 0."""

    button: int
    column: int
    row: int


Input = Key | Typed | PasteEnd | Chord | Mouse

_CONTROLS: Final[Mapping[str, Key]] = {
    "\x01": Key.HOME,
    "\x02": Key.LEFT,
    "\x03": Key.LEAVE,
    "\x04": Key.DELETE_OR_LEAVE,
    "\x05": Key.END,
    "\x06": Key.RIGHT,
    "\x08": Key.BACKSPACE,
    "\t": Key.COMPLETE,
    "\n": Key.SUBMIT,
    "\x0b": Key.KILL_TO_END,
    "\x0c": Key.REDRAW,
    "\r": Key.SUBMIT,
    "\x0e": Key.DOWN,
    "\x10": Key.UP,
    "\x15": Key.KILL_TO_START,
    "\x17": Key.KILL_WORD,
    "\x7f": Key.BACKSPACE,
}

# ESC and one character: the Alt key.
_ALT: Final[Mapping[str, Key]] = {
    "b": Key.WORD_LEFT,
    "f": Key.WORD_RIGHT,
    "d": Key.KILL_WORD_RIGHT,
    "\x7f": Key.KILL_WORD,
    "\x08": Key.KILL_WORD,
    "\r": Key.NEWLINE,
    "\n": Key.NEWLINE,
}

# The final character of ESC [ … and of ESC O …, without a modifier.
_FINALS: Final[Mapping[str, Key]] = {
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "F": Key.END,
    "H": Key.HOME,
}
_WITH_MODIFIER: Final[Mapping[str, Key]] = {"C": Key.WORD_RIGHT, "D": Key.WORD_LEFT}

# The number in ESC [ number ~.
_NUMBERS: Final[Mapping[str, Key]] = {
    "1": Key.HOME,
    "7": Key.HOME,
    "4": Key.END,
    "8": Key.END,
    "3": Key.DELETE,
}
_PASTE_BEGINS: Final = "200"
_PASTE_ENDS: Final = "\x1b[201~"

# Longer than any sequence a key sends. What is longer still is followed to its end, but not kept.
_PARAMETER_CHARS: Final = 16

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
# A paste keeps its newlines and tabs; no message may hold any other control character.
_NOT_PASTED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class KeyDecoder:
    """Feed it what the terminal sends, in pieces of any size; it gives keys and text in order.

    It holds at most a few characters of an unfinished sequence.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._paste = _Paste()
        self._state = self._ground
        self._parameters = ""

    def feed(self, data: bytes) -> Iterator[Input]:
        """Take `data` and give what it completes. Invalid UTF-8 comes out as U+FFFD.

        The iterator must be exhausted before the next call.
        """
        text = self._utf8.decode(data)
        at = 0
        while at < len(text):
            if self._paste.open:
                at, inputs = self._paste.take(text, at)
                yield from inputs
            elif self._state == self._ground and (end := _control_at(text, at)) > at:
                yield Typed(text[at:end])
                at = end
            else:
                got = self._state(text[at])
                at += 1
                if got is not None:
                    yield got

    def _ground(self, character: str) -> Input | None:
        if character == "\x1b":
            self._state = self._escape
            return None
        return _CONTROLS.get(character)

    def _escape(self, character: str) -> Input | None:
        self._state = self._ground
        if character == "\x1b":
            self._state = self._escape
        elif character == "[":
            self._parameters = ""
            self._state = self._csi
        elif character == "O":
            self._state = self._ss3
        elif (key := _ALT.get(character)) is not None:
            return key
        elif _CONTROL.match(character):
            return _CONTROLS.get(character)
        else:
            return self._alt(character)
        return None

    def _alt(self, character: str) -> Input | None:
        """Return what an Alt key without a meaning here is: ESC pressed by mistake before typing on."""
        return Typed(character)

    def _ss3(self, character: str) -> Input | None:
        self._state = self._ground
        if _CONTROL.match(character):
            return self._ground(character)
        return _FINALS.get(character)

    def _linux_function_key(self, character: str) -> Input | None:
        self._state = self._ground
        return self._ground(character) if _CONTROL.match(character) else None

    def _csi(self, character: str) -> Input | None:
        if character == "[" and not self._parameters:
            self._state = self._linux_function_key
            return None
        if " " <= character <= "?":
            if len(self._parameters) < _PARAMETER_CHARS:
                self._parameters += character
            return None
        self._state = self._ground
        if not "@" <= character <= "~":  # ECMA-48 has no such sequence: it is broken off here
            return self._ground(character) if _CONTROL.match(character) else Typed(character)
        return self._sequence(character)

    def _sequence(self, final: str) -> Input | None:
        number, _, modifier = self._parameters.partition(";")
        if final != "~":
            plain = _FINALS.get(final)
            return _WITH_MODIFIER.get(final, plain) if modifier else plain
        if number == _PASTE_BEGINS:
            self._paste.begin()
            return None
        return _NUMBERS.get(number)


def _control_at(text: str, at: int) -> int:
    found = _CONTROL.search(text, at)
    return found.start() if found else len(text)


class _Paste:
    """The inside of a bracketed paste: text up to the sequence that ends it, with line ends made newlines."""

    def __init__(self) -> None:
        self.open = False
        self._held = ""  # what may be the beginning of the end, or a CR whose LF has not come yet

    def begin(self) -> None:
        self.open = True
        self._held = ""

    def take(self, text: str, at: int) -> tuple[int, list[Input]]:
        """Take `text` from `at`; return where the paste has ended (or the end of `text`), and what came of it."""
        whole = self._held + text[at:]
        end = whole.find(_PASTE_ENDS)
        if end >= 0:
            self.open = False
            self._held = ""
            return len(text) - (len(whole) - end - len(_PASTE_ENDS)), [*_pasted(whole[:end]), PasteEnd()]
        keep = _held_back(whole)
        self._held = whole[len(whole) - keep :]
        return len(text), list(_pasted(whole[: len(whole) - keep]))


def _held_back(whole: str) -> int:
    for length in range(min(len(_PASTE_ENDS) - 1, len(whole)), 0, -1):
        if _PASTE_ENDS.startswith(whole[-length:]):
            return length
    return int(whole.endswith("\r"))


def _pasted(text: str) -> Iterator[Typed]:
    text = _NOT_PASTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if text:
        yield Typed(text, pasted=True)
