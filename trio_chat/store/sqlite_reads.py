"""Reading a log in SQLite: pages and single entries.

This file owns how rows become entries in their present state. It must not know how they are written, or when. Each
function runs on the thread of the connection that it is given, and each answer is one row (`sqlite_worker` says why).
"""

# ruff: noqa: S608  # statements are put together from constants here, and all values are bound

from typing import Final

import apsw
import msgspec
from msgspec import Struct

from protocol import Edited, Entry, Message, Redacted, TopicSet
from trio_chat.store.base import Page
from trio_chat.store.content import cut

NO_BOUND: Final = 2**62
"""A seq beyond all that there are."""

# The last edit of a message, by the index on targets.
_LAST_EDIT: Final = """
    (SELECT {column} FROM entries x WHERE x.room = e.room AND x.target = e.seq AND x.kind = 'edited'
     ORDER BY x.id DESC LIMIT 1)
"""
SHOWN_TEXT: Final = f"""
    CASE WHEN e.redacted THEN '' WHEN e.edited THEN {_LAST_EDIT.format(column="x.text")} ELSE e.text END
"""
"""The text of the row `e` of `entries` in its present state."""

SHOWN: Final = f"""
    e.id, e.room, e.seq, e.at, e.author, e.nick, e.kind, {SHOWN_TEXT} AS shown, e.action, e.bot, e.reply_to, e.command,
    e.target, iif(e.edited, {_LAST_EDIT.format(column="x.at")}, NULL) AS edited_at, e.redacted, e.hops, e.stopped,
    e.asks
"""
ROW_JSON: Final = """
    json_array(
        id, seq, at, author, nick, kind, shown, action, bot, reply_to, command, target, edited_at, redacted, hops,
        stopped, asks
    )
"""

# `above` is what stands in the page before the entry before this one: bytes of text, and so less than the same encoded.
# The window keeps what is read in bounds, with one entry more than fits; the exact cut is made on encoded entries.
_PAGE: Final = f"""
    SELECT json_group_array({ROW_JSON}) FROM (
        SELECT *, sum(octet_length(shown)) OVER
            (ORDER BY seq {{order}} ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS above
        FROM (
            SELECT {SHOWN} FROM entries e
            WHERE e.room = (SELECT id FROM rooms WHERE name = ?) AND e.seq > ? AND e.seq < ?
            ORDER BY e.seq {{order}} LIMIT ?
        )
    ) WHERE coalesce(above, 0) <= ?
"""
_OLDEST: Final = _PAGE.format(order="ASC")
_NEWEST: Final = _PAGE.format(order="DESC")


class StoredEntry(Struct, array_like=True, frozen=True, gc=False):
    """An entry in its present state, as `ROW_JSON` gives it; `id` is its place among the entries of all rooms."""

    id: int
    seq: int
    at: int
    author: str
    nick: str
    kind: str
    text: str
    action: int
    bot: int
    reply_to: int | None
    command: str | None
    target: int | None
    edited_at: int | None
    redacted: int
    hops: int
    stopped: int
    asks: str | None

    def message(self, room: str) -> Message:
        return Message(
            room, self.seq, self.at, self.author, self.nick, self.text, self.action == 1, self.bot == 1,
            self.reply_to, self.command, self.edited_at, self.redacted == 1, self.hops, self.stopped == 1,
            self.asks,
        )  # fmt: skip

    def entry(self, room: str) -> Entry:
        if self.kind == "message":
            return self.message(room)
        if self.kind == "topic_set":
            return TopicSet(room, self.seq, self.at, self.author, self.nick, self.text)
        made = Edited if self.kind == "edited" else Redacted
        return made(room, self.seq, self.at, self.author, self.nick, self.target or 0, self.text)


_decode_page: Final = msgspec.json.Decoder(list[StoredEntry]).decode


def page(
    connection: apsw.Connection, room: str, after: int | None, before: int | None, limit: int, max_bytes: int
) -> Page:
    """Return a page as `Store.page` says."""
    sql = _NEWEST if after is None else _OLDEST
    bounds = (after or 0, NO_BOUND if before is None else before)
    rows = _decode_page(connection.execute(sql, (room, *bounds, limit + 1, max_bytes)).get)
    rows.sort(key=_seq, reverse=after is None)
    found = [row.entry(room) for row in rows]
    entries = found[: cut(found[:limit], max_bytes)]
    more = len(found) > len(entries)
    if after is None:
        entries.reverse()
    return Page(entries, more)


def entry(connection: apsw.Connection, room: str, seq: int) -> Entry | None:
    """Return one entry as `Store.entry` says."""
    rows = _decode_page(connection.execute(_OLDEST, (room, seq - 1, seq + 1, 1, 0)).get)
    return rows[0].entry(room) if rows else None


def _seq(row: StoredEntry) -> int:
    return row.seq
