"""A consumer that does not read: nothing blocks, memory is bounded, and later everything comes, in order."""

import pytest
import trio

from protocol import Gap, Join, Joined, Leave, Live, Members, Message, Notice, Presence, TopicSet
from tests.client.fake_server import NOW_MS, FakeServer, came
from tests.client.with_server import live, opened, said, settled, texts, until
from trio_chat.client import Client, ClientEvent, Connected, Disconnected, Refused
from trio_chat.client.engine import EVENTS_WAITING

pytestmark = pytest.mark.autojump

MANY = 10_000


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


def waiting(client: Client) -> int:
    """Return how many events wait to be read."""
    return client._engine._waiting()


async def test_ten_thousand_entries_that_nobody_reads_are_all_read_later_in_order(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        for number in range(1, MANY + 1):
            server.say("lobby", f"{number}")
            if number % 1_000 == 0:
                await settled()
                assert waiting(client) <= EVENTS_WAITING
        # The connection is read all the time: a request is answered, though nobody takes events.
        assert (await client.post("lobby", "last")).seq == MANY + 1
        assert waiting(client) == EVENTS_WAITING
        events = await until(client, said(MANY + 1))
        assert texts(events) == [*map(str, range(1, MANY + 1)), "last"]
        server.say("lobby", "live again")
        assert texts(await until(client, said(MANY + 2))) == ["live again"]


async def test_a_consumer_that_asks_for_something_while_it_reads_gets_its_answers(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        seen = []
        for number in range(1, 4 * EVENTS_WAITING):
            server.say("lobby", f"{number}")
        async for event in client:
            if isinstance(event, Message):
                seen.append(event.seq)
                if event.nick == "other":
                    await client.post("lobby", f"answer to {event.seq}")
            if len(seen) == 2 * (4 * EVENTS_WAITING - 1):
                break
        assert seen == list(range(1, len(seen) + 1))


async def test_rooms_that_lag_catch_up_in_turns_and_none_starves(server: FakeServer) -> None:
    names = ["one", "two", "three"]
    async with opened(server) as client:
        for name in names:
            await client.join(name)
        for number in range(1, 3 * EVENTS_WAITING + 1):
            for name in names:
                server.say(name, f"{number}")
            if number % 100 == 0:
                await settled()
        got: dict[str, list[int]] = {name: [] for name in names}
        async for event in client:
            if isinstance(event, Message):
                got[event.room].append(event.seq)
            if min(map(len, got.values())) == 3 * EVENTS_WAITING:
                break
        assert all(seqs == list(range(1, 3 * EVENTS_WAITING + 1)) for seqs in got.values())


async def fill(server: FakeServer, client: Client) -> None:
    """Let the stream of events be full by a room `filler`, which does not lag yet."""
    await client.join("filler")
    await settled()
    for number in range(EVENTS_WAITING - waiting(client)):
        server.say("filler", f"{number}")
    await settled()
    assert waiting(client) == EVENTS_WAITING


async def drain(client: Client) -> list[ClientEvent]:
    """Read events until none comes any more."""
    events: list[ClientEvent] = []

    def note(event: ClientEvent) -> bool:
        events.append(event)
        return False

    with trio.move_on_after(1):
        await until(client, note)
    return events


async def test_presence_for_which_there_was_no_room_is_made_up_by_a_fresh_list(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await fill(server, client)
        server.tell(came("a-x", "xenia"))
        await settled()
        assert client.rooms["lobby"].members["a-x"].nick == "xenia"
        events = await drain(client)
        assert not [event for event in events if isinstance(event, Presence)]
        fresh = [event for event in events if isinstance(event, Joined) and event.room == "lobby"]
        assert len(fresh) == 2
        server.tell(came("a-y", "yuri"))
        assert await drain(client) == [came("a-y", "yuri")]


async def test_a_list_of_members_for_which_there_was_no_room_is_made_up_for(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await fill(server, client)
        server.tell(Members([], 0, False, "lobby"))
        await settled()
        assert len([event for event in await drain(client) if isinstance(event, Joined)]) == 3


async def test_a_join_whose_news_found_no_room_is_told_later(server: FakeServer) -> None:
    async with opened(server) as client:
        server.say("lobby", "hello")
        await fill(server, client)
        server.publishing = False
        joined = await client.join("lobby")
        assert client.rooms["lobby"].name == joined.room
        assert [event.room for event in await drain(client) if isinstance(event, Joined)] == ["filler", "lobby"]
        server.publishing = True
        server.publish()
        events = [event for event in await drain(client) if getattr(event, "room", "") == "lobby"]
        assert [type(event) for event in events] == [Message, Live]


async def test_a_gap_for_which_there_was_no_room_is_told_later(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await fill(server, client)
        server.epoch = "e2"
        server.cut()
        await trio.sleep(60)
        assert client.rooms["lobby"].epoch == "e1"
        events = [event for event in await drain(client) if getattr(event, "room", "") == "lobby"]
        assert Gap("lobby", 0, 1, "epoch") in events
        assert client.rooms["lobby"].epoch == "e2"


async def test_a_topic_is_known_though_its_entry_waits(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await fill(server, client)
        server.append("lobby", TopicSet("lobby", 1, NOW_MS, "a-x", "xenia", "tea"))
        await settled()
        assert client.rooms["lobby"].topic == "tea"
        assert [event.text for event in await drain(client) if isinstance(event, TopicSet)] == ["tea"]


async def test_notices_may_be_dropped_and_make_no_room_lag(server: FakeServer) -> None:
    async with opened(server) as client:
        await fill(server, client)
        server.tell(Notice("tea"))
        await drain(client)
        assert len(server.asked_of(Join)) == 1


async def test_of_many_cuts_that_nobody_read_the_last_is_told_after_what_came_before(server: FakeServer) -> None:
    async with opened(server) as client:
        await fill(server, client)
        for _ in range(5):
            server.cut()
            await trio.sleep(60)
        server.say("filler", "after the cuts")
        events = await drain(client)
        statuses = [type(event) for event in events if isinstance(event, Connected | Disconnected)]
        assert statuses == [Connected, Disconnected, Connected]
        assert texts(events) == [*map(str, range(len(texts(events)) - 1)), "after the cuts"]
        last_status = max(number for number, event in enumerate(events) if isinstance(event, Connected))
        assert texts(events[last_status:]) == ["after the cuts"]


async def test_nothing_comes_before_news_of_the_connection_that_are_held(server: FakeServer) -> None:
    async with opened(server) as client:
        await fill(server, client)
        server.cut()
        await trio.sleep(60)
        await anext(client)
        server.tell(Notice("this came after, and may be dropped"))
        await settled()
        assert not [event for event in await drain(client) if isinstance(event, Notice)]


async def test_a_room_that_refuses_while_it_catches_up_does_not_hold_up_the_others(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("one")
        await client.join("two")
        await fill(server, client)
        server.say("one", "lost")
        server.say("two", "kept")
        await settled()
        server.refuse(Join, "forbidden")
        events = await drain(client)
        assert "kept" in texts(events)
        assert "lost" not in texts(events)
        assert set(client.rooms) == {"two", "filler"}


async def test_a_room_that_cannot_catch_up_now_is_tried_again(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("one")
        await fill(server, client)
        server.say("one", "late")
        await settled()
        server.refuse(Join, "unavailable", retry_after_ms=100, times=3)
        assert texts(await until(client, lambda event: getattr(event, "text", "") == "late"))[-1] == "late"


async def test_a_room_that_is_being_left_is_not_joined_again_though_it_lags(
    server: FakeServer, nursery: trio.Nursery
) -> None:
    async with opened(server) as client:
        await client.join("one")
        await fill(server, client)
        server.say("one", "nobody reads this")
        await settled()
        with server.holding_answers():
            nursery.start_soon(client.leave, "one")
            await settled()
            await drain(client)
        await settled()
        assert set(client.rooms) == {"filler"}
        assert list(server.connections[0].cursors) == ["filler"]


async def test_a_room_that_is_being_left_is_not_tried_again_later(server: FakeServer, nursery: trio.Nursery) -> None:
    async with opened(server) as client:
        await client.join("one")
        await fill(server, client)
        server.say("one", "nobody reads this")
        await settled()
        server.refuse(Join, "unavailable", retry_after_ms=5_000)
        await drain(client)
        with server.holding_answers():
            nursery.start_soon(client.leave, "one")
            await trio.sleep(20)
        await settled()
        assert set(client.rooms) == {"filler"}
        assert list(server.connections[0].cursors) == ["filler"]


async def test_a_room_that_could_not_be_left_catches_up(server: FakeServer, nursery: trio.Nursery) -> None:
    refused = trio.Event()
    async with opened(server) as client:
        await client.join("one")
        await fill(server, client)
        server.say("one", "late")
        await settled()
        server.refuse(Leave, "internal")

        async def leave() -> None:
            with pytest.raises(Refused):
                await client.leave("one")
            refused.set()

        with server.holding_answers():
            nursery.start_soon(leave)
            await settled()
            assert "late" not in texts(await drain(client))
        await refused.wait()
        assert "late" in texts(await drain(client))


async def test_what_lags_when_the_connection_breaks_is_resumed_from_where_the_user_is(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        for number in range(1, 3 * EVENTS_WAITING + 1):
            server.say("lobby", f"{number}")
        await settled()
        server.cut()
        await trio.sleep(60)
        assert client.connected
        last = 3 * EVENTS_WAITING
        assert texts(await until(client, said(last))) == [*map(str, range(1, last + 1))]


async def test_nobody_reading_at_all_harms_nobody(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        for number in range(3 * EVENTS_WAITING):
            await client.post("lobby", f"{number}")
        assert waiting(client) == EVENTS_WAITING
        assert await live(client)
