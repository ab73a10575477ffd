"""This project's server with the store `memory:`, reached by WebSocket, as a browser does.

Each frame of ours is a binary message of its own, masked with zeros. This file owns these bytes; how the server is run
is in `trio_chat`.
"""

from typing import Final

from benchmarks.subjects import _chat
from benchmarks.subjects._chat import ACK, ECHOES, IN_FLIGHT, JOINED, environment, prepare
from benchmarks.subjects.trio_chat import command, missing, version

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "command", "environment", "missing", "prepare", "version"]

NAME: Final = "trio_chat (WebSocket)"
SETTINGS: Final = "as trio_chat (memory); clients by WebSocket, a message for each frame"
LOGGED_IN: Final = b"101 Switching Protocols"

_FIN_BINARY: Final = 0x82
_MASKED: Final = 0x80
_LONG: Final = 126


def login(number: int) -> bytes:
    return (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


def _masked(frame: bytes) -> bytes:
    """Return one of our frames as a client's WebSocket frame, masked with zeros."""
    size = len(frame)
    head = bytes([_MASKED | size]) if size < _LONG else bytes([_MASKED | _LONG]) + size.to_bytes(2, "big")
    return bytes([_FIN_BINARY]) + head + bytes(4) + frame


def join(number: int, room: str) -> bytes:
    return _masked(_chat.login(number)) + _masked(_chat.join(number, room))


speak_only = join


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return _masked(_chat.publish(number, room, text, ticket))
