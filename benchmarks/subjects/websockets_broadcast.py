"""The `websockets` library: its asyncio server and its `broadcast`, the fan-out that it recommends.

Without compression, which would cost more than all else; no pings, no limit on what waits. Messages are our payloads,
each one a text frame. This file owns its I/O, how it is run, and what is said to it.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Final

from benchmarks.subjects import Place, _chat
from benchmarks.subjects._chat import ACK, ECHOES, IN_FLIGHT, JOINED
from benchmarks.subjects._peer import Peer, Rooms, asked_port
from benchmarks.subjects._version import installed

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED"]

NAME: Final = "websockets broadcast"
SETTINGS: Final = "its asyncio server, `compression=None`, no pings, `broadcast` for each message"
LOGGED_IN: Final = b"101 Switching Protocols"

_FIN_TEXT: Final = 0x81
_MASKED: Final = 0x80
_LONG: Final = 126


def missing() -> str:
    return "" if find_spec("websockets") else "websockets is not installed"


def version() -> str:
    return installed("websockets")


def environment() -> Mapping[str, str]:
    return {}


def command(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", __name__, "--port", str(place.port)]


def prepare(rooms: Sequence[str]) -> bytes:
    return b""


def login(number: int) -> bytes:
    return (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


def _masked(frame: bytes) -> bytes:
    """Return one of our frames as a client's WebSocket frame, masked with zeros."""
    payload = frame[4:]
    size = len(payload)
    head = bytes([_MASKED | size]) if size < _LONG else bytes([_MASKED | _LONG]) + size.to_bytes(2, "big")
    return bytes([_FIN_TEXT]) + head + bytes(4) + payload


def join(number: int, room: str) -> bytes:
    return _masked(_chat.login(number)) + _masked(_chat.join(number, room))


speak_only = join


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return _masked(_chat.publish(number, room, text, ticket))


async def serve(port: int) -> None:
    """Serve until killed."""
    from websockets.asyncio.server import ServerConnection, broadcast
    from websockets.asyncio.server import serve as listen

    sockets: dict[Peer, ServerConnection] = {}

    def to_all(peers: set[Peer], data: bytes) -> None:
        broadcast([sockets[peer] for peer in peers], data.decode())

    rooms = Rooms(to_all, bytes)

    async def handle(socket: ServerConnection) -> None:
        answers: list[bytes] = []
        peer = Peer(rooms, answers.append)
        sockets[peer] = socket
        try:
            async for message in socket:
                peer.carry_out(message.encode() if isinstance(message, str) else message)
                for answer in answers:
                    await socket.send(answer.decode())
                answers.clear()
        finally:
            peer.leave()
            del sockets[peer]

    async with listen(
        handle,
        "127.0.0.1",
        port,
        compression=None,
        ping_interval=None,
        write_limit=2**30,
        max_queue=None,
        backlog=4_096,
    ) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(asked_port()))
