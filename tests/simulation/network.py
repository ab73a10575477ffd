"""A network in memory that does all that a network may do: links that delay, split, stall and break at any byte.

This file owns the bytes between two ends. It must not know what they mean, nor when it is told to do harm. All
chance comes from the `Random` that it is given.
"""

import math
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Literal

import trio

Way = Literal["up", "down"]
"""Towards the server, or towards the client."""

PIPE_BYTES = 65_536
"""What one direction holds before a sender waits, as a small socket buffer does."""


class Pipe:
    """One direction of a link.

    Attributes:
        latency_s: how long bytes are under way, at most.
        stalled: whether they stay under way until this ends.
        cut_after: how many more bytes get through before the link breaks; None: it holds.
        taken_at: when the receiver last got bytes.
    """

    def __init__(self, random: Random, on_cut: Callable[[], None], capacity: int) -> None:
        self.latency_s = 0.0
        self.stalled = False
        self.cut_after: int | None = None
        self.taken_at = -math.inf
        self.ended = False  # no more will come
        self.lost = False  # ... and not because somebody said so
        self.refused = False  # nobody will take what is sent
        self.changed = trio.lowlevel.ParkingLot()
        self._random = random
        self._on_cut = on_cut
        self._capacity = capacity
        self._flight: deque[tuple[float, bytes]] = deque()  # when it arrives, and what
        self._bytes = 0
        self._tears = random.random() < 0.3  # whether this pipe likes to split what it carries

    def wake(self) -> None:
        self.changed.unpark_all()

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def put(self, data: bytes | memoryview, *, at_once: bool) -> int:
        """Take some of `data`; a sender that only tries may find less room than there is."""
        if self.ended or self.refused:
            return 0
        taken = max(0, min(len(data), self._capacity - self._bytes))
        if at_once and taken and self._tears and self._random.random() < 0.3:
            taken = self._random.randrange(taken + 1)
        if not taken:
            return 0
        through = bytes(data[:taken])
        cuts = self.cut_after is not None and taken >= self.cut_after
        if self.cut_after is not None:
            through = through[: self.cut_after]
            self.cut_after -= len(through)
        self._launch(through)
        if cuts:
            self._on_cut()  # the sender believes in all that it gave, and nobody will ever tell it otherwise
        return taken

    def _launch(self, data: bytes) -> None:
        if data:
            due = trio.current_time() + self.latency_s * self._random.random()
            if self._flight:
                due = max(due, self._flight[-1][0])
            self._flight.append((due, data))
            self._bytes += len(data)
            self.wake()

    def take(self, max_bytes: int) -> bytes:
        """Return what has arrived, or a part of it; nothing if nothing has."""
        if self.stalled:
            return b""
        now = trio.current_time()
        arrived = bytearray()
        while self._flight and self._flight[0][0] <= now and len(arrived) < max_bytes:
            arrived += self._flight.popleft()[1]
        wanted = min(len(arrived), max_bytes)
        if wanted and self._tears and self._random.random() < 0.5:
            wanted = self._random.randint(1, wanted)
        if len(arrived) > wanted:
            self._flight.appendleft((now, bytes(arrived[wanted:])))
        self._bytes -= wanted
        if wanted:
            self.taken_at = now
            self.wake()
        return bytes(arrived[:wanted])

    @property
    def next_due(self) -> float:
        """When there will be something to take."""
        return self._flight[0][0] if self._flight and not self.stalled else math.inf

    @property
    def is_over(self) -> bool:
        """Whether the receiver has got all that it will ever get."""
        return self.ended and not self._flight and not self.stalled

    def end(self, *, lost: bool = False, drop: bool = False) -> None:
        """Let nothing more in; what is under way still arrives, unless it is dropped."""
        if not self.ended:
            self.ended, self.lost = True, lost
        if drop:
            self._flight.clear()
            self._bytes = 0
        self.wake()

    def refuse(self) -> None:
        """Let the sender know that nobody takes anything any more."""
        self.refused = True
        self.wake()


class End:
    """One end of a link; a `ByteStream`."""

    def __init__(self, incoming: Pipe, outgoing: Pipe, peer: str) -> None:
        self.peer = peer
        self.closed_at: float | None = None
        self._incoming = incoming
        self._outgoing = outgoing

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint()
        pipe = self._incoming
        while self.closed_at is None:
            if data := pipe.take(max_bytes):
                return data
            if pipe.is_over:
                if pipe.lost:
                    raise trio.BrokenResourceError(f"the link to {self.peer} was cut")
                return b""
            with trio.CancelScope(deadline=pipe.next_due):
                await pipe.changed.park()
        raise trio.ClosedResourceError("this end is closed")

    async def send_all(self, data: bytes | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while view:
            if self.closed_at is not None:
                raise trio.ClosedResourceError("this end is closed")
            if self._outgoing.ended or self._outgoing.refused:
                raise trio.BrokenResourceError(f"the link to {self.peer} was cut")
            taken = self._outgoing.put(view, at_once=False)
            view = view[taken:]
            if not taken:
                await self._outgoing.changed.park()

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0 if self.closed_at is not None else self._outgoing.put(data, at_once=True)

    async def send_eof(self) -> None:
        self._outgoing.end()
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = trio.current_time()
            # Closed with bytes unread, TCP resets: what was sent last may never arrive.
            self._outgoing.end(drop=bool(self._incoming.held_bytes))
            self._incoming.refuse()
            self._incoming.end(drop=True)


class Link:
    """A client's connection to the server, seen from above.

    Attributes:
        client: the end that the client has.
        server: the end that the server has.
        is_cut: whether it was broken from outside.
    """

    def __init__(self, name: str, random: Random, capacity: int = PIPE_BYTES) -> None:
        self.name = name
        self.is_cut = False
        self._random = random
        self._pipes: dict[Way, Pipe] = {
            "up": Pipe(random, self.cut, capacity),
            "down": Pipe(random, self.cut, capacity),
        }
        self.client = End(self._pipes["down"], self._pipes["up"], "the server")
        self.server = End(self._pipes["up"], self._pipes["down"], name)

    def pipe(self, way: Way) -> Pipe:
        return self._pipes[way]

    def cut(self) -> None:
        """Break it both ways, now. What is under way arrives, or not; either end sees an end, or an error."""
        if not self.is_cut:
            self.is_cut = True
            for pipe in self._pipes.values():
                pipe.stalled = False
                pipe.refuse()
                pipe.end(lost=self._random.random() < 0.5, drop=self._random.random() < 0.5)

    def cut_after(self, way: Way, count: int) -> None:
        """Break it once so many more bytes went one way; they arrive, and nothing after them."""
        if count:
            self._pipes[way].cut_after = count
        else:
            self.cut()

    def heal(self) -> None:
        """Do no more harm."""
        for pipe in self._pipes.values():
            pipe.latency_s, pipe.stalled, pipe.cut_after = 0.0, False, None
            pipe.wake()
