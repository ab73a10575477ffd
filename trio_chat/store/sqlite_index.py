"""The full-text index of a log, in a file of its own: its tables, its steps, and its questions.

This file owns what happens on the index's thread. It must not know when steps are taken. The index follows the log by
a cursor, the id of the last entry that it has taken in. All in it is derived: whenever it does not fit the log, it is
deleted and made anew.

Steps go by the present state of the log, not by what an entry once said, so that taking one in twice does no harm.
"""

# ruff: noqa: S608  # statements are put together from constants here, and all values are bound

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
import trio

from trio_chat.store.base import Hits
from trio_chat.store.content import TOKENIZER, cut
from trio_chat.store.sqlite_reads import NO_BOUND, ROW_JSON, SHOWN, SHOWN_TEXT, StoredEntry
from trio_chat.store.sqlite_scrub import scrub
from trio_chat.store.sqlite_worker import transaction

INDEX_VERSION: Final = 1
"""Of the tables here; an index of another version is made anew."""

STEP_ENTRIES: Final = 2_000
"""Entries that one step takes in: some 10 ms, for which a search waits and the log's checkpoint is put off."""

_SCHEMA: Final = f"""
    CREATE TABLE progress (epoch TEXT NOT NULL, last INTEGER NOT NULL, has_traces INTEGER NOT NULL);
    CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = '{" ".join(TOKENIZER)}');
    INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
    PRAGMA user_version = {INDEX_VERSION};
"""

# What is in the index already and changed since: targets of the edits and redactions among the new entries.
_CHANGED: Final = """
    SELECT t.id FROM entries x CROSS JOIN entries t ON t.room = x.room AND t.seq = x.target
    WHERE x.id > ?1 AND x.id <= ?2 AND x.target IS NOT NULL AND t.id <= ?1
"""
_FORGET: Final = f"DELETE FROM words WHERE rowid IN ({_CHANGED})"
_TAKE_IN: Final = f"""
    INSERT INTO words (rowid, text) SELECT e.id, {SHOWN_TEXT} FROM entries e
    WHERE e.kind = 'message' AND NOT e.redacted AND ((e.id > ?1 AND e.id <= ?2) OR e.id IN ({_CHANGED}))
"""
_SEARCH: Final = f"""
    SELECT json_group_array(json_array(name, json({ROW_JSON}))) FROM (
        SELECT r.name, {SHOWN}
        FROM words CROSS JOIN entries e ON e.id = words.rowid CROSS JOIN rooms r ON r.id = e.room
        WHERE words MATCH ?1 AND words.rowid < ?2 AND NOT e.redacted
            AND (r.one IS NULL OR ?3 IN (r.one, r.other))
            AND (?4 IS NULL OR r.name = ?4)
            AND (?5 IS NULL OR coalesce(e.folded, e.nick) = ?5)
        ORDER BY words.rowid DESC LIMIT ?6
    )
"""

_decode_hits: Final = msgspec.json.Decoder(list[tuple[str, StoredEntry]]).decode


def index_path(log: Path) -> str:
    return f"{log}.index"


def delete_index(log: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(index_path(log) + suffix)


def prepare_index(connection: apsw.Connection, log: Path, epoch: str) -> bool:
    """Make an open file the index of a log; False if what it holds is of no use, and the file is to be deleted.

    Raises:
        apsw.Error: the file is damaged, or the storage fails.
    """
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    # Not OFF: a search would not notice what the loss of power did to it. It costs a few waits on the index's thread.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("ATTACH ? AS log", (str(log),))
    if not connection.execute("SELECT count(*) FROM main.sqlite_schema").get:
        with transaction(connection, "BEGIN"):
            connection.execute(_SCHEMA)
            connection.execute("INSERT INTO progress VALUES (?, 0, 0)", (epoch,))
    if connection.pragma("user_version") != INDEX_VERSION:
        return False
    found: Any = connection.execute("SELECT epoch, last FROM progress").get
    return found is not None and found[0] == epoch and found[1] <= _newest_id(connection)


def step(connection: apsw.Connection) -> bool:
    """Take in the next few entries; False if there are none.

    Raises:
        apsw.Error: the index is damaged, or the storage fails.
    """
    last: int = connection.execute("SELECT last FROM progress").get
    until = min(last + STEP_ENTRIES, _newest_id(connection))
    if until <= last:
        return False
    with transaction(connection, "BEGIN"):  # IMMEDIATE would lock the log too, which is only read
        connection.execute(_FORGET, (last, until))
        has_forgotten = connection.changes() > 0
        connection.execute(_TAKE_IN, (last, until))
        connection.execute("UPDATE progress SET last = ?, has_traces = has_traces OR ?", (until, has_forgotten))
    if has_forgotten:
        connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchall()
    return True


def search(
    connection: apsw.Connection,
    wanted: Sequence[Sequence[str]],
    reader: str,
    room: str | None,
    nick: str | None,
    before: int | None,
    limit: int,
    max_bytes: int,
) -> Hits:
    """Return messages that hold all runs of words that are wanted, among those taken in.

    Raises:
        apsw.Error: the index is damaged, or the storage fails.
    """
    # Words hold no quotes and no operators: they come from the tokenizer.
    query = " ".join(f'"{" ".join(run)}"' for run in wanted)
    folded = None if nick is None else nick.casefold()
    values = (query, NO_BOUND if before is None else before, reader, room, folded, limit + 1)
    rows = sorted(_decode_hits(connection.execute(_SEARCH, values).get), key=_place, reverse=True)
    found = [row.message(name) for name, row in rows]
    count = cut(found[:limit], max_bytes)
    return Hits(found[:count], str(rows[count - 1][1].id) if count < len(found) else None)


def has_traces(connection: apsw.Connection) -> bool:
    """Say whether words that were forgotten may still be found in the file's bytes; `clean` wipes them."""
    return bool(connection.execute("SELECT has_traces FROM progress").get)


def clean(log: Path) -> None:
    """Wipe a closed index of the traces of forgotten words. Runs in a thread of Trio's; cancelled, it leaves the rest.

    Raises:
        apsw.Error: the storage fails.
        OSError: the same.
    """
    scrub(index_path(log), trio.from_thread.check_cancelled)
    connection = apsw.Connection(index_path(log))
    connection.execute("UPDATE progress SET has_traces = 0")
    connection.close()


def _newest_id(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM entries").get)


def _place(hit: tuple[str, StoredEntry]) -> int:
    return hit[1].id
