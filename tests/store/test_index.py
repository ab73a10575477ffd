"""The search index: it follows the log, is made anew whenever it does not fit, and never stands in the way."""

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from tests.store.conftest import OpenFile
from tests.store.drafts import AUTHOR, all_entries, append, appended, edit, found, redact, said
from tests.store.storage import Storage, failing_storage
from trio_chat.store import Store, StoreUnavailable, sqlite_index, sqlite_search


@pytest.fixture
def index(file: Path) -> Path:
    return Path(f"{file}.index")


@pytest.fixture
def storage() -> Iterator[Storage]:
    with failing_storage() as failing:
        yield failing


@pytest.fixture
async def filled(open_file: OpenFile) -> None:
    """A closed store in `file` with a little of everything, and its index."""
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("zero"), *(said(f"word {number}") for number in range(50)), edit(2, "word new"))
        await appended(store, redact(3))
        assert len(await found(store, "word")) == 49


async def test_an_index_that_is_missing_is_made_anew(filled: None, open_file: OpenFile, index: Path) -> None:
    index.unlink()
    async with open_file() as store:
        assert len(await found(store, "word")) == 49
        assert await found(store, "new") == ["word new"]
    assert index.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE progress SET epoch = 'another'",
        "UPDATE progress SET last = 1000",
        "PRAGMA user_version = 99",
        "DROP TABLE words",
        "DELETE FROM progress",
        "DROP TABLE words_data",
    ],
)
async def test_an_index_that_does_not_fit_the_log_is_made_anew(
    filled: None, open_file: OpenFile, index: Path, damage: str
) -> None:
    with closing(apsw.Connection(str(index))) as other:
        other.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        other.execute(damage)
    async with open_file() as store:
        assert len(await found(store, "word")) == 49


@pytest.mark.parametrize("first", [0, 16, 100, 4_096, 8_192])
async def test_a_damaged_index_is_made_anew(filled: None, open_file: OpenFile, index: Path, first: int) -> None:
    with index.open("r+b") as data:
        data.seek(first)
        data.write(b"\xa5" * 20_000)
    async with open_file() as store:
        assert len(await found(store, "word")) == 49
        await appended(store, said("word after"))
        assert len(await found(store, "word")) == 50


async def test_an_index_that_cannot_be_opened_stops_searches_and_nothing_else(
    filled: None, open_file: OpenFile, index: Path
) -> None:
    index.unlink()
    index.mkdir()
    async with open_file() as store:
        with pytest.raises(StoreUnavailable, match="search index"):
            await found(store, "word")
        assert await appended(store, said("word after")) == [54]
        index.rmdir()
        assert len(await found(store, "word")) == 50


async def test_an_index_that_cannot_be_made_leaves_no_threads(storage: Storage, open_file: OpenFile) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("word"))
        await found(store, "word")
    storage.suffix = ".index"
    storage.failing = {"read": apsw.IOError}
    async with open_file() as store:
        for _ in range(5):
            with pytest.raises(StoreUnavailable):
                await found(store, "word")
        storage.failing = {}
        assert await found(store, "word") == ["word"]
        assert [thread.name for thread in threading.enumerate()].count("trio_chat search") == 1


async def test_an_index_whose_storage_fails_stops_searches_and_nothing_else(
    storage: Storage, open_file: OpenFile
) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("word 1"))
        assert len(await found(store, "word")) == 1
        storage.suffix = ".index-wal"
        storage.failing = {"write": apsw.FullError}
        assert await appended(store, said("word 2")) == [2]
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="search index"):
                await found(store, "word")
        assert await appended(store, said("word 3")) == [3]
        storage.failing = {}
        assert len(await found(store, "word")) == 3


async def test_the_index_takes_in_what_is_new_without_being_asked(sqlite: Store, index: Path) -> None:
    await appended(sqlite, *(said("word") for _ in range(sqlite_index.STEP_ENTRIES + 1)))
    last = 0
    with trio.fail_after(60), closing(apsw.Connection(str(index))) as other:
        while last < sqlite_index.STEP_ENTRIES + 1:
            await trio.sleep(sqlite_search.PAUSE_S)  # what the index does between its steps, too
            last = other.execute("SELECT last FROM progress").get


async def test_a_search_does_not_wait_for_the_steps_that_nobody_waits_for(
    sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_search, "PAUSE_S", 3_600)
    monkeypatch.setattr(sqlite_index, "STEP_ENTRIES", 7)
    await appended(sqlite, *(said(f"word {number}") for number in range(100)))
    assert len(await found(sqlite, "word")) == 100
    await appended(sqlite, edit(1, "changed"), *(said("word") for _ in range(20)), redact(1), redact(3), edit(50, "x"))
    assert len(await found(sqlite, "word", limit=500)) == 117
    assert await found(sqlite, "changed") == []


async def test_changes_are_taken_in_however_the_steps_fall(sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_search, "PAUSE_S", 3_600)
    monkeypatch.setattr(sqlite_index, "STEP_ENTRIES", 1)
    await appended(sqlite, said("one"), said("two"), edit(1, "three"), edit(2, "four"), edit(1, "five"), redact(2))
    assert await found(sqlite, "five") == ["five"]
    for word in ("one", "two", "three", "four"):
        assert await found(sqlite, word) == []


async def test_a_search_that_is_cancelled_harms_nothing(sqlite: Store) -> None:
    await appended(sqlite, *(said(f"word {number}") for number in range(3_000)))
    for count in range(30):
        with trio.CancelScope() as scope:

            async def cancel(count: int, scope: trio.CancelScope) -> None:
                for _ in range(count):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel, count, scope)
                await found(sqlite, "word")
    assert len(await found(sqlite, "word", limit=5_000, max_bytes=1 << 30)) == 3_000


async def test_a_search_under_way_ends_with_the_store(open_file: OpenFile) -> None:
    ended = trio.Event()

    async def search(store: Store) -> None:
        with pytest.raises(StoreUnavailable, match="closed"):
            while True:
                await found(store, "word")
        ended.set()

    async with trio.open_nursery() as nursery:
        async with open_file() as store:
            await store.open_room("lobby")
            await appended(store, *(said("word") for _ in range(500)))
            nursery.start_soon(search, store)
            await trio.testing.wait_all_tasks_blocked()
        await ended.wait()


async def test_making_the_index_does_not_hold_up_commits(open_file: OpenFile, index: Path) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, *(said(f"some words {number}") for number in range(4_000)))
    index.unlink()
    async with open_file() as store, trio.open_nursery() as nursery:
        nursery.start_soon(found, store, "words")
        for number in range(20):
            assert await appended(store, said()) == [4_001 + number]


async def test_searches_at_once_are_all_answered(sqlite: Store) -> None:
    answers: list[int] = []

    async def search(number: int) -> None:
        await append(sqlite, said(f"word {number}"))
        answers.append(len(await found(sqlite, f"word {number}")))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(search, number)
    assert sum(answers) >= 30
    assert min(answers) >= 1


async def test_the_log_may_be_read_by_other_programs(sqlite: Store, file: Path) -> None:
    await appended(sqlite, said("one"), said("two"))
    # In a process of its own: two libraries of SQLite in one process would undo each other's locks.
    program = f"""
import sqlite3
database = sqlite3.connect({f"file:{file}?mode=ro"!r}, uri=True)
print(database.execute("SELECT group_concat(text) FROM entries").fetchone()[0])
"""
    ended = await trio.run_process([sys.executable, "-c", program], capture_stdout=True)
    assert ended.stdout == b"one,two\n"
    assert len(await all_entries(sqlite)) == 2
    assert (await sqlite.search("one", reader=AUTHOR, limit=1)).next is None
