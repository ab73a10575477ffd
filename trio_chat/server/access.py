"""Who may go where: membership, rooms that one may enter or read, and how fast.

This file owns the rules that several requests share, each raising `Refusal`. It must not know requests or answers.
"""

from typing import TYPE_CHECKING

from trio_chat.names import room_name
from trio_chat.server.errors import Refusal
from trio_chat.server.limits import TokenBucket
from trio_chat.server.people import Person
from trio_chat.server.rooms import Membership, Room
from trio_chat.store import RoomRecord

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection


def membership_in(c: "Connection", name: str) -> Membership:
    """Return this connection's membership in a room.

    Raises:
        Refusal: it is in no such room, or nobody has said hello.
        NameRefused: no room can have that name.
    """
    found = maybe_membership_in(c, name)
    if found is None:
        me(c)
        raise Refusal("not_a_member", f"You are not in #{name}; join it first.")
    return found


def maybe_membership_in(c: "Connection", name: str) -> Membership | None:
    """Return this connection's membership in a room, if it is in there.

    Raises:
        NameRefused: no room can have that name.
    """
    found = c.memberships.get(name)
    if found is None and not name.startswith("~"):
        found = c.memberships.get(room_name(name))
    return found


def me(c: "Connection") -> Person:
    """Return who is at the other end.

    Raises:
        Refusal: nobody has said hello.
    """
    if c.person is None:
        raise Refusal("not_welcome", "Say hello first: nobody knows yet who asks.")
    return c.person


async def open_for(c: "Connection", name: str) -> Room:
    """Return a room that may be entered, opened; whoever calls enters it without awaiting in between."""
    store = c.hub.store
    if not name.startswith("~"):
        public = room_name(name)
        room = await c.hub.open_room(public, lambda: store.open_room(public))
    else:
        room = await c.hub.open_room(name, lambda: store.find_room(name))
        if room is not None and (room.between is None or me(c).author not in room.between):
            c.hub.close_if_empty(room)
            room = None
    if room is None:
        raise Refusal("no_such_room", "There is no such room that you may enter; /list shows the rooms.")
    return room


async def readable(c: "Connection", name: str) -> tuple[str, int]:
    """Return the name and head of a room that may be read without being in it: public, or one's own private one."""
    canonical = name if name.startswith("~") else room_name(name)
    room: Room | RoomRecord | None = c.hub.rooms.get(canonical)
    if room is None:
        room = await c.hub.store.find_room(canonical)
    if room is None or (room.between is not None and me(c).author not in room.between):
        raise Refusal("no_such_room", f"There is no room #{name} that you may read; /list shows the rooms.")
    return canonical, room.head


def limit(person: Person, now: float) -> None:
    """Count something that costs the room or the store against a person's rate, at `now` of Trio's clock.

    Raises:
        Refusal: `too_many`, with how long to wait.
    """
    bucket = person.bucket
    if bucket is not None:
        if not bucket.left(now):
            raise too_fast(bucket)
        bucket.spend(1)


def too_fast(bucket: TokenBucket) -> Refusal:
    """Return what somebody is told of whose rate nothing is left, with how long to wait."""
    return Refusal("too_many", "That was too fast; wait a moment and send it again.", int(bucket.wait_s * 1000) + 1)
