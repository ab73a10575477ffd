"""Connections that break, once, at the first request of a kind. It must not know what a bot does about that."""

import trio

from trio_chat.client import Dial
from trio_chat.transport import ByteStream


class _CutAt:
    """A `ByteStream` that delivers nothing more from the piece on that holds `mark`, if `marks` still has it."""

    def __init__(self, inner: ByteStream, marks: set[bytes]) -> None:
        self.peer = inner.peer
        self._inner = inner
        self._marks = marks

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        return await self._inner.receive_some(max_bytes)

    async def send_all(self, data: bytes | memoryview) -> None:
        if met := {mark for mark in self._marks if mark in bytes(data)}:
            self._marks -= met
            await self._inner.aclose()
            raise trio.BrokenResourceError("cut for the test")
        await self._inner.send_all(data)

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def aclose(self) -> None:
        await self._inner.aclose()


def cut_once_at(tag: str, dial: Dial) -> Dial:
    """Return what dials as `dial` does; the first connection on which a request called `tag` is sent breaks at it."""
    marks = {f'"type":"{tag}"'.encode()}

    async def dial_and_cut() -> ByteStream:
        return _CutAt(await dial(), marks)

    return dial_and_cut
