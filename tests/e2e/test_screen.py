"""The full screen as people run it: a real process at a real terminal, against a real server, killed and resized."""

import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import trio

from benchmarks.server_process import ServerProcess, free_port, start_server
from tests.client.pty_screen import LIMIT_S, pty_screen
from tests.e2e.test_terminal import Seat
from trio_chat.client import Client, open_client

CLIENT = [sys.executable, "-m", "trio_chat.client"]
PRIVATE_MODES = (7, 25, 1000, 1006, 1049, 2004)  # those that the program switches; pyte counts them shifted
WRAPS, CURSOR_SHOWN = 7 << 5, 25 << 5


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@asynccontextmanager
async def seat(url: str, nick: str, *, columns: int = 100, rows: int = 30) -> AsyncIterator[Seat]:
    """Somebody at a whole screen: in the lobby the first time, and then where they were."""
    with pty_screen(columns, rows) as pty:
        pty.screen.mode.discard(WRAPS)
        pty.screen.set_mode(7, private=True)
        taken = Seat(pty, [*CLIENT, url, "--nick", nick])
        try:
            await pty.until_shown("Connected to")
            yield taken
        finally:
            taken.end()


def switched(at: Seat) -> set[int]:
    """Return which private modes of the terminal are on, of those that a full screen switches."""
    return {mode for mode in PRIVATE_MODES if mode << 5 in at.pty.screen.mode}


async def test_two_people_talk_on_whole_screens(server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann, seat(server.url, "bob") as bob:
        await ann.pty.until_shown("bob has joined")
        ann.pty.type("are you th")
        bob.pty.type("hello änn 日本\r")
        await ann.pty.until_shown("bob │ hello änn 日本")
        ann.pty.type("ere?\r/me waves\r")
        await bob.pty.until_shown("│ ann waves")
        bob.pty.type("/quit\r")
        assert await bob.code() == 0
        await ann.pty.until_shown("bob has left")
        assert bob.pty.modes == bob.modes


async def test_while_taken_the_terminal_is_in_its_modes_and_after_a_signal_it_is_as_before(
    server: ServerProcess,
) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        async with seat(server.url, "ann") as ann:
            assert switched(ann) == {25, 1000, 1006, 1049, 2004}
            ann.process.send_signal(number)
            assert await ann.code() == 0
            assert ann.pty.modes == ann.modes
            assert switched(ann) == {7, 25}


async def test_who_wants_no_colours_gets_a_whole_screen_without_them(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with seat(server.url, "ann") as ann:
        ann.pty.type("hello\r")
        await ann.pty.until_shown("ann │ hello")
        assert 1049 in switched(ann)
        cells = [cell for row in ann.pty.screen.buffer.values() for cell in row.values()]
        assert {cell.fg for cell in cells} | {cell.bg for cell in cells} == {"default"}
        assert any(cell.reverse for cell in cells)


async def test_a_program_that_is_killed_leaves_the_terminal_usable_and_no_helper_behind(server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann:
        (helper,) = psutil.Process(ann.process.pid).children()
        assert ann.pty.modes != ann.modes
        ann.process.kill()
        await ann.pty.until(lambda: 1049 << 5 not in ann.pty.screen.mode)
        with trio.fail_after(LIMIT_S):
            await trio.to_thread.run_sync(psutil.wait_procs, [helper])
        assert ann.pty.modes == ann.modes
        assert switched(ann) == {7, 25}


async def test_whoever_leaves_while_the_terminal_is_paused_finds_it_as_before_when_it_goes_on(
    server: ServerProcess,
) -> None:
    async with seat(server.url, "ann") as ann:
        termios.tcflow(ann.pty.slave, termios.TCOOFF)  # what Ctrl-S does
        ann.pty.type("\x03\x03")
        assert await ann.code() == 0
        assert ann.pty.modes == ann.modes
        assert 1049 in switched(ann)
        termios.tcflow(ann.pty.slave, termios.TCOON)
        await ann.pty.until(lambda: switched(ann) == {7, 25})


async def test_a_bug_in_the_program_is_told_after_the_terminal_is_given_back(server: ServerProcess) -> None:
    broken = (
        "import runpy, sys, trio_chat.client.screen.view as v\n"
        "def render(self, size): raise ZeroDivisionError('a bug')\n"
        "v.View.render = render\n"
        f"sys.argv = ['client', {server.url!r}, '--nick', 'ann']\n"
        "runpy.run_module('trio_chat.client', run_name='__main__')\n"
    )
    with pty_screen(100, 60) as pty:
        at = Seat(pty, [sys.executable, "-c", broken])
        try:
            assert await at.code() == 1
            assert "ZeroDivisionError: a bug" in "\n".join(pty.lines)
            assert 1049 << 5 not in pty.screen.mode
            assert pty.modes == at.modes
        finally:
            at.end()


async def test_whoever_is_cut_off_sees_why_and_when_and_is_back_when_the_server_is(tmp_path: Path) -> None:
    arguments = ["--port", str(free_port()), "--store", f"sqlite:{tmp_path / 'chat.db'}"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    server = await trio.to_thread.run_sync(start)
    try:
        async with seat(server.url, "ann", columns=160) as ann:
            server.kill()
            await ann.pty.until_shown("Cut off: The")
            await ann.pty.until_shown("reconnecting")
            ann.pty.type("typed meanwhile\r")
            await ann.pty.until_shown("The server is away; your line is sent when it is back.")
            await ann.pty.until(lambda: any("… " in line and "ann │ typed meanwhile" in line for line in ann.pty.lines))
            server.close()
            server = await trio.to_thread.run_sync(start)
            await ann.pty.until_shown("Back again, as ann.")
            await ann.pty.until(
                lambda: any("ann │ typed meanwhile" in line and "…" not in line for line in ann.pty.lines)
            )
            await ann.pty.until_shown("ann  connected")
            server.kill()
            await ann.pty.until(lambda: sum("Cut off:" in line for line in ann.pty.lines) == 2)
            ann.pty.type("l\r" * 101)
            await ann.pty.until_shown("100 lines wait for it: this one stays here.")
            await ann.pty.until_shown("> l")
            ann.pty.type("\x15/quit\r")
            assert await ann.code() == 0
            assert ann.pty.modes == ann.modes
    finally:
        server.close()


async def _flood(client: Client, start: int, count: int) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(start, start + count):
            nursery.start_soon(client.post, "lobby", f"flood {number} 日本 👩‍👩‍👧 " + "x" * (number % 90))


async def test_a_flood_of_messages_and_resizing_break_no_row_and_keys_come_through(server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann, open_client(server.url, nick="bob", session="b" * 32) as bob:
        await bob.join("lobby", last=0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, bob)
            for step, size in enumerate([(100, 30), (60, 10), (130, 40), (20, 5), (45, 20), (100, 30)]):
                ann.pty.resize(*size)
                ann.process.send_signal(signal.SIGWINCH)
                ann.pty.type(str(step))
                await _flood(bob, step * 250, 250)  # a second's worth at 500 a second, twice as fast
                ann.pty.show()
            await bob.post("lobby", "it is over")
            await ann.pty.until_shown("bob │ it is over")
            await ann.pty.until_shown("> 012345")
            nursery.cancel_scope.cancel()
        rows = ann.pty.lines
        assert rows[0].startswith(" #lobby")
        assert rows[-2].startswith(" ann  connected")
        # Each row has its rules where the others have them, counted in cells.
        for row in range(1, len(rows) - 2):
            assert [ann.pty.screen.buffer[row][column].data for column in (18, 80)] == ["│", "│"]


async def _read(client: Client) -> None:
    async for _ in client:
        pass


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control: bash")
async def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PS1", "READY ")
    with pty_screen(100, 40) as pty:
        at = Seat(pty, ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        try:
            await pty.until(lambda: pty.lines and pty.lines[-1] == "READY")
            pty.type(f"{' '.join(CLIENT)} {server.url} --nick ann\r")
            await pty.until_shown("Connected to")
            pty.type("half a li")
            await pty.until_shown("> half a li")
            pty.type("\x1a")
            await pty.until_shown("Stopped")
            assert 1049 << 5 not in pty.screen.mode
            pty.type("echo back to $((6 * 7))\r")
            await pty.until_shown("back to 42")  # the shell echoes and reads lines as ever, before its prompt perhaps
            pty.type("fg\r")
            await pty.until_shown("> half a li")
            pty.type("ne\r")
            await pty.until_shown("ann │ half a line")
            pty.type("\x04")
            await pty.until(lambda: 1049 << 5 not in pty.screen.mode)
            # A shell may throw away what is typed before it prompts.
            await pty.until(lambda: pty.screen.display[pty.screen.cursor.y].rstrip().endswith("READY"))
            pty.type("exit $?\r")
            assert await at.code() == 0
        finally:
            at.end()


async def test_whoever_leaves_or_is_killed_finds_the_next_time_what_was_said_since(server: ServerProcess) -> None:
    async with open_client(server.url, nick="bob", session="b" * 32) as bob, trio.open_nursery() as nursery:
        nursery.start_soon(_read, bob)
        for room in ("lobby", "dev"):
            await bob.join(room, last=0)
        async with seat(server.url, "ann") as ann:
            ann.pty.type("/join dev\r")
            await ann.pty.until_shown("2 #dev")
            await bob.post("dev", "seen by ann")
            await ann.pty.until_shown("bob │ seen by ann")
            ann.pty.type("/quit\r")
            assert await ann.code() == 0
        for number in range(60):
            await bob.post("lobby", f"while ann sleeps {number}")
        await bob.post("dev", "good morning")
        async with seat(server.url, "ann") as ann:
            await ann.pty.until_shown("bob │ good morning")
            await ann.pty.until_shown("1 #lobby     60")
            assert ann.pty.lines[0].startswith(" #dev")
            seen = [row[20:] for row in ann.pty.lines]
            at = next(number for number, row in enumerate(seen) if "─ new ─" in row)
            assert "seen by ann" in seen[at - 1]
            assert "good morning" in seen[at + 1]
            ann.process.kill()
        async with seat(server.url, "ann") as ann:
            await ann.pty.until_shown("bob │ good morning")
            await ann.pty.until_shown("1 #lobby     60")
            ann.pty.type("\x1b1")
            await ann.pty.until_shown("while ann sleeps 59")
        nursery.cancel_scope.cancel()


class Tmux:
    """A tmux server of its own, with one session."""

    def __init__(self, socket: Path) -> None:
        self._command = ["tmux", "-S", str(socket), "-f", os.devnull, "-u"]
        self._environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

    async def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        run = partial(subprocess.run, [*self._command, *words], env=self._environment, capture_output=True, text=True)
        return await trio.to_thread.run_sync(run)

    async def until(self, seen: Callable[[list[str]], object]) -> list[str]:
        """Look again and again until `seen` is true of the rows, and return them."""
        rows: list[str] = []
        with trio.move_on_after(LIMIT_S):
            while not seen(rows):
                rows = (await self.do("capture-pane", "-p", "-t", "chat")).stdout.splitlines()
            return rows
        raise AssertionError("not seen in time; tmux shows:\n" + "\n".join(rows))

    async def until_shown(self, text: str) -> list[str]:
        return await self.until(lambda rows: any(text in row for row in rows))


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
async def test_in_tmux_the_columns_hold_whatever_is_written(server: ServerProcess, tmp_path: Path) -> None:
    tmux = Tmux(tmp_path / "socket")
    command = f"{' '.join(CLIENT)} {server.url} --nick ann"
    started = await tmux.do("new-session", "-d", "-s", "chat", "-x", "100", "-y", "30", command)
    assert started.returncode == 0, started.stderr
    try:
        await tmux.until_shown("Connected to")
        async with open_client(server.url, nick="bob", session="b" * 32) as bob:
            await bob.join("lobby", last=0)
            for text in ("日本語とemoji 👍🏽 🇩🇪 ❤️ 👨‍👩‍👧‍👦", "שלום לכולם 123", "Zalgo h̷̛͇ é நி क्षि", "plain"):
                await bob.post("lobby", text)
            rows = await tmux.until_shown("bob │ plain")
        assert len([row for row in rows if "bob │" in row]) == 4
        await tmux.do("send-keys", "-t", "chat", "-l", "tschüß")
        await tmux.until_shown("> tschüß")
        cursor = await tmux.do("display-message", "-p", "-t", "chat", "#{cursor_x},#{cursor_y}")
        assert cursor.stdout.strip() == "8,29"
        await tmux.do("send-keys", "-t", "chat", "C-u", "C-d")
        with trio.fail_after(LIMIT_S):
            while (await tmux.do("has-session", "-t", "chat")).returncode == 0:
                pass
    finally:
        await tmux.do("kill-server")
