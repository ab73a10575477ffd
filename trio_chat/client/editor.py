"""The line that is being typed: an editor without I/O.

This file owns what each key does, the history and completion. It must not know the terminal, rooms or
people: bytes go in, and what they ask for comes out.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from protocol import TEXT_CHARS
from trio_chat.client.keys import Input, Key, KeyDecoder, PasteEnd, Typed
from trio_chat.client.line import Line, View

MAX_CHARS: Final = TEXT_CHARS + 100
"""What a line may hold: the longest message, and a command with a name in front of it."""

HISTORY_LINES: Final = 500


class Submitted(Struct, frozen=True):
    """Enter was pressed: this is the line, which may hold newlines from a paste."""

    text: str


class Choices(Struct, frozen=True):
    """Completion found several: these."""

    words: Sequence[str]


class TooLong(Struct, frozen=True):
    """`chars` code points found no room in the line. A paste is taken whole or not at all."""

    chars: int


class Leave(Struct, frozen=True):
    """Ctrl-D on an empty line, or Ctrl-C where the terminal makes no signal of it."""


class Redraw(Struct, frozen=True):
    """Ctrl-L: clear the screen."""


Action = Submitted | Choices | TooLong | Leave | Redraw


class Completion(Struct, frozen=True):
    """What may stand in place of the line's characters from `start` up to the cursor."""

    start: int
    words: Sequence[str]


Completer = Callable[[str], Completion]
"""Takes the line up to the cursor. A word that is to be followed by a space ends with it."""


def _no_words(line: str) -> Completion:
    return Completion(len(line), ())


class Editor:
    """One line being typed, with the usual keys of a shell.

    Args:
        complete: what the Tab key asks.
        max_chars: code points that a line holds at most; a paste under way holds as many again.
        keys: takes apart what the terminal sends.
    """

    def __init__(
        self, complete: Completer = _no_words, max_chars: int = MAX_CHARS, keys: KeyDecoder | None = None
    ) -> None:
        self._line = line = Line(max_chars)
        self._complete = complete
        self._keys = keys or KeyDecoder()
        self._pasted: list[str] = []
        self._pasted_chars = 0
        self._history: deque[str] = deque(maxlen=HISTORY_LINES)
        self._back = 0  # how many lines up in the history; 0 is the line being typed
        self._draft = ""
        self._deeds: dict[Key, Callable[[], Action | None]] = {
            Key.LEFT: lambda: self._go(line.before()),
            Key.RIGHT: lambda: self._go(line.after()),
            Key.WORD_LEFT: lambda: self._go(line.word_before()),
            Key.WORD_RIGHT: lambda: self._go(line.word_after()),
            Key.HOME: lambda: self._go(0),
            Key.END: lambda: self._go(len(line.text)),
            Key.UP: lambda: self._recall(self._back + 1),
            Key.DOWN: lambda: self._recall(self._back - 1),
            Key.BACKSPACE: lambda: line.cut(line.before(), line.cursor),
            Key.DELETE: lambda: line.cut(line.cursor, line.after()),
            Key.DELETE_OR_LEAVE: self._delete_or_leave,
            Key.KILL_WORD: lambda: line.cut(line.word_before(), line.cursor),
            Key.KILL_WORD_RIGHT: lambda: line.cut(line.cursor, line.word_after()),
            Key.KILL_TO_START: lambda: line.cut(0, line.cursor),
            Key.KILL_TO_END: lambda: line.cut(line.cursor, len(line.text)),
            Key.COMPLETE: self._complete_word,
            Key.SUBMIT: self._submit,
            Key.NEWLINE: lambda: self._insert("\n"),
            Key.REDRAW: Redraw,
            Key.LEAVE: Leave,
        }

    @property
    def text(self) -> str:
        """The line as it stands."""
        return self._line.text

    @property
    def cursor(self) -> int:
        """Where the next character goes, 0 to ``len(text)``."""
        return self._line.cursor

    def feed(self, data: bytes) -> list[Action]:
        """Carry out what the terminal sent, in pieces of any size.

        Returns:
            What it asks of the caller, in order.
        """
        return [action for given in self._keys.feed(data) if (action := self.take(given)) is not None]

    def take(self, given: Input) -> Action | None:
        """Carry out one key, or put in what was typed; return what that asks of the caller."""
        match given:
            case Key():
                return self._deeds[given]()
            case PasteEnd():
                return self._insert_pasted()
            case Typed(text=text, pasted=True):
                self._keep_pasted(text)
                return None
            case Typed(text=text):
                return self._insert(text)
            case _:
                return None  # for a full screen

    def view(self, columns: int, prompt: str = "") -> View:
        """Return what a row of `columns` shows of the line after `prompt` (see `Line.view`)."""
        return self._line.view(columns, prompt)

    def _go(self, cursor: int) -> None:
        self._line.cursor = cursor

    def _insert(self, text: str) -> TooLong | None:
        left_out = self._line.insert(text)
        return TooLong(left_out) if left_out else None

    def _keep_pasted(self, text: str) -> None:
        self._pasted_chars += len(text)
        if self._pasted_chars <= self._line.max_chars:
            self._pasted.append(text)
        else:  # it will be refused whole: only its length matters any more
            self._pasted.clear()

    def _insert_pasted(self) -> TooLong | None:
        text, chars = "".join(self._pasted), self._pasted_chars
        self._pasted.clear()
        self._pasted_chars = 0
        return TooLong(chars) if chars > self._line.room else self._insert(text)

    def _delete_or_leave(self) -> Leave | None:
        if not self._line.text:
            return Leave()
        self._line.cut(self._line.cursor, self._line.after())
        return None

    def _complete_word(self) -> Choices | None:
        line = self._line
        completion = self._complete(line.text[: line.cursor])
        if not completion.words:
            return None
        common = _common_prefix(completion.words)
        if len(completion.words) > 1 and len(common) <= line.cursor - completion.start:
            return Choices(completion.words)
        if len(common) <= line.room:
            line.cut(completion.start, line.cursor)
            line.insert(common)
        return None

    def _submit(self) -> Submitted | None:
        text = self._line.text
        self._line.replace("")
        self._back = 0
        if not text:
            return None
        if not self._history or self._history[-1] != text:
            self._history.append(text)
        return Submitted(text)

    def _recall(self, back: int) -> None:
        if not 0 <= back <= len(self._history):
            return
        if self._back == 0:
            self._draft = self._line.text
        self._back = back
        self._line.replace(self._history[-back] if back else self._draft)


def _common_prefix(words: Sequence[str]) -> str:
    first, last = min(words), max(words)  # what these two share, all between them share
    for at, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return first[:at]
    return first
