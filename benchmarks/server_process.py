"""A real server process for benchmarks and end-to-end tests: started, found, killed, and never left behind.

This file owns one operating-system process at a time and what it prints. It must not know what is said to it. All of
it is blocking: whoever runs an event loop calls it in a thread.
"""

import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO

PATIENCE_S = 120.0
"""After so long a process that does not start, answer or end has failed; on a busy machine all take seconds."""


class ServerFailed(Exception):
    """The process ended, or hung, before it said where it listens; the message holds what it wrote to stderr."""


class ServerProcess:
    """A server that listens; made by `start_server`.

    Attributes:
        url: where a client connects to.
        host: the same in two parts.
        port: the same in two parts.
        pid: the process.
        log: the file that its stderr is appended to.
    """

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self._process = process
        self.url = url
        self.host, _, port = url.partition("://")[2].rpartition(":")
        self.port = int(port)
        self.pid = process.pid
        self.log = log

    def kill(self) -> None:
        """Kill it as `kill -9` does, and return once it is gone."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Return its exit code once it has ended, negative if a signal ended it.

        Raises:
            subprocess.TimeoutExpired: it has not ended for `PATIENCE_S`.
        """
        return self._process.wait(PATIENCE_S)

    def ask(self, line: str) -> str:
        """Send a line to its stdin and return the next line of its stdout, for servers that answer there.

        Raises:
            ServerFailed: it has ended, or does not answer.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return _line(self._process, self.log)

    def close(self) -> None:
        """Kill it if it still runs, and let go of its pipes."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def start_server(
    *arguments: str, log: Path, module: str = "trio_chat.server", environment: Mapping[str, str] | None = None
) -> ServerProcess:
    """Run `python -m MODULE ARGUMENTS` and return once it listens; the caller owns it and calls `close`.

    Raises:
        ServerFailed: it ended before it listened.
    """
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment)
    try:
        for _ in range(3):
            if found := re.search(r"chats?://\S+", _line(process, log)):
                return ServerProcess(process, found[0], log)
        raise ServerFailed("it does not say where it listens")
    except BaseException:
        ServerProcess(process, "chat://nowhere:0", log).close()
        raise


@contextmanager
def running_server(*arguments: str, log: Path, module: str = "trio_chat.server") -> Iterator[ServerProcess]:
    """Run a server for as long as the block lasts; what still runs then is killed."""
    server = start_server(*arguments, log=log, module=module)
    try:
        yield server
    finally:
        server.close()


def free_port() -> int:
    """Return a port on which nobody listens, below those that outgoing connections get.

    On one of these a client that dials while the server is down may be given the very port that it dials, and be
    connected to itself (TCP's simultaneous open), so that the server finds it taken.
    """
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _line(process: subprocess.Popen[str], log: Path) -> str:
    """Return the next line of stdout; a process that keeps us waiting for too long is killed."""
    output: IO[str] | None = process.stdout
    assert output is not None
    alarm = Timer(PATIENCE_S, process.kill)
    alarm.start()
    try:
        line = output.readline()
    finally:
        alarm.cancel()
    if not line:
        raise ServerFailed(f"the server ended with {process.wait(PATIENCE_S)}: {log.read_text() or 'without a word'}")
    return line
