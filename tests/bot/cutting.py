"""Connections that break, once, at the first request of a kind. It must not know what a bot does about that."""

import trio

from tests.client.cutting import PassingStream
from trio_chat.client import Dial
from trio_chat.transport import ByteStream


class _CutAt(PassingStream):
    """A `ByteStream` that delivers nothing more from the piece on that holds `mark`, if `marks` still has it."""

    def __init__(self, inner: ByteStream, marks: set[bytes]) -> None:
        super().__init__(inner)
        self._marks = marks

    async def send_all(self, data: bytes | memoryview) -> None:
        if met := {mark for mark in self._marks if mark in bytes(data)}:
            self._marks -= met
            await self._inner.aclose()
            raise trio.BrokenResourceError("cut for the test")
        await super().send_all(data)


def cut_once_at(tag: str, dial: Dial) -> Dial:
    """Return what dials as `dial` does; the first connection on which a request called `tag` is sent breaks at it."""
    marks = {f'"type":"{tag}"'.encode()}

    async def dial_and_cut() -> ByteStream:
        return _CutAt(await dial(), marks)

    return dial_and_cut
