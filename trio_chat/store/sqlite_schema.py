"""The tables of a log in SQLite, and how a database file becomes one that this version can use.

This file owns the schema, its migrations, the life of the epoch, and what is said of a file that will not do. It must
not know how entries are written or read.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import apsw

from trio_chat.store.base import StoreUnusable
from trio_chat.store.ids import TokenHex, fresh_id
from trio_chat.store.sqlite_worker import transaction

APPLICATION_ID: Final = 0x54436874
"""Says in the file's head whose database it is (`file` shows it): "TCht"."""

CHECKPOINT_PAGES: Final = 4_000
"""Pages of 4 KiB in the write-ahead log at which a commit copies them into the database: 16 MB. With SQLite's own 1,000
a fifth fewer rows are committed a second."""

MIGRATIONS: Final[Sequence[str]] = (
    # No row of `entries` ever changes its size, because SQLite then overwrites it where it lies. Rows that grow or
    # shrink make it move their neighbours to other pages, and the copies left behind would outlive a redaction
    # (`secure_delete` wipes what is deleted, not what was moved). So a text that goes is overwritten by as many blanks;
    # `digest` has its bytes from the start; an edited message has its text in its last `edited` entry; and flags are
    # 0 and 1, which take no room. `folded` is the casefolded nick where that is another. Keys come before authors in
    # their index because keys that begin with the time then fall into few pages: a third less work for each commit.
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL DEFAULT '',
        one TEXT,
        other TEXT
    );
    CREATE UNIQUE INDEX rooms_between ON rooms (one, other) WHERE one IS NOT NULL;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        author TEXT NOT NULL,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        nick TEXT NOT NULL,
        folded TEXT,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        action INTEGER NOT NULL,
        bot INTEGER NOT NULL,
        reply_to INTEGER,
        command TEXT,
        target INTEGER,
        edited INTEGER NOT NULL DEFAULT 0,
        redacted INTEGER NOT NULL DEFAULT 0,
        digest BLOB NOT NULL DEFAULT x'000000'
    );
    CREATE UNIQUE INDEX entries_place ON entries (room, seq);
    CREATE UNIQUE INDEX entries_key ON entries (key, author);
    CREATE INDEX entries_target ON entries (room, target) WHERE target IS NOT NULL;
    """,
    """
    CREATE TABLE people (
        author TEXT PRIMARY KEY,
        session_hash BLOB NOT NULL UNIQUE,
        seen INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
    # Copied, not altered: a row that was written before a column was added grows by it when it is next changed.
    """
    CREATE TABLE entries_with_turns (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        author TEXT NOT NULL,
        key TEXT NOT NULL,
        at INTEGER NOT NULL,
        nick TEXT NOT NULL,
        folded TEXT,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        action INTEGER NOT NULL,
        bot INTEGER NOT NULL,
        reply_to INTEGER,
        command TEXT,
        target INTEGER,
        edited INTEGER NOT NULL DEFAULT 0,
        redacted INTEGER NOT NULL DEFAULT 0,
        digest BLOB NOT NULL DEFAULT x'000000',
        hops INTEGER NOT NULL DEFAULT 0,
        stopped INTEGER NOT NULL DEFAULT 0,
        asks TEXT
    );
    INSERT INTO entries_with_turns SELECT *, 0, 0, NULL FROM entries ORDER BY id;
    DROP TABLE entries;
    ALTER TABLE entries_with_turns RENAME TO entries;
    CREATE UNIQUE INDEX entries_place ON entries (room, seq);
    CREATE UNIQUE INDEX entries_key ON entries (key, author);
    CREATE INDEX entries_target ON entries (room, target) WHERE target IS NOT NULL;
    """,
)
"""What makes a database of version i into one of version i + 1. A step that was released is never changed."""


def prepare(connection: apsw.Connection, path: Path, sync: Literal["full", "normal"], token_hex: TokenHex) -> str:
    """Make an open file the log of this run and return its epoch.

    Raises:
        StoreUnusable: the file is no log, damaged, of a newer version, or cannot be written.
    """
    try:
        check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
        migrate(connection, MIGRATIONS)
        epoch = begin_run(connection, sync, fresh_id(token_hex))
        # Only now: that a run without fsync began must outlast it.
        connection.execute(f"PRAGMA synchronous = {sync}")
    except apsw.Error as error:
        raise unusable(path, error) from error
    return epoch


def check(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that is not ours to change, before anything in it is changed.

    Raises:
        StoreUnusable: it is another program's, or a newer version's.
        apsw.Error: it cannot be read.
    """
    version, owner = connection.pragma("user_version"), connection.pragma("application_id")
    is_new = not version and not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if owner != APPLICATION_ID and not is_new:
        raise StoreUnusable(f"{path} is the database of another program: choose another path, or move that file away.")
    if version > len(MIGRATIONS):
        raise StoreUnusable(
            f"{path} was written by a newer version of trio_chat (its schema is {version}, this version knows "
            f"{len(MIGRATIONS)}): start that version, or choose another path."
        )


def migrate(connection: apsw.Connection, steps: Sequence[str]) -> None:
    """Take a database through all steps that it has not seen, each in a transaction of its own."""
    for version in range(connection.pragma("user_version"), len(steps)):
        with transaction(connection):
            connection.execute(steps[version])
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version + 1}")


def begin_run(connection: apsw.Connection, sync: Literal["full", "normal"], fresh_epoch: str) -> str:
    """Note that a run begins, and return the epoch: the old one, unless entries may have been lost since.

    They may after a run without fsync that did not end with `end_run`.
    """
    meta = {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM meta").fetchall()}
    with transaction(connection):
        if "epoch" not in meta or "unsynced" in meta:
            meta["epoch"] = fresh_epoch
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (fresh_epoch,))
        connection.execute("DELETE FROM meta WHERE name = 'unsynced'")
        if sync == "normal":
            connection.execute("INSERT INTO meta VALUES ('unsynced', 'a run without fsync')")
    return meta["epoch"]


def end_run(connection: apsw.Connection) -> None:
    """Note that a run has ended as it should, with everything on stable storage.

    Raises:
        apsw.Error: it could not be noted; after a run without fsync, the next one has another epoch.
    """
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with transaction(connection):
        connection.execute("DELETE FROM meta WHERE name = 'unsynced'")


def unusable(path: Path, error: Exception) -> StoreUnusable:
    """Return what to tell the operator about an error on opening."""
    if isinstance(error, apsw.NotADBError):
        return StoreUnusable(f"{path} is not a database: choose another path, or move that file away.")
    if isinstance(error, apsw.CorruptError):
        return StoreUnusable(
            f"{path} is damaged ({error}): restore it from a backup, or save what can be read of it with "
            f"`sqlite3 {path} .recover`."
        )
    if isinstance(error, apsw.BusyError):
        return StoreUnusable(f"{path} is in use by another program: close that one, or choose another path.")
    return StoreUnusable(
        f"{path} cannot be opened for writing ({error}): check the path, its permissions and the disk."
    )
