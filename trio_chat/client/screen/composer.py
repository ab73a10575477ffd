"""The message that is being typed on a full screen: an editor of several lines whose Tab key goes around what fits.

This file owns what the keys do to the text and how its rows look. It must not know rooms, nor what becomes of the text.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from trio_chat.client.editor import Action, Completer, Completion, Editor, Submitted
from trio_chat.client.harmless import harmless_line
from trio_chat.client.keys import Chord, Input, Key
from trio_chat.client.screen.keys import ScreenKeys
from trio_chat.client.screen.layout import Row, clusters, columns

MAX_ROWS: Final = 6


class TypedRows(Struct, frozen=True):
    """What to draw of the text, and the cursor in it, column and row from 0."""

    rows: list[Row]
    cursor: tuple[int, int]


class _Round(Struct):
    """What the Tab key goes around: the words, and where the one in the text begins and ends."""

    words: Sequence[str]
    at: int
    start: int
    end: int


class Composer(Editor):
    """See the head of this file. Feed it by `decode` and `take`.

    Attributes:
        offered: the words that Tab goes around; empty when it does not.

    Args:
        complete: what the Tab key asks.
    """

    def __init__(self, complete: Completer) -> None:
        self.decoder = ScreenKeys()
        super().__init__(complete, keys=self.decoder)
        self._round: _Round | None = None
        self._deeds[Key.UP] = lambda: self._vertical(-1)
        self._deeds[Key.DOWN] = lambda: self._vertical(1)

    @property
    def offered(self) -> Sequence[str]:
        return self._round.words if self._round else ()

    @property
    def offered_at(self) -> int:
        """Which of the offered words stands in the text."""
        return self._round.at if self._round else 0

    def take(self, given: Input) -> Action | None:
        """Carry out one key, or put in what was typed; return what that asks of the caller."""
        if given == Chord("shift-tab"):
            self._turn(-1)
            return None
        if given is not Key.COMPLETE:
            self._round = None
        return super().take(given)

    def replace(self, text: str) -> None:
        """Make `text` what is typed."""
        self._round = None
        self._line.replace(text)

    def remember(self, text: str) -> None:
        """Have `text` in the history, as if it had been typed."""
        if not self._history or self._history[-1] != text:
            self._history.append(text)

    def _complete_word(self) -> None:
        if self._round is not None:
            self._turn(1)
            return
        line = self._line
        found: Completion = self._complete(line.text[: line.cursor])
        if found.words:
            self._round = _Round(found.words, -1, found.start, line.cursor)
            self._turn(1)
        if len(found.words) == 1:
            self._round = None

    def _turn(self, step: int) -> None:
        if self._round is None:
            return
        around, line = self._round, self._line
        at = (around.at + step) % len(around.words)
        word = around.words[at]
        if len(line.text) - (around.end - around.start) + len(word) > line.max_chars:
            return
        line.cut(around.start, around.end)
        line.insert(word)
        self._round = _Round(around.words, at, around.start, around.start + len(word))

    def _submit(self) -> Submitted | None:
        self._round = None
        return super()._submit()

    def _vertical(self, step: int) -> None:
        """Go a line up or down in a text of several, and through the history from one of one line."""
        text, cursor = self.text, self.cursor
        if "\n" not in text or self._back:
            self._recall(self._back - step)
            return
        start = text.rfind("\n", 0, cursor) + 1
        if step < 0:
            if start:
                above = text.rfind("\n", 0, start - 1) + 1
                self._go(min(above + cursor - start, start - 1))
            return
        end = text.find("\n", cursor)
        if end >= 0:
            below_end = text.find("\n", end + 1)
            self._go(min(end + 1 + cursor - start, below_end if below_end >= 0 else len(text)))

    def rows(self, room: int, most: int) -> TypedRows:
        """Return the rows of the text around the cursor, at most `most`, each at most `room` columns wide."""
        room = max(room, 1)
        rows: list[Row] = [[]]
        at = offset = 0
        cursor: tuple[int, int] | None = None
        for cluster, drawn, size in map(_drawn, clusters(self.text)):
            if at + size > room and cluster != "\n":
                rows.append([])
                at = 0
            if cursor is None and offset >= self.cursor:
                cursor = at, len(rows) - 1
            offset += len(cluster)
            if cluster == "\n":
                rows.append([])
                at = 0
            elif drawn:
                shown, size = (drawn, size) if size <= room else ("?", 1)
                rows[-1].append(("" if shown in cluster or cluster == "\t" else "reverse", shown))
                at += size
        column, row = cursor or (at, len(rows) - 1)
        if column >= room:  # behind a row that is full
            column, row = 0, row + 1
            rows.insert(row, [])
        first = max(0, min(row - most // 2, len(rows) - most))
        return TypedRows(rows[first : first + most], (column, row - first))


def _drawn(measured: tuple[str, str, int]) -> tuple[str, str, int]:
    """Return a character, what is drawn of it in a row, and its columns."""
    cluster, drawn, size = measured
    if cluster == "\t":
        return cluster, " ", 1
    harmless = harmless_line(drawn)
    return cluster, harmless, size if harmless == drawn else columns(harmless)
