"""What only bots ask for: a turn to speak in, drafts of what they are about to say, and the end of the turn.

This file owns at whose wish a bot speaks, and how many turns of bots led there. Whether it may is the governor's to
say.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from protocol import PAGE_BYTES, Cause, Done, EndTurn, Granted, Message, ShowDraft, TakeTurn
from trio_chat.server.access import membership_in
from trio_chat.server.errors import Refusal
from trio_chat.server.rooms import Room

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

RECENT: Final = 20
"""Entries among which the last message is looked for before a bot's timer counts as something new."""


async def _take_turn(c: "Connection", request: TakeTurn) -> None:
    membership = membership_in(c, request.room)
    if not c.bot:
        raise Refusal("forbidden", "Only bots take turns; people just speak.")
    asker, before = await _origin(c, membership.room, request.cause)
    turn = c.server.turns.begin(c, membership, asker, before + 1)
    within_ms = int(c.server.config.bots.turn_s * 1000)
    c.send(Granted(request.id, membership.room.name, turn.number, turn.hops, within_ms))


async def _origin(c: "Connection", room: Room, cause: Cause) -> tuple[str | None, int]:
    """Return at whose wish a bot speaks, if at somebody's, and how many turns of bots lead there."""
    match cause.kind:
        case "arrival":
            return cause.author, 0
        case "timer":
            page = await c.hub.store.page(room.name, before=room.head + 1, limit=RECENT, max_bytes=PAGE_BYTES)
            said = [entry for entry in page.entries if isinstance(entry, Message)]
            return None, said[-1].hops if said else 0
    entry = await c.hub.store.entry(room.name, cause.seq or 0)
    if not isinstance(entry, Message):
        raise Refusal("no_such_entry", "There is no such message in this room to answer.")
    return None if entry.bot else entry.author, entry.hops


async def _show_draft(c: "Connection", request: ShowDraft) -> None:
    turns = c.server.turns
    turns.show(turns.find(c, request.turn), request.text, request.doing)
    c.send(Done(request.id))


async def _end_turn(c: "Connection", request: EndTurn) -> None:
    turns = c.server.turns
    turns.end(turns.find(c, request.turn), "done", tokens=request.tokens)
    c.send(Done(request.id))


HANDLERS: Final[Mapping[type, Callable[["Connection", Any], Awaitable[None]]]] = {
    TakeTurn: _take_turn,
    ShowDraft: _show_draft,
    EndTurn: _end_turn,
}
