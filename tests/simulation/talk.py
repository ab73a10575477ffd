"""One connection of a peer, and what has a key and may be sent again on the next one.

This file owns what is pending on a connection. It must not know what a peer makes of the answers.
"""

from typing import Final

import trio

from protocol import Edit, Machine, Post, Redact, Request, Role, SetTopic
from tests.simulation.record import Tap

Keyed = Post | Edit | Redact | SetTopic
KEYED: Final = Keyed.__args__


class Talk:
    """One connection of a peer: what is asked on it, and what has been answered."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.machine = Machine(Role.CLIENT)
        self.pending: dict[int, Request] = {}
        self.inside: set[str] = set()
        self.is_welcome = False
        self.is_over = False
        self.said_bye = False
        self.outgoing = bytearray()
        self.filled = trio.Event()
        self.read_lines = 0
        self.after_welcome: list[Request] = []
        self._ids = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids


def numbered(request: Keyed, number: int) -> Keyed:
    """Return a request once more, under another id."""
    match request:
        case Post():
            return Post(number, request.room, request.key, request.text, request.action, request.reply_to)
        case Edit():
            return Edit(number, request.room, request.key, request.target, request.text)
        case Redact():
            return Redact(number, request.room, request.key, request.target, request.reason)
        case SetTopic():
            return SetTopic(number, request.room, request.key, request.text)
