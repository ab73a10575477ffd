"""What is written to standard output, in order, by one task, however slowly it is read.

This file owns the bound on what waits to be written, and the writing in a thread: a paused terminal or a full
pipe blocks whoever writes to it, and non-blocking mode is no way out, for it would hold for every process
that shares the descriptor. It must not know what is written.
"""

import contextlib
import os
import select
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from trio_chat.client.harmless import harmless

STDERR: Final = 2

COMPLAINT_S: Final = 1.0

WAITING_CHARS: Final = 65_536
"""What may wait to be written before `put` waits too: some hundred lines, and any one text above it."""


class Output:
    """Texts on their way to a file descriptor.

    Attributes:
        error: why nothing can be written any more; None while all is well.
        lock: held while something is written; who holds it may write to the descriptor in between.

    Args:
        write: writes all it is given, and may block its task for as long as it takes.
        frame: is given the text to write, which may be empty, at the moment it is written, and returns it with
            what belongs around it, as the line that is being typed.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], frame: Callable[[str], str] = str) -> None:
        self.error: OSError | None = None
        self.lock = trio.Lock()
        self._write = write
        self._frame = frame
        self._texts: list[str] = []
        self._chars = 0
        self._stale = False
        self._busy = False
        self._changed = trio.lowlevel.ParkingLot()

    async def put(self, text: str) -> None:
        """Have `text` written, after all that was put before it. Waits while too much waits already.

        Cancelled, it has put nothing. Where nothing can be written any more, the text is dropped.
        """
        await trio.lowlevel.checkpoint()
        while self._chars >= WAITING_CHARS and self.error is None:
            await self._changed.park()
        if text and self.error is None:
            self._texts.append(text)
            self._chars += len(text)
            self._changed.unpark_all()

    def refresh(self) -> None:
        """Have what `frame` adds written anew; it never waits, and many calls may become one."""
        self._stale = True
        self._changed.unpark_all()

    @property
    def idle(self) -> bool:
        """Whether all that was put is written, or never can be."""
        return self.error is not None or not (self._texts or self._stale or self._busy)

    async def drain(self) -> None:
        """Return when all is written that was put, or never can be. It needs `run` to be under way."""
        await trio.lowlevel.checkpoint()
        while not self.idle:
            await self._changed.park()

    async def run(self) -> None:
        """Write what is put, all that waits at once, until cancelled, or until it fails: then `error` says why."""
        try:
            while True:
                while not self._texts and not self._stale:
                    await self._changed.park()
                async with self.lock:
                    await self._write_waiting()
        except OSError as error:
            self.error = error
            self._texts.clear()
        finally:
            self._changed.unpark_all()

    async def _write_waiting(self) -> None:
        text = "".join(self._texts)
        self._texts.clear()
        self._chars = 0
        self._stale = False
        self._busy = True
        try:
            await self._write(self._frame(text).encode())
        finally:
            self._busy = False
        self._changed.unpark_all()


async def write_to(fd: int, data: bytes) -> None:
    """Write all of `data` to `fd`, which may be in blocking mode or not, without blocking anyone else.

    Cancelled, it returns at once, and leaves the thread that is blocked in the kernel behind: some of the data
    may still be written, for as long as the process lives.

    Raises:
        OSError: it cannot be written, as when nobody reads any more (`BrokenPipeError`).
    """
    await trio.to_thread.run_sync(_write_all, fd, data, abandon_on_cancel=True)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


async def complain(sentence: str) -> None:
    """Write a sentence, which may quote what others wrote, to standard error.

    It is written even if this is cancelled, unless standard error takes nothing for `COMPLAINT_S`.
    """
    with contextlib.suppress(OSError), trio.move_on_after(COMPLAINT_S, shield=True):
        await write_to(STDERR, f"trio_chat: {harmless(sentence)}\n".encode())
