"""What urwid has drawn, as the few bytes that change a terminal from what it shows to that.

This file owns the escape sequences of a frame. It must not know what is drawn. urwid's own `draw_screen` writes by
itself, and blocks where a terminal is paused; and it trusts the terminal to find a character as wide as we do. Here
each row starts at its place, and after every character on whose width terminals disagree the cursor is put where it
belongs: such a character may look odd, but moves nothing.
"""

import re
from collections.abc import Iterable
from typing import Final

import urwid
from wcwidth import iter_graphemes, width

from trio_chat.client.screen.palette import Palette

# A terminal that knows this shows the frame when it is complete; the others pass it over.
_BEGIN: Final = "\x1b[?2026h\x1b[?25l"
_END: Final = "\x1b[?2026l"
_CLEAR: Final = "\x1b[0m\x1b[H\x1b[2J"

# Nothing that comes here holds one; if it ever did, the terminal should still not obey it.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")

# Letters and drawn lines that all terminals find as wide as wcwidth does: up to the Cyrillic ones, CJK and Hangul, and
# what this program draws with. Right-to-left and Indic scripts are not among them, nor emoji.
_AGREED: Final = re.compile(
    "[\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f\u2500-\u257f\u3041-\u3096\u30a0-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]+"
)

_Drawn = tuple[tuple[str, bytes], ...]


class Painter:
    """Remembers what a terminal shows.

    Args:
        palette: makes styles into escape sequences.
    """

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._shown: list[_Drawn] = []
        self._cursor: tuple[int, int] | None = None
        self._size = (0, 0)

    def forget(self) -> None:
        """Take it that the terminal shows anything: the next frame is drawn whole."""
        self._size = (0, 0)

    def paint(self, size: tuple[int, int], canvas: urwid.Canvas) -> str:
        """Return what makes the terminal show `canvas`, which is of that `size` (columns, rows); maybe nothing."""
        parts: list[str] = []
        if size != self._size:
            parts.append(_CLEAR)
            self._shown, self._size, self._cursor = [], size, None
        rows = [tuple(("" if attr is None else str(attr), text) for attr, _, text in row) for row in canvas.content()]
        for number, row in enumerate(rows):
            if number >= len(self._shown) or self._shown[number] != row:
                parts.append(f"\x1b[{number + 1};1H")
                self._row(row, parts)
        self._shown = rows
        if not parts and self._cursor == canvas.cursor:
            return ""
        self._cursor = canvas.cursor
        end = f"\x1b[{canvas.cursor[1] + 1};{canvas.cursor[0] + 1}H\x1b[?25h" if canvas.cursor else ""
        return f"{_BEGIN}{''.join(parts)}\x1b[0m{end}{_END}"

    def _row(self, row: _Drawn, parts: list[str]) -> None:
        at = 0
        last = len(row) - 1
        for number, (style, encoded) in enumerate(row):
            text = encoded.decode()
            parts.append(self._palette.escape(style))
            if number == last and not self._palette.has_background(style) and text.endswith(" "):
                text = text.rstrip(" ")
                at = self._text(text, at, parts)
                parts.append("\x1b[0m\x1b[K")
            else:
                at = self._text(text, at, parts)

    def _text(self, text: str, at: int, parts: list[str]) -> int:
        """Add `text`, which begins in column `at`; return the column behind it."""
        text = _CONTROL.sub("?", text)
        if text.isascii():
            parts.append(text)
            return at + len(text)
        for piece in _pieces(text):
            size = width(piece, control_codes="ignore")
            if _AGREED.fullmatch(piece):
                parts.append(piece)
                at += size
            else:
                # Blanks first: where the terminal finds it narrower, nothing old shows beside it.
                blank = f"{' ' * size}\x1b[{at + 1}G" if size > 1 else ""
                at += size
                parts.append(f"{blank}{piece}\x1b[{at + 1}G")
        return at


def _pieces(text: str) -> Iterable[str]:
    """Cut `text` into what terminals agree on, as long as can be, and other characters one by one."""
    agreed: list[str] = []
    for cluster in iter_graphemes(text):
        if len(cluster) == 1 and _AGREED.match(cluster):
            agreed.append(cluster)
            continue
        if agreed:
            yield "".join(agreed)
            agreed.clear()
        yield cluster
    if agreed:
        yield "".join(agreed)
