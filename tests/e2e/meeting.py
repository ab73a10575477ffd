"""Meeting a server process by TCP: peers that speak the protocol to the letter, and what the process has open.

This file owns what several test modules here share. It must not know what they prove.
"""

import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import trio

from benchmarks.server_process import PATIENCE_S, ServerProcess
from protocol import Found, GetHistory, History, Quit, Search
from tests.server.peer import Peer
from trio_chat.transport import dial_tcp

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR) +\S.*")


@asynccontextmanager
async def dialled(server: ServerProcess, nick: str | None = None) -> AsyncIterator[Peer]:
    """Give a peer on a TCP connection, welcomed as `nick` if that is given; closes the connection after the block."""
    stream = await dial_tcp(server.host, server.port)
    peer = Peer(stream)
    try:
        if nick is not None:
            await peer.hello(nick)
        yield peer
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()


async def say_bye(peer: Peer) -> None:
    """Leave as one does, so that the nick is free at once."""
    await peer.send(Quit(peer.next_id()))
    await peer.end()


async def send_what_is_taken(peer: Peer, data: bytes) -> None:
    """Send, and stop where the server has closed."""
    with contextlib.suppress(trio.BrokenResourceError):
        await peer.send_bytes(data)


def strange_lines(log: Path) -> list[str]:
    """Return the lines on a server's stderr that are no lines of its log."""
    return [line for line in log.read_text().splitlines() if not LOG_LINE.fullmatch(line)]


class Usage(NamedTuple):
    """What a server process holds."""

    files: int
    tasks: int


class Counted:
    """A server process that says how many tasks it has; the process is `tests.e2e.counted`."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self._before: Usage

    async def usage(self) -> Usage:
        """Return what it holds once all its tasks wait for something."""
        tasks = int(await trio.to_thread.run_sync(self.process.ask, "how many?"))
        return Usage(psutil.Process(self.process.pid).num_fds(), tasks)

    async def settle(self) -> None:
        """Talk to it once, so that it has opened what it keeps open, and remember what it holds."""
        await self.talk()
        self._before = await self.usage()

    async def talk(self, nick: str = "usual") -> None:
        """Do what an ordinary client does; it has to work at any time."""
        async with dialled(self.process, nick) as peer:
            await peer.join()
            posted = await peer.post("good day", key=secrets.token_hex())
            while (await peer.entries(1))[0].seq < posted.seq:
                pass
            for question in (GetHistory(peer.next_id(), "lobby"), Search(peer.next_id(), "day")):
                answer = await peer.ask(question)
                assert isinstance(answer, History | Found)
                assert posted.seq in [entry.seq for entry in answer.entries]
            await say_bye(peer)

    async def until_files(self, more: int) -> None:
        """Wait until it has at least so many more files open than before."""
        with trio.fail_after(PATIENCE_S):
            while (await self.usage()).files < self._before.files + more:
                pass

    async def are_files_as_before(self) -> None:
        """Wait until it has no more files open than before: it has closed all connections."""
        with trio.fail_after(PATIENCE_S):
            while (await self.usage()).files > self._before.files:
                pass

    async def is_as_before(self) -> None:
        """Wait until it holds what it held before, and see that it works and has written nothing but its log.

        Raises:
            AssertionError: it keeps something, or has written something else.
        """
        await self.talk()
        now = await self.usage()
        with trio.move_on_after(PATIENCE_S):
            while now != self._before:
                now = await self.usage()
        assert now == self._before, f"it holds {now}, and held {self._before}"
        strange = strange_lines(self.process.log)
        assert not strange, strange
