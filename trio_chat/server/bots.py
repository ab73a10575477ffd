"""What only bots ask for: a turn to speak in, drafts of what they are about to say, and the end of the turn.

This file owns at whose wish a bot speaks, and how many turns of bots led there. Whether it may is the governor's to
say.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import trio

from protocol import PAGE_BYTES, Cause, Done, EndTurn, Granted, Message, ShowDraft, TakeTurn
from trio_chat.server.access import me, membership_in
from trio_chat.server.errors import Refusal
from trio_chat.server.rooms import Room
from trio_chat.server.turn import Origin

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

ARRIVED_S: Final = 300.0
"""How long after somebody's coming a bot may greet them."""

PAGE: Final = 50
"""Entries that are looked through at a time for the last message of a room."""


async def _take_turn(c: "Connection", request: TakeTurn) -> None:
    membership = membership_in(c, request.room)
    if not c.bot:
        raise Refusal("forbidden", "Only bots take turns; people just speak.")
    origin = await _origin(c, membership.room, request.cause)
    turn = c.server.turns.begin(c, membership, origin)
    within_ms = int(c.server.config.bots.turn_s * 1000)
    c.send(Granted(request.id, membership.room.name, turn.number, turn.hops, within_ms))


async def _origin(c: "Connection", room: Room, cause: Cause) -> Origin:
    """Return at whose wish a bot speaks, if at somebody's, and how many turns of bots lead there."""
    match cause.kind:
        case "arrival":
            return _arrival(c, room, cause.author)
        case "timer":
            return Origin(None, await _hops(c, room))
    entry = await c.hub.store.entry(room.name, cause.seq or 0)
    if not isinstance(entry, Message):
        raise Refusal("no_such_entry", "There is no such message in this room to answer.")
    if cause.kind == "lines":
        return Origin(None, entry.hops)
    return Origin(None if entry.bot else entry.author, entry.hops, entry.seq)


def _arrival(c: "Connection", room: Room, author: str | None) -> Origin:
    """Return the origin of a greeting. Nobody is greeted twice by a bot for coming once: it would get round `hops`."""
    came = {person.author: at for person, at in room.came.items() if not person.bot}
    if author is None or trio.current_time() - came.get(author, -math.inf) > ARRIVED_S:
        raise Refusal("no_turn", "Nobody has come into the room just now who could be greeted.")
    if not c.server.turns.greets(me(c).author, room.name, author, came[author]):
        raise Refusal("no_turn", "This bot has greeted them already.")
    return Origin(author, 0)


async def _hops(c: "Connection", room: Room) -> int:
    """Return the hops of a room's last message."""
    before = room.head + 1
    while room.hops is None:
        page = await c.hub.store.page(room.name, before=before, limit=PAGE, max_bytes=PAGE_BYTES)
        said = [entry.hops for entry in page.entries if isinstance(entry, Message)]
        if said or not page.more:
            room.recall_hops(said[-1] if said else 0)
        before = page.entries[0].seq if page.entries else 0
    return room.hops


async def _show_draft(c: "Connection", request: ShowDraft) -> None:
    turns = c.server.turns
    turns.show(turns.find(c, request.turn), request.text, request.doing)
    c.send(Done(request.id))


async def _end_turn(c: "Connection", request: EndTurn) -> None:
    c.server.turns.finish(c, request.turn, request.tokens)
    c.send(Done(request.id))


HANDLERS: Final[Mapping[type, Callable[["Connection", Any], Awaitable[None]]]] = {
    TakeTurn: _take_turn,
    ShowDraft: _show_draft,
    EndTurn: _end_turn,
}
