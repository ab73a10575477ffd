"""Two streams joined inside one process: for tests, for the operator's console and for bots in the server.

This file owns a bounded pipe in memory that behaves as a socket does. It must not know what flows in it.
"""

import trio

PIPE_BYTES = 65_536
"""What one direction holds before a sender waits, as a small socket buffer does."""


class _Pipe:
    """One direction: bytes in order, at most `capacity` of them, and an end."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.data = bytearray()
        self.ended = False  # no more will come
        self.broken = False  # nobody will take it
        self.changed = trio.lowlevel.ParkingLot()

    def put_nowait(self, data: bytes | memoryview) -> int:
        taken = min(len(data), self.capacity - len(self.data))
        if self.ended or self.broken or taken <= 0:
            return 0
        self.data += data[:taken]
        self.changed.unpark_all()
        return taken


class MemoryStream:
    """One end of a pair; a `Peekable`."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe, peer: str) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self.peer = peer

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        data = await self._look(max_bytes)
        if data:
            del self._incoming.data[: len(data)]
            self._incoming.changed.unpark_all()
        return data

    async def peek(self) -> bytes:
        return await self._look(1)

    async def _look(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        pipe = self._incoming
        while not self._closed:
            if pipe.data or pipe.ended:
                return bytes(pipe.data[:max_bytes])
            await pipe.changed.park()
        raise trio.ClosedResourceError("this stream is closed")

    async def send_all(self, data: bytes | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while view:
            if self._closed:
                raise trio.ClosedResourceError("this stream is closed")
            if self._outgoing.broken or self._outgoing.ended:
                raise trio.BrokenResourceError(f"{self.peer} has closed the stream")
            taken = self._outgoing.put_nowait(view)
            view = view[taken:]
            if not taken:
                await self._outgoing.changed.park()

    def send_nowait(self, data: bytes | memoryview) -> int:
        return self._outgoing.put_nowait(data)

    async def send_eof(self) -> None:
        self._outgoing.ended = True
        self._outgoing.changed.unpark_all()
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self._closed = True
        self._outgoing.ended = True
        self._incoming.broken = True
        self._outgoing.changed.unpark_all()
        self._incoming.changed.unpark_all()
        await trio.lowlevel.checkpoint()


def memory_stream_pair(
    capacity: int = PIPE_BYTES, names: tuple[str, str] = ("memory", "memory")
) -> tuple[MemoryStream, MemoryStream]:
    """Return two streams, each receiving what the other sends; each direction holds `capacity` bytes.

    Args:
        capacity: bytes that a sender may be ahead of the receiver, at least 1.
        names: what each of the two streams calls its `peer`.
    """
    there, back = _Pipe(capacity), _Pipe(capacity)
    return MemoryStream(back, there, names[0]), MemoryStream(there, back, names[1])
