"""The operator at the server's own terminal, on a real pseudo-terminal; and the bot that the server runs."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from benchmarks.server_process import free_port
from protocol import Message, Notice, Posted
from tests.client.pty_screen import PtyScreen, pty_screen
from trio_chat.client import open_client


@asynccontextmanager
async def console(tmp_path: Path, *arguments: str) -> AsyncIterator[tuple[PtyScreen, str, trio.Process]]:
    """A server with a console: its screen, its address, and the process."""
    port = free_port()
    command = [sys.executable, "-m", "trio_chat.server", "--console", "--store", "memory:", "--port", str(port)]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm"}
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "NO_COLOR"):
        environment.pop(name, None)
    with pty_screen(columns=100) as screen:
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    [*command, *arguments],
                    stdin=screen.slave,
                    stdout=screen.slave,
                    stderr=screen.slave,
                    env=environment,
                    check=False,
                )
            )
            await screen.until_shown("#lobby>")
            yield screen, f"chat://127.0.0.1:{port}", process
            nursery.cancel_scope.cancel()


async def test_with_one_client_the_console_is_a_chat_of_two(tmp_path: Path) -> None:
    async with (
        console(tmp_path) as (screen, url, process),
        open_client(url, nick="bob", session="b" * 32) as bob,
    ):
        modes = screen.modes
        await bob.join("lobby")
        await screen.until_shown("bob has joined")
        await screen.until_shown("arrived nick='bob'")  # the log, without tearing the line
        screen.type("hello b")
        await screen.until_shown("#lobby> hello b")
        await bob.post("lobby", "are you there?")
        await screen.until_shown("<bob> are you there?")
        screen.type("ob\r")
        await screen.until_shown("<server> hello bob")
        heard = [event async for event in _messages(bob, 2)]
        assert [(m.nick, m.text) for m in heard] == [("bob", "are you there?"), ("server", "hello bob")]
        screen.type("/quit\r")
        assert await process.wait() == 0
        screen.show()
        assert screen.modes != modes  # the line editor's are gone
        assert not any("Traceback" in line for line in screen.lines)


async def _messages(client: AsyncIterator[object], count: int) -> AsyncIterator[Message]:
    while count:
        event = await client.__anext__()
        if isinstance(event, Message):
            count -= 1
            yield event


async def test_interrupting_the_console_stops_the_server_politely(tmp_path: Path) -> None:
    async with console(tmp_path) as (screen, _, process):
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        screen.show()
        assert not any("Traceback" in line for line in screen.lines)


async def test_with_a_bot_in_the_server_a_question_is_answered_with_nothing_else_started(tmp_path: Path) -> None:
    async with (
        console(tmp_path, "--bot") as (screen, url, _),
        open_client(url, nick="bob", session="b" * 32) as bob,
    ):
        joined = await bob.join("lobby")
        while not any(member.bot for member in joined.members):
            joined = await bob.join("lobby")
        assert isinstance(await bob.command("/search what is a nursery?", room="lobby"), Posted)
        answer = [m async for m in _messages(bob, 2)][1]
        assert (answer.bot, answer.reply_to) == (True, 1)
        help_text = await bob.command("/help")
        assert isinstance(help_text, Notice)
        await screen.until_shown("/search what is a nursery?")


def test_a_bot_that_cannot_run_is_told_in_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "chat.toml"
    config.write_text('[bot]\nbase_url = "gopher://x"\n')
    command = [sys.executable, "-m", "trio_chat.server", "--config", str(config), "--store", "memory:", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "http" in ended.stderr
