"""The store `memory:`: the logs in lists, gone with the process.

This file owns the entries and how they change; nothing in it waits for anything. It must not know SQL. It is the
store for tests, for demonstrations, and for measuring what everything else costs.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import trio

from protocol import PAGE_BYTES, Entry, Message
from trio_chat.store.base import (
    Commit,
    Draft,
    Duplicate,
    Feed,
    Hits,
    Outcome,
    Page,
    Rejected,
    RoomRecord,
    Store,
)
from trio_chat.store.content import (
    Words,
    content_of_draft,
    content_of_entry,
    cut,
    digest_of,
    open_splitter,
    phrases,
)
from trio_chat.store.ids import TokenHex, check_public, fresh_id, fresh_id_not_in, parse_cursor, private_pair

SEARCHED_AT_ONCE: Final = 256
"""Messages that a search looks at between two checkpoints: about a millisecond of work."""


class _Room:
    """A room's log; `places[i]` is where in the log of all rooms the entry with the seq i + 1 stands."""

    __slots__ = ("between", "edits", "name", "places", "topic")

    def __init__(self, name: str, between: tuple[str, str] | None = None) -> None:
        self.name = name
        self.between = between
        self.topic = ""
        self.places: list[int] = []
        self.edits: dict[int, list[int]] = {}  # the places of the edits of a seq

    def record(self) -> RoomRecord:
        return RoomRecord(self.name, len(self.places), self.topic, self.between)

    def place(self, seq: int | None) -> int | None:
        return self.places[seq - 1] if seq is not None and 0 < seq <= len(self.places) else None


class MemoryStore:
    """The logs and the people in memory; a `Store`, opened by `open_memory`.

    What an entry costs besides itself is a place in two lists and under its key: what is kept for good has to be made,
    and objects that the garbage collector looks at would be looked at again and again.
    """

    def __init__(self, feed: Feed, token_hex: TokenHex) -> None:
        self.epoch = fresh_id(token_hex)
        self._feed = feed
        self._token_hex = token_hex
        self._rooms: dict[str, _Room] = {}
        self._log: list[Entry] = []  # of all rooms, in the order in which they came, in their present state
        self._digests: dict[int, bytes] = {}  # by place, of the contents that are gone
        self._keys: dict[str, dict[str, int]] = {}  # the places of what each author said, by key
        self._private: dict[tuple[str, str], _Room] = {}
        self._people: dict[bytes, str] = {}  # the author whose session has this hash
        self._split = open_splitter()

    async def append(self, drafts: Sequence[Draft], origin: object = None) -> Sequence[Outcome]:
        # No turn of the loop is taken: whoever appends has just waited for what it appends, and a turn costs as much
        # as all the rest of a post.
        await trio.lowlevel.checkpoint_if_cancelled()
        outcomes = self._append(drafts)
        if outcomes:
            self._feed([Commit(origin, drafts, outcomes)])
        return outcomes

    def _append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        log, author, name = self._log, None, None
        for draft in drafts:  # one loop, and no call for a message but that which makes the entry
            if draft.author != author:
                author = draft.author
                keys = self._keys.setdefault(author, {})
            if draft.room != name:
                name = draft.room
                room = self._rooms.get(name)
            if draft.key in keys:
                outcomes.append(self._repeated(keys[draft.key], draft))
            elif room is None:
                outcomes.append(Rejected("no_such_room"))
            elif draft.kind != "message" and not self._change(room, draft, len(log)):
                outcomes.append(Rejected("no_such_entry"))
            else:
                keys[draft.key] = place = len(log)
                room.places.append(place)
                entry = draft.entry(len(room.places))
                log.append(entry)
                outcomes.append(entry)
        return outcomes

    def _repeated(self, place: int, draft: Draft) -> Outcome:
        first, content, digest = self._log[place], content_of_draft(draft), self._digests.get(place)
        is_same = content == content_of_entry(first) if digest is None else digest_of(content) == digest
        return Duplicate(first.seq, first.at) if is_same and first.room == draft.room else Rejected("key_reused")

    def _change(self, room: _Room, draft: Draft, place: int) -> bool:
        """Do to the room what a draft says that is no message; False if it says it of nothing that can be changed."""
        if draft.kind == "topic_set":
            room.topic = draft.text
            return True
        where = room.place(draft.target)
        target = None if where is None else self._log[where]
        if where is None or not isinstance(target, Message) or target.redacted:
            return False
        if draft.kind == "edited":
            self._replace(where, msgspec.structs.replace(target, text=draft.text, edited_at=draft.at))
            room.edits.setdefault(target.seq, []).append(place)
            return True
        self._replace(where, msgspec.structs.replace(target, text="", redacted=True))
        for edit in room.edits.pop(target.seq, ()):
            self._replace(edit, msgspec.structs.replace(self._log[edit], text=""))
        return True

    def _replace(self, place: int, entry: Entry) -> None:
        self._digests.setdefault(place, digest_of(content_of_entry(self._log[place])))
        self._log[place] = entry

    async def page(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int, max_bytes: int
    ) -> Page:
        await trio.lowlevel.checkpoint()
        places = self._rooms[room].places if room in self._rooms else []
        first = 0 if after is None else max(0, after)
        end = len(places) if before is None else max(0, min(before - 1, len(places)))
        if after is not None:
            found = self._at(places[first : min(end, first + limit)])
            found = found[: cut(found, max_bytes)]
            return Page(found, first + len(found) < end)
        found = self._at(places[max(0, end - limit) : end])
        found.reverse()
        found = found[: cut(found, max_bytes)]
        found.reverse()
        return Page(found, len(found) < end)

    async def entry(self, room: str, seq: int) -> Entry | None:
        await trio.lowlevel.checkpoint()
        place = self._rooms[room].place(seq) if room in self._rooms else None
        return None if place is None else self._log[place]

    def _at(self, places: list[int]) -> list[Entry]:
        log = self._log
        return [log[place] for place in places]

    async def search(
        self,
        query: str,
        *,
        reader: str,
        room: str | None = None,
        nick: str | None = None,
        cursor: str | None = None,
        limit: int,
        max_bytes: int = PAGE_BYTES,
    ) -> Hits:
        end = len(self._log) if cursor is None else min(parse_cursor(cursor), len(self._log))
        await trio.lowlevel.checkpoint()
        wanted = phrases(query, self._split)
        folded = None if nick is None else nick.casefold()
        found: list[Message] = []
        places: list[int] = []
        for place in range(end - 1, -1, -1) if wanted else ():
            if (end - place) % SEARCHED_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            message = self._log[place]
            if not isinstance(message, Message) or not self._may_read(reader, message.room):
                continue
            if (
                room in (None, message.room)
                and folded in (None, message.nick.casefold())
                and self._holds(message, wanted)
            ):
                found.append(message)
                places.append(place)
                if len(found) > limit:
                    break
        count = cut(found[:limit], max_bytes)
        return Hits(found[:count], str(places[count - 1]) if count < len(found) else None)

    def _may_read(self, reader: str, room: str) -> bool:
        between = self._rooms[room].between
        return between is None or reader in between

    def _holds(self, message: Message, wanted: list[Words]) -> bool:
        words = self._split(message.text)
        return all(_holds_run(words, run) for run in wanted)

    async def open_room(self, name: str) -> RoomRecord:
        check_public(name)
        await trio.lowlevel.checkpoint()
        return self._rooms.setdefault(name, _Room(name)).record()

    async def find_room(self, name: str) -> RoomRecord | None:
        await trio.lowlevel.checkpoint()
        return self._rooms[name].record() if name in self._rooms else None

    async def rooms(self, *, after: str | None = None, limit: int) -> list[RoomRecord]:
        await trio.lowlevel.checkpoint()
        names = sorted(
            name for name, room in self._rooms.items() if room.between is None and (after is None or name > after)
        )
        return [self._rooms[name].record() for name in names[:limit]]

    async def private_room(self, one: str, other: str) -> RoomRecord:
        await trio.lowlevel.checkpoint()
        between = private_pair(one, other)
        room = self._private.get(between)
        if room is None:
            room = _Room(fresh_id_not_in(self._rooms, self._token_hex, "~"), between)
            self._private[between] = self._rooms[room.name] = room
        return room.record()

    async def identity(self, session_hash: bytes, now_ms: int) -> str:
        await trio.lowlevel.checkpoint()
        author = self._people.get(session_hash)
        if author is None:
            author = self._people[session_hash] = fresh_id_not_in(self._keys, self._token_hex)
            self._keys[author] = {}
        return author


def _holds_run(words: Words, run: Words) -> bool:
    return any(words[start : start + len(run)] == run for start in range(len(words) - len(run) + 1))


@asynccontextmanager
async def open_memory(feed: Feed, token_hex: TokenHex) -> AsyncIterator[Store]:
    """Open a store that nobody else sees and that ends with the block."""
    yield MemoryStore(feed, token_hex)
