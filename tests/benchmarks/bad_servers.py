"""Servers that are not as they should be, for tests of a load: a relay that lies, and a server that is deaf.

This file owns what they do. It must not know who finds out.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from benchmarks.server_process import ServerProcess
from protocol import (
    MAX_FRAME_TO_SERVER,
    Bye,
    FrameDecoder,
    FromServer,
    Hello,
    Join,
    Joined,
    Limits,
    Live,
    Message,
    Post,
    Posted,
    Quit,
    Welcome,
    decode_from_client,
    decode_from_server,
    encode,
    encode_frame,
)
from tests.benchmarks.tampering import tampering_relay

Change = Callable[[int, FromServer], Sequence[FromServer]]


@asynccontextmanager
async def lying(server: ServerProcess, change: Change) -> AsyncIterator[int]:
    """Put a relay before a server that changes what is said to each connection, and give its port."""

    def tamper(connection: int, payload: bytes) -> Sequence[bytes]:
        return [encode(message) for message in change(connection, decode_from_server(payload))]

    async with tampering_relay(server.host, server.port, tamper) as port:
        yield port


def to_the_second(change: Callable[[Message], Sequence[Message]]) -> Change:
    """Change the messages that the second connection gets."""
    return lambda connection, message: (
        change(message) if connection == 1 and isinstance(message, Message) else [message]
    )


@asynccontextmanager
async def serving(handler: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """Serve by TCP for as long as the block lasts, and give the port."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


class Deaf:
    """A server of one room and one client that answers no post before it has got `count` of them."""

    def __init__(self, count: float) -> None:
        self.posts: list[Post] = []
        self.asked = trio.Event()
        self._count = count

    async def serve(self, stream: trio.SocketStream) -> None:
        decoder, nick, room = FrameDecoder(MAX_FRAME_TO_SERVER), "", ""
        async for data in stream:
            decoder.feed(data)
            for request in map(decode_from_client, decoder.take()):
                answers: list[FromServer] = []
                match request:
                    case Hello():
                        nick = request.nick
                        limits = Limits(65_536, 4_000, 32, 64, 500, 500, 262_144)
                        answers = [Welcome(request.id, 1, "deaf", "a", nick, "member", limits, 30_000)]
                    case Join():
                        room = request.room
                        answers = [Joined(room, "epoch", 0, "", [], 1, request.id), Live(room, 0)]
                    case Post():
                        self.posts.append(request)
                        self.asked.set()
                        if len(self.posts) == self._count:
                            answers = self._answers(nick, room)
                    case Quit():
                        answers = [Bye("", id=request.id)]
                await stream.send_all(b"".join([encode_frame(encode(answer)) for answer in answers]))
                if isinstance(request, Quit):
                    return

    def _answers(self, nick: str, room: str) -> list[FromServer]:
        numbered = list(enumerate(self.posts, 1))
        answers: list[FromServer] = [Posted(post.id, room, seq, 0) for seq, post in numbered]
        return [*answers, *(Message(room, seq, 0, "a", nick, post.text) for seq, post in numbered)]
