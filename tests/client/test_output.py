"""Output is written whole and in order, however slowly it is read, and little waits in memory."""

import os
from pathlib import Path

import pytest
import trio
import trio.testing

from trio_chat.client.output import WAITING_CHARS, Output, complain, write_to


class Paper:
    """What is written; `held`, writing waits until `go` is set."""

    def __init__(self, *, held: bool = False) -> None:
        self.sheets: list[bytes] = []
        self.go = trio.Event()
        if not held:
            self.go.set()

    async def write(self, data: bytes) -> None:
        await self.go.wait()
        self.sheets.append(data)


async def test_what_is_put_is_written_in_order_and_all_that_waits_at_once(nursery: trio.Nursery) -> None:
    paper = Paper()
    output = Output(paper.write)
    for text in ("one\n", "", "zwö\n", "three\n"):
        await output.put(text)
    nursery.start_soon(output.run)
    await output.drain()
    assert paper.sheets == ["one\nzwö\nthree\n".encode()]
    nursery.cancel_scope.cancel()


async def test_putting_waits_while_too_much_waits_and_nothing_is_lost(nursery: trio.Nursery) -> None:
    paper = Paper(held=True)
    output = Output(paper.write)
    nursery.start_soon(output.run)
    await output.put("this one is being written\n")
    await trio.testing.wait_all_tasks_blocked()
    put = 0

    async def put_lines() -> None:
        nonlocal put
        for number in range(300):
            await output.put(f"{number:999}\n")
            put += 1

    nursery.start_soon(put_lines)
    await trio.testing.wait_all_tasks_blocked()
    assert put == -(-WAITING_CHARS // 1_000)
    paper.go.set()
    await trio.testing.wait_all_tasks_blocked()
    assert put == 300
    assert b"".join(paper.sheets[1:]) == "".join(f"{number:999}\n" for number in range(300)).encode()
    nursery.cancel_scope.cancel()


async def test_draining_waits_for_what_is_being_written(nursery: trio.Nursery) -> None:
    paper = Paper(held=True)
    output = Output(paper.write)
    nursery.start_soon(output.run)
    await output.put("x")
    await trio.testing.wait_all_tasks_blocked()
    drained = trio.Event()

    async def drain() -> None:
        await output.drain()
        drained.set()

    nursery.start_soon(drain)
    await trio.testing.wait_all_tasks_blocked()
    assert not drained.is_set()
    paper.go.set()
    await drained.wait()
    assert paper.sheets == [b"x"]
    nursery.cancel_scope.cancel()


async def test_refreshing_often_writes_the_frame_once_and_with_what_waits(nursery: trio.Nursery) -> None:
    paper = Paper()
    output = Output(paper.write, lambda text: f"<{text}>")
    output.refresh()
    output.refresh()
    nursery.start_soon(output.run)
    await output.drain()
    output.refresh()
    await output.put("x")
    await output.drain()
    assert paper.sheets == [b"<>", b"<x>"]
    nursery.cancel_scope.cancel()


async def test_refreshing_wakes_up_output_that_has_nothing_to_write(nursery: trio.Nursery) -> None:
    paper = Paper()
    output = Output(paper.write, lambda text: f"<{text}>")
    nursery.start_soon(output.run)
    await trio.testing.wait_all_tasks_blocked()
    assert paper.sheets == []
    output.refresh()
    assert not output.idle
    await trio.testing.wait_all_tasks_blocked()
    assert paper.sheets == [b"<>"]
    assert output.idle
    nursery.cancel_scope.cancel()


async def test_whoever_holds_the_lock_keeps_output_back(nursery: trio.Nursery) -> None:
    paper = Paper()
    output = Output(paper.write)
    nursery.start_soon(output.run)
    async with output.lock:
        await output.put("x")
        await trio.testing.wait_all_tasks_blocked()
        assert paper.sheets == []
    await output.drain()
    assert paper.sheets == [b"x"]
    nursery.cancel_scope.cancel()


async def test_when_nothing_can_be_written_any_more_nobody_waits() -> None:
    async def fail(data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        raise BrokenPipeError(32, "Broken pipe")

    output = Output(fail)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            await output.put("x" * (WAITING_CHARS // 2))
        nursery.start_soon(output.put, "this one waits for room")
        await trio.testing.wait_all_tasks_blocked()
        await output.run()
    assert isinstance(output.error, BrokenPipeError)
    await output.put("x")
    await output.drain()
    assert output._texts == []


async def read_slowly(fd: int, size: int) -> bytes:
    read = b""
    while len(read) < size:
        await trio.lowlevel.wait_readable(fd)
        read += os.read(fd, 5_000)
    return read


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_full_pipe_gets_every_byte_in_the_end_and_nobody_else_is_held_up(
    blocking: bool, nursery: trio.Nursery
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    data = bytes(range(256)) * 2_000
    try:
        nursery.start_soon(write_to, writer, data)
        assert await read_slowly(reader, len(data)) == data
    finally:
        os.close(reader)
        os.close(writer)


async def test_writing_to_a_pipe_that_nobody_reads_can_be_given_up() -> None:
    reader, writer = os.pipe()
    with trio.move_on_after(0.05) as scope:
        await write_to(writer, bytes(1_000_000))
    assert scope.cancelled_caught
    os.close(reader)  # which ends the thread that is left behind: EPIPE
    while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
        await trio.lowlevel.checkpoint()
    os.close(writer)


async def test_a_pipe_without_a_reader_is_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        await write_to(writer, b"x")
    os.close(writer)


async def test_a_complaint_is_a_harmless_line_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    await complain("no \x1b[2J such room")
    assert capfd.readouterr().err == "trio_chat: no ␛[2J such room\n"


async def test_a_complaint_is_made_even_if_it_is_cancelled(capfd: pytest.CaptureFixture[str]) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await complain("told all the same")
    assert capfd.readouterr().err == "trio_chat: told all the same\n"


async def test_a_file_gets_what_is_written(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        await write_to(file.fileno(), b"hello")
    assert (tmp_path / "log").read_bytes() == b"hello"
