"""Searching a log in SQLite, and keeping its index up with it, out of the way of commits.

This file owns when the index takes in entries, and what happens when it fails. It must not know its tables. Whatever
happens to the index, the log does not notice: a search says that it cannot be done, and the next one tries again.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import apsw
import trio

from trio_chat.store import sqlite_index
from trio_chat.store.base import Hits, StoreUnavailable
from trio_chat.store.content import open_splitter, phrases
from trio_chat.store.sqlite_worker import Worker, open_worker

PAUSE_S: Final = 0.1
"""Between two steps that nobody waits for. Under load they then take in many entries at once, and leave the processor
to the commits: a search that finds the index behind catches up by itself."""

CLEAN_S: Final = 1.0
"""How long wiping the index of traces may hold up a stop: enough for a gigabyte. The next start does what is left."""

_DAMAGED: Final = (apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError)

T = TypeVar("T")


class _Discarded(StoreUnavailable):
    """The index was of no use and has been deleted: the next use makes it anew."""


class SearchIndex:
    """The index of a log; made by `open_search`."""

    def __init__(self, log: Path, epoch: str) -> None:
        self._log = log
        self._epoch = epoch
        self._split = open_splitter()
        self._new = trio.Event()
        self._new.set()  # whatever came since the index was last open
        self._lock = trio.Lock()  # of whoever uses the index, from opening it to its answer
        self._use_scope = trio.CancelScope()
        self._is_closed = False
        self._is_clean = False
        self._worker: Worker | None = None
        self._worker_exit = AsyncExitStack()

    def wake(self) -> None:
        """Say that there is something new in the log."""
        self._new.set()

    async def follow(self) -> None:
        """Take in what is new, a step at a time, until cancelled."""
        while True:
            await self._new.wait()
            self._new = trio.Event()
            with suppress(StoreUnavailable):  # whoever searches will be told
                if await self._use(sqlite_index.step):
                    self._new.set()
            await trio.sleep(PAUSE_S)

    async def search(
        self,
        query: str,
        reader: str,
        room: str | None,
        nick: str | None,
        before: int | None,
        limit: int,
        max_bytes: int,
    ) -> Hits:
        """Search as `Store.search` says, for what stands before a place in the log."""
        wanted = phrases(query, self._split)
        await trio.lowlevel.checkpoint()
        if not wanted:
            return Hits([], None)
        ask = partial(
            sqlite_index.search,
            wanted=wanted,
            reader=reader,
            room=room,
            nick=nick,
            before=before,
            limit=limit,
            max_bytes=max_bytes,
        )
        with suppress(_Discarded):
            return await self._catch_up_and(ask)
        return await self._catch_up_and(ask)

    async def _catch_up_and(self, ask: Callable[[apsw.Connection], Hits]) -> Hits:
        while await self._use(sqlite_index.step):
            pass
        return await self._use(ask)

    async def _use(self, function: Callable[[apsw.Connection], T]) -> T:
        """Run a function on the index's thread.

        Raises:
            StoreUnavailable: the index cannot be used, or (`_Discarded`) not until it is made anew.
        """
        async with self._lock:
            if not self._is_closed:
                with trio.CancelScope() as self._use_scope:
                    try:
                        worker = self._worker or await self._open()
                        return await worker.run(function, worker.connection)
                    except _DAMAGED as error:
                        await self._discard()
                        raise _Discarded(f"the search index is damaged ({error}) and is made anew") from error
                    except (apsw.Error, OSError) as error:
                        raise StoreUnavailable(f"the search index cannot be used: {error}") from error
        raise StoreUnavailable("the store is closed")

    async def _open(self) -> Worker:
        worker = await self._start()
        if not self._is_clean and await worker.run(sqlite_index.has_traces, worker.connection):
            await self._close()
            await trio.to_thread.run_sync(sqlite_index.clean, self._log)
            worker = await self._start()
        self._is_clean = True
        return worker

    async def _start(self) -> Worker:
        try:
            worker, fits = await self._try_file()
            if not fits:
                await self._discard()
                worker, fits = await self._try_file()
                assert fits, "a new index fits its log"
        except BaseException:
            await self._close()
            raise
        self._worker = worker
        return worker

    async def _try_file(self) -> tuple[Worker, bool]:
        path = sqlite_index.index_path(self._log)
        worker = await self._worker_exit.enter_async_context(open_worker(path, "trio_chat search"))
        return worker, await worker.run(sqlite_index.prepare_index, worker.connection, self._log, self._epoch)

    async def _close(self) -> None:
        self._worker = None
        await self._worker_exit.aclose()

    async def _discard(self) -> None:
        await self._close()
        sqlite_index.delete_index(self._log)

    async def aclose(self) -> None:
        """Close the index, and wipe it of traces if there is time. Uses under way end with `StoreUnavailable`."""
        self._is_closed = True
        self._use_scope.cancel()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLEAN_S):
            async with self._lock:
                await self._finish()

    async def _finish(self) -> None:
        worker, has_traces = self._worker, False
        with suppress(apsw.Error, OSError):  # derived data: the next start finds out what it is worth
            if worker is not None:
                while await worker.run(sqlite_index.step, worker.connection):
                    pass  # what was redacted last is to be gone, too
                has_traces = await worker.run(sqlite_index.has_traces, worker.connection)
            await self._close()
            if has_traces:
                await trio.to_thread.run_sync(sqlite_index.clean, self._log)


@asynccontextmanager
async def open_search(log: Path, epoch: str) -> AsyncIterator[SearchIndex]:
    """Give a log's index to use; it is opened when it is first used. The caller runs `follow` in a task."""
    index = SearchIndex(log, epoch)
    try:
        yield index
    finally:
        await index.aclose()
