"""A member that stops reading while 100 MB are posted: what it costs the server, and whether it loses anything.

    python -m benchmarks.slow_reader [--megabytes 100]

The same load is posted three times over to one server process: once to warm it up, once with nobody slow, which is
the baseline, and once with a member in the room that has joined and then reads nothing. The second and third differ in
the slow member alone, and the process has been through all that a first load brings (imports, caches, SQLite's
pages, memory that Python keeps) before either; so what the peak of its resident memory (sampled after each batch of
posts, by psutil) has grown from the one to the other is what the slow member costs. Then it reads on, and has to get
every entry in order; the peak while it catches up counts too. The kernel's socket buffers are not the process's: the
slow member's own is made small, and the load is far beyond what the server's can hold.

With `--cut`, the server closes the slow member because it answers no ping, and the member has to come back for what
it missed.

This file owns the load and the figures. Exits 1 if more than 8 MiB were needed, or an entry is missing or out of order.
"""

import argparse
import random
import socket
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import psutil
import trio

from benchmarks.server_process import ServerProcess, start_server
from protocol import (
    MAX_FRAME_TO_CLIENT,
    TEXT_CHARS,
    FrameDecoder,
    FromClient,
    FromServer,
    Hello,
    Join,
    Joined,
    Live,
    Message,
    Ping,
    Pong,
    Position,
    Post,
    Posted,
    Presence,
    Welcome,
    decode_from_server,
    encode,
    encode_frame,
)
from trio_chat.transport import ByteStream, SocketStream, dial_tcp

ROOM: Final = "lobby"
MB: Final = 1_000_000
MIB: Final = 1_048_576
MOST_GROWTH_BYTES: Final = 8 * MIB
WARM_UP: Final = 0.2
"""How much of the load is posted before the baseline."""

BATCH: Final = 32
"""Posts that are sent together: 128 KB."""

RECEIVE_BUFFER: Final = 4_096
"""What the slow member's socket is told to hold; the kernel makes a little more of it."""

M = TypeVar("M")


class Figures(msgspec.Struct):
    """What one run found; memory in bytes."""

    megabytes: float
    entries: int = 0
    baseline_bytes: int = 0  # the peak of the server's memory under the load, with nobody slow
    stuck_bytes: int = 0  # the peak under the same load with a member that reads nothing
    catching_up_bytes: int = 0  # the peak while that member reads what it missed
    held_back: int = 0  # entries that the slow member had to get from the log
    cut: bool = False
    faults: list[str] = []

    @property
    def growth_bytes(self) -> int:
        return max(self.stuck_bytes, self.catching_up_bytes) - self.baseline_bytes


class Wire:
    """A connection that speaks the protocol and hides nothing; pings are answered when they are read."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._arrived: deque[FromServer] = deque()

    async def send(self, *messages: FromClient) -> None:
        await self.stream.send_all(b"".join([encode_frame(encode(message)) for message in messages]))

    async def next(self) -> FromServer:
        """Return the next message.

        Raises:
            EOFError: the server has closed the connection.
        """
        while True:
            while not self._arrived:
                await self._fill()
            message = self._arrived.popleft()
            if not isinstance(message, Ping):
                return message
            await self.send(Pong(message.id))

    async def _fill(self) -> None:
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._decoder.feed(data)
        while payloads := self._decoder.take():
            self._arrived.extend(map(decode_from_server, payloads))

    async def expect(self, kind: type[M]) -> M:
        """Skip messages up to the first of a kind, and return it."""
        while not isinstance(message := await self.next(), kind):
            pass
        return message

    async def come_in(self, nick: str, after: Position | None = None) -> Joined:
        """Say hello under a session that belongs to the nick, and join."""
        session = nick.encode().hex().ljust(32, "0")
        await self.send(Hello(1, 1, session, nick), Join(2, ROOM, after, None if after else 0))
        await self.expect(Welcome)
        return await self.expect(Joined)


class Load:
    """A member that posts long texts and reads all that comes; it samples the server's memory meanwhile."""

    def __init__(self, wire: Wire, server: ServerProcess) -> None:
        self._wire = wire
        self._process = psutil.Process(server.pid)
        self._texts = made_up_texts()
        self.count = 0  # posts so far
        self.lost: set[str] = set()  # nicks of those whose connection was lost

    def text(self, number: int) -> str:
        """Return what is said in entry `number`."""
        start = f"{number} "
        return start + self._texts[number % len(self._texts)][: TEXT_CHARS - len(start)]

    async def post(self, byte_count: float) -> int:
        """Post texts of so many bytes together, and return the most memory that the server had meanwhile."""
        peak, last = 0, self.count + round(byte_count / TEXT_CHARS)
        while self.count < last:
            first, self.count = self.count + 1, min(last, self.count + BATCH)
            numbers = range(first, self.count + 1)
            await self._wire.send(*[Post(number, ROOM, str(number), self.text(number)) for number in numbers])
            await self.until(lambda message: isinstance(message, Message) and message.seq == self.count)
            peak = max(peak, self.memory())
        return peak

    async def until(self, last: Callable[[FromServer], bool]) -> None:
        """Read up to the message for which `last` holds."""
        while True:
            message = await self._wire.next()
            if isinstance(message, Presence) and message.change == "lost":
                self.lost.add(message.nick)
            if last(message):
                return

    def memory(self) -> int:
        """Return the server's resident memory in bytes."""
        return int(self._process.memory_info().rss)


def made_up_texts() -> list[str]:
    """Return texts of the greatest length, of words as people use them: some all the time, most of them rarely."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(5_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(chance.choices(words, weights, k=TEXT_CHARS))[:TEXT_CHARS] for _ in range(64)]


@asynccontextmanager
async def connected(server: ServerProcess, *, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
    """Connect by TCP, with a small receive buffer if one is named, and close after the block."""
    if receive_buffer is None:
        stream = await dial_tcp(server.host, server.port)
    else:
        # The size has to be set before connecting, for the window is agreed upon then.
        sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await sock.connect((server.host, server.port))
        stream = SocketStream(socket.socket(fileno=sock.detach()), "the server")
    try:
        yield Wire(stream)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()


async def run(server: ServerProcess, megabytes: float, *, cut: bool = False) -> Figures:
    """Put the load on a server that has an empty lobby and no rate limit, and return what was found.

    Args:
        server: with a short ping if `cut`, and else with one that is longer than all this takes.
        megabytes: the load, in millions of bytes of text; it has to be far more than the kernel's buffers.
        cut: the server is to lose the slow member, who comes back.
    """
    figures = Figures(megabytes, cut=cut)
    async with connected(server) as wire:
        await wire.come_in("poster")
        await wire.expect(Live)
        load = Load(wire, server)
        await load.post(megabytes * MB * WARM_UP)
        figures.baseline_bytes = await load.post(megabytes * MB)
        async with connected(server, receive_buffer=RECEIVE_BUFFER) as slow:
            joined = await slow.come_in("slow")
            await slow.expect(Live)
            first = load.count + 1
            figures.stuck_bytes = await load.post(megabytes * MB)
            figures.entries = load.count
            if cut and "slow" not in load.lost:
                await load.until(lambda _: "slow" in load.lost)
            reader = Reader(load, first, figures.faults)
            await reader.read(slow)
            figures.held_back = load.count + 1 - reader.from_log if reader.from_log else 0
        if cut:
            async with connected(server) as back:
                await back.come_in("slow", Position(joined.epoch, reader.due - 1))
                figures.held_back = load.count + 1 - reader.due
                await reader.read(back)
        figures.catching_up_bytes = reader.peak
        if reader.due != load.count + 1:
            figures.faults.append(f"The slow member got everything up to {reader.due - 1}, not up to {load.count}.")
    if not figures.held_back:
        figures.faults.append("The slow member never fell behind: the load is too small to say anything.")
    if figures.growth_bytes >= MOST_GROWTH_BYTES:
        figures.faults.append(f"The slow member costs {figures.growth_bytes / MIB:.1f} MiB of the server's memory.")
    return figures
