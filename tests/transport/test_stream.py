"""Streams over sockets, where they are more than any stream."""

import socket
import struct

import pytest
import trio

from tests.transport.pairs import tcp_sockets
from trio_chat.transport import SocketStream


def reset_socket() -> socket.socket:
    """Return a connected socket whose peer has thrown the connection away."""
    dialled, accepted = tcp_sockets()
    dialled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    dialled.close()
    return accepted


async def test_a_connection_that_was_reset_is_lost_and_the_peer_named() -> None:
    stream = SocketStream(reset_socket(), "10.0.0.1:1234")
    with pytest.raises(trio.BrokenResourceError, match=r"the connection to 10\.0\.0\.1:1234 was lost"):
        await stream.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"x")
    await stream.aclose()


async def test_small_sends_are_not_held_back() -> None:
    dialled, accepted = tcp_sockets()
    with accepted:
        stream = SocketStream(dialled, "peer")
        assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        await stream.aclose()


async def test_a_socket_is_owned_and_closed() -> None:
    dialled, accepted = tcp_sockets()
    with accepted:
        await SocketStream(dialled, "peer").aclose()
        assert dialled.fileno() == -1


async def test_a_socket_without_options_makes_a_stream_all_the_same() -> None:
    class Dead(socket.socket):
        """What macOS gives for a connection that ended before it was accepted: options cannot be set."""

        def setsockopt(self, *_: object) -> None:
            raise OSError("Invalid argument")

    stream = SocketStream(Dead(), "peer")
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()
    await stream.aclose()


async def test_an_end_told_to_a_peer_that_is_gone_does_no_harm() -> None:
    stream = SocketStream(reset_socket(), "peer")
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()
    await stream.send_eof()
    await stream.aclose()
