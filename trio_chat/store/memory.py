"""The store `memory:`: the logs in lists, gone with the process.

This file owns the entries and how they change; nothing in it waits for anything. It must not know SQL. It is the
store for tests, for demonstrations, and for measuring what everything else costs.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import trio

from protocol import PAGE_BYTES, Edited, Entry, Message
from trio_chat.store.base import (
    Appended,
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
    """A room's log; `entries[i]` has the seq i + 1 and is in its present state."""

    __slots__ = ("between", "digests", "edits", "entries", "name", "topic")

    def __init__(self, name: str, between: tuple[str, str] | None = None) -> None:
        self.name = name
        self.between = between
        self.topic = ""
        self.entries: list[Entry] = []
        self.digests: dict[int, bytes] = {}  # by seq, of the contents that are gone
        self.edits: dict[int, list[Edited]] = {}  # by the seq that they edit

    def record(self) -> RoomRecord:
        return RoomRecord(self.name, len(self.entries), self.topic, self.between)

    def get(self, seq: int | None) -> Entry | None:
        return self.entries[seq - 1] if seq is not None and 0 < seq <= len(self.entries) else None

    def replace(self, entry: Entry) -> None:
        self.digests.setdefault(entry.seq, digest_of(content_of_entry(self.entries[entry.seq - 1])))
        self.entries[entry.seq - 1] = entry

    def is_repeat(self, seq: int, draft: Draft) -> bool:
        """Say whether `draft` has the content that came first at `seq`."""
        content, digest = content_of_draft(draft), self.digests.get(seq)
        if digest is None:
            return content == content_of_entry(self.entries[seq - 1])
        return digest_of(content) == digest


class MemoryStore:
    """The logs and the people in memory; a `Store`, opened by `open_memory`."""

    def __init__(self, feed: Feed, token_hex: TokenHex) -> None:
        self.epoch = fresh_id(token_hex)
        self._feed = feed
        self._token_hex = token_hex
        self._rooms: dict[str, _Room] = {}
        self._keys: dict[tuple[str, str], tuple[_Room, int]] = {}
        self._said: list[tuple[_Room, int]] = []  # all messages in the order in which they came
        self._private: dict[tuple[str, str], _Room] = {}
        self._people: dict[bytes, str] = {}  # the author whose session has this hash
        self._authors: set[str] = set()
        self._split = open_splitter()

    async def append(self, drafts: Sequence[Draft], origin: object = None) -> Sequence[Outcome]:
        await trio.lowlevel.checkpoint_if_cancelled()
        outcomes = [self._append(draft) for draft in drafts]
        if outcomes:
            self._feed([Commit(origin, drafts, outcomes)])
        await trio.lowlevel.cancel_shielded_checkpoint()
        return outcomes

    def _append(self, draft: Draft) -> Outcome:
        key = (draft.author, draft.key)
        if key in self._keys:
            first, seq = self._keys[key]
            if first.name == draft.room and first.is_repeat(seq, draft):
                return Duplicate(seq, first.entries[seq - 1].at)
            return Rejected("key_reused")
        room = self._rooms.get(draft.room)
        if room is None:
            return Rejected("no_such_room")
        if draft.kind != "message" and not self._change(room, draft):
            return Rejected("no_such_entry")
        entry = draft.entry(len(room.entries) + 1)
        room.entries.append(entry)
        self._keys[key] = (room, entry.seq)
        if draft.kind == "message":
            self._said.append((room, entry.seq))
        elif isinstance(entry, Edited):
            room.edits.setdefault(entry.target, []).append(entry)
        return Appended(entry)

    def _change(self, room: _Room, draft: Draft) -> bool:
        """Do to the room what a draft says that is no message; False if it says it of nothing that can be changed."""
        if draft.kind == "topic_set":
            room.topic = draft.text
            return True
        target = room.get(draft.target)
        if not isinstance(target, Message) or target.redacted:
            return False
        if draft.kind == "edited":
            room.replace(msgspec.structs.replace(target, text=draft.text, edited_at=draft.at))
            return True
        room.replace(msgspec.structs.replace(target, text="", redacted=True))
        for edit in room.edits.pop(target.seq, ()):
            room.replace(msgspec.structs.replace(edit, text=""))
        return True

    async def page(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int, max_bytes: int
    ) -> Page:
        await trio.lowlevel.checkpoint()
        entries = self._rooms[room].entries if room in self._rooms else []
        first = 0 if after is None else max(0, after)
        end = len(entries) if before is None else max(0, min(before - 1, len(entries)))
        if after is not None:
            found = entries[first : min(end, first + limit)]
            found = found[: cut(found, max_bytes)]
            return Page(found, first + len(found) < end)
        found = entries[max(0, end - limit) : end]
        found.reverse()
        found = found[: cut(found, max_bytes)]
        found.reverse()
        return Page(found, len(found) < end)

    async def entry(self, room: str, seq: int) -> Entry | None:
        await trio.lowlevel.checkpoint()
        return self._rooms[room].get(seq) if room in self._rooms else None

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
        end = len(self._said) if cursor is None else min(parse_cursor(cursor), len(self._said))
        await trio.lowlevel.checkpoint()
        wanted = phrases(query, self._split)
        folded = None if nick is None else nick.casefold()
        found: list[Message] = []
        places: list[int] = []
        for place in range(end - 1, -1, -1) if wanted else ():
            if (end - place) % SEARCHED_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            where, seq = self._said[place]
            if where.between is not None and reader not in where.between:
                continue
            message = where.entries[seq - 1]
            assert isinstance(message, Message)
            if (
                room in (None, where.name)
                and folded in (None, message.nick.casefold())
                and self._holds(message, wanted)
            ):
                found.append(message)
                places.append(place)
                if len(found) > limit:
                    break
        count = cut(found[:limit], max_bytes)
        return Hits(found[:count], str(places[count - 1]) if count < len(found) else None)

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
            author = fresh_id_not_in(self._authors, self._token_hex)
            self._people[session_hash] = author
            self._authors.add(author)
        return author


def _holds_run(words: Words, run: Words) -> bool:
    return any(words[start : start + len(run)] == run for start in range(len(words) - len(run) + 1))


@asynccontextmanager
async def open_memory(feed: Feed, token_hex: TokenHex) -> AsyncIterator[Store]:
    """Open a store that nobody else sees and that ends with the block."""
    yield MemoryStore(feed, token_hex)
