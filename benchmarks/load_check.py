"""Whether everybody in a room gets every message, once, in order, and the same as everybody else.

This file owns what each receiver has of its room, by seq. It must not know sockets or clocks. What it is fed are
payloads: all members of a room get the same bytes, so those are decoded once, and compared from then on.
"""

from typing import Final

from benchmarks.load_posts import CHANGED, DISORDER, DOUBLED, LOST, Faults, Posts
from protocol import Entry

MOST_MISSING: Final = 10_000
"""Entries that a receiver still waits for are remembered one by one up to so many; what is skipped at once beyond
that is counted as lost, so that a server that names seq 2**53 costs no memory."""


class Seen:
    """An entry that somebody in the room has yet to see.

    Attributes:
        payload: the bytes by which it came first.
        entry: what they say.
        due_s: when it was due, in seconds since the start; None: it is no message of ours.
        unseen: how many receivers have yet to see it.
    """

    __slots__ = ("due_s", "entry", "payload", "unseen")

    def __init__(self, payload: bytes, entry: Entry, due_s: float | None, unseen: int) -> None:
        self.payload = payload
        self.entry = entry
        self.due_s = due_s
        self.unseen = unseen


class RoomLog:
    """What there is to see in one room.

    Attributes:
        name: the room's.
        head: the highest seq that anybody saw, or that was acknowledged.
        entries: those that somebody has yet to see, by seq.
        receivers: how many there are whose connection is not lost.
    """

    def __init__(self, name: str, posts: Posts, faults: Faults) -> None:
        self.name = name
        self.head = 0
        self.entries: dict[int, Seen] = {}
        self.receivers = 0
        self.posts = posts
        self.faults = faults

    def acknowledge(self, seq: int) -> None:
        """Know that there is an entry `seq`."""
        self.head = max(self.head, seq)


class Receiver:
    """What one client got of its room.

    Attributes:
        nick: its name.
        cursor: the highest seq that it got, or where it began.
        gone: its connection is lost, so nothing more is expected of it.
        room: the log that it reads.
    """

    __slots__ = ("_begun", "_entries", "_missing", "cursor", "gone", "nick", "room")

    def __init__(self, nick: str, room: RoomLog) -> None:
        self.nick = nick
        self.cursor = 0
        self.gone = False
        self.room = room
        self._entries = room.entries
        self._missing: set[int] = set()
        self._begun = False

    def begin(self, cursor: int) -> None:
        """Be in the room from here on: every entry above `cursor` has to come."""
        self._begun = True
        self.cursor = cursor
        self.room.receivers += 1
        self.room.acknowledge(cursor)

    def recognise(self, payload: bytes) -> Seen | None:
        """Take in a payload if it is the very one that has to come next and somebody else has seen it before."""
        seen = self._entries.get(self.cursor + 1)
        if seen is None or seen.payload != payload:
            return None
        self.cursor += 1
        self._count(self.cursor, seen)
        return seen

    def receive(self, entry: Entry, payload: bytes) -> Seen | None:
        """Take in an entry, whatever it is; return it unless this receiver had it already."""
        seq, faults, where = entry.seq, self.room.faults, f"{self.nick} in {self.room.name}"
        if seq in self._missing:
            self._missing.discard(seq)
            faults.note(DISORDER, f"{where} got seq {seq} after {self.cursor}")
        elif seq <= self.cursor:
            faults.note(DOUBLED, f"{where} got seq {seq} again after {self.cursor}")
            return None
        else:
            self._skip_to(seq)
        self.room.acknowledge(seq)
        seen = self._entries.get(seq)
        if seen is None:
            number = self.room.posts.see(entry)
            due_s = None if number is None else self.room.posts.due_s[number]
            seen = self._entries[seq] = Seen(payload, entry, due_s, self.room.receivers)
        elif seen.entry != entry:
            faults.note(CHANGED, f"{where} got another seq {seq} than others")
        self._count(seq, seen)
        return seen

    def lose(self, after: int, following: int) -> None:
        """Be told by the server that the entries between the two are not to be had."""
        what = f"{self.nick} in {self.room.name} was told of a gap from {after} to {following}"
        self.room.faults.note(LOST, what, max(1, following - after - 1))
        self.cursor = max(self.cursor, following - 1)

    def end(self) -> None:
        """Expect nothing more: the connection is lost."""
        self.room.receivers -= self._begun and not self.gone
        self.gone = True

    @property
    def complete(self) -> bool:
        """Whether nothing that is known to be there is still to come."""
        return self.gone or (self.cursor >= self.room.head and not self._missing)

    def compare(self) -> None:
        """Count what never came, once nothing more comes."""
        if self.gone:
            return
        never = sorted(self._missing)
        never += range(self.cursor + 1, min(self.room.head, self.cursor + MOST_MISSING) + 1)
        if never:
            self.room.faults.note(LOST, f"{self.nick} in {self.room.name} never got seq {never[0]}", len(never))

    def _skip_to(self, seq: int) -> None:
        skipped = range(self.cursor + 1, seq)
        if len(self._missing) + len(skipped) <= MOST_MISSING:
            self._missing.update(skipped)
        else:
            what = f"{self.nick} in {self.room.name} got seq {seq} after {self.cursor}"
            self.room.faults.note(LOST, what, len(skipped))
        self.cursor = seq

    def _count(self, seq: int, seen: Seen) -> None:
        seen.unseen -= 1
        if seen.unseen <= 0:
            del self._entries[seq]
