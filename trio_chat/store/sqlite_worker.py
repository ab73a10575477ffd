"""A SQLite connection and the thread that works for it.

This file owns opening a connection for Trio, running functions on its thread, and joining that thread. It must
not know any table.

How threads stay out of each other's way: a connection, and every object that holds one, is used by functions that
`Worker.run` runs, and so by one thread, one function at a time. What goes in and what comes out is immutable, or
handed over for good.

A row that SQLite steps to costs a release and a retaking of Python's lock. While the event loop is busy, each retaking
waits for up to 5 ms (`sys.getswitchinterval`), which made a batch of 450 rows by `executemany` take a second. So
everything that can grow goes in or comes out as one JSON text in one step: the same batch then takes 10 ms, and SQLite
works beside the event loop rather than in turn with it.
"""

import math
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast

import apsw
import apsw.aio
import trio

BUSY_MS: Final = 1_000
"""How long a statement waits for a lock that somebody else holds, as an operator's `sqlite3` does, before it fails."""

CLOSE_S: Final = 1.0
"""How long closing a connection may take; the last one to a log copies up to 16 MB into the database file."""

T = TypeVar("T")


class _Controller(apsw.aio.Trio):
    """APSW's bridge between Trio and a connection's thread, with an end that can be waited for.

    Whatever was opened is closed by the thread as its last act, also if the opening was cancelled and nobody has the
    connection. Left to the garbage collector, it would be let go of after its controller, which it wants to tell.
    """

    def __init__(self, name: str, path: str) -> None:
        self.finished = trio.Event()
        self.thread: threading.Thread | None = None
        self._path = path
        self._opened: apsw.Connection | None = None
        super().__init__(thread_name=name)

    def configure(self, db: apsw.Connection) -> None:
        self._opened = db
        super().configure(db)

    def worker_thread_run(self) -> None:
        self.thread = threading.current_thread()
        _make_private(self._path)  # here, where storage that hangs keeps nobody from being cancelled
        with suppress(trio.RunFinishedError):  # the storage hung, and nobody could wait for it any longer
            super().worker_thread_run()  # type: ignore[no-untyped-call]  # APSW leaves its annotation out
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(apsw.Error):  # it fails to the last
                opened.close()
        with suppress(trio.RunFinishedError):
            self.token.run_sync_soon(self.finished.set)


class Worker:
    """An open connection; made by `open_worker`."""

    def __init__(self, connection: "apsw.AsyncConnection", controller: _Controller) -> None:
        self._connection = connection
        self._controller = controller

    @property
    def connection(self) -> apsw.Connection:
        """The connection, for functions that run on its thread."""
        return self._connection  # type: ignore[return-value]  # it is one, typed for the other side

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function on the connection's thread, after those that were given before, and return what it returns.

        Cancellation abandons it: if it has begun, it is interrupted (by an exception out of the statement that runs)
        unless `uninterrupted` holds, and what becomes of it is not told.
        """
        # APSW would else turn a caller's deadline into its own exception, where Trio's cancellation is to come.
        with _set(apsw.aio.deadline, math.inf):
            result: T = await self._connection.async_run(function, *args)
            return result

    async def aclose(self) -> None:
        """Close the connection and wait for its thread to end. Cancelled, it leaves the thread to end by itself."""
        try:
            with suppress(apsw.Error):  # the storage fails to the last
                await self._connection.aclose()
        finally:
            # What APSW does when it has closed a connection: it ends the thread. A failed close does not, nor one that
            # was cancelled in the queue; and a thread that never ends keeps the process from ending.
            self._controller.queue.put(None)
        await self._controller.finished.wait()
        assert self._controller.thread is not None
        self._controller.thread.join()  # its last act was to say that it has finished


@asynccontextmanager
async def open_worker(path: str, name: str, *, interruptible: bool = True) -> AsyncIterator[Worker]:
    """Open a database file, start the thread of its connection, and end both with the block.

    Args:
        path: the file; made if it is not there, for its owner's eyes only, as are those that SQLite puts beside it.
        name: what the thread is called.
        interruptible: whether a cancelled `run` interrupts the statement that runs.

    Raises:
        apsw.Error: it cannot be opened.
    """
    controllers: list[_Controller] = []

    def start() -> _Controller:
        controllers.append(_Controller(name, path))
        return controllers[-1]

    try:
        with _set(cast(ContextVar[Any], apsw.async_controller), start):
            connection = await apsw.Connection.as_async(path)
    except BaseException:
        controllers[0].queue.put(None)  # ends the thread, which would wait for good if this was cancelled
        raise
    worker = Worker(connection, controllers[0])
    try:
        await worker.run(_configure, connection, None if interruptible else controllers[0])
        yield worker
    finally:
        # A thread that hangs in the storage cannot be waited for.
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await worker.aclose()


def _make_private(path: str) -> None:
    """Make a file that only its owner may read, if there is none.

    One that is there is not opened: closing it would end the locks that SQLite holds on it in this process.
    """
    with suppress(OSError):  # it is there; else SQLite finds out for itself, and says why
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _configure(connection: apsw.Connection, uninterrupted: _Controller | None) -> None:
    connection.set_busy_timeout(BUSY_MS)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = ON")
    if uninterrupted is not None:
        connection.set_progress_handler(None, id=uninterrupted)


@contextmanager
def _set(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a variable for a block; APSW's own way of doing it is typed for Python 3.14 only."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


@contextmanager
def transaction(connection: apsw.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run a block in a transaction that writes: committed at its end, rolled back by any exception."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
