"""Requests that a cut left without an answer, and answers and news that are not what they should be."""

import pytest
import trio

from protocol import (
    Command,
    Error,
    GetHistory,
    GetRooms,
    Hello,
    Join,
    Joined,
    Leave,
    Live,
    Notice,
    Position,
    Post,
    SetNick,
)
from tests.client.fake_server import FakeServer
from tests.client.with_server import BOB, back, live, next_of, opened, said, settled, texts, until
from trio_chat.client import ClientClosed, Connected, Disconnected, Refused

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


async def test_unanswered_requests_are_asked_again_in_their_order_after_the_rooms(
    server: FakeServer, nursery: trio.Nursery
) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.asked.clear()
        server.silent = True
        for text in ("one", "two", "three"):
            nursery.start_soon(client.post, "lobby", text)
            await settled()
        nursery.start_soon(client.join, "hall")
        await settled()
        nursery.start_soon(client.set_nick, "anna")
        await settled()
        nursery.start_soon(client.join, "lobby")
        await settled()
        server.silent = False
        server.cut()
        await back(client)
        await until(client, said(3))
        await settled()
        assert list(map(type, server.asked)) == [Hello, Join, Post, Post, Post, Join, SetNick, Join]
        assert [post.text for post in server.asked_of(Post) if isinstance(post, Post)] == ["one", "two", "three"]
        join = server.asked[-1]
        assert join == Join(join.id, "lobby", after=Position("e1", 0))
        assert client.nick == "anna"


async def test_a_lost_answer_to_a_post_makes_it_a_duplicate_under_the_same_key(
    server: FakeServer, nursery: trio.Nursery
) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        with server.holding_answers():
            nursery.start_soon(client.post, "lobby", "first")
            await settled()
            assert len(server.logs["lobby"].entries) == 1
            server.cut()
        posted = await client.post("lobby", "second")
        assert posted.seq == 2
        first, repeated, _ = server.asked_of(Post)
        assert isinstance(first, Post)
        assert isinstance(repeated, Post)
        assert (first.key, first.text) == (repeated.key, repeated.text)
        assert texts(await until(client, said(2))) == ["first", "second"]


async def test_a_post_without_connection_waits_for_one(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refused_dials = 3
        server.cut()
        await next_of(client, Disconnected)
        assert (await client.post("lobby", "hello")).seq == 1


async def test_what_nobody_waits_for_any_more_is_asked_again_only_if_it_changes_something(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.silent = True
        with trio.move_on_after(1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.history, "lobby")
                nursery.start_soon(client.list_rooms)
                nursery.start_soon(client.post, "lobby", "hello")
        server.silent = False
        server.cut()
        await until(client, said(1))
        assert not server.asked_of(GetHistory)
        assert not server.asked_of(GetRooms)


@pytest.mark.parametrize("command", [False, True])
async def test_whoever_is_cut_off_while_leaving_has_left(
    server: FakeServer, nursery: trio.Nursery, command: bool
) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.join("hall")
        server.silent = True
        done = trio.Event()

        async def leave() -> None:
            if command:
                await client.command("/leave", room="lobby")
            else:
                await client.leave("lobby")
            done.set()

        nursery.start_soon(leave)
        await settled()
        server.silent = False
        server.cut()
        await done.wait()
        await back(client)
        await settled()
        assert set(client.rooms) == {"hall"}
        assert not server.asked_of(Leave)
        assert not server.asked_of(Command)


@pytest.mark.parametrize("command", [False, True])
async def test_what_was_said_before_leaving_is_said_though_the_connection_broke(
    server: FakeServer, nursery: trio.Nursery, command: bool
) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.silent = True
        nursery.start_soon(client.post, "lobby", "goodbye all")
        await settled()
        nursery.start_soon(lambda: client.command("/leave", room="lobby") if command else client.leave("lobby"))
        await settled()
        server.silent = False
        server.asked.clear()
        server.cut()
        await back(client)
        await settled()
        assert list(map(type, server.asked)) == [Hello, Join, Post, Command if command else Leave]
        assert len(server.logs["lobby"].entries) == 1
        assert not client.rooms
        assert not server.connections[0].cursors


@pytest.mark.parametrize("command", [False, True])
async def test_a_room_that_was_left_before_one_had_come_in_is_left_though_the_connection_broke(
    server: FakeServer, nursery: trio.Nursery, command: bool
) -> None:
    async with opened(server) as client:
        server.silent = True
        nursery.start_soon(lambda: client.command("/join lobby") if command else client.join("lobby"))
        await settled()
        nursery.start_soon(client.leave, "lobby")
        await settled()
        server.silent = False
        server.cut()
        await back(client)
        await settled()
        assert not client.rooms
        assert not server.connections[0].cursors


async def test_leaving_a_room_that_is_being_waited_for_waits_for_it_too(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Join, "unavailable", retry_after_ms=5_000, times=3)
        server.cut()
        await back(client)
        await settled()
        await client.leave("lobby")
        assert not client.rooms
        assert not server.connections[0].cursors
        joined = await client.join("lobby")
        assert set(client.rooms) == {joined.room}


async def test_a_quit_whose_answer_was_lost_is_said_again(server: FakeServer) -> None:
    async with opened(server) as client:
        server.silent = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.command, "/quit")
            await settled()
            server.silent = False
            server.cut()
        assert len(server.asked_of(Command)) == 1
        with pytest.raises(ClientClosed):
            await client.commands()


async def test_an_answer_that_makes_no_sense_refuses_the_request(server: FakeServer) -> None:
    async with opened(server) as client:
        server.answer_rooms_by = {"type": "rooms", "rooms": "many", "more": False}
        with pytest.raises(Refused, match="makes no sense here"):
            await client.list_rooms()
        assert client.connected


async def test_news_that_are_not_understood_are_passed_over(server: FakeServer) -> None:
    async with opened(server) as client:
        server.tell_raw({"type": "weather", "text": "rain"})
        server.tell(Notice("tea"))
        assert await next_of(client, Notice) == Notice("tea")


async def test_a_complaint_without_a_request_becomes_a_notice(server: FakeServer) -> None:
    async with opened(server) as client:
        server.tell(Error(None, "bad_message", "That was no message."))
        assert await next_of(client, Notice) == Notice("That was no message.", level="warning")


async def test_joined_and_live_tell_after_a_cut_that_a_room_is_back(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await live(client)
        server.cut()
        events = await live(client)
        assert [type(event) for event in events] == [Disconnected, Connected, Joined, Live]


async def test_another_client_under_the_same_session_is_the_same_person(server: FakeServer) -> None:
    async with opened(server) as one, opened(server) as other, opened(server, "bob", BOB) as third:
        assert one.author == other.author != third.author
        with pytest.raises(Refused) as caught:
            async with opened(server, "ann", BOB):
                pass
        assert caught.value.code == "nick_taken"
