"""A terminal taken for a whole screen, and given back whatever becomes of this process.

This file owns what is switched on and off for that. It must not know what is drawn.
"""

import os
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from trio_chat.client.harmless import harmless_line
from trio_chat.client.screen.guard import Guard
from trio_chat.client.screen.keys import MOUSE_OFF, MOUSE_ON
from trio_chat.client.terminal import DEFAULT_COLUMNS, Terminal

DEFAULT_ROWS: Final = 24
MOST: Final = 1_000
"""Columns and rows beyond this are left alone: no terminal has them, and what says so is mistaken."""

TITLE_CHARS: Final = 80

# The alternate screen, no wrapping at the end of a row, pastes marked, the mouse told.
TAKE: Final = f"\x1b[?1049h\x1b[?7l\x1b[?2004h{MOUSE_ON}\x1b[H\x1b[2J"
GIVE_BACK: Final = f"\x1b[0m\x1b[?2026l{MOUSE_OFF}\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
_KEEP_TITLE: Final = "\x1b[22;0t"
_TITLE_BACK: Final = "\x1b[23;0t"


class ScreenTerminal(Terminal):
    """A terminal of which all is drawn. Ctrl-C and Ctrl-Z come as keys.

    Args:
        input_fd: a terminal.
        output_fd: a terminal.
        titled: whether the title of the terminal's window is ours meanwhile.
    """

    _off = Terminal._off | termios.ISIG

    def __init__(self, input_fd: int, output_fd: int, *, titled: bool = False) -> None:
        super().__init__(input_fd, output_fd)
        self._begin = (_KEEP_TITLE if titled else "") + TAKE
        self._end = (_TITLE_BACK if titled else "") + GIVE_BACK
        self._guard: Guard | None = None
        self.on_taken: Callable[[], None] = lambda: None

    @property
    def size(self) -> tuple[int, int]:
        """How many columns and rows the terminal has now."""
        try:
            columns, rows = os.get_terminal_size(self._output_fd)
        except OSError:  # it is gone; the next read or write tells
            columns, rows = 0, 0
        return min(columns or DEFAULT_COLUMNS, MOST), min(rows or DEFAULT_ROWS, MOST)

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Take the whole screen for as long as the block lasts; then all is as it was found.

        So it is when the process is killed, or the terminal is paused (Ctrl-S) for longer than we wait: see `Guard`.
        """
        async with Guard.watching(self._output_fd, self.found, self._off, self._end) as guard:
            self._guard = guard
            async with super().typing():
                yield

    async def _take(self) -> None:
        if self._guard is not None:
            self._guard.taken()
        await super()._take()
        self.on_taken()

    async def _give_back(self) -> bool:
        written = await super()._give_back()
        if written and self._guard is not None:  # where it is paused, the helper waits until it goes on
            self._guard.given_back()
        return written


def title(text: str) -> str:
    """Return what gives the terminal's window a title, of which nothing is obeyed."""
    return f"\x1b]2;{harmless_line(text)[:TITLE_CHARS]}\x1b\\"
