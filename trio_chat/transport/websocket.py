"""A WebSocket as a stream of bytes: what binary messages carry, whatever their boundaries.

This file owns what is received, and how the two ends of a WebSocket are those of a stream: a close frame is the end of
one direction, and the other one may go on until its own. The parsing is that of the library `websockets`, without I/O,
of all frames but the one kind that posts come in. It must not know HTTP, nor what the bytes mean.
"""

import logging
from typing import Final

import trio
from websockets.frames import Close, CloseCode, Frame, Opcode, apply_mask  # type: ignore[attr-defined]  # the C one
from websockets.protocol import SEND_EOF, Protocol, Side, State

from trio_chat.transport.stream import ByteStream
from trio_chat.transport.websocket_sending import FrameSender

MAX_FRAME_BYTES: Final = 262_144
"""The longest payload of one frame, which has to be whole before it is looked at: four of the longest frames of the
protocol above. A message may have any number of them. Close code 1009 otherwise. (The usual limit of `websockets` is
1 MiB for a message.)"""

_FRAMES_AT_ONCE: Final = 256
"""After so many frames others have their turn: of the shortest, a read may hold 20,000, and each takes 1 to 5 µs."""

_SILENT: Final = logging.getLogger("trio_chat.transport.websocket")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False  # that connections open and close is told by whoever serves them


def _close_frame(code: CloseCode) -> bytes:
    return Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)


_CLOSE_NORMAL: Final = _close_frame(CloseCode.NORMAL_CLOSURE)
_CLOSE_BYTE: Final = _CLOSE_NORMAL[:1]
_CLOSE_CUT: Final = _close_frame(CloseCode.INTERNAL_ERROR)

_WHOLE_MESSAGE: Final = 0x80 | Opcode.BINARY
_MASKED: Final = 0x80


def _measure(raw: bytearray, place: int) -> tuple[int, int]:
    """Return how long header and payload of the frame at `place` are (RFC 6455, 5.2); 0 where more has to come."""
    available = len(raw) - place
    if available < 2:
        return 0, 0
    second = raw[place + 1]
    head, size = (6, second & 0x7F) if second & _MASKED else (2, second)
    if size < 126:
        return head, size
    more = 2 if size == 126 else 8
    if available < 2 + more:
        return 0, 0
    return head + more, int.from_bytes(raw[place + 2 : place + 2 + more], "big")


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
        self._raw = bytearray(early)  # has come, and is not parsed yet: at most a frame besides what one read brings
        self._got = bytearray()  # payload that nobody has taken yet
        self._over = False  # no more payload comes
        self._closing = _CLOSE_NORMAL  # what our close frame says
        self._closed = False

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        has_waited = False
        while True:
            is_more = self._parse()
            if self._sender.owes:
                await self._sender.flush()
                has_waited = True
            if is_more:
                await trio.lowlevel.checkpoint()
                has_waited = True
            elif self._got or self._over:
                break
            else:
                await self._read(max_bytes)
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
        data = await self._stream.receive_some(max_bytes)
        self._raw += data
        if not data:
            self._over = True  # without a close frame, as a browser's tab may end

    def _parse(self) -> bool:
        """Take in the frames that are whole; return whether it stopped because they are many.

        A whole message in one binary frame is unmasked here, in 1.0 µs; by way of the library, which takes all
        others, it took 4.8, more than all else that becomes of a post.
        """
        raw, place, count = self._raw, 0, 0
        while not self._over and count < _FRAMES_AT_ONCE:
            head, size = _measure(raw, place)
            end = place + head + size
            if not head or (end > len(raw) and size <= MAX_FRAME_BYTES):
                break
            if raw[place] == _WHOLE_MESSAGE and raw[place + 1] & _MASKED and self._is_plain(size):
                start = place + head
                self._got += apply_mask(raw[start:end], raw[start - 4 : start])
            else:
                self._feed(bytes(raw[place:end]))
            place = end
            count += 1
        if self._over:
            raw.clear()
        else:
            del raw[:place]
        return count == _FRAMES_AT_ONCE

    def _is_plain(self, size: int) -> bool:
        """Whether a message may begin, and a frame be so long."""
        return self._parser.current_size is None and size <= MAX_FRAME_BYTES

    def _feed(self, data: bytes) -> None:
        """Let the library look at a frame, or at the beginning of one that is too long."""
        self._parser.receive_data(data)
        for frame in self._parser.events_received():
            if isinstance(frame, Frame):
                self._take(frame)
        answers = self._parser.data_to_send()
        if SEND_EOF in answers:
            self._over = True
            self._closing = next((answer for answer in answers if answer[:1] == _CLOSE_BYTE), _CLOSE_NORMAL)

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.BINARY, Opcode.CONT):
            self._got += frame.data
        elif frame.opcode is Opcode.PING:
            self._sender.pong(Frame(Opcode.PONG, frame.data).serialize(mask=False))
        elif frame.opcode is Opcode.TEXT:
            self._over = True
            self._closing = _close_frame(CloseCode.UNSUPPORTED_DATA)

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
