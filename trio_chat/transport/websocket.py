"""A WebSocket as a stream of bytes: what binary messages carry, whatever their boundaries.

This file owns what is received, and how the two ends of a WebSocket are those of a stream: a close frame is the end of
one direction, and the other one may go on until its own. The parsing is that of the library `websockets`, without I/O.
It must not know HTTP, nor what the bytes mean.
"""

import logging
from typing import Final

import trio
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import SEND_EOF, Protocol, Side, State

from trio_chat.transport.stream import ByteStream
from trio_chat.transport.websocket_sending import FrameSender

MAX_FRAME_BYTES: Final = 262_144
"""The longest payload of one frame, which has to be whole before it is looked at: four of the longest frames of the
protocol above. A message may have any number of them. Close code 1009 otherwise. (The usual limit of `websockets` is
1 MiB for a message.)"""

_SLICE_BYTES: Final = 4_096
"""So much is parsed in one go; a hostile read consists of frames of 6 bytes, each of which takes 3 µs."""

_FRAMES_AT_ONCE: Final = 64
"""After a slice with so many frames others have their turn."""

_SILENT: Final = logging.getLogger("trio_chat.transport.websocket")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False  # that connections open and close is told by whoever serves them


def _close_frame(code: CloseCode) -> bytes:
    return Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)


_CLOSE_NORMAL: Final = _close_frame(CloseCode.NORMAL_CLOSURE)
_CLOSE_CUT: Final = _close_frame(CloseCode.INTERNAL_ERROR)


class WebSocketStream:
    """The server's end of an open WebSocket; a `ByteStream`.

    The peer's close frame, and whatever it does against RFC 6455, is the end of what is received. The answer to it, an
    echo or the reason, is sent by `send_eof`: so what had been asked for is still answered. `aclose` alone says 1011.

    Args:
        stream: what the WebSocket runs over. It belongs to this object, which closes it.
        early: what came behind the upgrade: the first bytes of the first frames.
        peer: the name of the other end, in place of that of `stream`.
    """

    def __init__(self, stream: ByteStream, early: bytes = b"", peer: str | None = None) -> None:
        self.peer = stream.peer if peer is None else peer
        self._stream = stream
        self._sender = FrameSender(stream)
        self._parser = Protocol(Side.SERVER, state=State.OPEN, max_size=(None, MAX_FRAME_BYTES), logger=_SILENT)
        self._raw = memoryview(early)  # has come, and is not parsed yet
        self._got = bytearray()  # payload that nobody has taken yet
        self._over = False  # no more payload comes
        self._closing = _CLOSE_NORMAL  # what our close frame says
        self._closed = False

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        has_waited = False
        while self._raw or not (self._got or self._over):
            if not self._raw:
                await self._read(max_bytes)
                has_waited = True
            elif self._parse() >= _FRAMES_AT_ONCE:
                await trio.lowlevel.checkpoint()
                has_waited = True
            if self._sender.owes:
                await self._sender.flush()
                has_waited = True
        if not has_waited:
            await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError("this stream is closed")
        if not self._got and self._sender.ended:
            # Both directions have ended. Until the peer closes too, what it sends is of no interest, but closing with
            # bytes unread would reset the connection, and our close frame may never arrive.
            while await self._stream.receive_some(max_bytes):
                pass
        data = bytes(memoryview(self._got)[:max_bytes])
        del self._got[:max_bytes]
        return data

    async def _read(self, max_bytes: int) -> None:
        self._raw = memoryview(await self._stream.receive_some(max_bytes))
        if not self._raw:
            self._over = True  # without a close frame, as a browser's tab may end

    def _parse(self) -> int:
        """Parse a slice of what has come, and return how many frames were complete with it."""
        piece, self._raw = self._raw[:_SLICE_BYTES], self._raw[_SLICE_BYTES:]
        self._parser.receive_data(bytes(piece))
        frames = self._parser.events_received()
        for frame in frames:
            if isinstance(frame, Frame):
                self._take(frame)
        for answer in self._parser.data_to_send():
            self._note(answer)
        if self._over:
            self._raw = memoryview(b"")
        return len(frames)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._parser.fail(CloseCode.UNSUPPORTED_DATA, "messages are binary here")
            self._over = True
        elif frame.opcode in (Opcode.BINARY, Opcode.CONT) and not self._over:
            self._got += frame.data

    def _note(self, answer: bytes) -> None:
        """See to what the parser wants to be sent: pongs, one close frame, or the end."""
        if answer == SEND_EOF:
            self._over = True
        elif answer[0] & 0x0F == Opcode.PONG:
            self._sender.pong(answer)
        else:
            self._closing = answer

    async def send_all(self, data: bytes | memoryview) -> None:
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError("this stream is closed")
        await self._sender.send_all(data)

    def send_nowait(self, data: bytes | memoryview) -> int:
        return self._sender.send_nowait(data)

    async def send_eof(self) -> None:
        await self._sender.end(self._closing)

    async def aclose(self) -> None:
        self._closed = True
        self._sender.end_nowait(_CLOSE_CUT)
        await self._stream.aclose()
