"""What gives the terminal back when this process cannot: a helper that waits for our end.

This file owns the helper. SIGTERM and exceptions are not its business: after them this process gives the terminal back
by itself. But nothing runs in a process that is killed by SIGKILL or crashes in C, and a shell does not leave the
alternate screen, nor switch the mouse off. The helper costs one idle Python without any module of ours; it holds the
reading end of a pipe, and ends with us, however we end.
"""

import contextlib
import marshal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Final

import trio

END_S: Final = 1.0
"""How long we wait for the helper's end, which is a matter of milliseconds."""

# Its standard input is the pipe, its standard output the terminal. The last byte says whether that is ours: T or G.
# It acts once the pipe has no writer any more, which is when this process has ended. A shell may have been faster, and
# have its own modes set by then, for the line that is typed next: those stay.
_HELPER: Final = """
import marshal, os, sys, termios
last = b"G"
while data := os.read(0, 64):
    last = data[-1:]
if last == b"T":
    found, off = marshal.loads(bytes.fromhex(sys.argv[1]))
    if not termios.tcgetattr(1)[3] & off:
        termios.tcsetattr(1, termios.TCSANOW, found)
    os.write(1, bytes.fromhex(sys.argv[2]))
"""


class Guard:
    """The helper, as the process that it watches sees it."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._pipe = pipe

    @classmethod
    @asynccontextmanager
    async def watching(cls, terminal: int, modes: list[Any], off: int, give_back: str) -> AsyncIterator["Guard"]:
        """Have a helper for as long as the block lasts. Where none can be started, nobody watches, and all goes on.

        Args:
            terminal: what is to be given back.
            modes: its modes then, as `termios.tcgetattr` gives them.
            off: the local modes that are switched off while it is ours: one that is on shows that somebody else has
                set the modes since.
            give_back: what is written to it then.
        """
        state = marshal.dumps((modes, off))
        command = [sys.executable, "-I", "-S", "-c", _HELPER, state.hex(), give_back.encode().hex()]
        process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):
            process = await trio.to_thread.run_sync(_start, command, terminal)
        try:
            yield cls(process.stdin if process else None)
        finally:
            if process is not None and process.stdin is not None:
                process.stdin.close()
                with trio.move_on_after(END_S, shield=True):
                    await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)

    def taken(self) -> None:
        """Note that the terminal is ours."""
        self._tell(b"T")

    def given_back(self) -> None:
        """Note that the terminal is as it was found."""
        self._tell(b"G")

    def _tell(self, word: bytes) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # somebody has killed the helper
                self._pipe.write(word)


def _start(command: list[str], terminal: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own words, and no shell
        command,
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,  # so that neither Ctrl-C of others nor a shell's job control reaches it
    )
