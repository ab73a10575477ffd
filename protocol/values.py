"""What messages are made of: numbers with their bounds, and the small structs inside them.

This file owns both, in the order of docs/protocol.md. It must not know any message.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""A request's number, chosen by whoever asks."""

Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A place in a room's log; 0 stands before the first entry. 2**53 - 1 is the last integer JavaScript holds exactly."""

Millis = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Unix milliseconds, UTC, of the server's clock; or a span of them."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
KEY_CHARS = 64
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARS)]

Author = Annotated[str, Meta(min_length=1, max_length=64)]
"""The public id of an identity."""

Turn = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""A bot's turn to speak, numbered by the server; unique while the server runs."""


class Wire(Struct, frozen=True, tag_field="type", omit_defaults=True, gc=False):
    """What all messages share: immutable, told apart by `type`, defaults left out on the wire."""


class Position(Struct, frozen=True, gc=False):
    """Where somebody stands in a room's log."""

    epoch: str
    seq: Seq


class Limits(Struct, frozen=True, gc=False):
    """What the server accepts, told in its `welcome`."""

    frame_bytes: Count
    text_chars: Count
    nick_chars: Count
    room_chars: Count
    topic_chars: Count
    page_entries: Count
    page_bytes: Count


class Member(Struct, frozen=True, omit_defaults=True, gc=False):
    """A person or bot who is present."""

    author: str
    nick: str
    bot: bool = False
    role: str = "member"


class RoomSummary(Struct, frozen=True, gc=False):
    """A room in the list of rooms."""

    name: str
    topic: str
    count: Count
    head: Seq


class CommandHelp(Struct, frozen=True, omit_defaults=True, gc=False):
    """A slash command: `usage` is what to type, `by` the nick of the bot that adds it."""

    name: str
    usage: str
    help: str
    by: str | None = None


class CommandOffer(Struct, frozen=True, gc=False):
    """A slash command that a bot adds to the rooms that it is in: `/name`, what to type, and what it is good for."""

    name: str
    usage: str
    help: str


class Cause(Struct, frozen=True, omit_defaults=True, gc=False):
    """Why a bot wants to speak: the entry `seq`, or the command said by it; the number of `lines` that `seq` completes;
    `author` who has arrived; or its timer."""

    kind: Literal["entry", "command", "lines", "arrival", "timer"]
    seq: Seq | None = None
    author: Author | None = None
