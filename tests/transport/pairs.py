"""Pairs of joined streams, one maker for each kind: what the tests of transports run on."""

import socket
from collections.abc import Callable

from trio_chat.transport import ByteStream, SocketStream, address_text, memory_stream_pair

Pair = tuple[ByteStream, ByteStream]


def memory_pair() -> Pair:
    return memory_stream_pair()


def narrow_memory_pair() -> Pair:
    """A pair that holds one byte a direction: every longer send has to wait in its middle."""
    return memory_stream_pair(1)


def unix_pair() -> Pair:
    one, other = socket.socketpair()
    return SocketStream(one, "one"), SocketStream(other, "other")


def tcp_sockets() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = socket.create_connection(listener.getsockname())
        return dialled, listener.accept()[0]


def tcp_pair() -> Pair:
    dialled, accepted = tcp_sockets()
    return (
        SocketStream(dialled, address_text(dialled.getpeername())),
        SocketStream(accepted, address_text(accepted.getpeername())),
    )


MAKERS: dict[str, Callable[[], Pair]] = {
    "memory": memory_pair,
    "narrow memory": narrow_memory_pair,
    "unix": unix_pair,
    "tcp": tcp_pair,
}
