"""The rooms that are open, the people, and the store behind them: what all connections share.

This file owns which rooms are open, and turns what the store's feed brings into answers and publications. It
must not know how a connection works; it is handed things that can settle an append.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, cast

import trio

from protocol import Entry
from trio_chat.server.people import People
from trio_chat.server.rooms import Room
from trio_chat.server.tally import Tally
from trio_chat.store import Commit, Duplicate, Rejected, RoomRecord, Store

OPERATOR: Final = "server"
"""The nick of whoever runs the server; nobody may take it from outside its process."""


def unix_ms() -> int:
    """Return the time of this machine's clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Origin(Protocol):
    """Whoever called `append`, and waits to hear of it before the entries are published."""

    def settle(self, commit: Commit) -> None:
        """Take note of what became of the drafts."""

    def published(self) -> None:
        """Take note that the entries were published; this comes right after, nothing is awaited in between."""


class _Opening:
    """A room on its way from the store, and what was committed to it meanwhile by somebody who had just left."""

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.waiting = 0
        self.passed: list[Entry] = []


class Hub:
    """What all connections share.

    Attributes:
        rooms: the rooms in which somebody is, by name.
        people: everybody who has a nick here.
        tally: what is counted.
        store: set once the store is open; the store's feed is this object's `on_commits`.
    """

    store: Store

    def __init__(self, wall_clock_ms: Callable[[], int] = unix_ms) -> None:
        self.rooms: dict[str, Room] = {}
        self.people = People()
        self.tally = Tally()
        self.wall_clock_ms = wall_clock_ms
        self._opening: dict[str, _Opening] = {}

    def on_commits(self, commits: Sequence[Commit]) -> None:
        """Answer whoever appended, then publish. This is the store's feed: it never waits."""
        origins = [(cast(Origin, commit.origin), commit) for commit in commits if commit.origin is not None]
        for origin, commit in origins:
            origin.settle(commit)
        try:
            for name, entries in _entries_by_room(commits).items():
                self.tally.entries += len(entries)
                room = self.rooms.get(name)
                if room is not None:
                    room.publish(entries)
                elif name in self._opening:
                    self._opening[name].passed += entries
        finally:
            for origin, _ in origins:
                origin.published()

    async def open_room(self, name: str, find: Callable[[], Awaitable[RoomRecord | None]]) -> Room | None:
        """Return the open room, or open the one that `find` gives; None if it gives none.

        Whoever opens a room enters it or calls `close_if_empty` without awaiting in between.
        """
        room = self.rooms.get(name)
        if room is not None:
            return room
        opening = self._opening.setdefault(name, _Opening())
        opening.waiting += 1
        try:
            async with opening.lock:
                if name not in self.rooms and (record := await find()) is not None:
                    room = self.rooms[name] = Room(record, self.tally)
                    # What the record has not seen must not be missing from the head, or the next entry makes a hole.
                    room.publish([entry for entry in opening.passed if entry.seq > record.head])
                return self.rooms.get(name)
        finally:
            opening.waiting -= 1
            if not opening.waiting:
                del self._opening[name]

    def close_if_empty(self, room: Room) -> None:
        """Let go of a room in which nobody is; its log stays in the store."""
        if not room.members and self.rooms.get(room.name) is room:
            del self.rooms[room.name]


def _entries_by_room(commits: Sequence[Commit]) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {}
    name, added = "", list[Entry]()
    for commit in commits:
        for outcome in commit.outcomes:
            if type(outcome) is not Duplicate and type(outcome) is not Rejected:
                if outcome.room != name:
                    name = outcome.room
                    added = entries.setdefault(name, [])
                added.append(outcome)
    return entries
