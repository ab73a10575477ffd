"""`latency_data.txt`: what a load measured, one measurement a line, to be drawn again or read by anything else.

    # trio_chat latencies 1
    # load: 200 clients in 10 rooms, 500 messages/s for 10 s
    # command: python -m benchmarks.load --clients 200 --rooms 10 --rate 500
    # columns: due_s latency_ms kind
    0.001234 0.873 delivery

This file owns that format, both ways. It must not know who measured, or what becomes of it.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.load_measurements import Kind, Measurements

MAGIC: Final = "# trio_chat latencies 1"
COLUMNS: Final = "# columns: due_s latency_ms kind"
_EXPLAINED: Final = (
    "# due_s: when the message was due, in seconds since the start",
    "# latency_ms: how much later it happened, in milliseconds; never counted from the moment of sending",
    "# kind: delivery: a member of the room read it; posted: the sender read the acknowledgement;",
    "#       lateness: the load generator handed it to the socket, which is its own delay",
)
_TOLD_CHARS: Final = 60
_KINDS: Final = {str(kind): kind for kind in Kind}


class DataError(Exception):
    """A file holds no latencies that can be read; the message is one sentence for who named it."""


class Recording(Struct):
    """What a file holds: what the load was, the command that made it, and the measurements."""

    load: str
    command: str
    measurements: Measurements


def format_lines(recording: Recording) -> Iterator[str]:
    """Yield the lines of a file, each with its end. Times are kept to the microsecond."""
    yield f"{MAGIC}\n"
    yield f"# load: {_one_line(recording.load)}\n"
    yield f"# command: {_one_line(recording.command)}\n"
    for line in (*_EXPLAINED, COLUMNS):
        yield f"{line}\n"
    for kind in Kind:
        series = recording.measurements[kind]
        for due_s, latency_ms in zip(series.due_s, series.latency_ms, strict=True):
            yield f"{due_s:.6f} {latency_ms:.3f} {kind}\n"


def parse_lines(lines: Iterable[str], name: str) -> Recording:
    """Return what the lines of a file say; `name` is what the file is called in an error.

    Raises:
        DataError: a line is not as it should be, or there is no measurement; the message names the line.
    """
    recording = Recording("", "", Measurements())
    number = 0
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if number == 1 and line != MAGIC:
            raise DataError(f"{name} is no latency_data.txt: it does not begin with {MAGIC!r}.")
        if line.startswith("#"):
            _take_comment(recording, line)
        else:
            _take(recording.measurements, line, f"{name}, line {number}")
    if not number:
        raise DataError(f"{name} is empty.")
    if not len(recording.measurements):
        raise DataError(f"{name} holds no measurement.")
    return recording


def write_recording(path: Path, recording: Recording) -> None:
    """Write a file: whole, or not at all.

    Raises:
        DataError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            with part.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(format_lines(recording))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}.") from None


def read_recording(path: Path) -> Recording:
    """Read a file.

    Raises:
        DataError: it cannot be read, or is not as it should be.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            return parse_lines(file, str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is no latency_data.txt: it is not UTF-8 text.") from None


def _take_comment(recording: Recording, line: str) -> None:
    name, colon, value = line.removeprefix("#").strip().partition(": ")
    if colon and name == "load":
        recording.load = value
    elif colon and name == "command":
        recording.command = value


def _take(measurements: Measurements, line: str, where: str) -> None:
    fields = line.split(" ")
    if len(fields) != 3:
        raise DataError(f"{where}: {_told(line)} is not of the form: due_s latency_ms kind.")
    kind = _KINDS.get(fields[2])
    if kind is None:
        raise DataError(f"{where}: {_told(fields[2])} is none of {', '.join(_KINDS)}.")
    try:
        due_s, latency_ms = float(fields[0]), float(fields[1])
    except ValueError:
        raise DataError(f"{where}: {_told(line)} does not begin with two numbers.") from None
    if not (0 <= due_s < math.inf and 0 <= latency_ms < math.inf):
        raise DataError(f"{where}: {_told(line)} holds a number that is no time.")
    measurements[kind].add(due_s, latency_ms)


def _told(text: str) -> str:
    return repr(text if len(text) <= _TOLD_CHARS else text[:_TOLD_CHARS] + "…")


def _one_line(text: str) -> str:
    return " ".join(text.split())
