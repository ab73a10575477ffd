"""What the README says is so: its toolkit example runs, and its commands have the options that it names."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from protocol import Message
from trio_chat import open_client

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


async def test_the_toolkit_example_echoes(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, str(script)],
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        assert process.stdout is not None
        url = b""
        while not url.endswith(b"\n"):
            data = await process.stdout.receive_some()
            assert data, "the example has ended"
            url += data
        with trio.fail_after(60):
            async with open_client(url.decode().split()[-1], nick="ann", session="a" * 32) as client:
                joined = await client.join("lobby")
                while joined.count < 2:
                    joined = await client.join("lobby")
                await client.post("lobby", "is there anybody?")
                messages: list[Message] = []
                while len(messages) < 2:
                    event = await client.__anext__()
                    if isinstance(event, Message):
                        messages.append(event)
        nursery.cancel_scope.cancel()
    said, echoed = messages
    assert (echoed.nick, echoed.bot, echoed.text, echoed.reply_to) == ("echo", True, said.text, said.seq)


@pytest.mark.parametrize("module", ["trio_chat.server", "trio_chat.client", "trio_chat.bot", "benchmarks.load"])
def test_every_option_that_the_readme_gives_a_command_is_one(module: str) -> None:
    helped = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    lines = [line for line in README.splitlines() if f"-m {module}" in line]
    options = {option for line in lines for option in re.findall(r"(--[a-z-]+)", line.partition(module)[2])}
    for option in options - {"--help"}:
        assert option in helped
