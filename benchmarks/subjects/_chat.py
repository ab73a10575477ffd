"""What our protocol's clients send, as bytes: shared by the subjects that speak it, whole or in part.

This file owns these bytes. It must not know any server.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from protocol import Hello, Join, Position, Post, encode, encode_frame

ECHOES: Final = True
IN_FLIGHT: Final = 0
LOGGED_IN: Final = b'"type":"welcome"'
JOINED: Final = b'"type":"live"'
ACK: Final = b'"type":"posted'


def environment() -> Mapping[str, str]:
    return {}


def prepare(rooms: Sequence[str]) -> bytes:
    return b""


def login(number: int) -> bytes:
    return encode_frame(encode(Hello(1, 1, f"{number + 1:032x}", f"n{number}")))


def join(number: int, room: str) -> bytes:
    return encode_frame(encode(Join(2, room, None, 0)))


speak_only = join  # only members speak


def come_back(room: str, epoch: str, seq: int) -> bytes:
    """Return what joins a room where one was cut off."""
    return encode_frame(encode(Join(2, room, Position(epoch, seq))))


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    # The codec makes the frame, and only the ticket is put in afterwards: "1" before it makes it a number of an id.
    frame = encode_frame(encode(Post(1_0000_0000, room, "0000_0000", text.decode("ascii"))))
    return frame.replace(b"100000000", b"1" + ticket).replace(b"0000_0000", b"k" + ticket)
