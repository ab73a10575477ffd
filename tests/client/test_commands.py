"""Slash commands as the library sends them, and what is refused: by the server, or before it is sent."""

import pytest
import trio

from protocol import (
    Bye,
    Command,
    GetHistory,
    Join,
    Joined,
    Live,
    Message,
    Notice,
    Post,
)
from tests.client.fake_server import FakeServer
from tests.client.with_server import next_of, opened, settled
from trio_chat.client import ClientClosed, Connected, Refused

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


# --- slash commands -----------------------------------------------------------------------------------


async def test_a_slash_command_is_answered_as_the_request_it_stands_for(server: FakeServer) -> None:
    async with opened(server) as client:
        joined = await client.command("/join hall")
        assert isinstance(joined, Joined)
        assert "hall" in client.rooms
        notice = await client.command("/dance", room="hall")
        assert notice == Notice("There is no command /dance.", "hall", "warning", server.asked[-1].id)
        await client.command("/leave", room="hall")
        assert not client.rooms


async def test_a_refused_leave_by_command_leaves_one_in_the_room(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Command, "internal")
        with pytest.raises(Refused):
            await client.command("/leave", room="lobby")
        await client.join("lobby")
        join = server.asked_of(Join)[-1]
        assert isinstance(join, Join)
        assert join.after is not None


async def test_a_slash_command_bears_a_key_because_it_may_post(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.command("/dance")
        await client.command("/dance", key="mine")
        made, given = server.asked_of(Command)
        assert isinstance(made, Command)
        assert isinstance(given, Command)
        assert made.key
        assert given.key == "mine"


async def test_two_slashes_say_a_text_that_starts_with_one(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.command("//etc/hosts", room="lobby")
        assert (await next_of(client, Message)).text == "/etc/hosts"


async def test_quit_is_answered_by_bye_and_ends_the_events(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        assert await client.command("/quit so long") == Bye("so long", id=server.asked[-1].id)
        assert [type(event) async for event in client] == [Connected, Joined, Live]
        await settled()
        assert not client.connected
        with pytest.raises(ClientClosed, match="open a new one"):
            await client.post("lobby", "too late")
        assert server.dials == 1


# --- refusals -----------------------------------------------------------------------------------------


async def test_a_refusal_says_why_in_a_sentence(server: FakeServer) -> None:
    async with opened(server) as client:
        with pytest.raises(Refused) as caught:
            await client.post("hall", "hello")
        assert (caught.value.code, caught.value.message, str(caught.value)) == (
            "not_a_member", "Join first.", "Join first.",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"), [("", "bad_text"), ("\x1b[2J", "bad_text"), ("x" * 4_001, "bad_text"), ("\ud800", "bad_text")]
)
async def test_what_breaks_a_rule_is_refused_without_asking(server: FakeServer, text: str, code: str) -> None:
    async with opened(server) as client:
        with pytest.raises(Refused) as caught:
            await client.post("lobby", text)
        assert caught.value.code == code
        assert not server.asked_of(Post)


@pytest.mark.parametrize("room", ["x" * 70_000, "\ud800"])
async def test_what_cannot_be_sent_is_refused_and_harms_nothing_else(server: FakeServer, room: str) -> None:
    async with opened(server) as client:
        with pytest.raises(Refused, match="That cannot be sent"):
            await client.history(room)
        assert await client.commands()
        assert not server.asked_of(GetHistory)


@pytest.mark.parametrize(("code", "retry_after_ms"), [("unavailable", None), ("unavailable", 500), ("too_many", 2_000)])
async def test_a_post_is_repeated_under_its_key_where_waiting_helps(
    server: FakeServer, code: str, retry_after_ms: int | None
) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Post, code, retry_after_ms, times=3)
        before = trio.current_time()
        posted = await client.post("lobby", "hello")
        assert posted.seq == 1
        assert len({post.key for post in server.asked_of(Post) if isinstance(post, Post)}) == 1
        assert len(server.asked_of(Post)) == 4
        assert trio.current_time() - before >= 3 * (retry_after_ms or 0) / 1_000


@pytest.mark.parametrize("code", ["too_many", "internal", "forbidden"])
async def test_a_refusal_that_waiting_does_not_mend_is_raised(server: FakeServer, code: str) -> None:
    async with opened(server) as client:
        server.refuse(Post, code)
        with pytest.raises(Refused) as caught:
            await client.post("lobby", "hello")
        assert caught.value.code == code
