"""`python -m benchmarks.keystroke`: how soon a key is on the screen of the terminal client, idle and under a flood.

This file owns the keys, the clock around them, and the process that floods the room. A key counts as shown when the
bytes that draw it have been read at the other end of the pseudo-terminal; what a terminal then needs to paint them is
not in the figures. Server, flood and client are processes of their own. It must not know how the client draws.
"""

import os
import random
import secrets
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import trio
from cyclopts import App, Parameter

from benchmarks import need
from benchmarks.server_process import running_server
from benchmarks.terminal_process import TerminalProcess, running_at_terminal
from trio_chat import open_client

COLUMNS: Final = 120
ROWS: Final = 40
BETWEEN_KEYS_S: Final = (0.03, 0.13)
"""A fast typist; at random, so that keys do not fall into step with frames."""

LINE: Final = 24
"""Keys after which the line is deleted, and begun anew."""

LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # none of them is in what the flood says

app = App(name="python -m benchmarks.keystroke", help=__doc__)


class Figures(NamedTuple):
    """Milliseconds from a key to the bytes that show it; and what the client needed of one core meanwhile, in %."""

    p50: float
    p99: float
    worst: float
    core: float


async def measure(terminal: TerminalProcess, keys: int) -> Figures:
    """Press so many keys and time each."""
    took: list[float] = []
    pid = terminal.process.pid
    began, used = trio.current_time(), _cpu_s(pid)
    line = ""
    for number in range(keys):
        if number % LINE == 0:
            terminal.type("\x15")
            line = ""
        await _read_for(terminal, random.uniform(*BETWEEN_KEYS_S))
        line += random.choice(LETTERS)
        took.append(await _press(terminal, line))
    core = 100 * (_cpu_s(pid) - used) / (trio.current_time() - began)
    took.sort()
    return Figures(took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], core)


async def _press(terminal: TerminalProcess, line: str) -> float:
    expected, read = line.encode(), bytearray()
    began = trio.current_time()
    terminal.type(line[-1])
    with trio.fail_after(10):
        while expected not in read:
            await trio.lowlevel.wait_readable(terminal.master)
            read += os.read(terminal.master, 65_536)
    return (trio.current_time() - began) * 1_000


async def _read_for(terminal: TerminalProcess, seconds: float) -> None:
    with trio.move_on_after(seconds):
        while True:
            await trio.lowlevel.wait_readable(terminal.master)
            os.read(terminal.master, 65_536)


def _cpu_s(pid: int) -> float:
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


# --- the flood --------------------------------------------------------------------------------------------


async def flood(url: str, rate: float) -> None:
    """Say something `rate` times a second until the standard input ends; then print how often a second it was."""
    said = 0
    async with (
        open_client(url, nick="flood", session=secrets.token_hex(16)) as client,
        trio.open_nursery() as nursery,
    ):
        await client.join("lobby", last=0)

        async def read() -> None:
            async for _ in client:
                pass

        async def say() -> None:
            nonlocal said
            began = trio.current_time()
            while True:
                nursery.start_soon(
                    client.post, "lobby", f"message {said} of a flood that goes on and on ".ljust(100, ".")
                )
                said += 1
                await trio.sleep_until(began + said / rate)

        nursery.start_soon(read)
        nursery.start_soon(say)
        began = trio.current_time()
        await trio.to_thread.run_sync(sys.stdin.readline)
        print(f"{said / (trio.current_time() - began):.0f}", flush=True)
        nursery.cancel_scope.cancel()


@app.command(name="flood", show=False)
def _flood(url: str, rate: float) -> None:
    trio.run(flood, url, rate)


# --- the program ------------------------------------------------------------------------------------------


async def run(url: str, terminal: TerminalProcess, keys: int, rate: float) -> None:
    """Measure idle, then under a flood, and print both."""
    await terminal.until(lambda rows: any("Connected to" in row for row in rows))
    print(f"{'':24} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'% of a core':>12}")
    _print("idle", await measure(terminal, keys))
    command = [sys.executable, "-m", "benchmarks.keystroke", "flood", url, str(rate)]
    pipe = subprocess.PIPE
    start = partial(subprocess.Popen[str], command, stdin=pipe, stdout=pipe, text=True)
    with await trio.to_thread.run_sync(start) as process:
        await _read_until(terminal, b"of a flood")
        figures = await measure(terminal, keys)
        told, _ = await trio.to_thread.run_sync(process.communicate, "\n")
    _print(f"{told.strip()} messages/s", figures)


async def _read_until(terminal: TerminalProcess, text: bytes) -> None:
    read = bytearray()
    with trio.fail_after(60):
        while text not in read:
            await trio.lowlevel.wait_readable(terminal.master)
            read += os.read(terminal.master, 65_536)


def _print(name: str, figures: Figures) -> None:
    print(f"{name:24} {figures.p50:8.1f} {figures.p99:8.1f} {figures.worst:8.1f} {figures.core:12.0f}", flush=True)


@app.default
def main(
    *,
    keys: Annotated[int, Parameter(help="Keys to press, idle and again under the flood.")] = 500,
    rate: Annotated[float, Parameter(help="Messages a second that are said in the room that is looked at.")] = 500.0,
) -> None:
    """Run it on a server, a flood and a client of its own."""
    need("pyte", "psutil")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        options = ("--port", "0", "--store", "memory:", "--rate-limit", "off")
        with running_server(*options, log=Path(folder) / "log") as server:
            command = [sys.executable, "-m", "trio_chat.client", server.url, "--nick", "ann"]
            with running_at_terminal(command, columns=COLUMNS, rows=ROWS, environment=environment) as terminal:
                trio.run(run, server.url, terminal, keys, rate)


if __name__ == "__main__":
    app()
