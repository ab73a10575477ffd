"""A terminal for tests: a real pseudo-terminal, and an emulator that shows what a person would see on it."""

import fcntl
import os
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyte
import trio

LIMIT_S = 60.0


class PtyScreen:
    """Both ends of a pseudo-terminal.

    Attributes:
        master: what the person sees and types into.
        slave: what a program gets as its terminal.
        screen: what is shown.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    @property
    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    @property
    def lines(self) -> list[str]:
        """What is shown, without blank ends and without the empty rows below."""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def type(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        assert os.write(self.master, data) == len(data)

    async def until(self, seen: Callable[[], object]) -> None:
        """Show what is written until `seen` is true."""
        with trio.move_on_after(LIMIT_S):
            while not seen():
                await trio.lowlevel.wait_readable(self.master)
                self.show()
            return
        raise AssertionError("not seen in time; the screen shows:\n" + "\n".join(self.lines))

    async def until_shown(self, text: str) -> None:
        await self.until(lambda: any(text in line for line in self.lines))

    def show(self) -> None:
        """Show what has been written by now."""
        try:
            while data := os.read(self.master, 65_536):
                self._stream.feed(data)
        except BlockingIOError:
            pass


@contextmanager
def pty_screen(columns: int = 80, rows: int = 24) -> Iterator[PtyScreen]:
    """Open a terminal, and close both ends in the end."""
    pty = PtyScreen(columns, rows)
    try:
        yield pty
    finally:
        for fd in (pty.master, pty.slave):
            with suppress(OSError):  # the test may have closed it
                os.close(fd)
