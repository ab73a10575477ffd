"""Wiping the unused space of a database's pages: nothing that counts is touched, and nothing else is left."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from trio_chat.store import sqlite_scrub
from trio_chat.store.sqlite_scrub import scrub


def no_check() -> None:
    """Never stops the work."""


def moved_about(path: Path) -> bytes:
    """Make a database of many pages in which rows grew and went, without `secure_delete`, and return its bytes."""
    with closing(apsw.Connection(str(path))) as database:
        database.execute("PRAGMA secure_delete = OFF; CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a)").fetchall()
        database.execute("CREATE TABLE w (a TEXT PRIMARY KEY, b) WITHOUT ROWID")
        with database:
            for number in range(800):
                database.execute("INSERT INTO t VALUES (?)", (f"row {number} " * (number % 90),))
                database.execute("INSERT INTO w VALUES (?, ?)", (f"row {number}", "x" * (number % 9_000)))
        database.execute("UPDATE t SET a = a || a WHERE rowid % 3 = 0; DELETE FROM t WHERE rowid % 7 = 0")
        database.execute("DELETE FROM w WHERE length(b) % 5 = 0")
    return path.read_bytes()


def contents(path: Path) -> list[object]:
    with closing(apsw.Connection(str(path))) as database:
        assert database.execute("PRAGMA integrity_check").get == "ok"
        return [database.execute(f"SELECT * FROM {table}").fetchall() for table in ("t", "w")]


@pytest.mark.parametrize("chunk", [1, 7, 1_024])
def test_wiping_leaves_everything_that_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(sqlite_scrub, "CHUNK_PAGES", chunk)
    path = tmp_path / "x.db"
    before = moved_about(path)
    stored = contents(path)
    scrub(str(path), no_check)
    after = path.read_bytes()
    assert contents(path) == stored
    assert len(after) == len(before)
    assert after.count(0) > before.count(0)
    assert all(new in (old, 0) for old, new in zip(before, after, strict=True))
    scrub(str(path), no_check)
    assert path.read_bytes() == after


def test_wiping_clears_the_unused_space_of_every_kind_of_page(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    moved_about(path)
    data = bytearray(path.read_bytes())
    kinds: dict[int, int] = {}
    for offset in range(0, len(data), 4_096):
        head = offset + (100 if offset == 0 else 0)
        kind, cells = data[head], int.from_bytes(data[head + 3 : head + 5])
        start = head + (12 if kind in (2, 5) else 8) + 2 * cells
        end = offset + int.from_bytes(data[head + 5 : head + 7])
        if kind in (2, 5, 10, 13) and end - start >= 6:
            data[start:end] = b"walrus".ljust(end - start, b"!")
            kinds[kind] = kinds.get(kind, 0) + 1
    assert set(kinds) == {2, 5, 10, 13}
    path.write_bytes(data)
    scrub(str(path), no_check)
    assert b"walrus" not in path.read_bytes()
    contents(path)


@pytest.mark.parametrize("content", [b"", b"x" * 99, bytes(4_096)])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    scrub(str(path), no_check)
    assert path.read_bytes() == content


def test_wiping_ends_when_the_check_raises(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    before = moved_about(path)

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        scrub(str(path), check)
    assert path.read_bytes() == before
