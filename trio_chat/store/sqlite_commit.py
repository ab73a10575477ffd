"""Committing to a log in SQLite: one transaction of many drafts, on the writer's thread.

This file owns how drafts become rows, how repeats, edits and redactions are carried out, and what is certain after an
error. It must not know tasks, waiting or the feed. Everything in it runs on one thread.

A batch of messages, the usual case, is one INSERT with seqs given in advance. What that refuses or cannot say (a key
that is there already, an edit, a topic, a room not seen before) is planned draft by draft, from two questions to the
database, and then written in as few steps.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw
import msgspec
from msgspec import Struct

from protocol import Message
from trio_chat.store.base import Appended, Draft, Duplicate, Outcome, Rejected
from trio_chat.store.content import Content, content_of_draft, digest_of
from trio_chat.store.sqlite_worker import transaction


class Append(Struct, frozen=True):
    """The drafts of one call, to be answered by their outcomes."""

    drafts: tuple[Draft, ...]
    origin: object


class Job(Struct, frozen=True):
    """Something else to do in the transaction, before its drafts; it may be done again if the transaction fails."""

    function: Callable[[apsw.Connection], object]


Request = Append | Job


class Attempt:
    """A transaction: what was asked, and what was answered once it is planned to the end."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.results: list[Any] = []
        self.rows: list[tuple[object, ...]] = []
        self.is_planned = False

    def restart(self) -> None:
        self.results = []
        self.rows = []


class Settlement(Struct, frozen=True):
    """What a call of `Writer.commit` settled: the transactions that are in the log now, in order, to be fed.

    The last one is that of the call unless there is an error; one before it is of an earlier call, which ended in an
    error and yet was kept.
    """

    kept: tuple[Attempt, ...]
    error: Exception | None = None


class _Room:
    """A room's row, and the seq given last in it."""

    __slots__ = ("head", "id")

    def __init__(self, id: int, head: int) -> None:
        self.id = id
        self.head = head


class _First(Struct, array_like=True, frozen=True):
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


class _Plan:
    """What planning draft by draft has found out and wants written."""

    def __init__(self, firsts: list[_First], live: list[tuple[int, int]]) -> None:
        self.firsts = {(first.author, first.key): first for first in firsts}
        self.live = set(live)  # messages, as (room, seq), that can be edited or redacted
        self.edited: set[tuple[int, int]] = set()
        self.redacted: set[tuple[int, int]] = set()
        self.topics: dict[int, str] = {}


_encode: Final = msgspec.json.Encoder().encode
_astuple: Final = msgspec.structs.astuple

# The order of a row: id of the room, seq, casefolded nick, then the fields of a Draft without its room.
_INSERT: Final = """
    INSERT INTO entries
        (room, seq, folded, author, key, at, nick, kind, text, action, bot, reply_to, command, target)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
           value->>9, value->>10, value->>11, value->>12, value->>13
    FROM json_each(?)
"""
_ROOMS: Final = """
    SELECT json_group_array(json_array(name, id, coalesce((SELECT max(seq) FROM entries WHERE room = rooms.id), 0)))
    FROM rooms WHERE name IN (SELECT value FROM json_each(?))
"""
_FIRSTS: Final = """
    SELECT json_group_array(json_array(
        e.author, e.key, r.name, e.seq, e.at, e.kind, iif(e.edited OR e.redacted, NULL, e.text), e.action, e.reply_to,
        e.command, e.target, hex(e.digest)))
    FROM json_each(?) asked CROSS JOIN entries e ON e.author = asked.value->>0 AND e.key = asked.value->>1
        CROSS JOIN rooms r ON r.id = e.room
"""
_LIVE: Final = """
    SELECT json_group_array(json_array(e.room, e.seq))
    FROM json_each(?) asked CROSS JOIN entries e ON e.room = asked.value->>0 AND e.seq = asked.value->>1
    WHERE e.kind = 'message' AND NOT e.redacted
"""
_PLACES: Final = "(SELECT value->>0, value->>1 FROM json_each(?))"
_WIPE: Final = """
    digest = iif(edited OR redacted, digest, content_digest(kind, text, action, reply_to, command, target)),
    text = printf('%*s', octet_length(text), '')
"""
_EDIT: Final = f"UPDATE entries SET {_WIPE}, edited = 1 WHERE (room, seq) IN {_PLACES}"
_REDACT: Final = f"UPDATE entries SET {_WIPE}, redacted = 1 WHERE (room, seq) IN {_PLACES}"
_REDACT_EDITS: Final = f"""
    UPDATE entries SET {_WIPE}, redacted = 1
    WHERE target IS NOT NULL AND (room, target) IN {_PLACES} AND kind = 'edited'
"""
_SET_TOPICS: Final = """
    UPDATE rooms SET topic = asked.value->>1 FROM json_each(?) asked WHERE rooms.id = asked.value->>0
"""

_decode_rooms: Final = msgspec.json.Decoder(list[tuple[str, int, int]]).decode
_decode_firsts: Final = msgspec.json.Decoder(list[_First]).decode
_decode_live: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode


class Writer:
    """The one who writes to a log.

    Attributes:
        has_wiped: set when a text was overwritten: until a checkpoint, the write-ahead log still has it.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rooms: dict[str, _Room] = {}
        self._last_id = self._newest_id()
        self._doubt: Attempt | None = None
        self.has_wiped = False
        connection.create_scalar_function("content_digest", _sql_digest, 6, deterministic=True)

    def commit(self, requests: Sequence[Request]) -> Settlement:
        """Carry out requests in one transaction, after finding out what became of an earlier one if that is open.

        Never raises: what happened is told by the settlement.
        """
        kept: list[Attempt] = []
        attempt = Attempt(requests)
        try:
            kept += self._settle_doubt()
            try:
                self._transact(attempt)
            except BaseException:
                self._rooms.clear()
                if attempt.is_planned:
                    self._doubt = attempt
                raise
            self._last_id += len(attempt.rows)
            kept.append(attempt)
        except Exception as error:
            try:
                late = self._settle_doubt()
            except apsw.Error:
                late = []  # still open: the next call asks again
            if not late or late[-1] is not attempt:
                return Settlement((*kept, *late), error)
            kept += late
        return Settlement(tuple(kept))

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the database and empty it, if nobody reads just then."""
        busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        self.has_wiped = bool(busy)

    def _settle_doubt(self) -> list[Attempt]:
        """Return the transaction that ended in an error if it is in the log all the same."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._doubt is None:
            return []
        newest = self._newest_id()
        attempt, self._doubt = self._doubt, None
        if newest == self._last_id:
            return []
        self._last_id = newest
        return [attempt]

    def _newest_id(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM entries").get)

    # --- the transaction ------------------------------------------------------------------------------

    def _transact(self, attempt: Attempt) -> None:
        if self._plan_messages(attempt):
            try:
                # Outside of BEGIN and COMMIT it is a transaction of its own, in one step.
                self._insert(attempt)
            except apsw.ConstraintError:  # a key that is there already
                self._rooms.clear()
            else:
                return
        attempt.restart()
        with transaction(self._connection):
            for request in attempt.requests:
                attempt.results.append(request.function(self._connection) if type(request) is Job else None)
            self._write(attempt, self._plan(attempt))
            attempt.is_planned = True

    def _insert(self, attempt: Attempt) -> None:
        attempt.is_planned = True
        try:
            self._connection.execute(_INSERT, (_encode(attempt.rows).decode(),))
        except apsw.ConstraintError:
            attempt.is_planned = False
            raise

    def _plan_messages(self, attempt: Attempt) -> bool:
        """Plan a batch of nothing but messages to known rooms; False if it is anything else."""
        rooms, rows = self._rooms, attempt.rows
        for request in attempt.requests:
            if type(request) is not Append:
                self._rooms.clear()
                return False
            outcomes: list[Outcome] = []
            for draft in request.drafts:
                room = rooms.get(draft.room)
                if room is None or draft.kind != "message":
                    self._rooms.clear()  # some of the heads have moved on
                    return False
                room.head = seq = room.head + 1
                rows.append(_row(draft, room.id, seq))
                outcomes.append(Appended(_message(draft, seq)))
            attempt.results.append(outcomes)
        return True

    def _plan(self, attempt: Attempt) -> _Plan:
        """Decide what becomes of every draft, in order, as if the ones before it were in the log already."""
        drafts = [draft for request in attempt.requests if type(request) is Append for draft in request.drafts]
        self._load_rooms({draft.room for draft in drafts} - self._rooms.keys())
        firsts = self._ask(_FIRSTS, [(draft.author, draft.key) for draft in drafts], _decode_firsts)
        targets = [
            (self._rooms[draft.room].id, draft.target)
            for draft in drafts
            if draft.target is not None and draft.room in self._rooms
        ]
        plan = _Plan(firsts, self._ask(_LIVE, targets, _decode_live))
        for index, request in enumerate(attempt.requests):
            if type(request) is Append:
                attempt.results[index] = [self._decide(draft, plan, attempt.rows) for draft in request.drafts]
        return plan

    def _decide(self, draft: Draft, plan: _Plan, rows: list[tuple[object, ...]]) -> Outcome:
        first = plan.firsts.get((draft.author, draft.key))
        if first is not None:
            return first.answer(draft)
        room = self._rooms.get(draft.room)
        if room is None:
            return Rejected("no_such_room")
        if draft.kind in ("edited", "redacted"):
            if draft.target is None or (place := (room.id, draft.target)) not in plan.live:
                return Rejected("no_such_entry")
            if draft.kind == "edited":
                plan.edited.add(place)
            else:
                plan.redacted.add(place)
                plan.live.discard(place)
        room.head = seq = room.head + 1
        if draft.kind == "topic_set":
            plan.topics[room.id] = draft.text
        elif draft.kind == "message":
            plan.live.add((room.id, seq))
        rows.append(_row(draft, room.id, seq))
        content: Content = content_of_draft(draft)
        plan.firsts[draft.author, draft.key] = _First(draft.author, draft.key, draft.room, seq, draft.at, *content, "")
        return Appended(draft.entry(seq))

    def _write(self, attempt: Attempt, plan: _Plan) -> None:
        """Write what was planned: the entries as they came, then what they do to earlier ones and to each other."""
        for sql, values in (
            (_INSERT, attempt.rows),
            (_EDIT, plan.edited),
            (_REDACT, plan.redacted),
            (_REDACT_EDITS, plan.redacted),
            (_SET_TOPICS, plan.topics.items()),
        ):
            if values:
                self._connection.execute(sql, (_encode(list(values)).decode(),))
        if plan.edited or plan.redacted:
            self.has_wiped = True

    def _load_rooms(self, names: set[str]) -> None:
        if names:
            for name, id, head in self._ask(_ROOMS, list(names), _decode_rooms):
                self._rooms[name] = _Room(id, head)

    def _ask(self, sql: str, values: list[Any], decode: Callable[[str], list[Any]]) -> list[Any]:
        if not values:
            return []
        return decode(self._connection.execute(sql, (_encode(values).decode(),)).get)


def _row(draft: Draft, room_id: int, seq: int) -> tuple[object, ...]:
    folded = draft.nick.casefold()
    return (room_id, seq, None if folded == draft.nick else folded, *_astuple(draft)[1:])


def _message(draft: Draft, seq: int) -> Message:
    return Message(
        draft.room, seq, draft.at, draft.author, draft.nick, draft.text,
        draft.action, draft.bot, draft.reply_to, draft.command,
    )  # fmt: skip


def _sql_digest(*values: Any) -> bytes:
    kind, text, action, reply_to, command, target = values
    return digest_of((kind, text, bool(action), reply_to, command, target))
