"""Committing to a log in SQLite: one transaction of many drafts, on the writer's thread.

This file owns what becomes of drafts: repeats, edits, redactions; and what is certain after an error. It must not know
tasks, waiting or the feed. Everything in it runs on one thread.

A batch of messages, the usual case, is one INSERT with seqs given in advance. What that refuses or cannot say (a key
that is there already, an edit, a topic, a room not seen before) is planned draft by draft, from three questions to the
database, and then written in as few steps.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import apsw
from msgspec import Struct

from trio_chat.store.base import Draft, Outcome, Rejected
from trio_chat.store.content import content_of_draft
from trio_chat.store.sqlite_rows import (
    EDIT,
    FIRSTS,
    INSERT,
    LIVE,
    REDACT,
    REDACT_EDITS,
    ROOMS,
    SET_TOPICS,
    First,
    Place,
    Row,
    ask,
    decode_firsts,
    decode_live,
    decode_rooms,
    prepare_rows,
    row_of,
    write,
)
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
    """A transaction: what was asked, and, once it is planned, the answers and the rows that they add."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.results: list[Any] = []
        self.rows: list[Row] = []


class Settlement(Struct, frozen=True):
    """What a call of `Writer.commit` settled: the transactions that are in the log now, in order, to be fed.

    The last one is that of the call unless there is an error; one before it is of an earlier call, which ended in an
    error and yet was kept. `has_redacted`: the write-ahead log has texts that are redacted now, until a checkpoint.
    """

    kept: tuple[Attempt, ...]
    has_redacted: bool
    error: Exception | None = None


class _Room:
    """A room's row, and the seq given last in it."""

    __slots__ = ("head", "id")

    def __init__(self, id: int, head: int) -> None:
        self.id = id
        self.head = head


class _Plan:
    """What planning draft by draft knows, and what it wants written besides rows."""

    def __init__(self, firsts: list[First], live: list[Place]) -> None:
        self.firsts = {(first.author, first.key): first for first in firsts}
        self.live = set(live)  # messages that can be edited or redacted
        self.edited: set[Place] = set()
        self.redacted: set[Place] = set()
        self.topics: dict[int, str] = {}


class Writer:
    """The one who writes to a log."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rooms: dict[str, _Room] = {}  # those written to since the last error or surprise
        self._last_id = self._newest_id()
        self._doubt: Attempt | None = None  # the transaction whose end is not known
        self._has_redacted = False
        prepare_rows(connection)

    def commit(self, requests: Sequence[Request]) -> Settlement:
        """Carry out requests in one transaction, after finding out what became of an earlier one if that is open.

        Errors are told by the settlement.
        """
        kept: list[Attempt] = []
        attempt = Attempt(requests)
        try:
            kept += self._settle_doubt()
            self._transact(attempt)
        except Exception as error:  # the border to the committing task, which tells whoever waits
            self._rooms.clear()
            with suppress(apsw.Error):  # the next call asks again
                kept += self._settle_doubt()
            return Settlement(tuple(kept), self._has_redacted, None if attempt in kept else error)
        return Settlement((*kept, attempt), self._has_redacted)

    def checkpoint(self) -> bool:
        """Copy the write-ahead log into the database and empty it; False if somebody was reading just then."""
        busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        self._has_redacted = bool(busy)
        return not busy

    def _settle_doubt(self) -> list[Attempt]:
        """Return the transaction whose end was not known, if it turns out to be in the log."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._doubt is None:
            return []
        newest = self._newest_id()
        attempt, self._doubt = self._doubt, None
        is_kept, self._last_id = newest > self._last_id, newest
        return [attempt] if is_kept else []

    def _newest_id(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM entries").get)

    # --- the transaction ------------------------------------------------------------------------------

    def _transact(self, attempt: Attempt) -> None:
        if not (self._plan_messages(attempt) and self._insert_alone(attempt)):
            self._rooms.clear()  # planning has moved heads on
            attempt.results, attempt.rows = [], []
            with transaction(self._connection):
                for request in attempt.requests:
                    attempt.results.append(request.function(self._connection) if type(request) is Job else None)
                self._write(attempt, self._plan(attempt))
                self._doubt = attempt  # from here until COMMIT has returned
        self._doubt = None
        self._last_id += len(attempt.rows)

    def _insert_alone(self, attempt: Attempt) -> bool:
        """Write the rows in one step, a transaction of its own; False, and nothing written, if a key is taken."""
        self._doubt = attempt
        try:
            write(self._connection, INSERT, attempt.rows)
        except apsw.ConstraintError:
            self._doubt = None
            return False
        return True

    def _plan_messages(self, attempt: Attempt) -> bool:
        """Plan a batch of nothing but messages to known rooms; False if it is anything else."""
        rooms, rows = self._rooms, attempt.rows
        for request in attempt.requests:
            if type(request) is not Append:
                return False
            outcomes: list[Outcome] = []
            for draft in request.drafts:
                room = rooms.get(draft.room)
                if room is None or draft.kind != "message":
                    return False
                room.head = seq = room.head + 1
                rows.append(row_of(draft, room.id, seq))
                outcomes.append(draft.entry(seq))
            attempt.results.append(outcomes)
        return True

    def _plan(self, attempt: Attempt) -> _Plan:
        """Decide what becomes of every draft, in order, as if the ones before it were in the log already."""
        drafts = [draft for request in attempt.requests if type(request) is Append for draft in request.drafts]
        for name, room_id, head in ask(self._connection, ROOMS, {draft.room for draft in drafts}, decode_rooms):
            self._rooms[name] = _Room(room_id, head)
        targets = [
            (self._rooms[draft.room].id, draft.target)
            for draft in drafts
            if draft.target is not None and draft.room in self._rooms
        ]
        keys = [(draft.author, draft.key) for draft in drafts]
        plan = _Plan(
            ask(self._connection, FIRSTS, keys, decode_firsts), ask(self._connection, LIVE, targets, decode_live)
        )
        for index, request in enumerate(attempt.requests):
            if type(request) is Append:
                attempt.results[index] = [self._decide(draft, plan, attempt.rows) for draft in request.drafts]
        return plan

    def _decide(self, draft: Draft, plan: _Plan, rows: list[Row]) -> Outcome:
        first = plan.firsts.get((draft.author, draft.key))
        if first is not None:
            return first.answer(draft)
        room = self._rooms.get(draft.room)
        if room is None:
            return Rejected("no_such_room")
        place = (room.id, draft.target or 0)
        if draft.kind in ("edited", "redacted") and place not in plan.live:
            return Rejected("no_such_entry")
        room.head = seq = room.head + 1
        match draft.kind:
            case "message":
                plan.live.add((room.id, seq))
            case "edited":
                plan.edited.add(place)
            case "redacted":
                plan.redacted.add(place)
                plan.live.discard(place)
            case "topic_set":
                plan.topics[room.id] = draft.text
        rows.append(row_of(draft, room.id, seq))
        content = content_of_draft(draft)
        plan.firsts[draft.author, draft.key] = First(draft.author, draft.key, draft.room, seq, draft.at, *content, "")
        return draft.entry(seq)

    def _write(self, attempt: Attempt, plan: _Plan) -> None:
        """Write what was planned: the entries as they came, then what they do to earlier ones and to each other."""
        write(self._connection, INSERT, attempt.rows)
        write(self._connection, EDIT, plan.edited)
        write(self._connection, REDACT, plan.redacted)
        write(self._connection, REDACT_EDITS, plan.redacted)
        write(self._connection, SET_TOPICS, plan.topics.items())
        self._has_redacted |= bool(plan.redacted)
