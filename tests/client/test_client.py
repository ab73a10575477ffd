"""What a user of the library does on a connection that holds: every request, its answer, and its refusal."""

import pytest
import trio

from protocol import (
    CommandHelp,
    Done,
    Edited,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Live,
    Member,
    Members,
    Message,
    Notice,
    Presence,
    Redacted,
    TopicSet,
)
from tests.client.fake_server import LIMITS, NOW_MS, FakeServer, came
from tests.client.with_server import ANN, live, next_of, opened, said, settled, texts, until
from trio_chat.client import Connected, Refused, open_client

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


async def test_the_first_event_says_connected_under_which_nick(server: FakeServer) -> None:
    async with opened(server) as client:
        assert await anext(client) == Connected(again=False, nick="ann")
        assert client.connected
        assert (client.nick, client.author, client.limits) == ("ann", "a-aaaaaaaa", LIMITS)


async def test_hello_tells_what_program_speaks(server: FakeServer) -> None:
    async with open_client(nick="sage", session=ANN, bot=True, agent="sage/1", dial=server.dial):
        (hello,) = server.asked_of(Hello)
        assert hello == Hello(hello.id, 1, ANN, "sage", "sage/1", bot=True)


async def test_a_join_brings_the_last_entries_and_then_what_happens(server: FakeServer) -> None:
    for number in range(1, 6):
        server.say("lobby", f"old {number}")
    async with opened(server) as client:
        joined = await client.join("lobby", last=2)
        events = await live(client)
        assert texts(events) == ["old 4", "old 5"]
        assert events[1:2] == [joined]
        assert events[-1] == Live("lobby", 5)
        room = client.rooms["lobby"]
        assert (room.name, room.epoch, room.seq, room.count) == ("lobby", "e1", 5, 1)
        server.say("lobby", "new")
        assert (await next_of(client, Message)).text == "new"
        assert room.seq == 6


async def test_joining_a_room_that_one_is_in_brings_nothing_twice(server: FakeServer) -> None:
    server.say("lobby", "one")
    async with opened(server) as client:
        await client.join("lobby")
        await client.join("lobby")
        await client.join("LOBBY", last=10)
        server.say("lobby", "two")
        assert texts(await until(client, said(2))) == ["one", "two"]


async def test_joining_twice_at_once_brings_nothing_twice(server: FakeServer, nursery: trio.Nursery) -> None:
    for number in range(1, 4):
        server.say("lobby", f"{number}")
    async with opened(server) as client:
        async with trio.open_nursery() as joining:
            joining.start_soon(client.join, "lobby")
            joining.start_soon(client.join, "lobby")
        server.say("lobby", "4")
        assert texts(await until(client, said(4))) == ["1", "2", "3", "4"]


async def test_leaving_forgets_the_room_and_joining_again_starts_anew(server: FakeServer) -> None:
    server.say("lobby", "one")
    async with opened(server) as client:
        await client.join("lobby")
        assert texts(await live(client)) == ["one"]
        await client.leave("Lobby")
        assert not client.rooms
        server.say("lobby", "two")
        await client.join("lobby")
        assert texts(await live(client)) == ["one", "two"]


async def test_leaving_and_joining_without_waiting_in_between_starts_anew(server: FakeServer) -> None:
    server.say("lobby", "one")
    async with opened(server) as client:
        await client.join("lobby")
        await live(client)
        with server.holding_answers():
            async with trio.open_nursery() as asking:
                asking.start_soon(client.leave, "lobby")
                await settled()
                asking.start_soon(client.join, "lobby")
                await settled()
                server.answering.set()
        assert texts(await live(client)) == ["one"]
        join = server.asked_of(Join)[-1]
        assert join == Join(join.id, "lobby", last=50)


async def test_leaving_where_one_is_not_is_refused_and_forgets_the_room(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.connections[0].cursors.clear()
        with pytest.raises(Refused, match="You are not there") as caught:
            await client.leave("lobby")
        assert caught.value.code == "not_a_member"
        assert not client.rooms


async def test_a_refused_leave_leaves_one_in_the_room(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Leave, "internal")
        with pytest.raises(Refused):
            await client.leave("lobby")
        await client.join("lobby")
        join = server.asked_of(Join)[-1]
        assert isinstance(join, Join)
        assert join.after is not None


async def test_a_post_comes_back_as_an_entry_after_its_answer(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        posted = await client.post("lobby", "hello", action=True, reply_to=7)
        assert (posted.seq, posted.duplicate) == (1, False)
        message = await next_of(client, Message)
        assert message == Message("lobby", 1, NOW_MS, client.author, "ann", "hello", action=True, reply_to=7)


async def test_the_same_key_says_it_once(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        first = await client.post("lobby", "hello", key="k1")
        again = await client.post("lobby", "hello", key="k1")
        assert (again.seq, again.duplicate) == (first.seq, True)
        with pytest.raises(Refused) as caught:
            await client.post("lobby", "something else", key="k1")
        assert caught.value.code == "key_reused"


async def test_what_was_said_can_be_changed_taken_back_and_the_topic_set(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.post("lobby", "helo")
        await client.edit("lobby", 1, "hello")
        await client.redact("lobby", 1, "a slip")
        await client.set_topic("lobby", "tea")
        events = await until(client, lambda event: isinstance(event, TopicSet))
        me = (NOW_MS, client.author, "ann")
        assert events[-3:] == [
            Edited("lobby", 2, *me, 1, "hello"),
            Redacted("lobby", 3, *me, 1, "a slip"),
            TopicSet("lobby", 4, *me, "tea"),
        ]
        assert client.rooms["lobby"].topic == "tea"


async def test_a_topic_that_is_set_while_joining_is_known(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.set_topic("lobby", "tea")
        await client.leave("lobby")
        assert (await client.join("lobby")).topic == "tea"
        assert client.rooms["lobby"].topic == "tea"


async def test_what_others_can_tell_is_asked_for(server: FakeServer) -> None:
    server.say("lobby", "needle")
    server.say("lobby", "hay")
    async with opened(server) as client:
        await client.join("lobby")
        assert texts([*(await client.history("lobby", after=1)).entries]) == ["hay"]
        assert texts([*(await client.search("needle", room="lobby")).entries]) == ["needle"]
        assert [room.name for room in (await client.list_rooms()).rooms] == ["lobby"]
        assert (await client.members("lobby")).members == [Member(client.author, "ann")]
        assert await client.commands() == [CommandHelp("/quit", "/quit", "leave")]
        assert client.rooms["lobby"].seq == 2


async def test_a_change_of_nick_is_known_from_its_answer_or_from_the_news(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.set_nick("anna")
        assert client.nick == "anna"
        assert await client.command("/nick annie") == Done(server.asked[-1].id)
        assert client.nick == "annie"
        server.tell(Presence("lobby", client.author, "annie", "renamed", "ann"))
        await settled()
        assert client.nick == "ann"


async def test_presence_is_told_and_kept(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.tell(came("a-x", "xenia"))
        assert await next_of(client, Presence) == came("a-x", "xenia")
        assert client.rooms["lobby"].members["a-x"] == Member("a-x", "xenia")
        fresh = Members([Member("a-y", "yuri")], 1, False, "lobby")
        server.tell(fresh)
        assert await next_of(client, Members) == fresh
        assert list(client.rooms["lobby"].members) == ["a-y"]


async def test_news_of_rooms_that_one_is_not_in_are_passed_over(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await live(client)
        server.tell(came("a-x", "xenia", "hall"))
        server.tell(Message("hall", 1, NOW_MS, "a-x", "xenia", "hello?"))
        server.tell(Gap("hall", 1, 3, "expired"))
        server.tell(Notice("this one counts"))
        assert await anext(client) == Notice("this one counts")


async def test_a_private_room_opens_by_asking(server: FakeServer) -> None:
    async with opened(server) as client:
        joined = await client.direct("bob")
        assert (joined.room, joined.peer) == ("~bob", "bob")
        await client.post("~bob", "psst")
        assert (await next_of(client, Message)).room == "~bob"
        assert client.rooms["~bob"].peer == "bob"
        await client.direct("bob")
        await client.post("~bob", "still there?")
        assert texts(await until(client, said(2))) == ["still there?"]


async def test_a_private_room_that_somebody_else_opens_is_joined_unasked(server: FakeServer) -> None:
    async with opened(server) as client:
        server.say("~bob", "psst", "bob")
        server.logs["~bob"].peer = "bob"
        server.connections[0].enter("~bob", 0, None)
        joined = await next_of(client, Joined)
        assert (joined.id, joined.peer) == (None, "bob")
        assert texts(await live(client)) == ["psst"]
        # Once more, from elsewhere: nothing comes twice, and nothing is lost.
        server.connections[0].enter("~bob", 0, None)
        server.say("~bob", "are you there?", "bob")
        assert texts(await until(client, said(2))) == ["are you there?"]


async def test_a_notice_of_the_server_is_an_event(server: FakeServer) -> None:
    async with opened(server) as client:
        server.tell(Notice("Tea is ready.", level="info"))
        assert await next_of(client, Notice) == Notice("Tea is ready.")


async def test_a_ping_takes_as_long_as_the_server_and_ends_with_the_connection(
    server: FakeServer, nursery: trio.Nursery
) -> None:
    took: list[float | None] = []

    async with opened(server) as client:

        async def ping() -> None:
            took.append(await client.ping())

        with server.holding_answers():
            nursery.start_soon(ping)
            await trio.sleep(0.5)
        await settled()
        with server.holding_answers():
            nursery.start_soon(ping)
            await settled()
            server.refused_dials = 1
            server.cut()
            await settled()
        assert took == [pytest.approx(0.5), None]
        assert not client.connected
        await ping()
        assert took[-1] is None
