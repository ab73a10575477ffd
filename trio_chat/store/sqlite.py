"""The store `sqlite:PATH`: one database file, one process.

This file owns putting the parts together, and their order on opening and closing. It must not know any SQL.

Three connections, each with its thread: one writes (`sqlite_commit`, in the batches that `sqlite_batches` makes), one
reads pages, one keeps the search index (`sqlite_index`, when `sqlite_search` says).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Literal

import apsw
import trio

from protocol import PAGE_BYTES, Entry
from trio_chat.store import sqlite_people, sqlite_reads
from trio_chat.store.base import Draft, Feed, Hits, Outcome, Page, RoomRecord, Store, StoreUnavailable
from trio_chat.store.ids import TokenHex, check_public, fresh_id, parse_cursor, private_pair
from trio_chat.store.sqlite_batches import Batches
from trio_chat.store.sqlite_commit import Writer
from trio_chat.store.sqlite_lock import locked, resolve
from trio_chat.store.sqlite_schema import end_run, prepare, unusable
from trio_chat.store.sqlite_search import SearchIndex, open_search
from trio_chat.store.sqlite_worker import CLOSE_S, Worker, open_worker


class SqliteStore:
    """The logs and the people in a database file; a `Store`, opened by `open_sqlite`."""

    def __init__(self, epoch: str, batches: Batches, reader: Worker, index: SearchIndex, token_hex: TokenHex) -> None:
        self.epoch = epoch
        self._batches = batches
        self._reader = reader
        self._index = index
        self._token_hex = token_hex

    async def append(self, drafts: Sequence[Draft], origin: object = None) -> Sequence[Outcome]:
        if not drafts:
            await trio.lowlevel.checkpoint()
            return []
        return await self._batches.append(drafts, origin)

    async def page(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int, max_bytes: int
    ) -> Page:
        reader = self._reader
        try:
            return await reader.run(sqlite_reads.page, reader.connection, room, after, before, limit, max_bytes)
        except apsw.Error as error:
            raise _cannot_read(error) from error

    async def entry(self, room: str, seq: int) -> Entry | None:
        try:
            return await self._reader.run(sqlite_reads.entry, self._reader.connection, room, seq)
        except apsw.Error as error:
            raise _cannot_read(error) from error

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
        before = None if cursor is None else parse_cursor(cursor)
        return await self._index.search(query, reader, room, nick, before, limit, max_bytes)

    async def open_room(self, name: str) -> RoomRecord:
        check_public(name)
        return await self._batches.do(partial(sqlite_people.open_room, name=name))

    async def find_room(self, name: str) -> RoomRecord | None:
        return await self._batches.do(partial(sqlite_people.find_room, name=name))

    async def rooms(self, *, after: str | None = None, limit: int) -> list[RoomRecord]:
        try:
            return await self._reader.run(sqlite_people.rooms, self._reader.connection, after, limit)
        except apsw.Error as error:
            raise _cannot_read(error) from error

    async def private_room(self, one: str, other: str) -> RoomRecord:
        between = private_pair(one, other)
        while True:
            fresh = "~" + fresh_id(self._token_hex)
            record = await self._batches.do(partial(sqlite_people.private_room, between=between, fresh=fresh))
            if record is not None:
                return record

    async def identity(self, session_hash: bytes, now_ms: int) -> str:
        while True:
            fresh = fresh_id(self._token_hex)
            author = await self._batches.do(
                partial(sqlite_people.identity, session_hash=session_hash, now_ms=now_ms, fresh=fresh)
            )
            if author is not None:
                return author


def _cannot_read(error: apsw.Error) -> StoreUnavailable:
    return StoreUnavailable(f"the storage cannot be read: {error}")


@asynccontextmanager
async def open_sqlite(
    path: str, feed: Feed, *, sync: Literal["full", "normal"], token_hex: TokenHex
) -> AsyncIterator[Store]:
    """Open a database file; see `trio_chat.store.open_store`."""
    file = resolve(path)
    async with AsyncExitStack() as opened:
        opened.enter_context(locked(file))
        try:
            commits = open_worker(str(file), "trio_chat commit", interruptible=False)
            committer = await opened.enter_async_context(commits)
            epoch = await committer.run(prepare, committer.connection, file, sync, token_hex)
            opened.push_async_callback(_end, committer)  # when nobody else has the file open
            writer = await committer.run(Writer, committer.connection)
            reader = await opened.enter_async_context(open_worker(str(file), "trio_chat read"))
        except apsw.Error as error:
            raise unusable(file, error) from error
        index = await opened.enter_async_context(open_search(file, epoch))
        batches = Batches(committer, writer, feed, index.wake)
        await opened.enter_async_context(_running(batches, index))
        yield SqliteStore(epoch, batches, reader, index, token_hex)


async def _end(committer: Worker) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S), suppress(apsw.Error):
        await committer.run(end_run, committer.connection)


@asynccontextmanager
async def _running(batches: Batches, index: SearchIndex) -> AsyncIterator[None]:
    """Run the store's tasks; an exception of the block passes as it is, one of theirs in a group."""
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batches.run)
        nursery.start_soon(index.follow)
        try:
            yield
        except Exception as error:  # raised again outside of the nursery, which would put it into a group
            failure = error
        finally:
            await batches.aclose()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
