"""Where somebody was, and what they had read: what a full screen keeps from one run to the next.

This file owns the form of that, its bounds, and what it means that two terminals keep it in one place. It is pure: it
must not know files, nor what is on the screen.
"""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from protocol import ROOM_CHARS, MessageError, check_name

ROOMS_KEPT: Final = 100
"""Rooms that are remembered, the first on the screen: each is joined again at the start. A server allows 1,000."""

EPOCH_CHARS: Final = 64
"""Far more than a server's epochs have."""

MAX_BYTES: Final = 65_536
"""What all this takes at most: 100 rooms of 64 characters, of four bytes each, with their marks take less."""

_SEQ_MAX: Final = 2**53 - 1


class Damaged(Exception):
    """The bytes are no bookmarks; they are of no use, and may be written over."""


class Mark(Struct, frozen=True):
    """Up to where a log was read; the same seq in another epoch means nothing."""

    epoch: Annotated[str, Meta(min_length=1, max_length=EPOCH_CHARS)]
    seq: Annotated[int, Meta(ge=0, le=_SEQ_MAX)]


class Bookmarks(Struct, frozen=True):
    """What is kept.

    Attributes:
        rooms: by name, in the order on the screen.
        last: the room that was looked at.
    """

    rooms: dict[str, Mark] = {}
    last: str | None = None
    version: Literal[1] = 1


NOTHING: Final = Bookmarks()


def parse(data: bytes) -> Bookmarks:
    """Return the bookmarks that were encoded.

    Raises:
        Damaged: they were not, or break a bound.
    """
    try:
        found = msgspec.json.decode(data, type=Bookmarks)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Damaged(str(error)) from error
    if len(data) > MAX_BYTES or len(found.rooms) > ROOMS_KEPT:
        raise Damaged("there is too much of it")
    if not all(map(_is_name, [*found.rooms, *([found.last] if found.last is not None else [])])):
        raise Damaged("a room has a name that none can have")
    return found


def encode(bookmarks: Bookmarks) -> bytes:
    """Return bytes for `parse`, `MAX_BYTES` at most, of what `merged` has made."""
    return msgspec.json.encode(bookmarks) + b"\n"


def merged(kept: Bookmarks, ours: Bookmarks, left: Collection[str]) -> Bookmarks:
    """Return what is to be kept from now on.

    Another terminal may keep its own in the same place: its rooms stay, and nothing that was read becomes unread in the
    same epoch. Of two epochs ours is the one that the server had later, as far as anybody can know.

    Args:
        kept: what is kept now.
        ours: what is on the screen.
        left: rooms that were left since.
    """
    rooms = {name: mark for name, mark in kept.rooms.items() if name not in left}
    for name, mark in ours.rooms.items():
        before = rooms.get(name)
        if before is None or before.epoch != mark.epoch or before.seq < mark.seq:
            rooms[name] = mark
    last = ours.last or (kept.last if kept.last not in left else None)
    return Bookmarks(
        dict(islice(_within_bounds(rooms).items(), ROOMS_KEPT)), last if last is None or _is_name(last) else None
    )


def _within_bounds(rooms: Mapping[str, Mark]) -> dict[str, Mark]:
    """Leave out what only a server that jests can have told."""
    return {
        name: mark
        for name, mark in rooms.items()
        if _is_name(name) and 0 < len(mark.epoch) <= EPOCH_CHARS and mark.seq <= _SEQ_MAX
    }


def _is_name(name: str) -> bool:
    try:
        check_name("room", name, ROOM_CHARS)
    except MessageError:
        return False
    return True
