"""What waits to be sent on one connection, bounded in bytes, and the try of the socket before anything waits.

This file owns the order and the bound. It must not know what the blocks say, nor rooms or cursors: who is
refused here reads later from the log.
"""

import math
from typing import Final

import trio

from trio_chat.transport import ByteStream

OUTBOX_BYTES: Final = 262_144
"""What may wait for one connection before events are refused: as much as a page, and about a socket buffer."""

OUTBOX_BLOCKS: Final = 4_096
"""The same bound in blocks, for many small ones: Python needs some 100 bytes for each besides its content."""

_RESERVED_BLOCKS: Final = 64
"""Blocks above that bound for what must not be refused: answers, of which there is one at a time, and wakes."""

Block = bytes | memoryview


class Outbox:
    """Blocks of whole frames on their way to one connection, in order.

    Args:
        stream: where they go. Only this object sends on it.
        limit_bytes: how much may wait before `offer` refuses and `room` waits.
    """

    __slots__ = (
        "_blocks",
        "_changed",
        "_held",
        "_idle",
        "_limit",
        "_receive",
        "_send",
        "_send_nowait",
        "_stream",
        "waiting_bytes",
    )

    def __init__(self, stream: ByteStream, limit_bytes: int = OUTBOX_BYTES) -> None:
        self._stream = stream
        self._send_nowait = stream.send_nowait
        self._held = b""  # answers on their way to the socket; nothing waits before them
        self._limit = limit_bytes
        self._send, self._receive = trio.open_memory_channel[Block](OUTBOX_BLOCKS + _RESERVED_BLOCKS)
        self._blocks = 0
        self._idle = True  # nothing waits and nothing is being sent: the socket may be tried
        self._changed = trio.lowlevel.ParkingLot()
        self.waiting_bytes = 0  # in the channel, or handed to the stream and not yet taken

    def offer(self, block: Block) -> bool:
        """Send or queue `block`, or return False: too much waits already, and nothing of it will be sent."""
        if self._idle:
            if self._held:
                block = self._take_along(block)
            taken = self._send_nowait(block)
            if taken < len(block):
                self._put(memoryview(block)[taken:] if taken else block)
            return True
        if self.waiting_bytes + len(block) > self._limit or self._blocks >= OUTBOX_BLOCKS:
            return False
        self._put(block)
        return True

    def push(self, block: Block) -> None:
        """Send or queue `block` whatever waits: for answers, after `room`, and for the last words."""
        if self._idle:
            self.offer(block)
        else:
            self._put(block)

    def hold(self, block: bytes) -> None:
        """As `push`, but it may leave together with the next block: the caller calls `release` without awaiting."""
        if self._idle:
            self._held += block
        else:
            self._put(block)

    def release(self) -> None:
        """Send what `hold` has kept, if no block took it along."""
        if self._held:
            self.offer(b"")

    def wake(self) -> None:
        """Make `send_next` return, if it waits, though there may be nothing to send."""
        if self._idle:
            self._put(b"")

    async def room(self) -> None:
        """Wait until less than the limit waits. This is what keeps a client that does not read from being read."""
        while not self.has_room:
            await self._changed.park()

    @property
    def has_room(self) -> bool:
        """Whether less than the limit waits."""
        return self.waiting_bytes < self._limit and self._blocks < OUTBOX_BLOCKS

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, and nothing is being sent."""
        return self._idle

    async def drained(self) -> None:
        """Wait until all that waited is sent."""
        while self.waiting_bytes:
            await self._changed.park()

    async def send_next(self, timeout_s: float = math.inf) -> None:
        """Wait for blocks, up to `timeout_s`, then send all that wait in one piece. The one writing task calls this.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: the connection was closed.
        """
        self._idle = self._blocks == 0
        with trio.move_on_after(timeout_s) as waiting:  # around the waiting alone: a send must not be cut
            first = await self._receive.receive()
        self._idle = False
        if not waiting.cancelled_caught:
            await self._send_joined([first])

    async def send_waiting(self) -> bool:
        """As `send_next`, but return False at once when nothing waits."""
        self._idle = False
        try:
            first = self._receive.receive_nowait()
        except trio.WouldBlock:
            return False
        await self._send_joined([first])
        return True

    async def send_now(self, block: Block) -> None:
        """Send `block` ahead of what waits: for pages, read by the writing task itself."""
        self._idle = False
        self.waiting_bytes += len(block)
        await self._stream.send_all(block)
        self.waiting_bytes -= len(block)
        self._changed.unpark_all()

    async def _send_joined(self, blocks: list[Block]) -> None:
        while True:
            try:
                blocks.append(self._receive.receive_nowait())
            except trio.WouldBlock:
                break
        self._blocks -= len(blocks)
        data = b"".join(blocks)
        if data:
            await self._stream.send_all(data)
            self.waiting_bytes -= len(data)
        self._changed.unpark_all()

    def _put(self, block: Block) -> None:
        if self._held:
            block = self._take_along(block)
        self._idle = False
        self._send.send_nowait(block)
        self._blocks += 1
        self.waiting_bytes += len(block)

    def _take_along(self, block: Block) -> bytes:
        held, self._held = self._held, b""
        return held + block
