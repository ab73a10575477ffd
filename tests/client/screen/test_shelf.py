"""The file of bookmarks: its place, its modes, and that it is whole and loses nothing, whoever writes."""

import os
import stat
import threading
from pathlib import Path

import pytest

from trio_chat.client.screen.bookmarks import MAX_BYTES, NOTHING, Bookmarks, Damaged, Mark
from trio_chat.client.screen.shelf import Shelf, shelf_path
from trio_chat.client.secret import load_secret, secret_path
from trio_chat.client.url import Address

HERE = Address("localhost", 5002)
OURS = Bookmarks({"lobby": Mark("e", 7)}, "lobby")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Shelf(shelf_path(HERE, "ann"))


def test_it_lies_beside_the_secret_and_only_the_user_can_read_it(shelf: Shelf) -> None:
    shelf.keep(OURS, ())
    load_secret(HERE, "ann")
    assert {path.name for path in shelf.path.parent.iterdir()} == {shelf.path.name, secret_path(HERE, "ann").name}
    assert stat.S_IMODE(shelf.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.path.parent.stat().st_mode) == 0o700
    assert shelf_path(HERE, "ANN") == shelf.path
    assert shelf_path(Address("localhost", 5003), "ann") != shelf.path


def test_what_was_kept_is_found(shelf: Shelf) -> None:
    assert shelf.load() == NOTHING
    shelf.keep(OURS, ())
    assert shelf.load() == OURS
    shelf.keep(Bookmarks({"dev": Mark("e", 1)}, "dev"), {"lobby"})
    assert shelf.load() == Bookmarks({"dev": Mark("e", 1)}, "dev")


def test_what_has_not_changed_is_not_written_again(shelf: Shelf) -> None:
    shelf.keep(OURS, ())
    before = shelf.path.stat().st_ino
    shelf.keep(OURS, ())
    assert shelf.path.stat().st_ino == before


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"rooms":{}}' + b" " * MAX_BYTES])
def test_a_damaged_file_is_told_and_written_over(shelf: Shelf, content: bytes) -> None:
    shelf.keep(OURS, ())
    shelf.path.write_bytes(content)
    with pytest.raises(Damaged):
        shelf.load()
    shelf.keep(OURS, ())
    assert shelf.load() == OURS


def test_nobody_waits_for_whatever_else_lies_in_its_place(shelf: Shelf) -> None:
    shelf.path.parent.mkdir(parents=True)
    os.mkfifo(shelf.path)
    with pytest.raises(Damaged):
        shelf.load()
    shelf.path.unlink()
    shelf.path.mkdir()
    with pytest.raises(OSError, match="directory"):
        shelf.load()
    with pytest.raises(OSError, match="directory"):
        shelf.keep(OURS, ())
    assert [path.name for path in shelf.path.parent.iterdir()] == [shelf.path.name]


def test_terminals_that_write_at_once_lose_no_room_and_nothing_that_was_read(shelf: Shelf) -> None:
    def read(room: str) -> None:
        for seq in range(1, 31):
            Shelf(shelf.path).keep(Bookmarks({room: Mark("e", seq), "shared": Mark("e", seq)}, room), ())

    threads = [threading.Thread(target=read, args=[f"room{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = shelf.load()
    assert {name: mark.seq for name, mark in found.rooms.items()} == dict.fromkeys(
        ["shared", *(f"room{number}" for number in range(4))], 30
    )
    assert [path.name for path in shelf.path.parent.iterdir()] == [shelf.path.name]
