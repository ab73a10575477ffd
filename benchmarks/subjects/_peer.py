"""The least of a chat server, without I/O: what the plain servers in Python share, so that only their I/O differs.

They speak our frames and messages: welcome, joined, live, posted, message. One text is encoded once for all who get it,
and each of them gets it by one write, as the libraries' own examples do. Nothing is kept, checked or limited.
This file owns who is in which room, and the bytes. It must not know sockets.
"""

import argparse
from collections.abc import Callable
from typing import Final

import msgspec

from protocol import MAX_FRAME_TO_SERVER, FrameDecoder, Hello, Join, Message, Post, Posted, decode_from_client, encode
from protocol import encode_frame as framed

Write = Callable[[bytes], object]
Many = Callable[[set["Peer"], bytes], None]

_WELCOME: Final = framed(b'{"type":"welcome","id":1}')
_JOINED: Final = framed(b'{"type":"joined","id":2}')
_LIVE: Final = framed(b'{"type":"live"}')


class Rooms:
    """Who is in which room.

    Args:
        broadcast: writes one message to many; by default, to one after another.
        frame: what makes a payload a frame.
    """

    def __init__(self, broadcast: Many | None = None, frame: Callable[[bytes], bytes] = framed) -> None:
        self.members: dict[str, set[Peer]] = {}
        self.heads: dict[str, int] = {}
        self.broadcast = broadcast or _one_after_another
        self.frame = frame


def _one_after_another(peers: set["Peer"], data: bytes) -> None:
    for peer in peers:
        peer.write(data)


class Peer:
    """One connection: bytes in, writes out."""

    def __init__(self, rooms: Rooms, write: Write) -> None:
        self._rooms = rooms
        self.write = write
        self._decoder = FrameDecoder(MAX_FRAME_TO_SERVER)
        self._nick = ""
        self._joined: set[str] = set()

    def feed(self, data: bytes) -> None:
        """Take bytes, and carry out what is whole."""
        self._decoder.feed(data)
        while payloads := self._decoder.take():
            for payload in payloads:
                self.carry_out(payload)

    def carry_out(self, payload: bytes) -> None:
        """Carry out one request."""
        match decode_from_client(payload):
            case Post() as post:
                self._post(post)
            case Hello() as hello:
                self._nick = hello.nick
                self._answer(_WELCOME)
            case Join() as join:
                self._joined.add(join.room)
                self._rooms.members.setdefault(join.room, set()).add(self)
                self._answer(_JOINED)
                self._answer(_LIVE)

    def leave(self) -> None:
        """Be in no room any more."""
        for room in self._joined:
            self._rooms.members[room].discard(self)

    def _answer(self, frame: bytes) -> None:
        self.write(self._rooms.frame(frame[4:]))

    def _post(self, post: Post) -> None:
        rooms = self._rooms
        seq = rooms.heads[post.room] = rooms.heads.get(post.room, 0) + 1
        at = 1_700_000_000_000
        self.write(rooms.frame(encode(Posted(post.id, post.room, seq, at))))
        message = Message(post.room, seq, at, "a" * 16, self._nick, post.text)
        rooms.broadcast(rooms.members[post.room], rooms.frame(msgspec.json.encode(message)))


def asked_port() -> int:
    """Return the port named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    return int(parser.parse_args().port)
