"""Rows of a log in SQLite: how drafts go in, and what is asked about those that are in already.

This file owns the statements that write entries, each a single step for any number of them: values go in, and answers
come out, as one JSON text (`sqlite_worker` says why); `jsonb_each` gives a row of it in SQLite's binary form, which is
not parsed anew for each field. It must not know transactions, or what is decided on the answers.
"""

# ruff: noqa: S608  # statements are put together from constants here, and all values are bound

from collections.abc import Callable, Iterable
from typing import Any, Final

import apsw
import msgspec
from msgspec import Struct

from trio_chat.store.base import Draft, Duplicate, Outcome, Rejected
from trio_chat.store.content import content_of_draft, digest_of

Place = tuple[int, int]
"""The id of a room, and a seq in it."""

Row = tuple[object, ...]
"""The id of the room, the seq, the casefolded nick, then the fields of a `Draft` without its room."""

_encode: Final = msgspec.json.Encoder().encode
_astuple: Final = msgspec.structs.astuple


class First(Struct, array_like=True, frozen=True):
    """What stands in the log under an author and key. `text` is None if it is gone; then `digest` tells."""

    author: str
    key: str
    room: str
    seq: int
    at: int
    kind: str
    text: str | None
    action: int
    reply_to: int | None
    command: str | None
    target: int | None
    digest: str

    def answer(self, draft: Draft) -> Outcome:
        content = content_of_draft(draft)
        if self.text is None:
            is_same = digest_of(content).hex() == self.digest.lower()
        else:
            is_same = content == (self.kind, self.text, self.action, self.reply_to, self.command, self.target)
        return Duplicate(self.seq, self.at) if is_same and self.room == draft.room else Rejected("key_reused")


def row_of(draft: Draft, room_id: int, seq: int) -> Row:
    folded = draft.nick.casefold()
    return (room_id, seq, None if folded == draft.nick else folded, *_astuple(draft)[1:])


INSERT: Final = """
    INSERT INTO entries
        (room, seq, folded, author, key, at, nick, kind, text, action, bot, reply_to, command, target, hops, stopped,
         asks)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
           value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15, value->>16
    FROM jsonb_each(?)
"""
ROOMS: Final = """
    SELECT json_group_array(json_array(name, id, coalesce((SELECT max(seq) FROM entries WHERE room = rooms.id), 0)))
    FROM rooms WHERE name IN (SELECT value FROM json_each(?))
"""
FIRSTS: Final = """
    SELECT json_group_array(json_array(
        e.author, e.key, r.name, e.seq, e.at, e.kind, iif(e.edited OR e.redacted, NULL, e.text), e.action, e.reply_to,
        e.command, e.target, hex(e.digest)))
    FROM jsonb_each(?) asked CROSS JOIN entries e ON e.author = asked.value->>0 AND e.key = asked.value->>1
        CROSS JOIN rooms r ON r.id = e.room
"""
LIVE: Final = """
    SELECT json_group_array(json_array(e.room, e.seq))
    FROM jsonb_each(?) asked CROSS JOIN entries e ON e.room = asked.value->>0 AND e.seq = asked.value->>1
    WHERE e.kind = 'message' AND NOT e.redacted
"""
_PLACES: Final = "(SELECT value->>0, value->>1 FROM jsonb_each(?))"
_WIPE: Final = """
    digest = iif(edited OR redacted, digest, content_digest(kind, text, action, reply_to, command, target)),
    text = printf('%*s', octet_length(text), '')
"""
EDIT: Final = f"UPDATE entries SET {_WIPE}, edited = 1 WHERE (room, seq) IN {_PLACES}"
REDACT: Final = f"UPDATE entries SET {_WIPE}, redacted = 1 WHERE (room, seq) IN {_PLACES}"
REDACT_EDITS: Final = f"""
    UPDATE entries SET {_WIPE}, redacted = 1
    WHERE target IS NOT NULL AND (room, target) IN {_PLACES} AND kind = 'edited'
"""
SET_TOPICS: Final = """
    UPDATE rooms SET topic = asked.value->>1 FROM jsonb_each(?) asked WHERE rooms.id = asked.value->>0
"""

decode_rooms: Final = msgspec.json.Decoder(list[tuple[str, int, int]]).decode
decode_firsts: Final = msgspec.json.Decoder(list[First]).decode
decode_live: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode


def prepare_rows(connection: apsw.Connection) -> None:
    """Teach a connection what the statements here call."""
    connection.create_scalar_function("content_digest", _sql_digest, 6, deterministic=True)


def write(connection: apsw.Connection, sql: str, values: Iterable[object]) -> None:
    """Run a statement that takes a JSON array, unless there is nothing in it."""
    if listed := list(values):
        connection.execute(sql, (_encode(listed).decode(),))


def ask(
    connection: apsw.Connection, sql: str, values: Iterable[object], decode: Callable[[str], list[Any]]
) -> list[Any]:
    """Return what a query that takes a JSON array, and gives one, finds; without asking if there is nothing to ask."""
    listed = list(values)
    return decode(connection.execute(sql, (_encode(listed).decode(),)).get) if listed else []


def _sql_digest(*values: Any) -> bytes:
    kind, text, action, reply_to, command, target = values
    return digest_of((kind, text, bool(action), reply_to, command, target))
