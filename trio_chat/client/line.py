"""A line of text with a cursor: moving, changing, and what part of it one row of a terminal shows.

This file owns the text and its geometry. It must not know keys, history or completion.
"""

from collections.abc import Sequence

from msgspec import Struct
from wcwidth import iter_graphemes, wcswidth

from trio_chat.client.harmless import harmless_line


class View(Struct, frozen=True):
    """What to draw: one row of text, harmless, and the column of the cursor, from 0."""

    text: str
    column: int


class Line:
    """Text and a cursor, which moves by what a person sees as one character (grapheme clusters, UAX #29).

    Attributes:
        text: the line; it may hold newlines.
        cursor: where the next character goes, 0 to ``len(text)``.

    Args:
        max_chars: code points that the line holds at most.
    """

    def __init__(self, max_chars: int) -> None:
        self.text = ""
        self.cursor = 0
        self.max_chars = max_chars

    @property
    def room(self) -> int:
        """How many more code points the line takes."""
        return max(self.max_chars - len(self.text), 0)

    def insert(self, text: str) -> int:
        """Put `text` at the cursor, as much as there is room for; return how many code points were left out."""
        taken = text[: self.room]
        self.text = self.text[: self.cursor] + taken + self.text[self.cursor :]
        self.cursor += len(taken)
        return len(text) - len(taken)

    def cut(self, start: int, end: int) -> None:
        """Take out the text from `start` to `end`, and go there."""
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def replace(self, text: str) -> None:
        """Make `text` the line, with the cursor at its end."""
        self.text = text[: self.max_chars]
        self.cursor = len(self.text)

    def before(self) -> int:
        """Return where the character before the cursor starts."""
        start = 0
        for cluster in iter_graphemes(self.text):
            if start + len(cluster) >= self.cursor:
                break
            start += len(cluster)
        return start

    def after(self) -> int:
        """Return where the character at the cursor ends."""
        end = 0
        for cluster in iter_graphemes(self.text):
            end += len(cluster)
            if end > self.cursor:
                break
        return end

    def word_before(self) -> int:
        """Return where the word that ends before the cursor starts."""
        at = self.cursor
        while at > 0 and self.text[at - 1].isspace():
            at -= 1
        while at > 0 and not self.text[at - 1].isspace():
            at -= 1
        return at

    def word_after(self) -> int:
        """Return where the word that starts after the cursor ends."""
        at = self.cursor
        while at < len(self.text) and self.text[at].isspace():
            at += 1
        while at < len(self.text) and not self.text[at].isspace():
            at += 1
        return at

    def view(self, columns: int, prompt: str = "") -> View:
        """Return what a row of `columns` shows: `prompt`, then the part of the line around the cursor.

        The last column stays empty, for a terminal may wrap when it is written to. A prompt that would take
        more than half of the row is left out. The line scrolls by half a row.
        """
        prompt = harmless_line(prompt)
        indent = max(wcswidth(prompt), 0)
        if indent * 2 > columns:
            prompt, indent = "", 0
        room = max(columns - indent - 1, 1)
        cells, cursor = self._cells()
        step = max(room // 2, 1)
        first = 0 if cursor < room else ((cursor - room) // step + 1) * step
        return View(prompt + _window(cells, first, room), indent + cursor - first)

    def _cells(self) -> tuple[list[tuple[str, int]], int]:
        """Return the characters as drawn with their widths, and how many columns stand before the cursor."""
        cells: list[tuple[str, int]] = []
        end = before_cursor = 0
        for cluster in iter_graphemes(self.text):
            drawn = harmless_line(cluster)
            width = max(wcswidth(drawn), 0)
            cells.append((drawn, width))
            end += len(cluster)
            if end <= self.cursor:
                before_cursor += width
        return cells, before_cursor


def _window(cells: Sequence[tuple[str, int]], first: int, room: int) -> str:
    """Return what is seen in columns `first` to ``first + room``; of a wide character cut in two, a space."""
    shown: list[str] = []
    at = 0
    for drawn, width in cells:
        if at + width > first + room:
            break
        if at >= first:
            shown.append(drawn)
        elif at + width > first:
            shown.append(" " * (at + width - first))
        at += width
    return "".join(shown)
