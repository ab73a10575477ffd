"""The sending side of a WebSocket (RFC 6455, section 5): frames around blocks of bytes, partly taken or not.

This file owns which bytes go out in which order: a frame that has begun is finished before anything else, and what the
receiving side answers (pongs) goes in between frames. It must not know what is received, nor what the bytes mean.
"""

import struct
from contextlib import suppress
from typing import Final

import trio

from trio_chat.transport.stream import ByteStream

_BINARY: Final = 0x82  # the opcode, and FIN: a block is one frame, which is one message


def frame_header(length: int) -> bytes:
    """Return what stands before `length` bytes of an unmasked binary frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_BINARY, length))
    if length < 65_536:
        return struct.pack("!BBH", _BINARY, 126, length)
    return struct.pack("!BBQ", _BINARY, 127, length)


class _Latest:
    """The last block that was offered to a socket, and the same as a frame.

    A block for a room is offered to one member after the other: it is joined with its header for the first of them, and
    each sends the same bytes. `sendmsg` with two parts copies nothing, and takes about 0.5 µs more for each.
    """

    __slots__ = ("block", "framed")

    def __init__(self) -> None:
        self.block = self.framed = b""


_latest = _Latest()


def _framed(data: bytes | memoryview) -> bytes:
    if data is _latest.block:
        return _latest.framed
    framed = b"".join((frame_header(len(data)), data))
    if type(data) is bytes:  # a memoryview's bytes may change, and it is for one receiver anyway
        _latest.block, _latest.framed = data, framed
    return framed


class FrameSender:
    """Sends payload as binary frames on a stream; nobody else sends on it.

    `send_nowait` may have to leave a frame half sent. What is not taken of its payload are the next bytes that the
    caller sends, for the caller's bytes are a stream; so only how many there are is kept here, and no byte of them.
    """

    __slots__ = ("_cut", "_flushed", "_free", "_left", "_owed", "_pong", "_stream", "_try", "ended")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._try = stream.send_nowait
        self._free = True  # between two frames, with nothing owed: the usual case
        self._owed = b""  # the rest of a header, or of a control frame: goes before all else
        self._left = 0  # how much payload the frame still needs that has begun
        self._pong = b""  # waits for the end of that frame; RFC 6455, 5.5.3: the newest ping's is enough
        self._flushed: trio.Event | None = None  # while the receiving task sends what it has answered
        self._cut = False  # in the midst of sending; for ever, if that is cancelled, for nobody knows what has gone out
        self.ended = False

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Return how many bytes of `data` were taken, as `ByteStream.send_nowait`."""
        if not (self._free and data):
            return self._go_on_nowait(data)
        framed = _framed(data)
        sent = self._try(framed)
        if sent == len(framed):
            return len(data)
        return self._begun(framed, sent, len(data)) if sent else 0

    def _begun(self, framed: bytes, sent: int, length: int) -> int:
        """Note what a frame of `length` bytes still needs, of which `sent` bytes are out."""
        self._free = False
        header = len(framed) - length
        self._owed = framed[sent:header]
        taken = max(0, sent - header)
        self._left = length - taken
        return taken

    def _go_on_nowait(self, data: bytes | memoryview) -> int:
        if not data or self._cut or self.ended or not self._settle():
            return 0
        if not self._left:
            return self.send_nowait(data)
        taken = self._try(memoryview(data)[: self._left])
        self._left -= taken
        self._settle()
        return taken

    def _settle(self) -> bool:
        """Send what goes before the next payload, as far as it is taken; return whether that is all."""
        if not (self._owed or self._left):
            self._owed, self._pong = self._pong, b""
        if self._owed:
            self._owed = self._owed[self._try(self._owed) :]
        self._free = not (self._owed or self._left or self._pong)
        return not self._owed

    async def send_all(self, data: bytes | memoryview) -> None:
        """Send all of `data`, as `ByteStream.send_all`."""
        while self._flushed is not None:
            await self._flushed.wait()
        if self.ended or self._cut:
            await trio.lowlevel.checkpoint()
            raise trio.BrokenResourceError(f"the WebSocket of {self._stream.peer} takes nothing any more")
        view = memoryview(data)
        end, start = view[: self._left], view[self._left :]
        pieces: list[bytes | memoryview] = [self._owed, end]
        if start:
            pieces += [self._pong, frame_header(len(start)), start]
            self._pong = b""
        self._free, self._cut = False, True
        await self._stream.send_all(b"".join(pieces))
        self._owed, self._left = b"", self._left - len(end)
        while self._pong and not self._left:
            pong, self._pong = self._pong, b""
            await self._stream.send_all(pong)
        self._cut = False
        self._settle()

    # --- what the receiving task answers ----------------------------------------------------------

    def pong(self, frame: bytes) -> None:
        """Send a pong as soon as a frame may begin; one that still waits is replaced."""
        self._pong, self._free = frame, False
        if not (self._cut or self.ended):
            self._settle()

    @property
    def owes(self) -> bool:
        """Whether `flush` has something to do: a pong waits, and nobody sends who would send it too."""
        return bool(self._owed or self._pong) and not (self._left or self._cut or self.ended)

    async def flush(self) -> None:
        """Send what is owed, where `owes` says so: the socket was full, or cannot be tried. Cancelled, as `send_all`.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: this side has closed it.
        """
        data = self._owed + self._pong
        self._owed = self._pong = b""
        self._free, self._cut = False, True
        self._flushed = flushed = trio.Event()
        try:
            await self._stream.send_all(data)
            self._cut = False
        finally:
            self._flushed = None
            flushed.set()
        self._settle()

    # --- the end ----------------------------------------------------------------------------------

    async def end(self, close: bytes) -> None:
        """Send a close frame, then the end of the stream. In the midst of a frame only the latter is possible."""
        if self.ended:
            await trio.lowlevel.checkpoint()
            return
        self.ended, self._free = True, False
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if not (self._cut or self._left):
                await self._stream.send_all(self._owed + self._pong + close)
            await self._stream.send_eof()

    def end_nowait(self, close: bytes) -> None:
        """As `end`, as far as it is possible at once: for a stream that is closed next."""
        if not (self.ended or self._cut or self._left):
            self._try(self._owed + close)
        self.ended, self._free = True, False
