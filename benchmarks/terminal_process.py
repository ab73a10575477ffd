"""A program at a pseudo-terminal of its own, and what a person would see there.

This file owns the process, the terminal and an emulator that reads it. It must not know what the program is, nor what
is typed. Whoever uses it installs pyte.
"""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pyte
import trio

PATIENCE_S = 60.0

# Makes standard input the terminal that controls the session, then becomes the program named after it.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class TerminalProcess:
    """A running program and its terminal; made by `running_at_terminal`.

    Attributes:
        master: what a person sees and types into, as a descriptor that does not block.
        screen: what is shown.
        process: the program.
    """

    def __init__(self, command: Sequence[str], columns: int, rows: int, environment: Mapping[str, str]) -> None:
        self.master, slave = os.openpty()
        os.set_blocking(self.master, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """Type, as a person does, or pastes."""
        os.write(self.master, text.encode())

    def show(self) -> bool:
        """Show what has been written by now; return whether there was anything."""
        shown = False
        with suppress(BlockingIOError, OSError):  # OSError: the program has ended
            while data := os.read(self.master, 65_536):
                self._stream.feed(data)
                shown = True
        return shown

    async def until(self, seen: Callable[[Sequence[str]], object]) -> None:
        """Show what is written until `seen` is true of the rows.

        Raises:
            trio.TooSlowError: it never was, for `PATIENCE_S`.
        """
        with trio.fail_after(PATIENCE_S):
            while not seen(self.screen.display):
                await trio.lowlevel.wait_readable(self.master)
                self.show()


@contextmanager
def running_at_terminal(
    command: Sequence[str], *, columns: int, rows: int, environment: Mapping[str, str]
) -> Iterator[TerminalProcess]:
    """Run a program at a terminal for as long as the block lasts; what still runs then is killed."""
    running = TerminalProcess(command, columns, rows, environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        os.close(running.master)
