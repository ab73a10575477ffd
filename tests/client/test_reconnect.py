"""Coming back: what a user sees of a connection that breaks, and what is asked again."""

import pytest
import trio

from protocol import (
    Bye,
    Done,
    Error,
    Gap,
    GetHistory,
    GetRooms,
    Hello,
    Join,
    Joined,
    Live,
    Message,
    Notice,
    Ping,
    Pong,
    Position,
    Post,
    Welcome,
)
from tests.client.fake_server import LIMITS, FakeServer
from tests.client.with_server import ANN, BOB, back, live, next_of, opened, said, settled, texts, until
from trio_chat.client import Client, Connected, Disconnected, Refused

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


async def test_a_cut_is_told_with_its_reason_and_mended(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.say("lobby", "before")
        await until(client, said(1))
        server.cut()
        lost = await next_of(client, Disconnected)
        assert lost.reason == "The server closed the connection."
        assert 0 <= lost.retry_in_s <= 0.1
        assert not client.connected
        server.say("lobby", "meanwhile")
        events = await until(client, said(2))
        assert events[0] == Connected(again=True, nick="ann")
        assert texts(events) == ["meanwhile"]
        join = server.asked_of(Join)[-1]
        assert join == Join(join.id, "lobby", after=Position("e1", 1))


async def test_every_attempt_that_fails_is_told_and_the_waits_grow_to_fifteen_seconds(server: FakeServer) -> None:
    async with opened(server) as client:
        server.refused_dials = 40
        server.cut()
        events = await until(client, lambda event: isinstance(event, Connected) and event.again)
        waits = [event.retry_in_s for event in events if isinstance(event, Disconnected)]
        assert len(waits) == 41
        assert all(wait <= min(15.0, 0.1 * 2**count) for count, wait in enumerate(waits))
        assert max(waits) > 7
        reason = [event.reason for event in events if isinstance(event, Disconnected)][-1]
        assert reason.startswith("Nobody listens at 127.0.0.1:5002: start a server there")


async def test_a_server_that_says_bye_is_left_alone_for_as_long_as_it_asks(server: FakeServer) -> None:
    async with opened(server) as client:
        before = trio.current_time()
        server.tell(Bye("restarting", retry_after_ms=60_000))
        lost = await next_of(client, Disconnected)
        assert lost.reason == "The server said goodbye: restarting."
        await back(client)
        assert trio.current_time() - before >= 60


async def test_a_room_of_which_nothing_came_yet_is_resumed_without_losing_what_was_asked_for(
    server: FakeServer,
) -> None:
    for number in range(1, 6):
        server.say("lobby", f"{number}")
    async with opened(server) as client:
        joined = Joined("lobby", "e1", 5, "", [], 1)
        with server.holding_answers():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.join, "lobby", )
                await settled()
                connection = server.connections[0]
                connection._outbox.clear()
                server.answering.set()
                await connection._stream.send_all(_framed(Joined("lobby", "e1", 5, "", [], 1, server.asked[-1].id)))
        server.cut()
        assert joined
        server.say("lobby", "6")
        assert texts(await until(client, said(6))) == ["1", "2", "3", "4", "5", "6"]
