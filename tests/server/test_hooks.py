"""Hooks: what a script says by HTTP is durable before the answer, seen live, said once, and secret in its address."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from protocol import Error, Hello, Message, SetNick
from tests.server.asking_http import HOOK, ask, hook, told
from tests.server.failing import FailingStore
from tests.server.peer import connected
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.hooks import COMMIT_S, Hook
from trio_chat.store import Feed, Store, open_store
from trio_chat.transport.exchange import HttpResponse

pytestmark = pytest.mark.autojump

OTHER = Hook("u" * 40, "deploys", "ci")
BOB = Hook("v" * 40, "builds", "bob")
CONFIG = ServerConfig(port=None, store="memory:", rate_limit=None, hooks=(HOOK, OTHER, BOB))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_server(CONFIG) as running:
        yield running


@asynccontextmanager
async def with_failing_store() -> AsyncIterator[tuple[Server, FailingStore]]:
    made: list[FailingStore] = []

    @asynccontextmanager
    async def open_failing(feed: Feed) -> AsyncIterator[Store]:
        made.append(FailingStore(feed))
        async with open_store("memory:", made[0].feed) as made[0].store:
            yield made[0]  # type: ignore[misc]  # it hands the rest through

    async with open_server(CONFIG, store=open_failing) as server:
        yield server, made[0]


# --- what is said -------------------------------------------------------------------------------------


async def test_what_a_hook_says_is_in_the_log_and_seen_live_by_members(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join("builds")
        kept = told(await hook(server, "build 7 failed"))
        (message,) = await ann.entries(1)
    assert isinstance(message, Message)
    assert (message.room, message.nick, message.text, message.bot) == ("builds", "ci", "build 7 failed", False)
    assert kept == {"room": "builds", "seq": 1, "at": message.at, "duplicate": False}


async def test_a_room_that_nobody_has_entered_yet_is_made_and_keeps_it(server: Server) -> None:
    assert told(await hook(server, "one"))["seq"] == 1
    assert told(await hook(server, "two"))["seq"] == 2
    async with connected(server, "ann") as ann:
        await ann.join("builds")
        assert [entry.text for entry in await ann.until_live() if isinstance(entry, Message)] == ["one", "two"]


async def test_it_is_durable_before_the_answer() -> None:
    async with with_failing_store() as (server, store):
        store.append_s = 3.0
        before = trio.current_time()
        assert (await hook(server, "slowly")).status == 200
        assert trio.current_time() - before == 3.0


async def test_a_repeat_under_the_same_key_is_said_once(server: Server) -> None:
    first, again = told(await hook(server, "deployed", key="run 7")), told(await hook(server, "deployed", key="run 7"))
    assert again == {**first, "duplicate": True}
    assert told(await hook(server, '{"text": "deployed", "key": "run 7"}', kind="application/json")) == again
    assert told(await hook(server, "deployed"))["seq"] == 2  # without a key every message is a new one
    assert told(await hook(server, "deployed"))["seq"] == 3


async def test_a_key_that_names_another_text_is_refused(server: Server) -> None:
    await hook(server, "deployed", key="run 7")
    refused = await hook(server, "failed", key="run 7")
    assert refused.status == 422
    assert "take a new key" in told(refused)["error"]


async def test_hooks_of_one_nick_may_be_told_the_same_key_and_are_one_person(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join("builds")
        await ann.join("deploys")
        for token in (HOOK.token, OTHER.token):
            assert told(await hook(server, "run 7 is through", token, key="run 7"))["duplicate"] is False
        one, other = await ann.entries(2)
    assert one.author == other.author


async def test_a_hook_with_a_new_token_is_the_same_person_and_knows_its_keys() -> None:
    feeds: list[Feed] = []
    async with open_store("memory:", lambda commits: feeds[-1](commits)) as store:

        @asynccontextmanager
        async def open_same(feed: Feed) -> AsyncIterator[Store]:
            feeds.append(feed)
            yield store

        async with open_server(CONFIG, store=open_same) as server:
            await hook(server, "deployed", key="run 7")
        renewed = msgspec.structs.replace(HOOK, token="n" * 40)
        async with open_server(msgspec.structs.replace(CONFIG, hooks=(renewed,)), store=open_same) as server:
            assert told(await hook(server, "deployed", renewed.token, key="run 7"))["duplicate"] is True
            assert (await hook(server, "deployed", HOOK.token)).status == 404


async def test_a_bot_that_a_hook_calls_by_name_may_answer(server: Server) -> None:
    # A hook is no bot: what it says has no hops, so that a turn in reply to it is granted.
    async with connected(server, "sage", bot=True) as sage:
        await sage.join("builds")
        await hook(server, "sage, why did build 7 fail?")
        (asked,) = await sage.entries(1)
        assert isinstance(asked, Message)
        assert (asked.bot, asked.hops) == (False, 0)


async def test_what_cannot_be_said_is_refused_in_a_sentence(server: Server) -> None:
    for body, kind, status in ((b"", "text/plain", 400), (b"x" * 4001, "text/plain", 413), (b"x", "image/png", 415)):
        refused = await hook(server, body, kind=kind)
        assert refused.status == status
        assert told(refused)["error"].endswith(".")


# --- limits and failures ------------------------------------------------------------------------------


async def test_each_hook_has_the_rate_of_a_person() -> None:
    async with open_server(msgspec.structs.replace(CONFIG, rate_limit=0.5)) as server:
        statuses = [(await hook(server, "again")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await hook(server, "again")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert (await hook(server, "again", OTHER.token)).status == 200
        await trio.sleep(1)
        assert (await hook(server, "again")).status == 200


async def test_a_store_that_fails_is_told_and_the_repeat_is_said_once() -> None:
    async with with_failing_store() as (server, store), connected(server, "ann") as ann:
        await ann.join("builds")
        store.failing = True
        refused = await hook(server, "deployed", key="run 7")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert "same key" in told(refused)["error"]
        store.failing = False
        assert told(await hook(server, "deployed", key="run 7"))["duplicate"] is False
        assert len(await ann.entries(1)) == 1
        assert server.hub.tally.failed_appends == 1


async def test_a_store_that_hangs_is_not_waited_for_for_ever() -> None:
    async with with_failing_store() as (server, store):
        store.append_s = 10 * COMMIT_S
        before = trio.current_time()
        assert (await hook(server, "deployed")).status == 503
        assert trio.current_time() - before == COMMIT_S


# --- who it is ----------------------------------------------------------------------------------------


async def test_nobody_else_takes_the_nick_of_a_hook(server: Server) -> None:
    async with connected(server) as eve, connected(server, "ann") as ann:
        taken = await eve.ask(Hello(1, 1, "e" * 32, "CI"))
        assert isinstance(taken, Error)
        assert (taken.code, "hook" in taken.message) == ("nick_taken", True)
        renamed = await ann.ask(SetNick(ann.next_id(), "ci"))
        assert isinstance(renamed, Error)
        assert renamed.code == "nick_taken"


# --- the secret ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "t" * 39, "t" * 41, "T" * 40, "builds", "t" * 40 + "/", "\ud800", "%74" * 40])
async def test_without_its_token_there_is_no_hook(server: Server, token: str) -> None:
    refused = await hook(server, "let me in", token)
    assert refused.status == 404
    assert "operator" in told(refused)["error"]


async def test_no_token_is_ever_logged_or_answered(
    server: Server, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[HttpResponse] = []
    with caplog.at_level(logging.DEBUG):
        for token in (HOOK.token, "w" * 40):
            answers.append(await hook(server, "hello", token))
            answers.append(await hook(server, "", token))
            answers.append(await ask(server, "GET", f"/hooks/{token}"))
    said = caplog.text + repr(answers) + repr(server.config) + "".join(capsys.readouterr())
    assert "builds" in caplog.text
    assert HOOK.token not in said
    assert "w" * 40 not in said
