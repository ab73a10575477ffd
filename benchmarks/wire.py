"""A connection to a server as it is: the protocol's messages over TCP, nothing repeated, nothing hidden.

This file owns bytes to messages and back for benchmarks that have to see, or leave unread, what the client library
takes care of. It must not know what is measured.
"""

import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import trio

from benchmarks.server_process import ServerProcess
from protocol import (
    MAX_FRAME_TO_CLIENT,
    FrameDecoder,
    FromClient,
    FromServer,
    Hello,
    Join,
    Joined,
    Ping,
    Pong,
    Position,
    Welcome,
    decode_from_server,
    encode,
    encode_frame,
)
from trio_chat.transport import ByteStream, SocketStream, dial_tcp

ROOM: Final = "lobby"

M = TypeVar("M")


class Wire:
    """A connection that speaks the protocol and hides nothing; pings are answered when they are read."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._arrived: deque[FromServer] = deque()

    async def send(self, *messages: FromClient) -> None:
        await self.stream.send_all(b"".join([encode_frame(encode(message)) for message in messages]))

    async def next(self) -> FromServer:
        """Return the next message.

        Raises:
            EOFError: the server has closed the connection.
        """
        while True:
            while not self._arrived:
                await self._fill()
            message = self._arrived.popleft()
            if not isinstance(message, Ping):
                return message
            await self.send(Pong(message.id))

    async def _fill(self) -> None:
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._decoder.feed(data)
        while payloads := self._decoder.take():
            self._arrived.extend(map(decode_from_server, payloads))

    async def expect(self, kind: type[M]) -> M:
        """Skip messages up to the first of a kind, and return it."""
        while not isinstance(message := await self.next(), kind):
            pass
        return message

    async def come_in(self, nick: str, after: Position | None = None) -> Joined:
        """Say hello under a session that belongs to the nick, and join."""
        session = nick.encode().hex().ljust(32, "0")
        await self.send(Hello(1, 1, session, nick), Join(2, ROOM, after, None if after else 0))
        await self.expect(Welcome)
        return await self.expect(Joined)


@asynccontextmanager
async def connected(server: ServerProcess, *, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
    """Connect by TCP, with a small receive buffer if one is named, and close after the block."""
    if receive_buffer is None:
        stream = await dial_tcp(server.host, server.port)
    else:
        stream = await dial_narrow(server, receive_buffer)
    try:
        yield Wire(stream)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()


async def dial_narrow(server: ServerProcess, receive_buffer: int) -> ByteStream:
    """Connect by TCP with a receive buffer of about so many bytes; the caller owns the stream."""
    # The size has to be set before connecting, for the window is agreed upon then.
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await sock.connect((server.host, server.port))
    return SocketStream(socket.socket(fileno=sock.detach()), "the server")
