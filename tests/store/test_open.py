"""Opening a store: which URL opens what, and what the operator is told where it cannot be."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest
import trio

from tests.store.conftest import OpenFile
from tests.store.drafts import Fed, all_entries, appended, found, said
from trio_chat.store import StoreUnavailable, StoreUnusable, open_store, sqlite_worker
from trio_chat.store.sqlite_schema import MIGRATIONS


def one_sentence(error: pytest.ExceptionInfo[StoreUnusable]) -> str:
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


async def refusal(url: str) -> str:
    with pytest.raises(StoreUnusable) as error:
        async with open_store(url, Fed()):
            raise AssertionError("it opened")
    return one_sentence(error)


@pytest.mark.parametrize("url", ["", "memory", "memory:x", "sqlite", "sqlite:", "redis://x", "chat.db", "MEMORY:"])
async def test_a_url_that_names_no_store_is_refused_with_what_is_accepted(url: str) -> None:
    assert "memory: or sqlite:PATH" in await refusal(url)


async def test_a_path_may_be_relative_or_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fed: Fed) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_store("sqlite:chat.db", fed) as store:
        await store.open_room("lobby")
        await appended(store, said())
    async with open_store(f"sqlite:{tmp_path}/chat.db", fed) as store:
        assert len(await all_entries(store)) == 1


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory", "a b#c%20.db", "ä.db"])
async def test_every_path_is_the_name_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fed: Fed, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_store(f"sqlite:{name}", fed) as store:
        await store.open_room("lobby")
        await appended(store, said("words"))
        assert await found(store, "words") == ["words"]
    assert (tmp_path / name).is_file()


async def test_all_is_there_again_when_a_file_is_opened_again(open_file: OpenFile, file: Path) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("one"), said("two"))
        author = await store.identity(b"1" * 32, 0)
        private = await store.private_room("ann", "bob")
        epoch, entries = store.epoch, await all_entries(store)
    assert sorted(path.name for path in file.parent.iterdir()) == ["chat.db", "chat.db.index", "chat.db.lock"]
    async with open_file() as store:
        assert store.epoch == epoch
        assert await all_entries(store) == entries
        assert await store.identity(b"1" * 32, 0) == author
        assert await store.private_room("bob", "ann") == private
        assert await appended(store, said("three")) == [3]
        assert await found(store, "two") == ["two"]


async def test_a_second_server_is_refused_however_it_names_the_file(
    open_file: OpenFile, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.db").symlink_to(file)
    async with open_file():
        for path in (file, tmp_path / "link.db", tmp_path / "." / "chat.db"):
            assert "in use by another server" in await refusal(f"sqlite:{path}")
    async with open_file():
        pass


async def test_another_process_is_refused(open_file: OpenFile, file: Path) -> None:
    program = f"""
import trio
from trio_chat.store import StoreUnusable, open_store
async def main():
    try:
        async with open_store({f"sqlite:{file}"!r}, lambda commits: None):
            print("opened")
    except StoreUnusable as error:
        print(error)
trio.run(main)
"""
    command = [sys.executable, "-c", program]
    async with open_file():
        ended = await trio.run_process(command, capture_stdout=True)
    assert b"in use by another server" in ended.stdout
    assert (await trio.run_process(command, capture_stdout=True)).stdout == b"opened\n"


async def test_a_database_in_use_by_another_program_is_refused(open_file: OpenFile, file: Path) -> None:
    async with open_file():
        pass
    with closing(apsw.Connection(str(file))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "in use by another program" in await refusal(f"sqlite:{file}")


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(file: Path) -> None:
    content = b"# notes to myself\n" * 1_000
    file.write_bytes(content)
    assert "not a database" in await refusal(f"sqlite:{file}")
    assert file.read_bytes() == content


async def test_a_database_of_another_program_is_refused_and_left_as_it_is(file: Path) -> None:
    with closing(apsw.Connection(str(file))) as other:
        other.execute("CREATE TABLE recipes (name)")
    content = file.read_bytes()
    assert "another program" in await refusal(f"sqlite:{file}")
    assert file.read_bytes() == content


async def test_an_empty_file_becomes_a_store(open_file: OpenFile, file: Path) -> None:
    file.touch()
    async with open_file() as store:
        assert await store.rooms(limit=1) == []


async def test_a_database_of_a_newer_version_is_refused(open_file: OpenFile, file: Path) -> None:
    async with open_file():
        pass
    with closing(apsw.Connection(str(file))) as other:
        other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    assert "newer version" in await refusal(f"sqlite:{file}")


async def test_a_damaged_database_is_refused(open_file: OpenFile, file: Path) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, *(said("x" * 500) for _ in range(200)))
    with file.open("r+b") as data:
        data.seek(100)
        data.write(b"\xff" * 8_000)
    assert "damaged" in await refusal(f"sqlite:{file}")


async def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no directory" in await refusal(f"sqlite:{tmp_path}/none/chat.db")


async def test_a_directory_is_refused_as_a_database(tmp_path: Path) -> None:
    assert "is a directory" in await refusal(f"sqlite:{tmp_path}")


async def test_a_path_that_leads_in_circles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert await refusal(f"sqlite:{tmp_path}/a/chat.db")
    assert await refusal("sqlite:\0")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to whom no directory is forbidden but one like this")
async def test_a_directory_that_takes_no_files_is_refused() -> None:
    assert "cannot be written" in await refusal("sqlite:/proc/self/chat.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in await refusal(f"sqlite:{tmp_path}/chat.db")
    tmp_path.chmod(0o700)


async def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chat.db").symlink_to("/dev/null/x")
    assert await refusal(f"sqlite:{tmp_path}/chat.db")
    assert await refusal("sqlite:/dev/null/chat.db")
    with socket.socket(socket.AF_UNIX) as not_a_file:
        not_a_file.bind(f"{tmp_path}/socket.db")
        assert "cannot be opened for writing" in await refusal(f"sqlite:{tmp_path}/socket.db")


def store_threads() -> set[threading.Thread]:
    """Return the threads that work for stores; Trio's own come and go by themselves."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("trio_chat ")}


async def test_no_thread_is_left_behind(open_file: OpenFile, file: Path) -> None:
    before = store_threads()
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("a"))
        await found(store, "a")
        assert len(store_threads() - before) == 3
    assert store_threads() <= before
    file.write_bytes(b"nonsense" * 1_000)
    await refusal(f"sqlite:{file}")
    assert store_threads() <= before


async def test_opening_can_be_cancelled_without_leaving_anything(open_file: OpenFile, file: Path) -> None:
    before = store_threads()
    for checkpoints in range(40):
        with trio.CancelScope() as scope:

            async def cancel_after(count: int, scope: trio.CancelScope) -> None:
                for _ in range(count):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_after, checkpoints, scope)
                async with open_file() as store:
                    await store.rooms(limit=1)
                    await trio.sleep_forever()
    with trio.fail_after(60):
        while not store_threads() <= before:  # a thread that was not waited for ends by itself
            await trio.lowlevel.checkpoint()
    async with open_file() as store:
        await store.open_room("lobby")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted as Linux shows them")
async def test_what_was_opened_while_the_opening_was_cancelled_is_closed(
    open_file: OpenFile, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opening, goes_on = threading.Event(), threading.Event()

    def hold(connection: apsw.Connection) -> None:
        list(connection.execute("PRAGMA journal_mode"))  # opens the file
        is_opening.set()
        goes_on.wait()

    monkeypatch.setattr(apsw, "connection_hooks", [*apsw.connection_hooks, hold])
    before = store_threads()
    kept: list[trio.Cancelled] = []  # with all that its frames hold, so that nothing is let go of by chance
    async with trio.open_nursery() as nursery:

        async def open_it() -> None:
            try:
                async with open_file():
                    raise AssertionError("it opened")
            except trio.Cancelled as cancelled:
                kept.append(cancelled)
                raise

        nursery.start_soon(open_it)
        await trio.to_thread.run_sync(is_opening.wait)
        nursery.cancel_scope.cancel()
    goes_on.set()
    for thread in store_threads() - before:
        thread.join(60)
    assert _times_open(file) == 0
    kept.clear()


async def test_opening_can_be_cancelled_while_the_storage_hangs(
    open_file: OpenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opening, goes_on = threading.Event(), threading.Event()
    waited: list[bool] = []

    def hang(_: str) -> None:
        is_opening.set()
        waited.append(goes_on.wait(60))

    monkeypatch.setattr(sqlite_worker, "_make_private", hang)
    async with trio.open_nursery() as nursery:

        async def open_it() -> None:
            async with open_file():
                raise AssertionError("it opened")

        nursery.start_soon(open_it)
        await trio.to_thread.run_sync(is_opening.wait)
        nursery.cancel_scope.cancel()
    assert not waited
    goes_on.set()


def _times_open(file: Path) -> int:
    count = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the directory itself was open while it was listed
            count += os.readlink(f"/proc/self/fd/{number}") == str(file)
    return count


async def test_what_was_said_is_for_the_owner_of_the_server_alone(open_file: OpenFile, file: Path) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
        await appended(store, said("between us"))
        await found(store, "us")
        modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.glob("chat.db*") if path.stat().st_size}
    assert {"chat.db", "chat.db-wal", "chat.db.index"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    file.chmod(0o640)  # an operator who wants it otherwise
    async with open_file():
        assert file.stat().st_mode & 0o777 == 0o640


async def test_an_exception_of_the_block_passes_as_it_is(url: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_store(url, Fed()) as store:
            await store.open_room("lobby")
            raise ZeroDivisionError


async def test_a_store_that_is_closed_says_so(open_file: OpenFile) -> None:
    async with open_file() as store:
        await store.open_room("lobby")
    with pytest.raises(StoreUnavailable):
        await store.append([said()])
    with pytest.raises(StoreUnavailable):
        await store.page("lobby", limit=1, max_bytes=1)
    with pytest.raises(StoreUnavailable):
        await store.entry("lobby", 1)
    with pytest.raises(StoreUnavailable):
        await store.search("x", reader="ann", limit=1)
    with pytest.raises(StoreUnavailable):
        await store.rooms(limit=1)
    with pytest.raises(StoreUnavailable):
        await store.find_room("lobby")


def test_a_store_needs_no_other_file_to_be_imported() -> None:
    program = "import trio_chat.store, sys; sys.exit(any(name.startswith('trio_chat.server') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
