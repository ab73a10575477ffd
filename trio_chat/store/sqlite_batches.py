"""Group commit: whatever waits goes into one transaction.

This file owns the task that commits, the bounded line of what waits for it, and telling the feed and whoever waits. It
must not know SQL. Nobody's cancellation or deadline reaches a transaction: a cancelled COMMIT is one of which nobody
knows the outcome.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import apsw
import trio

from trio_chat.store.base import APPENDS_WAITING, BATCH_DRAFTS, Commit, Draft, Feed, Outcome, StoreUnavailable
from trio_chat.store.sqlite_commit import Append, Attempt, Job, Request, Settlement, Writer
from trio_chat.store.sqlite_worker import Worker

CLOSE_S: Final = 3.0
"""How long a store that is left goes on committing what was handed over; then it gives up, and tells whoever waits."""

CHECKPOINT_RETRY_S: Final = 1.0
"""When to try again to empty the write-ahead log after a redaction, if somebody was reading."""

T = TypeVar("T")


class _Waiting:
    """A request in line, and its answer."""

    __slots__ = ("answered", "error", "request", "result")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answered = trio.Event()
        self.result: Any = None
        self.error: Exception | None = None

    def answer(self, result: Any) -> None:
        self.result = result
        self.answered.set()

    def fail(self, message: str, cause: Exception | None) -> None:
        self.error = StoreUnavailable(message)
        self.error.__cause__ = cause
        self.answered.set()


class Batches:
    """What commits; its task is `run`, in a nursery of the store's."""

    def __init__(self, worker: Worker, writer: Writer, feed: Feed, on_commit: Callable[[], None]) -> None:
        self._worker = worker
        self._writer = writer
        self._feed = feed
        self._on_commit = on_commit
        self._scope = trio.CancelScope(shield=True)
        self._batch: list[_Waiting] = []  # what is being committed
        self._has_redacted = False
        self._line, self._waiting = trio.open_memory_channel[_Waiting](APPENDS_WAITING)
        self._ended = trio.Event()

    # --- for everybody --------------------------------------------------------------------------------

    async def append(self, drafts: Sequence[Draft], origin: object) -> Sequence[Outcome]:
        """Append as `Store.append` says."""
        outcomes: Sequence[Outcome] = await self._ask(Append(tuple(drafts), origin))
        return outcomes

    async def do(self, function: Callable[[apsw.Connection], T]) -> T:
        """Run a function in a transaction, with whatever else waits; it may run again if that fails.

        Raises:
            StoreUnavailable: the storage failed.
        """
        result: T = await self._ask(Job(function))
        return result

    async def _ask(self, request: Request) -> Any:
        waiting = _Waiting(request)
        try:
            await self._line.send(waiting)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise StoreUnavailable("the store is closed") from None
        await waiting.answered.wait()
        if waiting.error is not None:
            raise waiting.error
        return waiting.result

    # --- the task -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit until `aclose`."""
        try:
            # The shield has its deadline from the moment in which the store is left.
            with self._scope:
                while batch := await self._next_batch():
                    await self._commit(batch)
        finally:
            self._ended.set()
            self._give_up()

    async def aclose(self) -> None:
        """Take nothing more, commit what is in line, within `CLOSE_S`, and wait for the task to end."""
        self._scope.deadline = trio.current_time() + CLOSE_S
        self._line.close()
        with trio.CancelScope(shield=True, deadline=self._scope.deadline + 1):
            await self._ended.wait()

    async def _next_batch(self) -> list[_Waiting]:
        """Return what waits, as soon as there is anything; nothing at the end."""
        self._batch = []
        drafts = 0
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while drafts < BATCH_DRAFTS:
                waiting = self._waiting.receive_nowait() if self._batch else await self._first()
                self._batch.append(waiting)
                drafts += len(waiting.request.drafts) if type(waiting.request) is Append else 1
        return self._batch

    async def _first(self) -> _Waiting:
        """Return the next request; while there is none, empty the write-ahead log of what was redacted."""
        while True:
            if self._has_redacted and not self._waiting.statistics().current_buffer_used:
                with suppress(apsw.Error):  # then the storage fails, and the next commit will say so
                    self._has_redacted = not await self._worker.run(self._writer.checkpoint)
            with trio.move_on_after(CHECKPOINT_RETRY_S if self._has_redacted else math.inf):
                return await self._waiting.receive()

    async def _commit(self, batch: list[_Waiting]) -> None:
        requests = tuple(waiting.request for waiting in batch)
        settlement = await self._worker.run(self._writer.commit, requests)
        self._has_redacted = settlement.has_redacted
        self._tell_feed(settlement)
        if settlement.error is None:
            for waiting, result in zip(batch, settlement.kept[-1].results, strict=True):
                waiting.answer(result)
        elif isinstance(settlement.error, apsw.Error):
            for waiting in batch:
                waiting.fail(f"the storage failed: {settlement.error}", settlement.error)
        elif len(batch) > 1:
            # A value that cannot be stored at all: whoever brought it is told, and nobody else.
            for waiting in batch:
                await self._commit([waiting])
        else:
            batch[0].error = settlement.error
            batch[0].answered.set()

    def _give_up(self) -> None:
        """Tell whoever still waits, when the task has ended before its time."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self._batch.append(self._waiting.receive_nowait())
        self._waiting.close()
        for waiting in self._batch:
            if not waiting.answered.is_set():
                waiting.fail("the store was closed before it could be kept", None)

    def _tell_feed(self, settlement: Settlement) -> None:
        for attempt in settlement.kept:
            commits = _commits(attempt)
            if commits:
                self._feed(commits)
                self._on_commit()


def _commits(attempt: Attempt) -> list[Commit]:
    return [
        Commit(request.origin, request.drafts, result)
        for request, result in zip(attempt.requests, attempt.results, strict=True)
        if type(request) is Append
    ]
