"""Pairs of joined streams, one maker for each kind: what the tests of transports run on."""

import functools
import socket
import ssl
from collections.abc import Awaitable, Callable

import trio
import trustme

from tests.transport.websocket_client import ClientEnd
from trio_chat.transport import (
    ByteStream,
    Peekable,
    SocketStream,
    TlsStream,
    WebSocketStream,
    address_text,
    memory_stream_pair,
)

Pair = tuple[ByteStream, ByteStream]


async def memory_pair() -> tuple[Peekable, Peekable]:
    return memory_stream_pair()


async def narrow_memory_pair() -> tuple[Peekable, Peekable]:
    """A pair that holds one byte a direction: every longer send has to wait in its middle."""
    return memory_stream_pair(1)


async def slim_memory_pair() -> tuple[Peekable, Peekable]:
    """A pair that holds a byte in its frame or record and the end of its stream, and of more only pieces."""
    return memory_stream_pair(64)


async def unix_pair() -> tuple[Peekable, Peekable]:
    one, other = socket.socketpair()
    return SocketStream(one, "one"), SocketStream(other, "other")


def tcp_sockets() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = socket.create_connection(listener.getsockname())
        return dialled, listener.accept()[0]


async def tcp_pair() -> tuple[Peekable, Peekable]:
    dialled, accepted = tcp_sockets()
    return (
        SocketStream(dialled, address_text(dialled.getpeername())),
        SocketStream(accepted, address_text(accepted.getpeername())),
    )


Below = Callable[[], Awaitable[Pair]]


async def websocket_pair(below: Below) -> Pair:
    """The server's end of a WebSocket, and a client's, on another pair."""
    one, other = await below()
    return WebSocketStream(one), ClientEnd(other)


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server called localhost, and of a client that trusts it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority().issue_cert("localhost").configure_cert(server)
    server.num_tickets = 0  # they are sent behind the handshake, and nobody may read yet
    authority().configure_trust(client)
    return server, client


async def tls_pair(below: Below) -> tuple[Peekable, Peekable]:
    """The server's end of TLS, and a client's, on another pair."""
    one, other = await below()
    for_server, for_client = tls_contexts()
    server, client = TlsStream(one, for_server), TlsStream(other, for_client, "localhost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)
    return server, client


PEEKABLE: dict[str, Callable[[], Awaitable[tuple[Peekable, Peekable]]]] = {
    "memory": memory_pair,
    "narrow memory": narrow_memory_pair,
    "unix": unix_pair,
    "tcp": tcp_pair,
    "tls": lambda: tls_pair(tcp_pair),
    "narrow tls": lambda: tls_pair(slim_memory_pair),
}

MAKERS: dict[str, Callable[[], Awaitable[Pair]]] = {
    **PEEKABLE,
    "websocket": lambda: websocket_pair(tcp_pair),
    "narrow websocket": lambda: websocket_pair(slim_memory_pair),
    "websocket in tls": lambda: websocket_pair(functools.partial(tls_pair, tcp_pair)),
}

TAKE_NOTHING = ("tls", "narrow tls", "websocket in tls")
"""Those that can only be waited for."""
