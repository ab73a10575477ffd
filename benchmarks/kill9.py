"""Kill the server with SIGKILL in the middle of clients that post, again and again, and look for a broken promise.

    python -m benchmarks.kill9 [--rounds 20] [--clients 20] [--seed N]

In each round the process is killed while every client has several posts under way; the database is examined as the
kill left it (in a copy, so that the server itself has to recover it); then the server starts again at the same place,
and the clients, which are the client library and nothing else, have to come back by themselves and finish what they
were posting. In the end
what every client saw, the history that the server gives from its first entry, and the rows in the database file have
to be the same, and to hold everything that was acknowledged, once. Prints figures; exits 1 on a broken promise.

This file owns the test and its figures. It must not know how a client comes back.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import apsw
import msgspec
import trio

from benchmarks.posters import ROOM, Line, Poster, Scene
from benchmarks.server_process import ServerProcess, free_port, start_server
from protocol import PAGE_ENTRIES, Message
from trio_chat.client import open_client

CLIENTS: Final = 20
FAULTS_SHOWN: Final = 20
LEAST_POSTS: Final = 100
MOST_POSTS: Final = 1_500
"""After how many posts of all clients in a round the process is killed: a random number between these."""


class Figures(msgspec.Struct):
    """What one run did and found."""

    rounds: int = 0
    clients: int = 0
    posted: int = 0  # posts that were acknowledged
    repeated: int = 0  # acknowledged as duplicates: kept before a kill, and sent again after it
    entries: int = 0
    unacknowledged: int = 0  # in the log at a kill, before anybody was told so
    back_s: list[float] = []  # from the start of the server until every post that the kill cut off is acknowledged
    faults: list[str] = []


class Place(NamedTuple):
    """Where the server listens and keeps its log, each time."""

    directory: Path
    port: int

    @property
    def database(self) -> Path:
        return self.directory / "chat.db"

    async def start(self) -> ServerProcess:
        arguments = ["--port", str(self.port), "--store", f"sqlite:{self.database}", "--rate-limit", "off"]
        start = partial(start_server, *arguments, log=self.directory / "server.log")
        return await trio.to_thread.run_sync(start)

    async def lines(self) -> list[Line]:
        return await trio.to_thread.run_sync(read_lines, self.database)

    def copy(self) -> Path:
        """Copy the database with its write-ahead log, and return where to."""
        copy = self.directory / "copy.db"
        for end in ("", "-wal"):
            target = copy.with_name(copy.name + end)
            target.unlink(missing_ok=True)
            source = self.database.with_name(self.database.name + end)
            if source.exists():
                shutil.copyfile(source, target)
        return copy


def read_lines(database: Path) -> list[Line]:
    """Read a room's messages directly from a database file, in order."""
    sql = """
        SELECT seq, at, author, nick, text FROM entries
        WHERE room = (SELECT id FROM rooms WHERE name = ?) ORDER BY seq
    """
    connection = apsw.Connection(str(database))
    try:
        return [Line(*row) for row in connection.execute(sql, (ROOM,))]
    finally:
        connection.close()


def check_log(scene: Scene, lines: Sequence[Line], where: str) -> None:
    """Hold a log against what was acknowledged and seen so far."""
    numbers = [line.seq for line in lines]
    if numbers != list(range(1, len(lines) + 1)):
        scene.fault(f"{where}: the log has holes or doubles: {numbers}")
    texts = {line.text: line for line in lines}
    if len(texts) != len(lines):
        scene.fault(f"{where}: {len(lines) - len(texts)} entries stand in the log twice")
    for text, posted in scene.posted.items():
        line = texts.get(text)
        if line is None or (line.seq, line.at) != (posted.seq, posted.at):
            scene.fault(f"{where}: {posted} was acknowledged, and the log has {line}")
    for seq, seen in scene.seen.items():
        if seq > len(lines) or lines[seq - 1] != seen:
            scene.fault(f"{where}: somebody saw {seen}, and the log has something else there")


async def run(directory: Path, *, rounds: int, clients: int = CLIENTS, seed: int = 0) -> Figures:
    """Kill the server `rounds` times under `clients` clients that post, and return what was found.

    Args:
        directory: an empty one, for the database and the server's log.
        rounds: how often to kill.
        clients: how many clients post.
        seed: decides the moments of killing.

    Raises:
        trio.TooSlowError: something that had to happen did not, for `PATIENCE_S`.
        ServerFailed: the server did not start, or not again.
    """
    scene, figures, chance = Scene(), Figures(rounds, clients), random.Random(seed)
    place = Place(directory, free_port())
    posters = [Poster(scene, number) for number in range(clients)]
    with ExitStack() as cleanup:
        server = await place.start()
        cleanup.callback(lambda: server.close())
        async with trio.open_nursery() as nursery:
            for poster in posters:
                await nursery.start(poster.run, server.url)
            for number in range(rounds):
                scene.start_posting()
                await _kill_in_the_middle(scene, posters, server, chance)
                await _examine(scene, place, figures, f"after kill {number + 1}")
                server.close()
                started = trio.current_time()
                server = await place.start()
                await scene.stop_posting(posters)
                figures.back_s.append(trio.current_time() - started)
            await _see_all(scene, posters)
            nursery.cancel_scope.cancel()
        history = await _read_history(server.url)
        server.signal(signal.SIGTERM)
        if (code := await trio.to_thread.run_sync(server.wait)) != 0:
            scene.fault(f"the server, told to stop, ended with {code}")
    lines = await place.lines()
    check_log(scene, lines, "in the end")
    if history != lines:
        scene.fault("the history that the server gives is not what the database holds")
    figures.posted = len(scene.posted)
    figures.repeated = sum(posted.duplicate for posted in scene.posted.values())
    figures.entries = len(lines)
    figures.faults = scene.faults
    return figures


async def _kill_in_the_middle(
    scene: Scene, posters: Sequence[Poster], server: ServerProcess, chance: random.Random
) -> None:
    wanted = len(scene.posted) + chance.randint(LEAST_POSTS, MOST_POSTS)
    await scene.until(lambda: len(scene.posted) >= wanted)
    # Answers come right after a commit: without this, so would every kill.
    await trio.sleep(chance.uniform(0, 0.02))
    before = [(poster, poster.cuts) for poster in posters]
    await trio.to_thread.run_sync(server.kill)
    await scene.until(lambda: all(poster.cuts > cuts for poster, cuts in before))


async def _examine(scene: Scene, place: Place, figures: Figures, when: str) -> None:
    lines = await trio.to_thread.run_sync(lambda: read_lines(place.copy()))
    figures.unacknowledged += len(lines) - len(scene.posted)
    check_log(scene, lines, when)


async def _see_all(scene: Scene, posters: Sequence[Poster]) -> None:
    """Let every client read to the end of the log."""
    head = max(posted.seq for posted in scene.posted.values())
    await scene.until(lambda: all(poster.seen == head for poster in posters))


async def _read_history(url: str) -> list[Line]:
    """Read the whole log by asking the server for it, page after page."""
    lines: list[Line] = []
    async with open_client(url, nick="reader", session=random.randbytes(16).hex()) as client:
        more = True
        while more:
            page = await client.history(ROOM, after=len(lines), limit=PAGE_ENTRIES)
            more = page.more
            for entry in page.entries:
                assert isinstance(entry, Message), "nobody has said anything else"
                lines.append(Line(entry.seq, entry.at, entry.author, entry.nick, entry.text))
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test, print the figures, and return the exit code: 1 for a broken promise."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kill9", description="Kill the server, look what is lost."
    )
    parser.add_argument("--rounds", type=int, default=20, help="how often to kill it [20]")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"how many clients post [{CLIENTS}]")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments of killing [0]")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        kill = partial(run, Path(directory), rounds=chosen.rounds, clients=chosen.clients, seed=chosen.seed)
        figures = trio.run(kill)
    print(table(figures))
    for fault in figures.faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    return 1 if figures.faults else 0


def table(figures: Figures) -> str:
    """Return the figures for a person."""
    slowest = f"{median(figures.back_s):.1f}, {max(figures.back_s):.1f}" if figures.back_s else "-"
    rows = (
        ("kills", figures.rounds),
        ("clients", figures.clients),
        ("posts acknowledged", figures.posted),
        ("  of them sent twice, and said once", figures.repeated),
        ("entries in the log", figures.entries),
        ("  kept at a kill, unacknowledged", figures.unacknowledged),
        ("all back and answered, s (median, most)", slowest),
        ("promises broken", len(figures.faults)),
    )
    return "\n".join(f"{name:<40}{value!s:>12}" for name, value in rows)


if __name__ == "__main__":
    sys.exit(main())
