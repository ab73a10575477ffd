"""Rooms while somebody is in them: who is there, up to where the log was published, and publishing.

This file owns the head, the live members and presence. A room's content is the store's; what a connection
has been sent is its delivery's. Nothing here awaits anybody: publishing is synchronous.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import trio

from protocol import Entry, FromServer, Member, Message, Presence, TopicSet, encode, encode_frame, encode_frames
from trio_chat.server.people import Person
from trio_chat.server.tally import Tally

if TYPE_CHECKING:
    from trio_chat.server.delivery import Delivery
    from trio_chat.store import RoomRecord

BLOCK_BYTES: Final = 196_608
"""Entries are published in blocks of about this size: what one read brings in fits, and one block never fills an outbox
by itself."""

MEMBERS_SHOWN: Final = 500
"""How many members `joined` and a fresh `members` list; the rest is asked for."""


class Membership:
    """One connection in one room, with its cursor.

    Attributes:
        cursor: while it is not live, the seq it has been sent.
    """

    __slots__ = ("cursor", "delivery", "person", "room")

    def __init__(self, room: "Room", person: Person, delivery: "Delivery", cursor: int) -> None:
        self.room = room
        self.person = person
        self.delivery = delivery
        self.cursor = cursor


class Room:
    """A room in which somebody is.

    Attributes:
        head: the seq last published in this process; pages end here, so that no entry comes twice.
        topic: the present one.
        between: the two authors of a private room.
        hops: of its last message; None: that was said before the room was opened.
        came: since when each person is here, on Trio's clock.
    """

    __slots__ = ("_live", "_present", "_tally", "between", "came", "head", "hops", "members", "name", "topic")

    def __init__(self, record: "RoomRecord", tally: Tally) -> None:
        self._tally = tally
        self.name = record.name
        self.head = record.head
        self.topic = record.topic
        self.between = record.between
        self.hops: int | None = None
        self.came: dict[Person, float] = {}
        self.members: set[Membership] = set()
        self._live: set[Membership] = set()
        self._present: dict[Person, int] = {}  # person -> its connections here

    def publish(self, entries: Sequence[Entry]) -> None:
        """Give new entries, which follow the head without a hole, to every live member."""
        for entry in entries:
            if type(entry) is TopicSet:
                self.topic = entry.text
        for entry in reversed(entries):
            if type(entry) is Message:
                self.hops = entry.hops
                break
        for first, last, block in _blocks(entries):
            self.head = last
            behind = [m for m in self._live if not m.delivery.offer(block)]
            self._tally.delivered_live += (len(self._live) - len(behind)) * (last - first + 1)
            for membership in behind:
                self._fall_behind(membership, first - 1)

    def announce(self, event: FromServer, but: Membership | None = None) -> None:
        """Give an event that is no entry to every member; whose outbox is full gets a fresh list of members later."""
        block = encode_frame(encode(event))
        for membership in self.members:
            if membership is not but and not membership.delivery.offer(block):
                membership.delivery.miss_presence(membership)

    def show(self, what: int, block: bytes, but: Membership | None) -> None:
        """Give a block to every member of which only the newest counts, among those of the same number."""
        for membership in self.members:
            if membership is not but:
                membership.delivery.show(what, block)

    def forget_shown(self, what: int) -> None:
        """Show nothing of this number any more that was not sent yet."""
        for membership in self.members:
            membership.delivery.forget_shown(what)

    def enter(self, membership: Membership, *, quiet: bool = False) -> None:
        """Add a member and let it catch up from its cursor.

        The others hear of it if the person was not here yet, unless `quiet`.
        """
        person = membership.person
        self.members.add(membership)
        here = self._present.get(person, 0)
        self._present[person] = here + 1
        if not here:
            self.came[person] = trio.current_time()
        if not here and not quiet:
            event = Presence(self.name, person.author, person.nick, "joined", bot=person.bot)
            self.announce(event, but=membership)
        membership.delivery.catch_up(membership)

    def exit(self, membership: Membership, change: str) -> None:
        """Remove a member; the others hear of it (`left` or `lost`) if the person has no connection here any more."""
        person = membership.person
        self.members.discard(membership)
        self._live.discard(membership)
        membership.delivery.forget(membership)
        self._present[person] -= 1
        if not self._present[person]:
            del self._present[person]
            del self.came[person]
            self.announce(Presence(self.name, person.author, person.nick, change))

    def replace(self, old: Membership, new: Membership) -> None:
        """Let a member who is here start anew from another cursor."""
        self.members.discard(old)
        self._live.discard(old)
        old.delivery.forget(old)
        self.members.add(new)
        new.delivery.catch_up(new)

    def go_live(self, membership: Membership) -> None:
        """Turn a member live whose cursor is at the head; the caller has not awaited since it saw that."""
        self._live.add(membership)

    def recall_hops(self, hops: int) -> None:
        """Note the hops of the last message that the store has, unless something was said meanwhile."""
        if self.hops is None:
            self.hops = hops

    @property
    def count(self) -> int:
        """How many people are here."""
        return len(self._present)

    @property
    def people(self) -> Iterable[Person]:
        """Who is here, in order of arrival."""
        return self._present.keys()

    def _fall_behind(self, membership: Membership, cursor: int) -> None:
        self._live.discard(membership)
        membership.cursor = cursor
        membership.delivery.catch_up(membership)


def member(person: Person) -> Member:
    """Return how a person is shown in a list."""
    return Member(person.author, person.nick, person.bot)


def _blocks(entries: Sequence[Entry]) -> Iterable[tuple[int, int, bytes]]:
    """Cut entries into blocks of frames: the seq of the first and of the last entry, and the bytes."""
    payloads = list(map(encode, entries))
    start, size = 0, 0
    for end, payload in enumerate(payloads, 1):
        size += len(payload)
        if size >= BLOCK_BYTES or end == len(payloads):
            yield entries[start].seq, entries[end - 1].seq, encode_frames(payloads[start:end])
            start, size = end, 0
