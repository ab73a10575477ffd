"""SIGTERM and SIGINT while clients post: everybody hears bye, nothing acknowledged is lost, and the exit code is 0."""

import contextlib
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from benchmarks.kill9 import read_lines
from benchmarks.server_process import PATIENCE_S, ServerProcess
from protocol import Bye, Message, Post, Posted, State
from tests.e2e.meeting import dialled, strange_lines
from tests.server.peer import Peer

POSTERS = 20
BATCH = 10


class Poster:
    """A peer that posts without end, many at a time, and reads until the server has said bye."""

    def __init__(self, peer: Peer, number: int) -> None:
        self.peer = peer
        self.bye: Bye | None = None
        self._keys = (f"{number}-{n}" for n in range(1_000_000))

    async def run(self, enough: trio.Event, posts: int) -> None:
        """Post; tell when so many posts were acknowledged."""
        acknowledged = 0
        await self._post()
        while True:
            try:
                message = await self.peer.next()
            except (EOFError, trio.BrokenResourceError):
                self.bye = self.peer.seen[-1] if isinstance(self.peer.seen[-1], Bye) else None
                return
            if isinstance(message, Posted):
                acknowledged += 1
                if acknowledged == posts:
                    enough.set()
                if acknowledged % BATCH == 0 and self.peer.machine.state is State.OPEN:
                    await self._post()

    async def _post(self) -> None:
        keys = [next(self._keys) for _ in range(BATCH)]
        posts = [Post(self.peer.next_id(), "lobby", key, f"said under {key}") for key in keys]
        with contextlib.suppress(trio.BrokenResourceError):  # the server has closed: reading tells more
            await self.peer.send(*posts)

    @property
    def acknowledged(self) -> set[int]:
        return {message.seq for message in self.peer.seen if isinstance(message, Posted)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_clients_post_is_met_with_bye_to_all_and_loses_nothing(
    server: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(dialled(server, f"poster{n}")) for n in range(POSTERS)]
        for peer in peers:
            await peer.join()
        posters = [Poster(peer, n) for n, peer in enumerate(peers)]
        enough = trio.Event()
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                for poster in posters:
                    nursery.start_soon(poster.run, enough, 100)
                await enough.wait()
                server.signal(number)
        for poster in posters:
            assert poster.bye is not None
            assert poster.bye.retry_after_ms is not None
    assert await trio.to_thread.run_sync(server.wait) == 0
    kept = {line.seq: line.text for line in read_lines(tmp_path / "chat.db")}
    for poster in posters:
        assert poster.acknowledged <= kept.keys()
        assert all(kept[message.seq] == message.text for message in poster.peer.seen if isinstance(message, Message))
    assert sum(len(poster.acknowledged) for poster in posters) >= 100
    assert strange_lines(server.log) == []


async def test_a_signal_is_obeyed_although_a_member_reads_nothing(server: ServerProcess) -> None:
    async with dialled(server, "poster") as peer, dialled(server, "deaf") as deaf:
        await deaf.join()
        await peer.join()
        for n in range(300):  # 6 MB: more than all buffers take
            keys = [f"{n}-{m}" for m in range(5)]
            await peer.send(*[Post(peer.next_id(), "lobby", key, "x" * 4_000) for key in keys])
            await peer.entries(5)
        server.signal(signal.SIGTERM)
        assert await peer.end() is not None
        assert await trio.to_thread.run_sync(server.wait) == 0
    assert strange_lines(server.log) == []


async def test_a_second_signal_during_the_stop_changes_nothing(server: ServerProcess) -> None:
    async with dialled(server, "ann") as ann:
        await ann.join()
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)
        assert await ann.end() is not None
        assert await trio.to_thread.run_sync(server.wait) == 0
    assert strange_lines(server.log) == []
