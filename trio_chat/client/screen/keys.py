"""The keys and the mouse of a full screen, on top of those of a typed line.

This file owns what terminals send for them. It must not know what any of them does.
"""

import re
from collections.abc import Mapping
from typing import Final

from trio_chat.client.keys import Chord, Input, Key, KeyDecoder, Mouse, Typed

MOUSE_ON: Final = "\x1b[?1000h\x1b[?1006h"  # clicks and the wheel, in the form that has no limit on columns (SGR)
MOUSE_OFF: Final = "\x1b[?1006l\x1b[?1000l"

_CONTROLS: Final[Mapping[str, str]] = {"\x0e": "ctrl-n", "\x10": "ctrl-p", "\x12": "ctrl-r", "\x1a": "ctrl-z"}
_ARROWS: Final[Mapping[str, str]] = {"A": "up", "B": "down", "C": "right", "D": "left", "F": "end", "H": "home"}
_NUMBERS: Final[Mapping[str, str]] = {"5": "page-up", "6": "page-down", "11": "f1"}
_SGR_MOUSE: Final = re.compile(r"<(\d{1,3});(\d{1,4});(\d{1,4})")
_ALT_BIT: Final = 2  # of the modifier less one (xterm)
_WHEEL: Final = 64
_NOT_PRESSED: Final = 32 | 128  # moved with a button down; buttons beyond the usual ones


class ScreenKeys(KeyDecoder):
    """Gives `Chord` and `Mouse` besides what a typed line needs.

    Attributes:
        holds_escape: whether all that came is an ESC, which may be a key of its own or begin another.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_alt = False  # an ESC before that of a sequence: the Alt key of rxvt and PuTTY

    @property
    def holds_escape(self) -> bool:
        return self._state == self._escape

    def escape(self) -> Chord:
        """Take the ESC that is held for a key of its own."""
        self._state = self._ground
        self._is_alt = False
        return Chord("escape")

    def _ground(self, character: str) -> Input | None:
        if (name := _CONTROLS.get(character)) is not None:
            return Chord(name)
        self._is_alt = False
        return super()._ground(character)

    def _escape(self, character: str) -> Input | None:
        self._is_alt = character == "\x1b" or (self._is_alt and character in "[O")
        return super()._escape(character)

    def _alt(self, character: str) -> Input | None:
        return Chord(f"alt-{character.lower()}")

    def _ss3(self, character: str) -> Input | None:
        if character == "P":
            self._state = self._ground
            return Chord("f1")
        if character in _ARROWS and self._is_alt:
            self._state = self._ground
            return Chord(f"alt-{_ARROWS[character]}")
        return super()._ss3(character)

    def _linux_function_key(self, character: str) -> Input | None:
        if character == "A":
            self._state = self._ground
            return Chord("f1")
        return super()._linux_function_key(character)

    def _sequence(self, final: str) -> Input | None:
        if final in "Mm" and (found := _SGR_MOUSE.fullmatch(self._parameters)):
            return _mouse(*map(int, found.groups())) if final == "M" else None
        number, _, modifier = self._parameters.partition(";")
        if final == "Z":
            return Chord("shift-tab")
        if final == "~" and number in _NUMBERS:
            return Chord(_NUMBERS[number])
        if final == "P":
            return Chord("f1")
        if final in _ARROWS and (self._is_alt or (modifier.isdigit() and (int(modifier) - 1) & _ALT_BIT)):
            return Chord(f"alt-{_ARROWS[final]}")
        return super()._sequence(final)


def _mouse(code: int, column: int, row: int) -> Input | None:
    if code & _NOT_PRESSED or not column or not row:
        return None
    button = code & 3
    if code & _WHEEL:
        return Mouse(4 + button, column - 1, row - 1) if button < 2 else None  # the wheel, sideways
    return Mouse(button + 1, column - 1, row - 1) if button < 3 else None  # a release, in old terms


__all__ = ["MOUSE_OFF", "MOUSE_ON", "Key", "ScreenKeys", "Typed"]
