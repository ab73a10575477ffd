"""One task that reads from all clients of a load.

A task for each connection would cost a task switch for each delivery, several times what reading and checking it
costs, and the last member of a room would be read milliseconds after it was served. So one task waits for all sockets
at once, with a selector of its own whose descriptor Trio watches.

This file owns whose turn it is. It must not know what is read.
"""

import selectors
import socket
from array import array
from time import perf_counter
from typing import Final, Protocol

import trio

TURN_S: Final = 0.002
"""How long reading goes on before whoever is due to send gets a turn."""


class Readable(Protocol):
    """What is read from.

    Attributes:
        sock: does not block.
        gone: it has been forgotten, and `sock` closed.
        measured: whether the time that its data waits for its turn counts.
    """

    sock: socket.socket
    gone: bool
    measured: bool

    def read(self, now: float) -> None:
        """Read what has come; `now` is what counts as the moment of it, by `perf_counter`."""

    def write(self) -> None:
        """Write what waits, as far as the socket takes it."""


class Reading:
    """The task that reads from all clients.

    Attributes:
        waits_ms: how long each piece of data had to wait for its turn at most, in milliseconds.
        reads: how many pieces of data were read.
        counts: whether the waits are kept.
    """

    def __init__(self) -> None:
        self.waits_ms = array("d")
        self.reads = 0
        self.counts = False
        self._selector = selectors.DefaultSelector()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._selector.fileno())
            await self._read_all()

    def close(self) -> None:
        """Let go of the selector, once nobody is read from any more."""
        self._selector.close()

    def watch(self, client: Readable, *, writable: bool = False) -> None:
        """Read from a client, and tell it when it can write if that is asked for."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        if client.sock in self._selector.get_map():
            self._selector.modify(client.sock, events, client)
        else:
            self._selector.register(client.sock, events, client)

    def forget(self, client: Readable) -> None:
        """Read no more from a client."""
        self._selector.unregister(client.sock)

    async def _read_all(self) -> None:
        ready = self._selector.select(0)
        began = turn = perf_counter()
        for key, events in ready:
            client: Readable = key.data
            if events & selectors.EVENT_WRITE and not client.gone:
                client.write()
            if events & selectors.EVENT_READ and not client.gone:
                now = perf_counter()
                client.read(now)
                self.reads += 1
                if self.counts and client.measured:
                    self.waits_ms.append((now - began) * 1_000)
                if now - turn > TURN_S:
                    await trio.lowlevel.checkpoint()
                    turn = perf_counter()
