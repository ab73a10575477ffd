"""Lines from standard input where nobody edits them: a pipe, a file, a terminal without an editor.

This file owns how bytes become lines, and how a descriptor is read without blocking. It must not know what
becomes of a line but whether it was refused.
"""

import os
from typing import Final

import trio
from msgspec import Struct

from protocol import TEXT_CHARS
from trio_chat.client.lines import Talk
from trio_chat.client.output import complain

MAX_LINE_BYTES: Final = 4 * (TEXT_CHARS + 100)
"""The longest message, and a command before it, in UTF-8; a longer line is not kept, only reported."""

READ_BYTES: Final = 65_536


class InputLine(Struct, frozen=True):
    """A line without its end; or why it cannot be one, in a sentence."""

    number: int
    text: str = ""
    fault: str | None = None


class LineSplitter:
    """Bytes in pieces of any size to lines. It holds at most `max_bytes` of a line that is not complete."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._too_long = False
        self._number = 0

    def feed(self, data: bytes) -> list[InputLine]:
        """Return the lines that `data` completes. A line ends with LF or CR LF."""
        *ended, rest = data.split(b"\n")
        lines = []
        for part in ended:
            self._hold(part)
            lines.append(self._take())
        self._hold(rest)
        return lines

    def end(self) -> list[InputLine]:
        """Return the last line, if the input ended without ending it."""
        return [self._take()] if self._held or self._too_long else []

    def _hold(self, part: bytes) -> None:
        if len(self._held) + len(part) > self._max_bytes:
            self._too_long = True
            self._held.clear()
        if not self._too_long:
            self._held += part

    def _take(self) -> InputLine:
        held, too_long = bytes(self._held).removesuffix(b"\r"), self._too_long
        self._held.clear()
        self._too_long = False
        self._number += 1
        if too_long:
            return InputLine(self._number, fault=f"It is too long; a message has at most {TEXT_CHARS} characters.")
        try:
            return InputLine(self._number, held.decode())
        except UnicodeDecodeError:
            return InputLine(self._number, fault="It is not UTF-8 text.")


async def read_some(fd: int) -> bytes:
    """Return what `fd` has to read, as soon as there is anything; ``b""`` at its end.

    The descriptor may be of any kind, and stays in blocking mode, which other processes may share.

    Raises:
        OSError: it cannot be read.
    """
    while True:
        try:
            await trio.lowlevel.wait_readable(fd)
        except PermissionError:  # epoll does not do files: they are always readable, though a disk may be slow
            return await trio.to_thread.run_sync(os.read, fd, READ_BYTES, abandon_on_cancel=True)
        try:
            return os.read(fd, READ_BYTES)
        except BlockingIOError:
            continue


class PlainLines:
    """Where lines come from without an editor: each is carried out before the next is read.

    Empty lines are skipped, for no message is empty. A line that is refused leaves a sentence on standard
    error and makes the exit status 1.

    Args:
        fd: what to read, to its end.
        numbered: whether a complaint names the line by its number.
    """

    def __init__(self, fd: int, *, numbered: bool) -> None:
        self._fd = fd
        self._numbered = numbered

    async def __call__(self, talk: Talk) -> None:
        """Carry out all lines, and wait until they have been seen to arrive."""
        talk.unfinished = True
        splitter = LineSplitter()
        try:
            while data := await read_some(self._fd):
                await self._carry_out(splitter.feed(data), talk)
        except OSError as error:
            talk.finish(1, f"The input cannot be read: {error.strerror}.")
        await self._carry_out(splitter.end(), talk)
        await talk.settle()
        talk.unfinished = False

    async def _carry_out(self, lines: list[InputLine], talk: Talk) -> None:
        for line in lines:
            complaint = line.fault
            if complaint is None and line.text.strip():
                complaint = await talk.carry_out(line.text)
            if complaint is not None:
                talk.code = 1
                await complain(f"Line {line.number} was refused: {complaint}" if self._numbered else complaint)


async def listen(talk: Talk) -> None:
    """Be a source of no lines, without end: for a program that only listens."""
    await trio.sleep_forever()
