"""Redacted is gone: from the database, its write-ahead log, and the search index, down to the bytes of the files."""

import random
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import trio

from tests.store.conftest import OpenFile
from tests.store.drafts import append, appended, bytes_of, edit, found, redact, said
from trio_chat.store import Store


def files_with(text: str, directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if text.encode() in bytes_of(path))


async def test_a_redacted_text_is_in_no_file_after_closing(open_file: OpenFile, tmp_path: Path) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("keep zebra"), said("hide walrus"), edit(2, "hide octopus"), edit(2, "hide penguin"))
        assert await found(store, "penguin") == ["hide penguin"]
        await appended(store, redact(2, "spam"))
        assert await found(store, "penguin") == []
    assert files_with("zebra", tmp_path) == ["chat.db", "chat.db.index"]
    for word in ("walrus", "octopus", "penguin"):
        assert files_with(word, tmp_path) == []


async def test_a_redacted_text_soon_leaves_the_write_ahead_log(sqlite: Store, tmp_path: Path) -> None:
    await appended(sqlite, said("walrus"))
    assert "chat.db-wal" in files_with("walrus", tmp_path)
    await appended(sqlite, redact(1))
    assert await found(sqlite, "walrus") == []  # the index has taken it in
    await sqlite.find_room("lobby")  # comes after what the writer does when nothing waits
    assert files_with("walrus", tmp_path) == []


async def test_a_reader_only_puts_off_wiping_the_write_ahead_log(sqlite: Store, tmp_path: Path) -> None:
    await appended(sqlite, said("walrus"))
    reader = sqlite._reader  # type: ignore[attr-defined]  # the one whose snapshot is in the way

    await reader.run(reader.connection.execute, "BEGIN")
    await reader.run(lambda: reader.connection.execute("SELECT count(*) FROM entries").get)
    await appended(sqlite, redact(1))
    await appended(sqlite, said("meanwhile"))
    assert "chat.db-wal" in files_with("walrus", tmp_path)
    await reader.run(reader.connection.execute, "COMMIT")
    with trio.fail_after(60):
        while files_with("walrus", tmp_path) != []:
            await found(sqlite, "walrus")  # catches the index up


@pytest.mark.parametrize("seed", range(3))
async def test_no_redacted_text_is_left_where_entries_were_moved_about(
    open_file: OpenFile, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    live: dict[int, set[str]] = {}
    gone: set[str] = set()
    seq = 0

    def text() -> tuple[str, set[str]]:
        word = f"{rng.getrandbits(64):016x}"
        return " ".join([word] * rng.choice([1, 1, 2, 20, 220])), {word}

    async with open_file() as store:
        await store.open_room("lobby")
        for _ in range(25):
            drafts = []
            for _ in range(rng.randrange(1, 40)):
                body, words = text()
                drafts.append(said(body))
                live[seq + len(drafts)] = words
            for target in rng.sample(sorted(live), k=min(len(live), rng.randrange(15))):
                body, words = text()
                drafts.append(edit(target, body))
                live[target] |= words
            for target in rng.sample(sorted(live), k=min(len(live), rng.randrange(15))):
                drafts.append(redact(target))
                gone |= live.pop(target)
            seq = (await appended(store, *drafts))[-1]
            if rng.random() < 0.5:
                await found(store, "x")  # lets the index take in what there is so far
    contents = [bytes_of(path) for path in tmp_path.iterdir()]
    assert len(gone) > 100
    for word in gone:
        # The index leaves out what a word has in common with its neighbour: its last digits tell.
        assert not any(word[-10:].encode() in content for content in contents), word
    for words in live.values():
        assert any(word.encode() in contents_of for word in words for contents_of in contents)


async def test_no_row_of_an_entry_changes_its_size(sqlite: Store, file: Path) -> None:
    # SQLite then overwrites it where it lies. One that grows or shrinks makes it move others, and the copies stay.
    rows = (
        "SELECT octet_length(text) + octet_length(digest) + octet_length(nick) FROM entries WHERE seq < 5 ORDER BY seq"
    )
    await appended(sqlite, said("é" * 30), said("two"), edit(1, "short"), edit(2, "longer"))
    with closing(apsw.Connection(str(file))) as other:
        sizes = other.execute(rows).fetchall()
        await appended(sqlite, edit(1, "x" * 300), edit(2, ""), redact(1), redact(2))
        assert other.execute(rows).fetchall() == sizes
        assert other.execute("SELECT DISTINCT trim(text) FROM entries WHERE seq < 5").fetchall() == [("",)]


@pytest.mark.parametrize("when", ["at the next start", "at the next close"])
async def test_traces_that_are_left_in_the_index_are_wiped(
    open_file: OpenFile, file: Path, tmp_path: Path, when: str
) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, *(said(f"message {number}") for number in range(300)))
        await found(store, "message")
    index = Path(f"{file}.index")
    _plant(index, b"walrus")
    if when == "at the next start":
        with closing(apsw.Connection(str(index))) as other:
            other.execute("UPDATE progress SET has_traces = 1")  # as after a kill, or a close in great haste
    assert files_with("walrus", tmp_path) == ["chat.db.index"]
    async with open_file() as store:
        if when == "at the next close":
            await append(store, redact(1))
        assert await found(store, "message 299") == ["message 299"]
        assert when == "at the next close" or files_with("walrus", tmp_path) == []
    assert files_with("walrus", tmp_path) == []
    assert len(files_with("message", tmp_path)) == 2


def _plant(index: Path, trace: bytes) -> None:
    """Write into the unused space of some leaf page, as moving rows does."""
    data = bytearray(index.read_bytes())
    for offset in range(4_096, len(data), 4_096):
        cells, content = int.from_bytes(data[offset + 3 : offset + 5]), int.from_bytes(data[offset + 5 : offset + 7])
        start = offset + 8 + 2 * cells
        if data[offset] == 13 and start + len(trace) + 8 < offset + content:
            data[start + 4 : start + 4 + len(trace)] = trace
            index.write_bytes(data)
            return
    raise AssertionError("no page has room")
