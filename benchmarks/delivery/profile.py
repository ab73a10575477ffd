"""Where a Python server's time goes, in a few words: samples by py-spy, sorted by what is innermost.

This file owns the words and which code they stand for. It must not know what the server is doing meanwhile.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SAMPLES_PER_S: Final = 500

PARTS: Final = (
    ("writing", ("send_nowait (", "send_all (", "server/outbox.py", "transport/")),
    ("encoding", ("encode", "_blocks (")),
    ("decoding", ("decode", "protocol/frames.py", "protocol/codec.py")),
    ("reading", ("receive_some (", "_receive (")),
    ("store", ("trio_chat/store/", "apsw")),
    ("fan-out", ("server/rooms.py", "server/delivery.py", "server/hub.py")),
    ("rules", ("trio_chat/server/", "trio_chat/names", "protocol/")),
    ("event loop", ("trio/", "outcome/")),
)
"""A part, and what a line of a stack contains that belongs to it; the first that fits counts. Reading is tried before
writing, for both are in the transport."""

_ORDER: Final = sorted(PARTS, key=lambda part: part[0] != "reading")


def find_py_spy() -> str | None:
    """Return the sampler's path, if it is installed."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


@contextmanager
def sampled(pid: int, seconds: float) -> Iterator[dict[str, float]]:
    """Sample a process for so long while the block runs; after it, the dictionary holds the share of each part."""
    shares: dict[str, float] = {}
    program = find_py_spy()
    if program is None:
        yield shares
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "stacks"
        command = [program, "record", "--pid", str(pid), "--duration", str(round(seconds)), "--format", "raw"]
        command += ["--rate", str(SAMPLES_PER_S), "--nonblocking", "--output", str(file)]
        sampler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield shares
            sampler.wait(seconds + 30)
        finally:
            sampler.kill()
            sampler.wait()
        if file.exists():
            shares.update(shares_of(file.read_text(encoding="utf-8").splitlines()))


def shares_of(folded: Iterable[str]) -> dict[str, float]:
    """Return the share of each part in stacks as `outermost;…;innermost COUNT`."""
    counts: Counter[str] = Counter()
    for line in folded:
        stack, _, count = line.rpartition(" ")
        counts[part_of(stack)] += int(count)
    total = counts.total()
    return {part: count / total for part, count in counts.most_common()} if total else {}


def part_of(stack: str) -> str:
    """Return the part that the innermost known line belongs to."""
    for line in reversed(stack.split(";")):
        for part, signs in _ORDER:
            if any(sign in line for sign in signs):
                return part
    return "other"
