"""The client's end of a WebSocket, by the letter of RFC 6455, made by hand so that the server is not its own measure.

`frame` makes frames, good and bad. `ClientEnd` is a `ByteStream` that gives payload as soon as it comes, also of a
frame that is not whole, and holds the server to what it may send.
"""

import struct
from contextlib import suppress

import trio

from trio_chat.transport import ByteStream

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x01\x20\x03\xff"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bytes = MASK) -> bytes:
    """Return a frame as a client sends it; without `mask`, as a client must not."""
    first, masked = fin << 7 | reserved << 4 | opcode, 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes((first, masked | len(payload)))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, masked | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, masked | 127, len(payload))
    return head + mask + (apply_mask(payload, mask) if mask else payload)


def apply_mask(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class FrameReader:
    """What a server has sent, taken apart as it comes.

    Attributes:
        payload: of binary frames, as far as it has come.
        lengths: of the binary frames that have begun.
        pongs: the payloads of the pongs.
        closed: the payload of the close frame, or None.
    """

    def __init__(self) -> None:
        self.payload = bytearray()
        self.lengths: list[int] = []
        self.pongs: list[bytes] = []
        self.closed: bytes | None = None
        self._raw = bytearray()
        self._left = 0

    @property
    def is_between_frames(self) -> bool:
        return not (self._raw or self._left)

    def feed(self, data: bytes) -> None:
        assert self.closed is None, "something was sent behind the close frame"
        self._raw += data
        while self._raw and (self._take_payload() if self._left else self._take_head()):
            pass

    def _take_payload(self) -> bool:
        piece = self._raw[: self._left]
        del self._raw[: len(piece)]
        self._left -= len(piece)
        self.payload += piece
        return True

    def _take_head(self) -> bool:
        if len(self._raw) < 2:
            return False
        first, length = self._raw[:2]
        assert first & 0xF0 == 0x80, "a server of ours sends no fragments and knows no extension"
        assert length < 128, "a server does not mask"
        more = {126: 2, 127: 8}.get(length, 0)
        if len(self._raw) < 2 + more:
            return False
        if more:
            length = int.from_bytes(self._raw[2 : 2 + more], "big")
            assert length >= (126 if more == 2 else 65_536), "a length is written as short as it can be"
        opcode = first & 0x0F
        if opcode == BINARY:
            del self._raw[: 2 + more]
            self._left = length
            self.lengths.append(length)
            return True
        assert length < 126, "a control frame is short"
        if len(self._raw) < 2 + length:
            return False
        content = bytes(self._raw[2 : 2 + length])
        del self._raw[: 2 + length]
        if opcode == CLOSE:
            self.closed = content
            assert not self._raw, "something was sent behind the close frame"
        else:
            assert opcode == PONG
            self.pongs.append(content)
        return True


class ClientEnd:
    """A client's WebSocket as a `ByteStream`; the handshake is over."""

    def __init__(self, stream: ByteStream) -> None:
        self.peer = stream.peer
        self.reader = FrameReader()
        self._stream = stream
        self._broken = self._ended = False

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self.reader.payload:
            if self.reader.closed is not None:
                return b""
            data = await self._stream.receive_some()
            if not data:
                return b""
            self.reader.feed(data)
        data = bytes(self.reader.payload[:max_bytes])
        del self.reader.payload[:max_bytes]
        return data

    async def send_all(self, data: bytes | memoryview) -> None:
        if self._ended:
            raise trio.BrokenResourceError("the close frame was sent")
        await trio.lowlevel.checkpoint()
        for start in range(0, len(data), 65_536):
            await self._stream.send_all(frame(BINARY, bytes(data[start : start + 65_536])))

    def send_nowait(self, data: bytes | memoryview) -> int:
        raw = frame(BINARY, bytes(data))
        taken = 0 if self._ended else self._stream.send_nowait(raw)
        assert taken in (0, len(raw)), "the tests try this end with little only"
        return len(data) if taken else 0

    async def send_eof(self) -> None:
        self._ended = True
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_all(close(1000))

    async def aclose(self) -> None:
        await self._stream.aclose()
