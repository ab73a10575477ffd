"""Replay a real IRC log through a real server, and see whether everybody sees the log.

    python -m benchmarks.replay FILE [--speed max|x60] [--windows N] [--store sqlite:PATH|memory:] [--json FILE]

Every window of the log is a room, everybody who speaks in it a connection over TCP. In the end each connection's
transcript is compared with the log; the exit code is 1 if anything differs, 2 if the replay cannot be begun. This file
owns the command line, the order of windows and the progress bar; how a window is replayed is in the modules beside it.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import trio
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.irc_log import LogError, count_lines, read_windows
from benchmarks.replay_check import Difference
from benchmarks.replay_client import ReplayError
from benchmarks.replay_figures import Totals, summary
from benchmarks.replay_plan import plan_window
from benchmarks.replay_window import Pace, replay_window
from benchmarks.server_process import ServerFailed, ServerProcess, running_server

STORE: Final = "sqlite, fsynced"
"""How the store is called in the summary that is used when none is named: a new one, deleted in the end."""


class Job(Struct, frozen=True):
    """What is to be replayed, and how."""

    log: Path
    windows: int
    pace: Pace


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a log, print what came of it, and return the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        counts = list(islice(count_lines(chosen.file), chosen.windows))
    except LogError as error:
        return _fail(str(error))
    if not counts:
        return _fail(f"{chosen.file} holds no window; a line like # 2004-12-25 opens one")
    totals = Totals()
    try:
        with tempfile.TemporaryDirectory(prefix="replay-") as directory, _progress(sum(counts)) as advance:
            store = chosen.store or f"sqlite:{directory}/replay.db"
            replay_on_server(Job(chosen.file, len(counts), chosen.speed), store, Path(directory), totals, advance)
    except ServerFailed as error:
        return _fail(str(error))
    figures = totals.figures(
        python=sys.version.split()[0],
        log=chosen.file.name,
        store=chosen.store or STORE,
        speed="max" if chosen.speed.factor is None else f"x{chosen.speed.factor:g}",
    )
    print(summary(figures))
    if chosen.json is not None:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    return 1 if figures.difference_count else 0


def replay_on_server(
    job: Job, store: str, directory: Path, totals: Totals, advance: Callable[[str, int], None]
) -> None:
    """Replay a log on a server process of its own, and add what came of it to `totals`.

    Args:
        job: what is replayed.
        store: where the server keeps the rooms.
        directory: where its stderr goes.
        totals: what everything is added to, a replay that ended early included.
        advance: called with what is under way, and how many lines of the log were done since the last call.

    Raises:
        ServerFailed: the server does not start.
    """
    flags = ["--port", "0", "--rate-limit", "off", "--store", store, "--log-level", "warning"]
    log = directory / "server.log"
    with running_server(*flags, log=log) as server:
        try:
            trio.run(_replay_all, job, server, totals, advance)
        except* (ReplayError, LogError) as group:
            for error in _leaves(group):
                totals.differ(Difference("stream", "the replay ended early", str(error)))
        for fault in _stop(server):
            totals.differ(Difference("stream", "the server", fault))


async def _replay_all(job: Job, server: ServerProcess, totals: Totals, advance: Callable[[str, int], None]) -> None:
    for window in islice(read_windows(job.log), job.windows):
        plan = plan_window(window)
        title = f"{window.date or 'window'} {window.number}/{job.windows}"
        left = len(window.events)

        def step(lines: int, title: str = title) -> None:
            nonlocal left
            left -= lines
            advance(title, lines)

        totals.add(plan, await replay_window(plan, server.host, server.port, job.pace, step))
        advance(title, left)


def _stop(server: ServerProcess) -> list[str]:
    """Stop the server as an operator does, and say what was wrong with that, or with anything that it logged."""
    server.signal(signal.SIGTERM)
    faults: list[str] = []
    try:
        code = server.wait()
    except subprocess.TimeoutExpired:
        faults.append("it did not stop when it was told to")
    else:
        if code:
            faults.append(f"it ended with exit code {code}")
    return faults + server.log.read_text(errors="replace").splitlines()


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


@contextmanager
def _progress(lines: int) -> Iterator[Callable[[str, int], None]]:
    """Show a bar on stderr if that is a terminal, and give the function that moves it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("starting", total=lines)
        yield lambda title, done: progress.update(bar, description=title, advance=done)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay", description="Replay an IRC log through a server and compare."
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the log, as text or .xz")
    parser.add_argument("--speed", metavar="max|xN", type=_pace, default=Pace(), help="x60: a minute in a second")
    parser.add_argument("--windows", metavar="N", type=_count, help="replay the first N windows only")
    parser.add_argument("--store", help="what the server is given [a new sqlite:PATH]")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to FILE too")
    return parser


def _pace(text: str) -> Pace:
    if text == "max":
        return Pace()
    match = re.fullmatch(r"x(\d{1,6}(?:\.\d{1,3})?)", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; write max, or x60 for a minute in a second")
    return Pace(float(match[1]))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of windows; write 1 or more")
    return int(text)


def _fail(sentence: str) -> int:
    print(f"replay: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
