"""Opening rooms, and what happens to commits that arrive when nobody looks."""

import pytest
import trio
import trio.testing

from protocol import Message
from trio_chat.server.hub import Hub
from trio_chat.store import Commit, Duplicate, RoomRecord

pytestmark = pytest.mark.autojump


def committed(seq: int, origin: object = None) -> Commit:
    entry = Message("lobby", seq, 0, "a", "ann", f"line {seq}")
    return Commit(origin, [], [entry])


async def test_a_commit_while_its_room_is_opened_is_not_missing_from_the_head() -> None:
    """Somebody posts and is cut before the commit; somebody else opens the room meanwhile."""
    hub = Hub()

    async def find() -> RoomRecord:
        record = RoomRecord("lobby", 5, "")
        hub.on_commits([committed(6)])  # after the store looked, before the room is open
        await trio.lowlevel.checkpoint()
        return record

    room = await hub.open_room("lobby", find)
    assert room is not None
    assert room.head == 6


async def test_what_the_record_has_seen_is_not_published_again() -> None:
    hub = Hub()

    async def find() -> RoomRecord:
        await trio.lowlevel.checkpoint()
        hub.on_commits([committed(5)])
        return RoomRecord("lobby", 5, "")

    room = await hub.open_room("lobby", find)
    assert room is not None
    assert room.head == 5


async def test_a_room_is_opened_once_however_many_ask() -> None:
    hub = Hub()
    asked = 0

    async def find() -> RoomRecord:
        nonlocal asked
        asked += 1
        await trio.sleep(1)
        return RoomRecord("lobby", 0, "")

    rooms = []

    async def open_it() -> None:
        rooms.append(await hub.open_room("lobby", find))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(open_it)
    assert asked == 1
    assert all(room is rooms[0] for room in rooms)


async def test_a_failed_or_cancelled_opening_leaves_nothing_behind() -> None:
    hub = Hub()

    async def fail() -> RoomRecord:
        await trio.sleep(1)
        raise LookupError("no such disk")

    async def none() -> None:
        await trio.lowlevel.checkpoint()

    with pytest.raises(LookupError, match="disk"):
        await hub.open_room("lobby", fail)
    with trio.move_on_after(0.5):
        await hub.open_room("lobby", fail)
    assert await hub.open_room("lobby", none) is None
    assert hub.rooms == {}
    assert hub._opening == {}


async def test_everybody_who_appended_hears_of_it_in_order_before_anything_is_published() -> None:
    hub = Hub()
    heard: list[str] = []

    class Origin:
        def __init__(self, name: str) -> None:
            self.name = name

        def settle(self, commit: Commit) -> None:
            heard.append(self.name)

        def published(self) -> None:
            heard.append(f"{self.name}'s are out")

    class Publishing:
        head = 0

        def publish(self, entries: list[Message]) -> None:
            heard.append(f"published {[entry.seq for entry in entries]}")

    hub.rooms["lobby"] = Publishing()  # type: ignore[assignment]  # it notes what a room would publish
    hub.on_commits([committed(1, Origin("ann")), Commit(Origin("bob"), [], [Duplicate(1, 0)]), committed(2)])
    assert heard == ["ann", "bob", "published [1, 2]", "ann's are out", "bob's are out"]
