"""A subject as a fresh process on a core of its own: started, timed, weighed, and never left behind.

This file owns the process. It must not know what is said to it.
"""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from benchmarks.server_process import PATIENCE_S, ServerFailed, ServerProcess, free_port
from benchmarks.subjects import Place, Subject

CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
GENERATOR_CORE: Final = CORES[-1]

_CPUCLOCK_SCHED: Final = 2  # the part of a clock's id that says: time on the processor (clock_getcpuclockid(3))


class Running:
    """A subject that runs and listens; made by `running`."""

    def __init__(self, subject: Subject, process: ServerProcess) -> None:
        self.subject = subject
        self.pid = process.pid
        self.address = ("127.0.0.1", process.port)
        self._clock = (~process.pid << 3) | _CPUCLOCK_SCHED

    def cpu_s(self) -> float:
        """Return the processor time that all its threads took since it started, to the nanosecond."""
        return time.clock_gettime(self._clock)

    def cpu_parts_s(self) -> tuple[float, float]:
        """Return the same in its own code and in the kernel, to a hundredth of a second."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user, times.system

    def memory_bytes(self) -> int:
        """Return its resident memory."""
        return int(psutil.Process(self.pid).memory_info().rss)


@contextmanager
def running(subject: Subject) -> Iterator[Running]:
    """Run a subject in an empty directory, pinned to the first core; then kill it.

    The calling process is pinned to the last core for as long.

    Raises:
        ServerFailed: it ended before it listened.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        place = Place(free_port(), Path(directory))
        process = _start(subject, place)
        try:
            _wait_for(process, place)
            yield Running(subject, process)
        finally:
            process.close()
            os.sched_setaffinity(0, CORES)


def _start(subject: Subject, place: Place) -> ServerProcess:
    log = place.directory / "log"
    # A child inherits the core; Go's runtime counts the cores that it may use before its first line runs.
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        with log.open("w") as output:
            process = subprocess.Popen(
                subject.command(place),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
                env={**os.environ, **subject.environment()},
            )
    finally:
        os.sched_setaffinity(0, {GENERATOR_CORE})
    return ServerProcess(process, f"chat://127.0.0.1:{place.port}", log)


def _wait_for(process: ServerProcess, place: Place) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not psutil.pid_exists(process.pid) or psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE:
            break
        try:
            socket.create_connection(("127.0.0.1", place.port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise ServerFailed(f"the server does not listen: {process.log.read_text() or 'not a word'}")
