"""Rooms and people in SQLite: found, or made durable.

This file owns the tables of rooms and people. It must not know entries. Each function runs on the writer's thread in
its transaction: so the head of a room that it returns has been fed, which that of another reader might not have been.
"""

# ruff: noqa: S608  # statements are put together from constants here, and all values are bound

from typing import Any, Final

import apsw
import msgspec
from msgspec import Struct

from trio_chat.store.base import RoomRecord

SEEN_MS: Final = 24 * 3_600_000
"""How exactly it is noted when a person was last seen: once a day, so that saying hello seldom costs a write."""

_ROOM_JSON: Final = """
    json_array(name, coalesce((SELECT max(seq) FROM entries WHERE room = rooms.id), 0), topic, one, other)
"""
_ROOM: Final = f"SELECT {_ROOM_JSON} FROM rooms WHERE name = ?"
_ROOM_BETWEEN: Final = f"SELECT {_ROOM_JSON} FROM rooms WHERE one = ? AND other = ?"
_ROOMS: Final = f"""
    SELECT json_group_array({_ROOM_JSON}) FROM (
        SELECT * FROM rooms WHERE one IS NULL AND name > ? ORDER BY name LIMIT ?
    ) rooms
"""


class _StoredRoom(Struct, array_like=True, frozen=True):
    name: str
    head: int
    topic: str
    one: str | None
    other: str | None

    def record(self) -> RoomRecord:
        between = None if self.one is None or self.other is None else (self.one, self.other)
        return RoomRecord(self.name, self.head, self.topic, between)


_decode_room: Final = msgspec.json.Decoder(_StoredRoom).decode
_decode_rooms: Final = msgspec.json.Decoder(list[_StoredRoom]).decode


def find_room(connection: apsw.Connection, name: str) -> RoomRecord | None:
    """Return a room, public or private, if there is one of that name."""
    found = connection.execute(_ROOM, (name,)).get
    return None if found is None else _decode_room(found).record()


def open_room(connection: apsw.Connection, name: str) -> RoomRecord:
    """Return a public room, made if there is none."""
    found = find_room(connection, name)
    if found is None:
        connection.execute("INSERT INTO rooms (name) VALUES (?)", (name,))
        found = RoomRecord(name, 0, "")
    return found


def private_room(connection: apsw.Connection, between: tuple[str, str], fresh: str) -> RoomRecord | None:
    """Return the room of a pair, made under the name `fresh` if there is none; None if that name is taken."""
    found = connection.execute(_ROOM_BETWEEN, between).get
    if found is not None:
        return _decode_room(found).record()
    connection.execute("INSERT OR IGNORE INTO rooms (name, one, other) VALUES (?, ?, ?)", (fresh, *between))
    return RoomRecord(fresh, 0, "", between) if connection.changes() else None


def rooms(connection: apsw.Connection, after: str | None, limit: int) -> list[RoomRecord]:
    """Return public rooms by name, after `after`."""
    found = _decode_rooms(connection.execute(_ROOMS, (after or "", limit)).get)
    return sorted((room.record() for room in found), key=lambda room: room.name)


def identity(connection: apsw.Connection, session_hash: bytes, now_ms: int, fresh: str) -> str | None:
    """Return the author of a session, made as `fresh` if there is none; None if that author is somebody else."""
    found: Any = connection.execute("SELECT author, seen FROM people WHERE session_hash = ?", (session_hash,)).get
    if found is None:
        values = (fresh, session_hash, now_ms)
        connection.execute("INSERT OR IGNORE INTO people (author, session_hash, seen) VALUES (?, ?, ?)", values)
        return fresh if connection.changes() else None
    author, seen = found
    if now_ms - seen >= SEEN_MS:
        connection.execute("UPDATE people SET seen = ? WHERE author = ?", (now_ms, author))
    return str(author)
