"""The numbers that `/metrics` shows: each moves with what it counts, by Prometheus' own parser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import wait_all_tasks_blocked

from protocol import Cause, EndTurn, Leave, Live, Post
from tests.server.asking_http import HOOK, ask, hook
from tests.server.bots import lobby, take
from tests.server.failing import failing_server
from tests.server.peer import connected
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.outbox import OUTBOX_BYTES

pytestmark = pytest.mark.autojump

Numbers = dict[tuple[str, ...], float]
"""Values by name and label values."""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_server(ServerConfig(port=None, store="memory:", rate_limit=None, hooks=(HOOK,))) as running:
        yield running


async def numbers(server: Server) -> Numbers:
    answer = await ask(server, "GET", "/metrics")
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_who_is_there_is_shown_as_it_is_now(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob"), connected(server):
        await ann.join("den")
        found = await numbers(server)
        assert found["trio_chat_connections",] == 3
        assert found["trio_chat_people",] == 2
        assert found["trio_chat_rooms",] == 1
    await wait_all_tasks_blocked()
    found = await numbers(server)
    assert (found["trio_chat_connections",], found["trio_chat_people",], found["trio_chat_rooms",]) == (0, 0, 0)


async def test_each_entry_counts_once_and_its_delivery_for_each_member_that_is_live(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        for peer in (ann, bob):
            await peer.join("den")
            await peer.until_live()
        for number in range(3):
            await ann.post(f"text {number}", "den")
        await bob.entries(3)
        found = await numbers(server)
        assert found["trio_chat_entries_total",] == 3
        assert found["trio_chat_deliveries_total", "live"] == 6
        assert found["trio_chat_deliveries_total", "log"] == 0
        async with connected(server, "carol") as carol:
            await carol.join("den", last=2)
            await carol.until_live()
            assert (await numbers(server))["trio_chat_deliveries_total", "log"] == 2


async def test_posts_that_are_committed_together_are_counted_one_by_one(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join("den")
        await ann.until_live()
        await ann.send(*[Post(number, "den", f"key {number}", "x" * 4_000) for number in range(100, 200)])
        await ann.entries(100)
        found = await numbers(server)
        live, log = found["trio_chat_deliveries_total", "live"], found["trio_chat_deliveries_total", "log"]
        assert (found["trio_chat_entries_total",], live + log) == (100, 100)
        assert live > 1


async def test_a_member_that_does_not_read_is_behind_and_its_bytes_wait(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join("den")
        await bob.join("den")
        await bob.until_live()
        for number in range(150):
            await ann.post("x" * 4_000, "den", key=f"key {number}")
        found = await numbers(server)
        assert found["trio_chat_members_behind",] == 1
        assert 0 < found["trio_chat_outbox_bytes",] <= 2 * OUTBOX_BYTES
        await bob.entries(150)
        await bob.expect(Live)
        found = await numbers(server)
        assert found["trio_chat_members_behind",] == 0
        assert found["trio_chat_deliveries_total", "live"] + found["trio_chat_deliveries_total", "log"] == 300


async def test_how_long_commits_take_is_shown_with_its_distribution() -> None:
    async with failing_server() as (server, store), connected(server, "ann") as ann:
        server.hub.tally.clock = trio.current_time
        await ann.join("den")
        for store.append_s in (0.002, 0.002, 0.4):
            await ann.post("slowly", "den")
        found = await numbers(server)
        assert found["trio_chat_commit_seconds_count",] == 3
        assert found["trio_chat_commit_seconds_sum",] == pytest.approx(0.404)
        upto = [found["trio_chat_commit_seconds_bucket", le] for le in ("0.001", "0.0025", "0.25", "0.5", "10", "+Inf")]
        assert upto == [0, 2, 2, 3, 3, 3]


async def test_a_store_that_fails_is_counted_and_who_was_told_so() -> None:
    async with failing_server() as (server, store), connected(server, "ann") as ann:
        await ann.join("den")
        store.failing = True
        await ann.ask(Post(100, "den", "k", "text"))
        found = await numbers(server)
        assert found["trio_chat_commit_failures_total",] == 1
        assert found["trio_chat_refusals_total", "unavailable"] == 1


async def test_refusals_are_counted_by_their_code(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join("den")
        await ann.post("one", "den", key="k")
        for post in (Post(100, "den", "k", "two"), Post(101, "elsewhere", "l", "three"), Post(102, "den", "m", "")):
            await ann.ask(post)
        found = await numbers(server)
        assert [found["trio_chat_refusals_total", code] for code in ("key_reused", "not_a_member", "bad_text")] == [
            1
        ] * 3


async def test_turns_are_counted_while_they_are_open_and_by_how_they_end(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        for end in ("done", "gone"):
            seq = (await ann.post("bot?")).seq
            granted = await take(bot, Cause("entry", seq))
            assert (await numbers(server))["trio_chat_turns",] == 1
            if end == "done":
                await bot.ask(EndTurn(bot.next_id(), granted.turn))
            else:
                await bot.ask(Leave(bot.next_id(), "lobby"))
            found = await numbers(server)
            assert found["trio_chat_turns",] == 0
            assert found["trio_chat_turns_ended_total", end] == 1
        assert found["trio_chat_turns_ended_total", "stopped"] == 0  # from the start, so that a rate has a first value


async def test_http_is_counted_by_what_was_asked_and_what_was_answered(server: Server) -> None:
    for path in ("/healthz", "/healthz", "/nothing", "/page/nothing.js"):
        await ask(server, "GET", path)
    await hook(server, "hello")
    await hook(server, "hello", "w" * 40)
    found = await numbers(server)
    told = {tuple(labels): value for (name, *labels), value in found.items() if name == "trio_chat_http_requests_total"}
    assert told == {
        ("healthz", "200"): 2,
        ("none", "404"): 1,
        ("page", "404"): 1,
        ("hooks", "200"): 1,
        ("hooks", "404"): 1,
    }
    assert found["trio_chat_commit_seconds_count",] == 1  # what a hook says is committed as everything is


async def test_no_label_holds_what_somebody_has_sent(server: Server) -> None:
    await ask(server, "GET", "/from somebody")
    await ask(server, "FROMSOMEBODY", "/")
    async with connected(server, "fromsomebody") as peer:
        await peer.join("fromsomebody")
        await peer.post("from somebody", "fromsomebody")
        answer = await ask(server, "GET", "/metrics")
    assert b"from" not in answer.body.lower().replace(b"from the log", b"").replace(b"from handing", b"")


async def test_two_servers_in_one_process_do_not_mix(server: Server) -> None:
    async with open_server(ServerConfig(port=None, store="memory:")) as other, connected(server, "ann"):
        assert (await numbers(server))["trio_chat_people",] == 1
        assert (await numbers(other))["trio_chat_people",] == 0


async def test_the_version_and_the_process_are_told(server: Server) -> None:
    found = await numbers(server)
    assert [value for (name, *_), value in found.items() if name == "trio_chat_build_info"] == [1]
    if Path("/proc/self/stat").exists():
        assert found["process_resident_memory_bytes",] > 0
