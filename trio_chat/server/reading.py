"""Requests that read: history, search, and the lists of rooms and people.

This file owns what may be read by whom, and how much at once. It must not know how anything is written.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from protocol import (
    PAGE_BYTES,
    PAGE_ENTRIES,
    Found,
    GetHistory,
    GetMembers,
    GetRooms,
    History,
    Members,
    Rooms,
    RoomSummary,
    Search,
)
from trio_chat.names import nick_key
from trio_chat.server.access import limit, me, readable
from trio_chat.server.errors import Refusal
from trio_chat.server.rooms import member

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

PAGE_DEFAULT: Final = 50
"""How many entries, rooms or people a page holds without being told."""


async def _history(c: "Connection", request: GetHistory) -> None:
    name, head = await readable(c, request.room)
    before = head + 1 if request.before is None else min(request.before, head + 1)
    page = await c.hub.store.page(
        name, after=request.after, before=before, limit=_page_limit(request.limit), max_bytes=PAGE_BYTES
    )
    c.send(History(request.id, name, page.entries, page.more))


async def _search(c: "Connection", request: Search) -> None:
    limit(me(c), trio.current_time())
    room = None if request.room is None else (await readable(c, request.room))[0]
    try:
        hits = await c.hub.store.search(
            request.query,
            reader=me(c).author,
            room=room,
            nick=request.nick,
            cursor=request.cursor,
            limit=_page_limit(request.limit),
        )
    except ValueError:
        raise Refusal("bad_message", "The cursor is not one that `found` gave as `next`.") from None
    c.send(Found(request.id, list(hits.entries), hits.next))


async def _rooms(c: "Connection", request: GetRooms) -> None:
    wanted = _page_limit(request.limit)
    records = await c.hub.store.rooms(after=request.after, limit=wanted + 1)
    summaries: list[RoomSummary] = []
    size = 0
    for record in records[:wanted]:
        room = c.hub.rooms.get(record.name)
        summary = RoomSummary(record.name, record.topic, room.count if room else 0, record.head)
        size += len(msgspec.json.encode(summary))
        if summaries and size > PAGE_BYTES:
            break
        summaries.append(summary)
    c.send(Rooms(request.id, summaries, len(records) > len(summaries)))


async def _members(c: "Connection", request: GetMembers) -> None:
    if request.room is None:
        name, people = None, list(c.hub.people.online())
    else:
        name, _ = await readable(c, request.room)
        room = c.hub.rooms.get(name)
        people = list(room.people) if room else []
    wanted, count = _page_limit(request.limit), len(people)
    people.sort(key=lambda person: person.key)
    if request.after is not None:
        after = nick_key(request.after).key
        people = [person for person in people if person.key > after]
    shown = [member(person) for person in people[:wanted]]
    c.send(Members(shown, count, len(people) > wanted, name, request.id))


def _page_limit(asked: int | None) -> int:
    return PAGE_DEFAULT if asked is None else max(1, min(asked, PAGE_ENTRIES))


HANDLERS: Final[Mapping[type, Callable[["Connection", Any], Awaitable[None]]]] = {
    GetHistory: _history,
    Search: _search,
    GetRooms: _rooms,
    GetMembers: _members,
}
