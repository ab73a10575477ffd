"""Slow readers, lost connections, silence and stopping: what the server does when a client does not behave."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from protocol import (
    Bye,
    Error,
    GetCommands,
    GetHistory,
    Hello,
    Join,
    Live,
    Members,
    Message,
    Ping,
    Position,
    Post,
    Posted,
    Presence,
    SetNick,
)
from tests.server.failing import FailingStore, failing_server
from tests.server.peer import Peer, connected
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.outbox import OUTBOX_BYTES
from trio_chat.store import Draft, Feed, Store, open_store

pytestmark = pytest.mark.autojump

TEXT = "x" * 1_000


async def fill(peer: Peer, count: int) -> None:
    """Post `count` long texts, a hundred at a time."""
    for _ in range(count // 100):
        first = peer.next_id()
        await peer.send(*[Post(n, "lobby", f"k{n}", TEXT) for n in range(first * 1_000, first * 1_000 + 100)])
        await peer.answer(first * 1_000 + 99)


async def test_a_member_that_stops_reading_gets_every_entry_in_order_when_it_reads_again(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "slow") as slow:
        await slow.join()
        await slow.expect(Live)
        await ann.join()
        await fill(ann, 3_000)  # ten times what its outbox and its pipe hold
        entries = await slow.entries(3_000)
        assert [entry.seq for entry in entries] == list(range(1, 3_001))
        await slow.expect(Live)
        await ann.post("and live again")
        (last,) = await slow.entries(1)
        assert last.seq == 3_001


async def test_a_slow_reader_holds_up_nobody_else(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "slow") as slow, connected(server, "bob") as bob:
        for peer in (slow, ann, bob):
            await peer.join()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill, ann, 1_000)
            entries = await bob.entries(1_000)
        assert len(entries) == 1_000
        assert sum(isinstance(m, Live) for m in bob.seen) == 1


async def test_a_slow_reader_that_was_cut_comes_back_without_a_hole(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        async with connected(server, "slow") as slow:
            joined = await slow.join()
            await slow.expect(Live)
            await fill(ann, 1_000)
            got = await slow.entries(300)
        async with connected(server, "slow") as back:
            await back.join(after=Position(joined.epoch, got[-1].seq))
            rest = await back.until_live()
        assert [entry.seq for entry in got + rest] == list(range(1, 1_001))


async def test_a_client_that_does_not_read_its_answers_is_not_read_from(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await fill(ann, 300)
        await ann.entries(300)
        answered = 0
        with trio.move_on_after(1) as waiting:  # virtual: it ends when nothing can happen any more
            while True:
                await ann.send(*[GetHistory(answered + n, "lobby", limit=500) for n in range(5_000, 5_100)])
                answered += 100
        assert waiting.cancelled_caught
        assert server.connection_count == 1
        # What it was sent, at most: its pipe, its outbox, and one answer above that; the rest of its requests waits.
        assert ann.stream._incoming.capacity <= OUTBOX_BYTES  # type: ignore[attr-defined]  # a memory stream


async def test_presence_dropped_for_a_slow_reader_is_followed_by_a_fresh_list(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "slow") as slow:
        await slow.join()
        await ann.join()
        await fill(ann, 500)  # more than its outbox takes: the next event is dropped
        for n in range(1_000):
            await ann.ask(SetNick(ann.next_id(), f"ann{n}"))
        async with connected(server, "late") as late:
            await late.join()
            await slow.entries(500)
            (fresh,) = [m for m in slow.seen if isinstance(m, Members)]
            assert (fresh.room, fresh.id) == ("lobby", None)
            assert [m.nick for m in fresh.members] == ["slow", "ann999", "late"]


async def test_a_lost_connection_is_seen_as_lost_and_its_nick_is_held_for_ten_minutes(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        async with connected(server, "bob") as bob:
            await bob.join()
        lost = await ann.until(lambda m: isinstance(m, Presence) and m.change == "lost")
        assert isinstance(lost, Presence)
        assert lost.nick == "bob"
        async with connected(server) as thief:
            refused = await thief.ask(Hello(1, 1, "f" * 32, "bob"))
            assert isinstance(refused, Error)
            assert refused.code == "nick_taken"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_pings, thief)
                nursery.start_soon(answer_pings, ann)
                await trio.sleep(601)
                nursery.cancel_scope.cancel()
        async with connected(server) as thief:
            assert (await thief.hello("bob", "f" * 32)).nick == "bob"


async def answer_pings(peer: Peer) -> None:
    try:
        while True:
            await peer.next()
    except (EOFError, trio.TooSlowError):
        pass


async def test_who_says_no_hello_within_ten_seconds_hears_bye(server: Server) -> None:
    async with connected(server) as mute:
        before = trio.current_time()
        bye = await mute.end()
        assert bye is not None
        assert "no hello" in bye.reason
        assert 10 <= trio.current_time() - before < 12


async def test_a_silent_peer_is_pinged_and_then_cut(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "dead") as dead:
        await dead.join()
        await ann.join()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_pings, ann)
            await trio.sleep(59)
            assert server.connection_count == 2
            await trio.sleep(3)
            nursery.cancel_scope.cancel()
        assert server.connection_count == 1
        assert any(isinstance(m, Ping) for m in ann.seen)
        assert any(isinstance(m, Presence) and (m.nick, m.change) == ("dead", "lost") for m in ann.seen)


async def test_stopping_says_bye_to_all_when_to_come_back_and_leaves_no_task() -> None:
    async with open_server(ServerConfig(port=0, store="memory:")) as server:
        streams = [await server.dial() for _ in range(5)]
        peers = [Peer(stream) for stream in streams]
        for n, peer in enumerate(peers[:4]):
            await peer.hello(f"nick{n}")
            await peer.join()
        await peers[0].send(Post(99, "lobby", "k", "last words"))
    for peer in peers:
        bye = await peer.end()
        assert bye is not None
        assert bye.retry_after_ms is not None
    assert any(isinstance(m, Posted) for m in peers[0].seen)
    assert server.connection_count == 0


async def test_a_stop_is_not_held_up_by_a_client_that_reads_nothing() -> None:
    async with open_server(ServerConfig(port=0, store="memory:", rate_limit=None)) as server:
        slow, ann = Peer(await server.dial()), Peer(await server.dial())
        for nick, peer in (("slow", slow), ("ann", ann)):
            await peer.hello(nick)
            await peer.join()
        await fill(ann, 1_000)
        before = trio.current_time()
    assert trio.current_time() - before < 5
    assert server.connection_count == 0


@pytest.fixture
async def failing() -> AsyncIterator[tuple[Server, FailingStore]]:
    async with failing_server() as opened:
        yield opened


async def test_a_store_error_answers_unavailable_and_the_server_lives_on(
    failing: tuple[Server, FailingStore],
) -> None:
    server, store = failing
    async with connected(server, "ann") as ann:
        await ann.join()
        store.failing = True
        for request in (Post(50, "lobby", "k", "kept?"), GetHistory(51, "lobby")):
            answer = await ann.ask(request)
            assert isinstance(answer, Error)
            assert answer.code == "unavailable"
            assert answer.retry_after_ms
        async with connected(server) as bob:
            refused = await bob.ask(Hello(1, 1, "b" * 32, "bob"))
            assert isinstance(refused, Error)
            assert refused.code == "unavailable"
            store.failing = False
            await bob.hello("bob")
        posted = await ann.post("kept?", key="k")
        assert (posted.seq, posted.duplicate) == (1, False)


async def test_a_cursor_that_is_behind_waits_for_the_store_and_misses_nothing(
    failing: tuple[Server, FailingStore],
) -> None:
    server, store = failing
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        for n in range(5):
            await ann.post(f"line {n}")
        store.failing = True
        await bob.send(Join(40, "lobby"))
        await bob.answer(40)
        await trio.sleep(5)
        store.failing = False
        assert [entry.seq for entry in await bob.until_live()] == [1, 2, 3, 4, 5]


async def test_too_fast_is_refused_with_the_time_to_wait() -> None:
    async with (
        open_server(ServerConfig(port=0, store="memory:", rate_limit=2)) as server,
        connected(server, "ann") as ann,
    ):
        await ann.join()
        for n in range(10):
            await ann.post(f"line {n}")
        refused = await ann.ask(Post(70, "lobby", "eleven", "too fast"))
        assert isinstance(refused, Error)
        assert refused.code == "too_many"
        assert refused.retry_after_ms is not None
        assert 0 < refused.retry_after_ms <= 501
        await trio.sleep(refused.retry_after_ms / 1000)
        assert isinstance(await ann.ask(Post(71, "lobby", "eleven", "too fast")), Posted)


async def test_time_that_a_commit_takes_counts_for_the_posts_that_wait_behind_it() -> None:
    async with failing_server(rate_limit=1) as (server, store), connected(server, "ann") as ann:
        await ann.join()
        store.append_s = 3
        await ann.send(*[Post(number, "lobby", f"key {number}", "fast") for number in range(21, 30)])
        kinds = [type(await ann.answer(number)) for number in range(21, 30)]
        assert kinds == [Posted] * 5 + [Error] + [Posted] * 3


async def test_nothing_follows_a_bye(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server) as mute:
        await ann.join()
        bye = await mute.end()
        assert isinstance(bye, Bye)
        assert isinstance(mute.seen[-1], Bye)


async def test_entries_of_the_past_are_messages_too(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await ann.post("waves", action=True)
        await bob.join()
        (entry,) = await bob.until_live()
        assert isinstance(entry, Message)
        assert entry.action


async def test_who_reads_nothing_is_cut_even_with_its_last_words_unread(server: Server) -> None:
    """It floods requests and reads no answer, so it is not read from; its end must not wait for it either."""
    async with connected(server) as deaf, connected(server, "ann") as member, trio.open_nursery() as nursery:
        nursery.start_soon(flood, deaf)
        await member.join()
        await fill(member, 500)
        await member.send(GetHistory(9_000_001, "lobby", limit=500), GetHistory(9_000_002, "lobby", limit=500))
        await member.send_bytes(b"\x00\x00\x00\x00")
        await trio.sleep(100)
        assert server.connection_count == 0
        nursery.cancel_scope.cancel()


async def flood(peer: Peer) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        while True:
            await peer.send(*[GetCommands(peer.next_id()) for _ in range(500)])


async def test_what_the_server_kept_waiting_is_not_cut_for_its_silence() -> None:
    """A post waits for the disk for longer than two pings."""

    @asynccontextmanager
    async def open_slow(feed: Feed) -> AsyncIterator[Store]:
        async with open_store("memory:", feed) as store:
            yield SlowStore(store)  # type: ignore[misc]  # it hands the rest through

    async with (
        open_server(ServerConfig(port=0, rate_limit=None), store=open_slow) as server,
        connected(server, "ann") as ann,
    ):
        await ann.join()
        await ann.post("on a slow disk")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_pings, ann)
            await trio.sleep(20)
            nursery.cancel_scope.cancel()
        assert server.connection_count == 1
        await ann.post("and again")


class SlowStore:
    """A store whose disk takes more than a minute for a commit."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def append(self, drafts: list[Draft], origin: object = None) -> object:
        await trio.sleep(61)
        return await self._store.append(drafts, origin)


async def test_an_answer_that_was_given_is_not_given_again_when_the_store_finds_its_entry_after_all(
    failing: tuple[Server, FailingStore],
) -> None:
    server, store = failing
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        store.doubtful = True
        answer = await ann.ask(Post(50, "lobby", "k", "kept?"))
        assert isinstance(answer, Error)
        assert answer.code == "unavailable"
        store.doubtful = False
        again = await ann.post("kept?", key="k")
        (seen,) = await bob.entries(1)  # it was kept, and is published once
        assert (again.seq, again.duplicate) == (seen.seq, True)
