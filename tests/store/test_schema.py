"""The schema of a database file: its migrations, and the life of the epoch."""

import secrets
from contextlib import closing
from pathlib import Path
from typing import Literal

import apsw
import pytest

from tests.store.conftest import OpenFile
from tests.store.drafts import Fed, all_entries, appended, bytes_of, said
from trio_chat.store import open_store
from trio_chat.store.sqlite_schema import APPLICATION_ID, MIGRATIONS, begin_run, end_run, migrate, prepare


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_a_database_of_an_older_version_is_brought_up_to_date(
    open_file: OpenFile, file: Path, version: int
) -> None:
    with closing(apsw.Connection(str(file))) as old:
        migrate(old, MIGRATIONS[:version])
        old.execute("INSERT INTO rooms (name, topic) VALUES ('lobby', 'as ever')")
        assert old.pragma("user_version") == version
    async with open_file() as store:
        assert await appended(store, said()) == [1]
        assert [room.topic for room in await store.rooms(limit=9)] == ["as ever"]
        assert await store.identity(b"1", 0)
    with closing(apsw.Connection(str(file))) as now:
        assert now.pragma("user_version") == len(MIGRATIONS)
        assert now.pragma("application_id") == APPLICATION_ID


def test_a_migration_that_fails_leaves_the_version_before_it() -> None:
    database = apsw.Connection(":memory:")
    with pytest.raises(apsw.SQLError):
        migrate(database, ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"])
    assert database.pragma("user_version") == 1
    assert database.execute("SELECT group_concat(name) FROM sqlite_schema").get == "a"
    migrate(database, ["", "CREATE TABLE b (x)"])
    assert database.pragma("user_version") == 2


@pytest.mark.parametrize(
    ("first", "ended", "second", "same"),
    [
        ("full", True, "full", True),
        ("full", False, "full", True),
        ("full", False, "normal", True),
        ("normal", True, "normal", True),
        ("normal", True, "full", True),
        ("normal", False, "normal", False),
        ("normal", False, "full", False),
    ],
)
def test_the_epoch_changes_after_a_run_without_fsync_that_did_not_end_as_it_should(
    first: Literal["full", "normal"], ended: bool, second: Literal["full", "normal"], same: bool
) -> None:
    database = apsw.Connection(":memory:")
    migrate(database, MIGRATIONS)
    assert begin_run(database, first, "one") == "one"
    if ended:
        end_run(database)
    epoch = begin_run(database, second, "two")
    assert epoch == ("one" if same else "two")
    end_run(database)
    assert begin_run(database, "full", "three") == epoch


async def test_a_run_without_fsync_keeps_its_epoch_when_it_is_closed(file: Path, fed: Fed) -> None:
    epochs = set()
    for _ in range(2):
        async with open_store(f"sqlite:{file}", fed, sync="normal") as store:
            await store.open_room("lobby")
            await appended(store, said())
            epochs.add(store.epoch)
    async with open_store(f"sqlite:{file}", fed) as store:
        assert {store.epoch} == epochs
        assert len(await all_entries(store)) == 2


async def test_a_run_without_fsync_that_is_killed_ends_the_epoch(file: Path, tmp_path: Path, fed: Fed) -> None:
    copy = tmp_path / "copy.db"
    async with open_store(f"sqlite:{file}", fed, sync="normal") as store:
        await store.open_room("lobby")
        await appended(store, said())
        for suffix in ("", "-wal"):  # what a kill would leave
            Path(f"{copy}{suffix}").write_bytes(bytes_of(Path(f"{file}{suffix}")))
        epoch = store.epoch
    async with open_store(f"sqlite:{copy}", fed) as store:
        assert store.epoch != epoch
        assert len(await all_entries(store)) == 1


@pytest.mark.parametrize(("sync", "level"), [("full", 2), ("normal", 1)])
def test_sync_says_what_a_commit_waits_for(file: Path, sync: Literal["full", "normal"], level: int) -> None:
    with closing(apsw.Connection(str(file))) as database:
        prepare(database, file, sync, secrets.token_hex)
        assert database.pragma("synchronous") == level
        assert database.pragma("journal_mode") == "wal"


def test_a_row_of_an_older_version_does_not_grow_when_a_flag_of_it_changes() -> None:
    database = apsw.Connection(":memory:")
    migrate(database, MIGRATIONS[:2])
    database.executemany(
        "INSERT INTO entries (room, seq, author, key, at, nick, kind, text, action, bot) "
        "VALUES (1, ?1, 'ann', ?1, 1, 'Ann', 'message', 'hello', 0, 0)",
        [(seq,) for seq in range(100)],
    )
    migrate(database, MIGRATIONS)
    size = "SELECT sum(payload) FROM dbstat WHERE name = 'entries'"
    before = database.execute(size).get
    database.execute("UPDATE entries SET edited = 1, redacted = 1, stopped = 1")
    assert database.execute(size).get == before
