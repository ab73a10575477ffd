"""A store whose storage fails: nothing half is kept, who waits is told, and it goes on when the cause is gone."""

import gc
import resource
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from tests.store.conftest import OpenFile
from tests.store.drafts import NOW_MS, Fed, all_entries, append, appended, edit, found, redact, said
from tests.store.storage import Storage, failing_storage
from trio_chat.store import Duplicate, Store, StoreUnavailable, sqlite_batches


@pytest.fixture
def storage() -> Iterator[Storage]:
    with failing_storage() as failing:
        yield failing


@pytest.fixture
async def store(storage: Storage, open_file: OpenFile) -> AsyncIterator[Store]:
    async with open_file() as opened:
        await opened.open_room("lobby")
        await appended(opened, said("before"))
        yield opened


FAILURES = [
    {"write": apsw.FullError},
    {"write": apsw.IOError},
    {"sync": apsw.IOError},
    {"write": apsw.CorruptError},
    {"sync": apsw.FullError, "read": apsw.IOError},
]


@pytest.mark.parametrize("failing", FAILURES)
async def test_what_could_not_be_stored_is_unavailable_and_not_kept(
    store: Store, storage: Storage, fed: Fed, failing: dict[str, type[apsw.Error]]
) -> None:
    drafts = [said("during"), said("during too")]
    storage.failing = failing
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="storage failed") as error:
            await append(store, *drafts)
        assert isinstance(error.value.__cause__, apsw.Error)
    storage.failing = {}
    assert [entry.seq for entry in await all_entries(store)] == [1]
    assert await appended(store, *drafts, said("after")) == [2, 3, 4]
    assert fed.entries() == await all_entries(store)


@pytest.mark.parametrize("failing", FAILURES)
async def test_nothing_of_a_transaction_that_failed_comes_back_on_opening_again(
    open_file: OpenFile, store: Store, storage: Storage, failing: dict[str, type[apsw.Error]], file: Path, fed: Fed
) -> None:
    await appended(store, said("two"))
    storage.failing = failing
    with pytest.raises(StoreUnavailable):
        await append(store, edit(1, "changed"), redact(2), said("three"))
    storage.failing = {}
    with closing(apsw.Connection(str(file))) as other:
        rows = other.execute("SELECT text, edited, redacted FROM entries ORDER BY seq").fetchall()
    assert rows == [("before", 0, 0), ("two", 0, 0)]
    assert await appended(store, edit(1, "changed")) == [3]
    assert fed.entries()[2:] == (await all_entries(store))[2:]


async def test_every_caller_in_the_batch_is_told(store: Store, storage: Storage) -> None:
    told = 0

    async def one() -> None:
        nonlocal told
        with pytest.raises(StoreUnavailable):
            await append(store, said())
        told += 1

    storage.failing = {"sync": apsw.IOError}
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(one)
    assert told == 20


async def test_rooms_and_people_cannot_be_made_but_are_found(store: Store, storage: Storage) -> None:
    ann = await store.identity(b"ann", NOW_MS)
    private = await store.private_room("ann", "bob")
    storage.failing = {"write": apsw.FullError}
    with pytest.raises(StoreUnavailable):
        await store.open_room("new")
    with pytest.raises(StoreUnavailable):
        await store.private_room("ann", "eve")
    with pytest.raises(StoreUnavailable):
        await store.identity(b"bob", NOW_MS)
    assert (await store.open_room("lobby")).head == 1
    assert await store.private_room("ann", "bob") == private
    assert await store.identity(b"ann", NOW_MS) == ann
    storage.failing = {}
    assert await store.find_room("new") is None
    assert (await store.open_room("new")).head == 0


async def test_reads_that_fail_are_unavailable(open_file: OpenFile, storage: Storage) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, *(said("x" * 4_000) for _ in range(3_000)))
        storage.failing = {"read": apsw.IOError}
        with pytest.raises(StoreUnavailable):
            await store.page("lobby", after=0, limit=2_000, max_bytes=1 << 30)
        with pytest.raises(StoreUnavailable):
            await store.entry("lobby", 1_500)
        storage.failing = {}
        assert len(await all_entries(store)) == 3_000


async def test_a_commit_that_is_reported_as_failed_and_was_not_is_fed_and_answered(
    store: Store, storage: Storage, fed: Fed
) -> None:
    failed = 0

    def fail(connection: apsw.Connection, name: str, pages: int) -> int:
        # SQLite calls it when the transaction is in the log, and then reports an error of it as one of the COMMIT.
        nonlocal failed
        failed += 1
        return int(apsw.SQLITE_IOERR)

    writer = store._batches._worker  # type: ignore[attr-defined]  # there is no other way to such an error
    await writer.run(writer.connection.set_wal_hook, fail)
    draft = said("kept")
    assert await appended(store, draft) == [2]
    assert await appended(store, edit(1), draft_b := said("more")) == [3, 4]
    assert failed == 2
    await writer.run(writer.connection.set_wal_hook, None)
    assert await append(store, draft, draft_b) == [Duplicate(2, NOW_MS), Duplicate(4, NOW_MS)]
    assert [entry.seq for entry in fed.entries()] == [1, 2, 3, 4]


async def test_a_commit_whose_end_is_found_out_late_is_fed_once_before_the_next(
    store: Store, storage: Storage, fed: Fed
) -> None:
    def fail(connection: apsw.Connection, name: str, pages: int) -> int:
        # From now on nothing can be asked either, until the test lets it.
        storage.failing = {"read": apsw.IOError}
        connection.execute("PRAGMA shrink_memory")
        return int(apsw.SQLITE_IOERR)

    writer = store._batches._worker  # type: ignore[attr-defined]  # as above
    await writer.run(writer.connection.execute, "PRAGMA cache_size = 0")
    await writer.run(writer.connection.set_wal_hook, fail)
    draft = said("late")
    with pytest.raises(StoreUnavailable):
        await store.append([draft], origin="who was told that it is not known")
    await writer.run(writer.connection.set_wal_hook, None)
    with pytest.raises(StoreUnavailable):
        await append(store, said("meanwhile"))
    assert [entry.seq for entry in fed.entries()] == [1]
    storage.failing = {}
    assert await append(store, draft, said("after")) == [Duplicate(2, NOW_MS), fed.entries()[-1]]
    assert fed.entries() == await all_entries(store)
    assert [commit.origin for commit in fed.commits] == [None, "who was told that it is not known", None]


async def test_a_full_disk_is_survived(open_file: OpenFile, file: Path, fed: Fed) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("first"))
        kept = 1
        with limited_files(200_000), pytest.raises(StoreUnavailable):
            for _ in range(1_000):
                await append(store, *(said("x" * 1_000) for _ in range(10)))
                kept += 10
        assert kept > 1
        assert len(await all_entries(store)) == kept
        assert await appended(store, said("last")) == [kept + 1]
        assert await found(store, "last") == ["last"]
    async with open_file() as store:
        assert fed.entries() == await all_entries(store)


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_database_that_another_program_locks_is_unavailable_for_as_long(store: Store, file: Path) -> None:
    with closing(apsw.Connection(str(file))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await append(store, said())
        assert len(await all_entries(store)) == 1
    assert await appended(store, said()) == [2]


@pytest.mark.parametrize("poison", ["\ud800", "\udfff x"])
async def test_a_value_that_cannot_be_stored_is_its_bringer_s_alone(store: Store, poison: str, fed: Fed) -> None:
    kept: list[int] = []
    refused = 0

    async def bring(text: str) -> None:
        nonlocal refused
        try:
            kept.extend(await appended(store, said(text)))
        except UnicodeEncodeError:
            refused += 1

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(bring, poison if number == 5 else "fine")
    assert refused == 1
    assert sorted(kept) == list(range(2, 13))
    assert fed.entries() == await all_entries(store)


async def test_storage_that_hangs_does_not_hold_up_the_end_for_good(
    open_file: OpenFile, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_batches, "CLOSE_S", 0.05)
    outcomes: list[str] = []

    async def one(store: Store) -> None:
        try:
            await append(store, said())
        except StoreUnavailable as error:
            outcomes.append(str(error))

    async with trio.open_nursery() as nursery, open_file() as store:
        await store.open_room("lobby")
        storage.released.clear()
        nursery.start_soon(one, store)
        await trio.to_thread.run_sync(storage.hanging.wait)
        nursery.start_soon(one, store)
        await trio.testing.wait_all_tasks_blocked()
    assert outcomes == ["the store was closed before it could be kept"] * 2
    storage.released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("trio_chat"):
            thread.join()  # the one that hung, and ends by itself now
    gc.collect()  # the connection that nobody could close, while its storage is still there
    async with open_file() as store:
        assert len(await all_entries(store)) <= 1
