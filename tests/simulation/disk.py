"""A disk, and the store on it: slow, failing, and losing what was not yet committed when the server is killed.

This file owns what survives a server, and a `Store` that keeps the text of `trio_chat/store/base.py` on it, held to
that by the contract tests of tests/store. What a log is, it leaves to the store in memory. It must not know servers.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import trio

from protocol import PAGE_BYTES, Entry
from trio_chat.store import (
    APPENDS_WAITING,
    BATCH_DRAFTS,
    Appended,
    Commit,
    Draft,
    Feed,
    Hits,
    Outcome,
    Page,
    RoomRecord,
    Store,
    StoreUnavailable,
    open_store,
)

Fault = Literal["refused", "kept", "reads"]
"""A commit of which nothing is kept; one that is kept, though nobody is told; a read that fails."""

Moment = Literal["committing", "committed"]
"""Before anything of a transaction is durable; after, and before anybody knows."""


@dataclass
class Life:
    """What was committed to the logs under one epoch, in order, whoever lived to hear of it.

    Attributes:
        drafts: each new entry with its draft, by room, in order of seq.
        ticks: when each became durable.
        keys: where each author's key is.
    """

    epoch: str
    drafts: dict[str, list[tuple[Draft, Entry]]] = field(default_factory=dict)
    ticks: dict[tuple[str, int], int] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)  # keys that name two entries

    def add(self, draft: Draft, entry: Entry, tick: int) -> None:
        self.drafts.setdefault(entry.room, []).append((draft, entry))
        self.ticks[entry.room, entry.seq] = tick
        if (draft.author, draft.key) in self.keys:
            self.twice.append(draft.key)
        self.keys[draft.author, draft.key] = (entry.room, entry.seq)

    def head(self, room: str) -> int:
        return len(self.drafts.get(room, ()))


Op = tuple[str, tuple[Any, ...]]
"""A method of a store, and its arguments."""


class _Tokens:
    """Randomness for a store, which can be given again in the same order."""

    def __init__(self, random: Random) -> None:
        self.given: list[str] = []
        self.again: deque[str] = deque()
        self._random = random

    def __call__(self, count: int) -> str:
        token = self.again.popleft() if self.again else self._random.randbytes(count).hex()
        self.given.append(token)
        return token


class Disk:
    """What survives the servers that come and go on it.

    Attributes:
        lives: the logs' lives, the present one last.
        slow_s: how long a commit or a read takes, more or less.
        faults: how many of the next operations fail, and how.
        on_moment: called when a transaction reaches a moment; it may kill the server.
    """

    def __init__(self, random: Random, tick: Callable[[], int], *, jittery: bool = True) -> None:
        self.lives: list[Life] = []
        self.slow_s = 0.0
        self.faults: dict[Fault, int] = {}
        self.on_moment: Callable[[Moment], None] = lambda moment: None
        self.on_work: Callable[[], None] = lambda: None
        self.events: dict[str, int] = {}
        self._random = random
        self._tick = tick
        self._jittery = jittery
        self._tokens = _Tokens(random)
        self._ops: list[tuple[str, tuple[Any, ...], tuple[str, ...]]] = []  # with the tokens that each was given
        self._store: Store | None = None

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def count(self, event: str) -> None:
        self.events[event] = self.events.get(event, 0) + 1

    async def work(self) -> None:
        """Take the time that the disk takes."""
        self.on_work()
        if self.slow_s:
            seconds = self.slow_s * self._random.uniform(0.5, 1.5)
        else:
            seconds = self._random.choice((0.0, 0.0, 0.0, 0.002, 0.02)) if self._jittery else 0.0
        await trio.sleep(seconds)

    def fails(self, fault: Fault) -> bool:
        if not self.faults.get(fault):
            return False
        self.faults[fault] -= 1
        self.count(f"store failed: {fault}")
        return True

    async def store(self) -> Store:
        """Return the store in memory that holds what is durable."""
        if self._store is None:
            await self._start_log([])
        assert self._store is not None
        return self._store

    async def do(self, name: str, *arguments: Any) -> Any:
        """Do something durable; the outcomes of drafts go into the present life."""
        store = await self.store()
        before = len(self._tokens.given)
        done = await getattr(store, name)(*arguments)
        self._ops.append((name, arguments, tuple(self._tokens.given[before:])))
        return done

    async def roll_back(self, operations: int) -> None:
        """Lose the newest operations, as a loss of power does without fsync; the logs live on under a new epoch."""
        self.count("rolled back")
        await self._start_log(self._ops[: max(0, len(self._ops) - operations)])

    async def _start_log(self, done: Sequence[tuple[str, tuple[Any, ...], tuple[str, ...]]]) -> None:
        async with open_store("memory:", self._keep, token_hex=self._tokens) as store:
            self.lives.append(Life(store.epoch))
            self._ops, self._store = list(done), store
            for name, arguments, tokens in done:
                self._tokens.again.extend(tokens)
                await getattr(store, name)(*arguments)

    def _keep(self, commits: Sequence[Commit]) -> None:
        """Note what has just become durable: the feed of the store in memory."""
        tick = self._tick()
        for commit in commits:
            for draft, outcome in zip(commit.drafts, commit.outcomes, strict=True):
                if isinstance(outcome, Appended):
                    self.life.add(draft, outcome.entry, tick)


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
        self.is_dead = False
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
        if self.is_dead or self._disk.fails("kept"):
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
