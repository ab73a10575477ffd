"""A small chat server in memory that cannot lie about the protocol: it runs the server's side of `Machine`.

It keeps logs, keys and people as docs/protocol.md has it, and does what a test tells it: refuse, hold back
answers, restart with another epoch, drop old entries. It must not know the client library.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from protocol import (
    CommandOffer,
    Entry,
    Error,
    FromServer,
    Member,
    Message,
    Presence,
    Request,
    State,
    TopicSet,
)
from tests.client.fake_connection import Connection
from tests.client.fake_log import LIMITS, NOW_MS, Log
from trio_chat.transport import ByteStream, memory_stream_pair

__all__ = ["LIMITS", "NOW_MS", "Connection", "FakeServer", "Log", "came"]


class FakeServer:
    """Serves every connection that `dial` makes, in `nursery`.

    Attributes:
        offered: the slash commands that bots add, everywhere.
        asked: every request that was understood, in order, of all connections.
        refusals: errors that the next requests of a type get instead of being carried out.
        silent: while set, nothing is read or sent on any connection.
        publishing: while not set, entries are kept back, and come with the next that is published.
        stuck_at: a type of request after which a connection answers nothing any more.
        refused_dials: how many dials fail yet.
        wrap: what is put around the client's end of each new connection.
        ping_ms: what `welcome` says.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self.epoch = "e1"
        self.offered: list[CommandOffer] = []
        self.logs: dict[str, Log] = {}
        self.asked: list[Request] = []
        self.refusals: dict[type, deque[Error]] = {}
        self.keys: dict[tuple[str, str], tuple[int, object]] = {}
        self.nicks: dict[str, str] = {}
        self.authors: dict[str, str] = {}
        self.connections: list[Connection] = []
        self.dials = 0
        self.refused_dials = 0
        self.ping_ms = 30_000
        self.silent = False
        self.stuck_at: type | None = None
        self.publishing = True
        self.answering = trio.Event()
        self.answering.set()
        self.answer_rooms_by: dict[str, object] | None = None
        self.wrap: Callable[[ByteStream], ByteStream] = lambda stream: stream
        self._nursery = nursery

    async def dial(self) -> ByteStream:
        await trio.lowlevel.checkpoint()
        self.dials += 1
        if self.refused_dials:
            self.refused_dials -= 1
            raise ConnectionRefusedError(111, "Connection refused")
        client, server = memory_stream_pair()
        connection = Connection(self, server)
        self.connections.append(connection)
        self._nursery.start_soon(connection.run)
        return self.wrap(client)

    def asked_of(self, kind: type) -> list[Request]:
        """Return the requests of one type, in order."""
        return [request for request in self.asked if isinstance(request, kind)]

    def refuse(self, kind: type, code: str, retry_after_ms: int | None = None, times: int = 1) -> None:
        """Answer the next requests of one type by an error."""
        error = Error(None, code, f"Refused for the test: {code}.", retry_after_ms)
        self.refusals.setdefault(kind, deque()).extend([error] * times)

    @contextmanager
    def holding_answers(self) -> Iterator[None]:
        """Carry requests out, but send nothing until the end of the block."""
        self.answering = trio.Event()
        try:
            yield
        finally:
            self.answering.set()

    def cut(self) -> None:
        """Break every connection."""
        for connection in self.connections:
            connection.scope.cancel()

    def restart_with_empty_logs(self, epoch: str) -> None:
        """Lose all logs and connections."""
        self.epoch = epoch
        self.logs.clear()
        self.keys.clear()
        self.cut()

    def say(self, room: str, text: str, nick: str = "other") -> int:
        """Append a message of somebody who is not connected, and publish it."""
        log = self.logs.setdefault(room, Log())
        return self.append(room, Message(room, log.head + 1, NOW_MS, f"a-{nick}", nick, text))

    def append(self, room: str, entry: Entry) -> int:
        self.logs[room].entries.append(entry)
        if isinstance(entry, TopicSet):
            self.logs[room].topic = entry.text
        self.publish()
        return entry.seq

    def publish(self) -> None:
        for connection in self.connections:
            connection.publish()

    def tell(self, event: FromServer) -> None:
        """Send an event to all connections that may get one."""
        for connection in self.connections:
            if connection.machine.state is State.OPEN:
                connection.send(event)

    def tell_raw(self, payload: dict[str, object]) -> None:
        """Send something to all connections that is no message."""
        for connection in self.connections:
            connection.send_raw(payload)

    def members(self, room: str) -> list[Member]:
        return [Member(c.author, c.nick) for c in self.connections if room in c.cursors]


def came(author: str, nick: str, room: str = "lobby") -> Presence:
    """Return the news that somebody came into a room."""
    return Presence(room, author, nick, "joined")
