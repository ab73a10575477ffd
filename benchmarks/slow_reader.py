"""A member that stops reading while 100 MB are posted: what it costs the server, and whether it loses anything.

    python -m benchmarks.slow_reader [--megabytes 100]

The load is posted to one server process twice: with nobody slow, then with a member in the room that has joined and
reads nothing. Before the slow member comes, the process has been through all that such a load brings by itself: caches
of SQLite, merges of the search index, memory that Python keeps (50 MB more are posted for that), and a guest has read
the whole log once, so that the path by which pages are read is warm too. The peak of its resident memory until then
(sampled by psutil after each batch of posts) is the baseline; what the later peak is above it is what the slow member
costs. Then it reads on, and has to get every entry in order; the peak while it catches up counts too. The kernel's
socket buffers are not the process's: the slow member's own is made small, and the load is far beyond what they hold.

With `--cut`, the server closes the slow member because it answers no ping, and the member has to come back for what
it missed.

This file owns the load and the figures. Exits 1 if more than 8 MiB were needed, or an entry is missing or out of order.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from benchmarks import need
from benchmarks.server_process import PATIENCE_S, ServerProcess, start_server
from benchmarks.wire import ROOM, Wire, connected
from protocol import TEXT_CHARS, Error, FromServer, Gap, Live, Message, Ping, Position, Post, Presence

MB: Final = 1_000_000
MIB: Final = 1_048_576
MOST_GROWTH_BYTES: Final = 8 * MIB
WARM_UP_MB: Final = 50
"""What warms the process up, besides the baseline itself: merges of the search index take some 5 MB for a moment, and
come more and more rarely as it grows."""

BATCH: Final = 32
"""Posts that are sent together: 128 KB."""

RECEIVE_BUFFER: Final = 4_096
"""What the slow member's socket is told to hold; the kernel makes a little more of it."""


class Figures(msgspec.Struct):
    """What one run found; memory in bytes."""

    megabytes: float
    entries: int = 0
    baseline_bytes: int = 0  # the peak of the server's memory under the load, with nobody slow
    stuck_bytes: int = 0  # the peak under the same load with a member that reads nothing
    catching_up_bytes: int = 0  # the peak while that member reads what it missed
    cut: bool = False
    missed: int = 0  # entries that the slow member came back for
    faults: list[str] = []

    @property
    def growth_bytes(self) -> int:
        return max(self.stuck_bytes, self.catching_up_bytes) - self.baseline_bytes


class Load:
    """A member that posts long texts and reads all that comes; it samples the server's memory meanwhile."""

    def __init__(self, wire: Wire, server: ServerProcess) -> None:
        self._wire = wire
        import psutil  # here, for `main` says it first if it is missing

        self._process = psutil.Process(server.pid)
        self._texts = made_up_texts()
        self._pings = 0
        self.count = 0  # posts so far
        self.lost: set[str] = set()  # nicks of those whose connection was lost

    def text(self, number: int) -> str:
        """Return what is said in entry `number`."""
        start = f"{number} "
        return start + self._texts[number % len(self._texts)][: TEXT_CHARS - len(start)]

    async def post(self, byte_count: float) -> int:
        """Post texts of so many bytes together, and return the most memory that the server had meanwhile."""
        peak, last = 0, self.count + round(byte_count / TEXT_CHARS)
        while self.count < last:
            first, self.count = self.count + 1, min(last, self.count + BATCH)
            numbers = range(first, self.count + 1)
            await self._wire.send(*[Post(number, ROOM, str(number), self.text(number)) for number in numbers])
            await self.until(lambda message: isinstance(message, Message) and message.seq == self.count)
            peak = max(peak, self.memory())
        return peak

    async def show_life(self) -> None:
        """Say something, for who neither posts nor reads for long is closed."""
        self._pings += 1
        await self._wire.send(Ping(self._pings))

    async def until(self, last: Callable[[FromServer], bool]) -> None:
        """Read up to the message for which `last` holds."""
        while True:
            message = await self._wire.next()
            if isinstance(message, Presence) and message.change == "lost":
                self.lost.add(message.nick)
            if isinstance(message, Error):
                raise RuntimeError(f"the server refuses the load: {message}")
            if last(message):
                return

    def memory(self) -> int:
        """Return the server's resident memory in bytes."""
        return int(self._process.memory_info().rss)


def made_up_texts() -> list[str]:
    """Return texts of the greatest length, of words as people use them: some all the time, most of them rarely."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(5_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(chance.choices(words, weights, k=TEXT_CHARS))[:TEXT_CHARS] for _ in range(64)]


async def run(server: ServerProcess, megabytes: float, *, cut: bool = False) -> Figures:
    """Put the load on a server that has an empty lobby and no rate limit, and return what was found.

    Args:
        server: with a short ping if `cut`, and else with one that is longer than all this takes.
        megabytes: the load, in millions of bytes of text, far more than the kernel's buffers take (4 MB and a little).
        cut: the server is to lose the slow member, who comes back.

    Raises:
        trio.TooSlowError: nothing has come for `PATIENCE_S`.
    """
    figures = Figures(megabytes, cut=cut)
    async with connected(server) as wire:
        await wire.come_in("poster")
        await wire.expect(Live)
        load = Load(wire, server)
        warm = await load.post(WARM_UP_MB * MB)
        async with connected(server) as guest:
            await guest.come_in("guest", Position("", 0))
            while not isinstance(message := await guest.next(), Live):
                if isinstance(message, Message) and message.seq % BATCH == 0:
                    await load.show_life()
        figures.baseline_bytes = max(warm, await load.post(megabytes * MB))
        async with connected(server, receive_buffer=RECEIVE_BUFFER) as slow:
            joined = await slow.come_in("slow")
            await slow.expect(Live)
            figures.stuck_bytes = await load.post(megabytes * MB)
            if cut and "slow" not in load.lost:
                await load.until(lambda _: "slow" in load.lost)
            reader = Reader(load, joined.head + 1, figures.faults)
            await reader.read(slow)
            if not cut:
                await load.post(BATCH * TEXT_CHARS)
                await reader.read(slow)  # a `live` comes before this, if there was anything to catch up with
        if cut:
            figures.missed = load.count + 1 - reader.due
            async with connected(server) as back:
                await back.come_in("slow", Position(joined.epoch, reader.due - 1))
                await reader.read(back)
    figures.entries = load.count
    figures.catching_up_bytes = reader.peak
    figures.faults += shortcomings(figures, reader)
    return figures


class Reader:
    """What the slow member does in the end: read everything, and hold it against what was posted.

    Attributes:
        due: the seq of the next entry.
        was_behind: the server has said that it has nothing stored left to send, so there was something.
        peak: the most memory that the server had while this read.
    """

    def __init__(self, load: Load, due: int, faults: list[str]) -> None:
        self.due = due
        self.was_behind = False
        self.peak = 0
        self._load = load
        self._faults = faults

    async def read(self, wire: Wire) -> None:
        """Read until the connection ends or everything that was posted has come.

        Raises:
            trio.TooSlowError: nothing has come for `PATIENCE_S`.
        """
        while self.due <= self._load.count:
            with trio.fail_after(PATIENCE_S):
                try:
                    message = await wire.next()
                except EOFError:
                    return
            match message:
                case Message():
                    self._see(message)
                case Gap():
                    self._faults.append(f"The slow member was told of a gap: {message}")
                case Live():
                    self.was_behind = True
                case _:
                    pass

    def _see(self, message: Message) -> None:
        if message.seq != self.due or message.text != self._load.text(self.due):
            self._faults.append(f"The slow member got entry {message.seq} where {self.due} was due, or another text.")
        self.due = message.seq + 1
        if message.seq % BATCH == 0:
            self.peak = max(self.peak, self._load.memory())


def shortcomings(figures: Figures, reader: Reader) -> list[str]:
    """Return a sentence for each promise that was not kept."""
    faults = []
    if reader.due != figures.entries + 1:
        faults.append(f"The slow member got everything up to {reader.due - 1}, not up to {figures.entries}.")
    if not (reader.was_behind or figures.missed):
        faults.append("The slow member never fell behind: the load is too small to say anything.")
    if figures.growth_bytes >= MOST_GROWTH_BYTES:
        faults.append(f"The slow member costs {figures.growth_bytes / MIB:.1f} MiB of the server's memory.")
    return faults


SETTINGS: Final = """
port = 0
store = "sqlite:{database}"
rate_limit = "off"
ping_s = {ping_s}
"""


async def measure(directory: Path, megabytes: float, *, cut: bool = False) -> Figures:
    """Run a server in an empty directory, put the load on it, and return what was found."""
    config = directory / "server.toml"
    # Without the cut, nothing may depend on how long it takes.
    config.write_text(SETTINGS.format(database=directory / "chat.db", ping_s=1 if cut else 3_600))
    start = partial(start_server, "--config", str(config), log=directory / "server.log")
    server = await trio.to_thread.run_sync(start)
    try:
        return await run(server, megabytes, cut=cut)
    finally:
        server.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test, print the figures, and return the exit code: 1 for a broken promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_reader", description="Post to who does not read.")
    parser.add_argument("--megabytes", type=float, default=100, help="the load, in 10**6 bytes of text [100]")
    parser.add_argument("--cut", action="store_true", help="the server closes the slow member, who comes back")
    chosen = parser.parse_args(arguments)
    need("psutil")
    with tempfile.TemporaryDirectory() as directory:
        figures = trio.run(partial(measure, Path(directory), chosen.megabytes, cut=chosen.cut))
    print(table(figures))
    for fault in figures.faults:
        print(fault, file=sys.stderr)
    return 1 if figures.faults else 0


def table(figures: Figures) -> str:
    """Return the figures for a person."""
    rows = [
        ("posted while somebody did not read, MB", f"{figures.megabytes:g}"),
        ("server's memory at most, MiB", ""),
        ("  before, under the same load", f"{figures.baseline_bytes / MIB:.1f}"),
        ("  while it did not read", f"{figures.stuck_bytes / MIB:.1f}"),
        ("  while it read what it had missed", f"{figures.catching_up_bytes / MIB:.1f}"),
        ("growth, MiB (less than 8 is promised)", f"{figures.growth_bytes / MIB:.1f}"),
        ("entries in the log", str(figures.entries)),
        ("promises broken", str(len(figures.faults))),
    ]
    if figures.cut:
        rows.insert(-1, ("entries missed by the cut", str(figures.missed)))
    return "\n".join(f"{name:<42}{value:>12}" for name, value in rows)


if __name__ == "__main__":
    sys.exit(main())
