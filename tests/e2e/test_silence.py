"""Connections that say nothing, or next to nothing: thousands of them hold up nobody, and they end by themselves."""

import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from benchmarks.server_process import PATIENCE_S, running_server
from tests.e2e.conftest import COUNTED
from tests.e2e.meeting import Counted, dialled, send_what_is_taken
from tests.server.peer import Peer
from trio_chat.transport import ByteStream, dial_tcp

MANY = 10_000 if os.environ.get("SOAK") else 2_000
SPARE_FILES = 200
"""What this process needs besides its connections."""


@pytest.fixture
def many() -> Iterator[int]:
    """How many connections this process may open, up to `MANY`; it may open as many as the system allows meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield min(MANY, hard - SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Counted]:
    """A server that waits for a hello a second only."""
    config = tmp_path / "server.toml"
    config.write_text(COUNTED.format(directory=tmp_path, hello_s=1))
    with running_server(str(config), log=tmp_path / "server.log", module="tests.e2e.counted") as process:
        server = Counted(process)
        await server.settle()
        yield server
        await server.is_as_before()


@asynccontextmanager
async def connections(server: Counted, count: int) -> AsyncIterator[list[ByteStream]]:
    """Open connections on which nothing is said, and close them after the block."""
    async with AsyncExitStack() as opened:
        streams = []
        for _ in range(count):
            streams.append(await dial_tcp(server.process.host, server.process.port))
            opened.push_async_callback(streams[-1].aclose)
        yield streams


async def test_thousands_that_say_nothing_hold_up_nobody_and_leave_nothing_behind(many: int, counted: Counted) -> None:
    async with connections(counted, many):
        await counted.until_files(more=many)
        await counted.talk()


async def test_who_says_no_hello_in_time_hears_bye_and_is_closed(many: int, impatient: Counted) -> None:
    async with connections(impatient, many // 4) as streams:
        for stream in streams:
            peer = Peer(stream)
            bye = await peer.end()
            assert bye is not None
            assert "no hello" in bye.reason


async def test_a_hello_that_never_ends_does_not_come_in_time(impatient: Counted) -> None:
    async with dialled(impatient.process) as peer, trio.open_nursery() as nursery:
        nursery.start_soon(dribble, peer)
        with trio.fail_after(PATIENCE_S):
            bye = await peer.end()
        nursery.cancel_scope.cancel()
        assert bye is not None
        assert "no hello" in bye.reason


async def dribble(peer: Peer) -> None:
    """Send the longest of frames but its end, byte by byte."""
    await peer.send_bytes(b"\0\1\0\0")
    for _ in range(60_000):
        await send_what_is_taken(peer, b" ")
