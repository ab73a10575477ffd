"""A stream that breaks after a number of bytes, in either direction. It must not know what the bytes mean."""

import trio

from trio_chat.transport import ByteStream


class PassingStream:
    """A `ByteStream` that passes everything on to another one, never at once; what breaks it overrides a part."""

    def __init__(self, inner: ByteStream) -> None:
        self.peer = inner.peer
        self._inner = inner

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        return await self._inner.receive_some(max_bytes)

    async def send_all(self, data: bytes | memoryview) -> None:
        await self._inner.send_all(data)

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def aclose(self) -> None:
        await self._inner.aclose()


class CutStream(PassingStream):
    """A `ByteStream` that lets so many bytes through each way and then breaks, both ways at once.

    Args:
        receive_bytes: what still arrives.
        send_bytes: what is still delivered to the peer; the sender believes in all of a call that reaches it.
        ends: whether receiving meets the end of the stream rather than an error.
    """

    def __init__(self, inner: ByteStream, receive_bytes: int, send_bytes: int, *, ends: bool) -> None:
        super().__init__(inner)
        self._receivable = receive_bytes
        self._sendable = send_bytes
        self._ends = ends

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        if self._receivable == 0:
            await self._inner.aclose()
            if self._ends:
                return b""
            raise trio.BrokenResourceError("cut for the test")
        data = await self._inner.receive_some(min(max_bytes, self._receivable))
        self._receivable -= len(data)
        return data

    async def send_all(self, data: bytes | memoryview) -> None:
        through = data[: self._sendable]
        self._sendable -= len(through)
        await self._inner.send_all(through)
        if len(through) < len(data):
            await self._inner.aclose()
            raise trio.BrokenResourceError("cut for the test")
