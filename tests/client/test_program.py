"""The program talks in the way that its input and output call for, and leaves when told to."""

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
import trio
import trio.testing

from protocol import Join, Message, Post
from tests.client.fake_server import FakeServer
from tests.client.pty_screen import LIMIT_S, PtyScreen, pty_screen
from tests.client.tcp_server import serving_tcp
from trio_chat.client.errors import Refused
from trio_chat.client.program import Options, chat


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


class House:
    """A server, and where it listens."""

    def __init__(self, server: FakeServer, url: str) -> None:
        self.server = server
        self.url = url

    def options(self, **changes: object) -> Options:
        wanted: dict[str, object] = {"url": self.url, "server": "home", "nick": "me", "room": "lobby", **changes}
        return Options(**wanted)  # type: ignore[arg-type]  # by name, as the tests need them

    @property
    def posted(self) -> list[str]:
        return [post.text for post in self.server.asked_of(Post) if isinstance(post, Post)]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with serving_tcp() as (server, url):
        yield House(server, url)


@contextmanager
def opened_pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """A pipe: what to read, what to write."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as read, open(writer, "wb", buffering=0) as write:
        yield read, write


async def talk_by_pipe(options: Options, data: bytes) -> tuple[int, bytes]:
    """Run a program with `data` as its input; return its exit status and its output."""
    with opened_pipe() as (stdin, typed), opened_pipe() as (printed, stdout):
        typed.write(data)
        typed.close()
        code = await chat(options, stdin=stdin.fileno(), stdout=stdout.fileno())
        stdout.close()
        return code, printed.read()


def without_times(output: bytes) -> list[str]:
    return [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in output.decode().splitlines()]


WELCOME = [
    "-!- Connected to home as me. /help lists what you can do, /quit leaves.",
    "-!- You are in #lobby",
    "-!- In #lobby (1): me",
]


async def test_each_line_of_a_pipe_is_posted_and_seen_before_the_end(house: House) -> None:
    code, output = await talk_by_pipe(house.options(), b"one\r\n\n  \n//two\nthree without newline")
    assert (code, house.posted) == (0, ["one", "/two", "three without newline"])
    lines = [line for line in without_times(output) if not line.startswith("---")]
    assert lines == [*WELCOME, "<me> one", "<me> /two", "<me> three without newline", "-!- Finished."]


async def test_a_file_is_posted_like_a_pipe(house: House, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"line {number}\n" for number in range(200)))
    with path.open("rb") as stdin, (tmp_path / "output").open("wb") as stdout:
        assert await chat(house.options(), stdin=stdin.fileno(), stdout=stdout.fileno()) == 0
    assert house.posted == [f"line {number}" for number in range(200)]
    assert (tmp_path / "output").read_text().count("<me> line") == 200


async def test_refused_lines_are_told_with_their_number_and_the_others_are_posted(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _ = await talk_by_pipe(house.options(), b"one\n/dance\n\xff\nx\x1b[2Jy\nlast\n" + b"z" * 20_000)
    assert (code, house.posted) == (1, ["one", "last"])
    assert capfd.readouterr().err.splitlines() == [
        "trio_chat: Line 2 was refused: There is no command /dance.",
        "trio_chat: Line 3 was refused: It is not UTF-8 text.",
        "trio_chat: Line 4 was refused: "
        "The text holds the control character U+001B; only newline and tab are accepted.",
        "trio_chat: Line 6 was refused: It is too long; a message has at most 4000 characters.",
    ]


async def test_quit_in_a_pipe_ends_before_the_lines_after_it(house: House) -> None:
    code, _ = await talk_by_pipe(house.options(), b"one\n/quit\ntwo\n")
    assert (code, house.posted) == (0, ["one"])


async def test_input_that_cannot_be_read_ends_with_a_sentence(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "output").open("wb") as only_writable:
        fd = only_writable.fileno()
        assert await chat(house.options(), stdin=fd, stdout=fd) == 1
    assert capfd.readouterr().err == "trio_chat: The input cannot be read: Bad file descriptor.\n"


async def test_output_that_nobody_reads_any_more_ends_the_program_politely(house: House) -> None:
    with opened_pipe() as (stdin, typed), opened_pipe() as (printed, stdout):
        printed.close()
        typed.write(b"one\n")
        assert await chat(house.options(), stdin=stdin.fileno(), stdout=stdout.fileno()) == 0


async def test_no_output_is_lost_when_it_is_read_late(house: House) -> None:
    for number in range(45):
        house.server.say("lobby", f"{number} " + "x" * 3_900)
    with opened_pipe() as (stdin, typed), opened_pipe() as (printed, stdout):
        typed.close()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: chat(house.options(), stdin=stdin.fileno(), stdout=stdout.fileno()))
            await trio.testing.wait_all_tasks_blocked(0.1)  # by now the pipe is full
            read = b""
            while not read.endswith(b"Finished.\n"):
                await trio.lowlevel.wait_readable(printed)
                read += os.read(printed.fileno(), 1_000)
    assert [line.split()[1] for line in without_times(read) if line.startswith("<other>")] == [
        str(n) for n in range(45)
    ]


# --- JSON -----------------------------------------------------------------------------------------------------


async def test_with_json_nothing_but_objects_is_written(house: House) -> None:
    code, output = await talk_by_pipe(house.options(as_json=True), b"one\n")
    objects = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert {one["type"] for one in objects} == {"connected", "joined", "live", "posted", "message"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_with_json_and_no_input_it_listens_until_it_is_told_to_leave(
    number: signal.Signals, house: House, nursery: trio.Nursery
) -> None:
    codes: list[int] = []
    nothing = os.open(os.devnull, os.O_RDONLY)
    with opened_pipe() as (printed, stdout):

        async def run() -> None:
            codes.append(await chat(house.options(as_json=True), stdin=nothing, stdout=stdout.fileno()))
            stdout.close()

        nursery.start_soon(run)
        os.set_blocking(printed.fileno(), False)
        read = await read_until(printed, b'"live"')
        house.server.say("lobby", "psst")
        read += await read_until(printed, b"psst")
        os.kill(os.getpid(), number)
        while not codes:
            await trio.lowlevel.wait_readable(printed)
            read += os.read(printed.fileno(), 1_000)
    os.close(nothing)
    assert codes == [0]
    assert [json.loads(line)["type"] for line in read.splitlines()] == ["connected", "joined", "live", "message"]


async def read_until(file: BinaryIO, text: bytes) -> bytes:
    read = b""
    with trio.fail_after(LIMIT_S):
        while text not in read or not read.endswith(b"\n"):
            await trio.lowlevel.wait_readable(file)
            read += os.read(file.fileno(), 1_000)
    return read


async def test_a_signal_that_leaves_input_undone_is_told_by_the_exit_status(
    house: House, nursery: trio.Nursery
) -> None:
    codes: list[int] = []
    with opened_pipe() as (stdin, typed), opened_pipe() as (printed, stdout):

        async def run() -> None:
            codes.append(await chat(house.options(), stdin=stdin.fileno(), stdout=stdout.fileno()))
            stdout.close()

        nursery.start_soon(run)
        typed.write(b"one\n")
        await read_until(printed, b"one")
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await read_until(printed, b"Finished")).endswith(b"-!- Finished.\n")
        while not codes:
            await trio.lowlevel.wait_readable(printed)
            printed.read(1)
    assert codes == [128 + signal.SIGTERM]


async def test_a_signal_before_there_is_a_connection_ends_at_once(house: House, nursery: trio.Nursery) -> None:
    house.server.silent = True

    async def interrupt() -> None:
        while not house.server.connections:
            await trio.lowlevel.checkpoint()
        os.kill(os.getpid(), signal.SIGINT)

    nursery.start_soon(interrupt)
    with trio.fail_after(LIMIT_S):
        assert await chat(house.options()) == 130


# --- one text -------------------------------------------------------------------------------------------------


async def test_sending_posts_the_text_as_it_is_and_writes_nothing(house: House) -> None:
    code, output = await talk_by_pipe(house.options(text="/me\nhello"), b"")
    assert (code, output, house.posted) == (0, b"", ["/me\nhello"])
    joins = [join for join in house.server.asked_of(Join) if isinstance(join, Join)]
    assert [(join.room, join.last) for join in joins] == [("lobby", 0)]


async def test_sending_with_json_writes_the_answer(house: House) -> None:
    code, output = await talk_by_pipe(house.options(text="hello", as_json=True), b"")
    assert code == 0
    answer = json.loads(output)
    assert (answer["type"], answer["room"], answer["seq"]) == ("posted", "lobby", 1)


async def test_an_answer_that_cannot_be_written_is_told_and_the_text_is_posted(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened_pipe() as (printed, stdout):
        printed.close()
        assert await chat(house.options(text="hello", as_json=True), stdout=stdout.fileno()) == 1
    assert house.posted == ["hello"]
    assert "posted, but the answer cannot be written: Broken pipe" in capfd.readouterr().err


async def test_a_refused_text_is_an_error(house: House) -> None:
    house.server.refuse(Post, "forbidden")
    with pytest.RaisesGroup(Refused, flatten_subgroups=True):
        await chat(house.options(text="hello"))


async def test_a_warning_is_told_though_the_text_is_posted(
    house: House, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    assert await chat(house.options(text="hello")) == 0
    assert capfd.readouterr().err.startswith("trio_chat: Your identity lasts for this run only")


async def test_a_text_that_is_cut_off_is_sent_again_and_the_user_is_told(
    house: House, capfd: pytest.CaptureFixture[str], nursery: trio.Nursery
) -> None:
    async def cut() -> None:
        while not house.posted:
            await trio.lowlevel.checkpoint()
        house.server.cut()

    house.server.refuse(Post, "too_many", retry_after_ms=300)  # so that it is cut off while the text is under way
    nursery.start_soon(cut)
    assert await chat(house.options(text="hello")) == 0
    assert house.posted == ["hello", "hello"]
    assert [entry.text for entry in house.server.logs["lobby"].entries if isinstance(entry, Message)] == ["hello"]
    assert "Trying again; the text is not acknowledged yet.\n" in capfd.readouterr().err


# --- terminals ------------------------------------------------------------------------------------------------


@pytest.fixture
def pty() -> Iterator[PtyScreen]:
    with pty_screen(100, 20) as opened:
        yield opened


def colours_of(pty: PtyScreen) -> set[str]:
    return {cell.fg for row in pty.screen.buffer.values() for cell in row.values()} - {"default"}


async def at_terminal(
    house: House, pty: PtyScreen, leave: Callable[[], None], *, stdin: int | None = None, stdout: int | None = None
) -> int:
    """Run the program until it says that one is in the lobby, have somebody say something, then `leave`."""
    codes: list[int] = []
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            codes.append(
                await chat(
                    house.options(plain=True),
                    stdin=pty.slave if stdin is None else stdin,
                    stdout=pty.slave if stdout is None else stdout,
                )
            )

        nursery.start_soon(run)
        if stdout is None:
            await pty.until_shown("In #lobby (1): me")
            house.server.say("lobby", "hello")
            await pty.until_shown("<other> hello")
        leave()
    pty.show()
    return codes[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_signals_end_a_talk_at_a_terminal_politely_and_leave_it_as_it_was(
    number: signal.Signals, house: House, pty: PtyScreen
) -> None:
    found = pty.modes
    assert await at_terminal(house, pty, lambda: os.kill(os.getpid(), number)) == 0
    assert pty.modes == found
    assert pty.lines[-1].endswith("-!- Finished.")
    assert (pty.screen.cursor.x, pty.screen.cursor.y) == (0, len(pty.lines))


async def test_a_capable_terminal_gets_colours(house: House, pty: PtyScreen) -> None:
    assert await at_terminal(house, pty, lambda: pty.type("\x04")) == 0
    assert colours_of(pty)


async def test_no_color_means_no_colours_but_the_line_is_edited_all_the_same(
    house: House, pty: PtyScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert await at_terminal(house, pty, lambda: pty.type("x\x7f\x04")) == 0
    assert not colours_of(pty)


async def test_a_dumb_terminal_gets_plain_lines_and_is_left_in_its_modes(
    house: House, pty: PtyScreen, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    found = pty.modes
    assert await at_terminal(house, pty, lambda: pty.type("typed\n/dance\n\x04")) == 1
    assert (house.posted, pty.modes) == (["typed"], found)
    assert not colours_of(pty)
    assert capfd.readouterr().err == "trio_chat: There is no command /dance.\n"


async def test_where_only_the_output_is_no_terminal_lines_are_read_as_they_come(
    house: House, pty: PtyScreen, tmp_path: Path
) -> None:
    with (tmp_path / "output").open("wb") as stdout:
        assert await at_terminal(house, pty, lambda: pty.type("typed\n\x04"), stdout=stdout.fileno()) == 0
    assert house.posted == ["typed"]
    assert "\x1b" not in (tmp_path / "output").read_text()


async def test_where_only_the_input_is_no_terminal_there_are_colours_and_no_row(house: House, pty: PtyScreen) -> None:
    with opened_pipe() as (stdin, typed):
        assert await at_terminal(house, pty, typed.close, stdin=stdin.fileno()) == 0
    assert colours_of(pty)
    assert not any("#lobby>" in line for line in pty.lines)
