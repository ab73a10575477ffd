"""People at terminals: real processes on real pseudo-terminals, and an emulator for what they would see."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import trio

from benchmarks.server_process import ServerProcess, free_port, start_server
from tests.client.pty_screen import LIMIT_S, PtyScreen, pty_screen
from trio_chat.client import open_client

CLIENT = [sys.executable, "-m", "trio_chat.client", "--plain"]
MIB = 1_048_576

# Makes standard input the terminal that controls the session, then becomes the program named after it.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


class Seat:
    """Somebody at a terminal, and the program they run, which the terminal controls: Ctrl-C makes a signal."""

    def __init__(self, pty: PtyScreen, command: list[str]) -> None:
        self.pty = pty
        self.modes = pty.modes
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            stdin=pty.slave,
            stdout=pty.slave,
            stderr=pty.slave,
            start_new_session=True,
        )

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without times."""
        return [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in self.pty.lines]

    async def sees(self, *lines: str) -> None:
        """Wait until the screen ends with `lines`."""
        await self.pty.until(lambda: tuple(self.lines[-len(lines) :]) == lines)

    async def code(self) -> int:
        """Return the exit status, when the program has ended."""
        with trio.fail_after(LIMIT_S):
            code = await trio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)
        self.pty.show()
        return code

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def seat(url: str, nick: str, *, columns: int = 100, rows: int = 30) -> AsyncIterator[Seat]:
    """Somebody in the lobby, at a terminal."""
    with pty_screen(columns, rows) as pty:
        taken = Seat(pty, [*CLIENT, url, "--nick", nick])
        try:
            await pty.until(lambda: pty.lines and pty.lines[-1] == "#lobby>")
            yield taken
        finally:
            taken.end()


async def test_two_people_talk_and_neither_tears_what_the_other_is_typing(server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann, seat(server.url, "bob") as bob:
        await ann.sees("-!- bob has joined", "#lobby>")
        ann.pty.type("are you th")
        await ann.sees("-!- bob has joined", "#lobby> are you th")
        bob.pty.type("hello änn 日本\r")
        await bob.sees("<bob> hello änn 日本", "#lobby>")
        await ann.sees("-!- bob has joined", "<bob> hello änn 日本", "#lobby> are you th")
        ann.pty.type("ere?\r/me waves\r")
        await bob.sees("<bob> hello änn 日本", "<ann> are you there?", " * ann waves", "#lobby>")
        bob.pty.type("/quit\r")
        assert await bob.code() == 0
        await ann.sees(" * ann waves", "-!- bob has left", "#lobby>")
        assert bob.lines[-1] == "-!- Finished."
        assert bob.pty.modes == bob.modes


@pytest.mark.parametrize("key", ["\x03", "\x04"])
async def test_ctrl_c_and_ctrl_d_leave_politely_and_the_terminal_is_as_it_was(key: str, server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann, seat(server.url, "bob") as bob:
        bob.pty.type(key)
        assert await bob.code() == 0
        assert bob.pty.modes == bob.modes
        assert bob.lines[-1] == "-!- Finished."
        assert bob.pty.screen.cursor.x == 0
        await ann.pty.until_shown("bob has left")  # and not: has lost the connection


async def test_whoever_is_cut_off_is_told_and_is_back_when_the_server_is(tmp_path: Path) -> None:
    arguments = ["--port", str(free_port()), "--store", f"sqlite:{tmp_path / 'chat.db'}"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    server = await trio.to_thread.run_sync(start)
    try:
        async with seat(server.url, "ann", columns=200) as ann:
            server.kill()
            await ann.pty.until_shown("-!- Cut off")
            ann.pty.type("typed meanwhile\r")
            await ann.pty.until_shown("The server is away; your line is sent when it is back.")
            server.close()
            server = await trio.to_thread.run_sync(start)
            await ann.sees("<ann> typed meanwhile", "#lobby>")
            assert any(line.startswith("-!- Back again, as ann") for line in ann.lines)
            server.kill()
            await ann.pty.until(lambda: sum("Cut off: The" in line for line in ann.lines) >= 2)
            ann.pty.type("/quit\r")
            assert await ann.code() == 0
            assert ann.pty.modes == ann.modes
    finally:
        server.close()


async def test_what_would_turn_text_around_is_shown_and_turns_nothing(server: ServerProcess) -> None:
    async with seat(server.url, "ann") as ann, open_client(server.url, nick="eve", session="e" * 32) as eve:
        await eve.join("lobby")
        await eve.post("lobby", "user\u202etxt.exe\u2028[00:00] <ann> I agree\n[00:00] <ann> me too")
        await ann.sees(
            "<eve> user\\u202etxt.exe\\u2028[00:00] <ann> I agree", "        [00:00] <ann> me too", "#lobby>"
        )


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
            await pty.until(lambda: pty.lines and pty.lines[-1] == "#lobby>")
            pty.type("half a li")
            await pty.until(lambda: pty.lines[-1] == "#lobby> half a li")
            pty.type("\x1a")
            await pty.until(lambda: pty.lines[-1] == "READY" and any("Stopped" in line for line in pty.lines))
            assert not any("half a li" in line for line in pty.lines)
            pty.type("echo back to $((6 * 7))\r")
            await pty.until(lambda: "back to 42" in pty.lines)  # the shell echoes and reads lines as ever
            pty.type("fg\r")
            await pty.until(lambda: pty.lines[-1] == "#lobby> half a li")
            pty.type("ne\r")
            await pty.until_shown("<ann> half a line")
            pty.type("\x04")
            await pty.until(lambda: pty.lines[-1] == "READY")
            pty.type("exit $?\r")
            assert await at.code() == 0
        finally:
            at.end()


async def test_a_terminal_that_is_not_read_costs_no_memory_and_loses_nothing(server: ServerProcess) -> None:
    order: dict[int, int] = {}
    async with seat(server.url, "ann") as ann, open_client(server.url, nick="bob", session="b" * 32) as bob:

        async def post(number: int) -> None:
            order[(await bob.post("lobby", f"{number} " + "x" * 3_900)).seq] = number

        await bob.join("lobby")
        await ann.pty.until_shown("bob has joined")
        before = psutil.Process(ann.process.pid).memory_info().rss
        for start in range(0, 6_000, 100):  # 24 MB
            async with trio.open_nursery() as nursery:
                for number in range(start, start + 100):
                    nursery.start_soon(post, number)
        grown = psutil.Process(ann.process.pid).memory_info().rss - before
        ann.pty.type("done\r")
        read = plain(await read_until(ann.pty.master, b"<ann> done"))
        assert [int(number) for number in re.findall(rb"<bob> (\d+) x", read)] == [order[seq] for seq in sorted(order)]
        assert grown < 8 * MIB
        ann.process.send_signal(signal.SIGTERM)
        assert await ann.code() == 0


async def read_until(fd: int, text: bytes) -> bytes:
    read = bytearray()
    with trio.fail_after(6 * LIMIT_S):
        while text not in plain(bytes(read[-500:])):
            await trio.lowlevel.wait_readable(fd)
            read += os.read(fd, 65_536)
    return bytes(read)


def plain(data: bytes) -> bytes:
    return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", data)
