"""The store on a disk: a `Store` that loses what was not yet committed when it is killed.

This file owns the line of what is to be committed, and telling the feed. It keeps what `trio_chat/store/base.py`
says, held to that by the contract tests of tests/store. It must not know servers.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from protocol import PAGE_BYTES, Entry
from tests.simulation.disk import Disk, Moment, Op
from trio_chat.store import (
    APPENDS_WAITING,
    BATCH_DRAFTS,
    Commit,
    Draft,
    Feed,
    Hits,
    Outcome,
    Page,
    RoomRecord,
    Store,
    StoreUnavailable,
)


class _Waiting:
    """A call in line: drafts to append, or something else to do in the same transaction, before them."""

    def __init__(self, drafts: tuple[Draft, ...], origin: object, job: Op | None) -> None:
        self.drafts = drafts
        self.origin = origin
        self.job = job
        self.answered = trio.Event()
        self.result: Any = None
        self.error: str | None = None

    def answer(self, result: Any) -> None:
        self.result = result
        self.answered.set()

    def fail(self, error: str) -> None:
        self.error = error
        self.answered.set()


class DiskStore:
    """A `Store` on a disk, opened by `open_disk`.

    Attributes:
        is_dead: whether the process was killed: nothing it does now has an effect.
        is_busy: whether a transaction is under way.
    """

    def __init__(self, disk: Disk, feed: Feed) -> None:
        self.epoch = disk.life.epoch
        self.is_dead: bool = False
        self._disk = disk
        self._feed = feed
        self._line, self._waiting = trio.open_memory_channel[_Waiting](APPENDS_WAITING)
        self._doubt: list[Commit] = []  # kept, and the feed does not know
        self._ended = trio.Event()
        self._scope = trio.CancelScope(shield=True)
        self.is_busy = False  # committing

    def kill(self) -> None:
        """End as a process does that is killed: what is not durable by now never will be."""
        self.is_dead = True
        self._scope.cancel()

    # --- writing --------------------------------------------------------------------------------------

    async def append(self, drafts: Sequence[Draft], origin: object = None) -> Sequence[Outcome]:
        if not drafts:
            return []
        outcomes: Sequence[Outcome] = await self._ask(_Waiting(tuple(drafts), origin, None))
        return outcomes

    async def _do(self, name: str, *arguments: Any) -> Any:
        return await self._ask(_Waiting((), None, (name, arguments)))

    async def _ask(self, waiting: _Waiting) -> Any:
        try:
            await self._line.send(waiting)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise StoreUnavailable("the store is closed") from None
        await waiting.answered.wait()
        if waiting.error is not None:
            raise StoreUnavailable(waiting.error)
        return waiting.result

    async def run(self) -> None:
        """Commit what waits, in batches, until the store is closed."""
        try:
            with self._scope:
                async for first in self._waiting:
                    self.is_busy = True
                    await self._commit([first, *self._more(len(first.drafts) or 1)])
                    self.is_busy = False
        finally:
            self._ended.set()

    def _more(self, drafts: int) -> Iterator[_Waiting]:
        """Yield what else waits, as far as one transaction takes it."""
        while drafts < BATCH_DRAFTS:
            try:
                waiting = self._waiting.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return
            yield waiting
            drafts += len(waiting.drafts) or 1

    async def _commit(self, batch: list[_Waiting]) -> None:
        self._reach("committing")
        await self._disk.work()
        if self.is_dead or self._disk.fails("refused"):
            for waiting in batch:
                waiting.fail("the disk took nothing")
            return
        commits = await self._write(batch)
        self._disk.count("commits")
        self._reach("committed")
        await self._disk.work()
        if self._disk.fails("kept") or self.is_dead:
            self._doubt += commits
            for waiting in batch:
                waiting.fail("the disk does not say what it has kept")
            return
        if commits:
            self._feed(commits)
        for waiting in batch:
            waiting.answer(waiting.result)

    def _reach(self, moment: Moment) -> None:
        if not self.is_dead:
            self._disk.on_moment(moment)

    async def _write(self, batch: list[_Waiting]) -> list[Commit]:
        """Make a batch durable: first what is no entry, then all drafts in one go."""
        if self._doubt:
            doubt, self._doubt = self._doubt, []
            self._feed(doubt)
        for waiting in batch:
            if waiting.job is not None:
                name, arguments = waiting.job
                try:
                    if name == "find_room":
                        waiting.result = await (await self._disk.store()).find_room(*arguments)
                    else:
                        waiting.result = await self._disk.do(name, *arguments)
                except ValueError as error:
                    waiting.fail(str(error))
            if self.is_dead:
                return []
        drafts = [draft for waiting in batch for draft in waiting.drafts]
        outcomes = iter(await self._disk.do("append", drafts) if drafts else [])
        commits = []
        for waiting in batch:
            if waiting.job is None:
                waiting.result = [next(outcomes) for _ in waiting.drafts]
                commits.append(Commit(waiting.origin, waiting.drafts, waiting.result))
        return commits

    async def aclose(self) -> None:
        """Commit what is in line, and close."""
        self._line.close()
        with trio.CancelScope(shield=not self.is_dead):
            await self._ended.wait()

    # --- reading --------------------------------------------------------------------------------------

    async def _read(self, name: str, *arguments: Any, **named: Any) -> Any:
        await self._disk.work()
        if self.is_dead or self._disk.fails("reads"):
            raise StoreUnavailable("the disk cannot be read")
        found = await getattr(await self._disk.store(), name)(*arguments, **named)
        await self._disk.work()  # what was read may be old by the time it is there
        return found

    async def page(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int, max_bytes: int
    ) -> Page:
        self._disk.count("pages read")
        page: Page = await self._read("page", room, after=after, before=before, limit=limit, max_bytes=max_bytes)
        return page

    async def entry(self, room: str, seq: int) -> Entry | None:
        entry: Entry | None = await self._read("entry", room, seq)
        return entry

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
        hits: Hits = await self._read(
            "search", query, reader=reader, room=room, nick=nick, cursor=cursor, limit=limit, max_bytes=max_bytes
        )
        return hits

    async def rooms(self, *, after: str | None = None, limit: int) -> list[RoomRecord]:
        rooms: list[RoomRecord] = await self._read("rooms", after=after, limit=limit)
        return rooms

    # --- what is made durable where it is new: in line with the commits, as every head has to be -------------

    async def open_room(self, name: str) -> RoomRecord:
        if name.startswith("~"):
            raise ValueError(f"{name!r} is the name of a private room")
        record: RoomRecord = await self._do("open_room", name)
        return record

    async def find_room(self, name: str) -> RoomRecord | None:
        record: RoomRecord | None = await self._do("find_room", name)
        return record

    async def private_room(self, one: str, other: str) -> RoomRecord:
        record: RoomRecord = await self._do("private_room", one, other)
        return record

    async def identity(self, session_hash: bytes, now_ms: int) -> str:
        author: str = await self._do("identity", session_hash, now_ms)
        return author


@asynccontextmanager
async def open_disk(disk: Disk, feed: Feed, on_open: Callable[[DiskStore], None] | None = None) -> AsyncIterator[Store]:
    """Open the store on a disk for as long as the block lasts."""
    await disk.store()
    store = DiskStore(disk, feed)
    if on_open is not None:
        on_open(store)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.run)
        try:
            yield store
        except Exception as error:  # raised again outside of the nursery, which would put it into a group
            failure = error
        finally:
            await store.aclose()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
