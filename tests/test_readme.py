"""What the README says is so: its toolkit's examples run, and its commands have the options that it names."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from protocol import Message
from trio_chat import Client, ServerConfig, open_client, open_server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def examples_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder with the toolkit's examples, under the names by which they know each other."""
    for name, example in zip(("dice", "test_dice", "together"), examples_of("README.md"), strict=True):
        (tmp_path / f"{name}.py").write_text(example)
    return tmp_path


@asynccontextmanager
async def running(script: Path) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Run a script until the block ends; gives what returns its next line."""
    environ = {**os.environ, "XDG_STATE_HOME": str(script.parent)}
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, [sys.executable, str(script)], stdout=subprocess.PIPE, check=False, env=environ)
        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        output, read = process.stdout, bytearray()

        async def line() -> str:
            while b"\n" not in read:
                data = await output.receive_some()
                assert data, f"{script.name} has ended"
                read.extend(data)
            found, _, rest = bytes(read).partition(b"\n")
            read[:] = rest
            return found.decode()

        with trio.fail_after(60):
            yield line
        nursery.cancel_scope.cancel()


async def test_the_bot_of_ones_own_rolls_dice(examples: Path) -> None:
    async with open_server(ServerConfig(store="memory:", port=0)) as server:
        script = examples / "dice.py"
        script.write_text(script.read_text().replace('room="lobby"', f'room="lobby", url="{server.url}"'))
        async with running(script) as line, open_client(server.url, nick="ann", session="a" * 32) as client:
            assert (await line()).startswith("joined #lobby as dice; it speaks when called by name, in private and to")
            await client.join("lobby")
            await client.command("/roll 3d6", room="lobby")
            messages = [event async for event in _messages(client, 2)]
    asked, rolled = messages
    assert (asked.command, asked.text) == ("roll", "3d6")
    assert re.fullmatch(r"[1-6] \+ [1-6] \+ [1-6]", rolled.text)
    assert rolled.reply_to == asked.seq


async def _messages(client: Client, count: int) -> AsyncIterator[Message]:
    while count:
        event = await client.__anext__()
        if isinstance(event, Message):
            count -= 1
            yield event


def test_the_examples_of_the_page_on_bots_run(tmp_path: Path) -> None:
    for name, example in zip(("score", "test_score"), examples_of("docs/bots.md"), strict=True):
        (tmp_path / f"{name}.py").write_text(example)
    command = [sys.executable, str(tmp_path / "test_score.py")]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr == ""


def test_the_test_of_it_passes_and_fails_if_the_bot_is_wrong(examples: Path) -> None:
    command = [sys.executable, str(examples / "test_dice.py")]
    right = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (right.returncode, right.stderr) == (0, "")
    script = examples / "dice.py"
    script.write_text(script.read_text().replace("range(count)", "range(1)"))
    wrong = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 1
    assert "AssertionError" in wrong.stderr


async def test_server_client_and_bot_run_in_one_program(examples: Path) -> None:
    async with running(examples / "together.py") as line:
        url = (await line()).split()[-1]
        assert (await line()).startswith("joined #lobby as dice")
        async with open_client(url, nick="ann", session="a" * 32) as client:
            joined = await client.join("lobby")
            while joined.count < 3:
                joined = await client.join("lobby")
            await client.post("lobby", "dice?")
            assert [await line(), await line()] == ["ann: dice?", "dice: Type /roll 2d6, ann."]


@pytest.mark.parametrize("module", ["trio_chat.server", "trio_chat.client", "trio_chat.bot", "benchmarks.load"])
def test_every_option_that_the_readme_gives_a_command_is_one(module: str) -> None:
    helped = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    lines = [line for line in README.splitlines() if f"-m {module}" in line]
    options = {option for line in lines for option in re.findall(r"(--[a-z-]+)", line.partition(module)[2])}
    for option in options - {"--help"}:
        assert option in helped
