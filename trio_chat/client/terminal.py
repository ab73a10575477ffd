"""A real terminal: its modes, its size, its keys, and one row at the bottom in which a line is typed.

This file owns termios, the signals that come from a terminal, and the escape sequences that draw the row. It
must not know what the keys do, nor what is printed above the row.
"""

import contextlib
import os
import signal
import termios
from collections.abc import AsyncIterator
from typing import Any, Final

import trio

from trio_chat.client.line import View
from trio_chat.client.output import Output, write_to

DEFAULT_COLUMNS: Final = 80
READ_BYTES: Final = 4_096

RESTORE_S: Final = 1.0
"""How long a terminal whose output is paused (Ctrl-S) may hold up giving it back."""

_ERASE_ROW: Final = "\r\x1b[K"
_PASTE_ON: Final = "\x1b[?2004h"  # bracketed paste: the terminal marks where pasted text begins and ends
_PASTE_OFF: Final = "\x1b[?2004l"
# Without automatic wrapping, a character that is wider than we think cannot push the row onto the next one.
_WRAP_OFF: Final = "\x1b[?7l"
_WRAP_ON: Final = "\x1b[?7h"
CLEAR_SCREEN: Final = "\x1b[H\x1b[2J"

_IFLAG, _LFLAG, _CC = 0, 3, 6  # places in what tcgetattr returns


def draw(text: str, view: View) -> str:
    """Return what writes `text` where the typed row is, and the row below it; without text, the row alone.

    Args:
        text: whole lines, each with a newline at its end; or nothing.
        view: the typed row.
    """
    right = f"\x1b[{view.column}C" if view.column else ""
    erase = _ERASE_ROW if text else ""
    return f"{erase}{text}{_WRAP_OFF}\r{view.text}\x1b[K\r{right}{_WRAP_ON}"


class Terminal:
    """The terminal that somebody types into, and the one that output goes to (mostly the same).

    Attributes:
        found: its modes when we came, as `termios.tcgetattr` gives them.

    Args:
        input_fd: a terminal.
        output_fd: a terminal.
    """

    _begin: str = _PASTE_ON
    _end: str = _ERASE_ROW + _PASTE_OFF
    _off: int = termios.ICANON | termios.ECHO | termios.IEXTEN  # local modes that are switched off

    def __init__(self, input_fd: int, output_fd: int) -> None:
        self._input_fd = input_fd
        self._output_fd = output_fd
        self.found = termios.tcgetattr(input_fd)

    @property
    def columns(self) -> int:
        """How many columns the terminal has now."""
        try:
            return os.get_terminal_size(self._output_fd).columns or DEFAULT_COLUMNS
        except OSError:  # it is gone; the next read or write tells
            return DEFAULT_COLUMNS

    async def receive(self) -> bytes:
        """Return what was typed, as soon as there is something; ``b""`` when the terminal is gone."""
        while True:
            await trio.lowlevel.wait_readable(self._input_fd)
            try:
                return os.read(self._input_fd, READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # EIO: it was hung up
                return b""

    async def write(self, data: bytes) -> None:
        """Write all of `data` (see `write_to`)."""
        await write_to(self._output_fd, data)

    @contextlib.asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Give keys one by one and without echo for as long as the block lasts; then all is as it was found.

        Ctrl-C and Ctrl-Z go on making signals, and Ctrl-S and Ctrl-Q pausing the output.
        """
        try:
            await self._take()
            yield
        finally:
            await self._give_back()

    async def follow_signals(self, output: Output) -> None:
        """Redraw when the size changes, and give the terminal back while stopped (Ctrl-Z); run it beside `output`."""
        with trio.open_signal_receiver(signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP) as signals:
            async for number in signals:
                if number == signal.SIGTSTP:
                    await self.stop(output)
                elif number == signal.SIGCONT:
                    await self._take()
                output.refresh()

    async def stop(self, output: Output) -> None:
        """Give the terminal back, stop as Ctrl-Z does, and take it again once continued."""
        held = False
        with trio.move_on_after(RESTORE_S):
            await output.lock.acquire()
            held = True
        try:
            await self._give_back()
            _stop_process()
            await self._take()
        finally:
            if held:
                output.lock.release()

    async def _take(self) -> None:
        modes = list(self.found)
        modes[_IFLAG] &= ~termios.ICRNL  # a pasted line end is a CR; kept apart from Ctrl-J
        modes[_LFLAG] &= ~self._off
        modes[_CC] = list(modes[_CC])
        modes[_CC][termios.VMIN], modes[_CC][termios.VTIME] = 1, 0
        self._set(modes)
        await self._write_soon(self._begin)

    async def _give_back(self) -> bool:
        """Switch back what was switched, and return whether the terminal has heard all of it."""
        written = await self._write_soon(self._end)
        self._set(self.found)
        return written

    def _set(self, modes: list[Any]) -> None:
        # TCSANOW: waiting for the output (TCSADRAIN) would hang while it is paused, and TCSAFLUSH would lose
        # what was typed ahead. An error: the terminal is gone, and the next read tells.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._input_fd, termios.TCSANOW, modes)

    async def _write_soon(self, text: str) -> bool:
        with trio.move_on_after(RESTORE_S, shield=True), contextlib.suppress(OSError):
            await self.write(text.encode())
            return True
        return False


def _stop_process() -> None:
    """Stop as Ctrl-Z stops any program, and return when continued; at once, where nobody could continue us."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    # Raised in this thread, it has done its work when the call returns; os.kill might return before.
    signal.raise_signal(signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)
