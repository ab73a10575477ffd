"""What each request does, and who may ask for it: one function a request, found by one table.

This file owns policy. Every function answers exactly once, or raises `Refusal`. It must not know frames,
tasks or sockets; slash commands are in `commands` and end up here.
"""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import trio

from protocol import MAX_FRAME_TO_SERVER as FRAME_BYTES
from protocol import (
    NICK_CHARS,
    PAGE_BYTES,
    PAGE_ENTRIES,
    ROOM_CHARS,
    TEXT_CHARS,
    TOPIC_CHARS,
    VERSION,
    Bye,
    Direct,
    Done,
    Edit,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Limits,
    Message,
    Presence,
    Quit,
    Redact,
    Request,
    SetNick,
    SetTopic,
    Welcome,
)
from trio_chat.names import nick_key
from trio_chat.server import bots, reading
from trio_chat.server.access import limit, me, membership_in, open_for
from trio_chat.server.errors import Refusal
from trio_chat.server.hub import OPERATOR
from trio_chat.server.limits import rate_bucket
from trio_chat.server.log import log
from trio_chat.server.people import Person
from trio_chat.server.posting import append
from trio_chat.server.rooms import MEMBERS_SHOWN, Membership, Room, member
from trio_chat.store import Draft

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

LAST_ENTRIES: Final = 50
"""How many entries `join` sends without being told."""

ROOMS_MAX: Final = 1_000
"""How many rooms one connection may be in: what it costs is bounded, and nobody reads more."""

LIMITS: Final = Limits(FRAME_BYTES, TEXT_CHARS, NICK_CHARS, ROOM_CHARS, TOPIC_CHARS, PAGE_ENTRIES, PAGE_BYTES)


async def carry_out(c: "Connection", request: Request) -> None:
    """Carry out one request and answer it.

    Raises:
        Refusal: it is not carried out.
        NameRefused: a name in it is not acceptable.
        NickTaken: somebody else has the nick.
        StoreUnavailable: the store failed.
    """
    if not isinstance(request, Hello | Quit):
        me(c)
    await _HANDLERS[type(request)](c, request)


# --- who one is ---------------------------------------------------------------------------------------


async def _hello(c: "Connection", hello: Hello) -> None:
    if hello.version != VERSION:
        raise Refusal("version", f"This server speaks version {VERSION} of the protocol, not {hello.version}.")
    if hello.password is not None or hello.token is not None:
        raise Refusal("not_welcome", "This server has no accounts; say hello without password and token.")
    _check_nick(c, hello.nick)
    now_ms = c.hub.wall_clock_ms()
    author = await c.hub.store.identity(sha256(bytes.fromhex(hello.session)).digest(), now_ms)
    now = trio.current_time()
    person, before = c.hub.people.arrive(author, hello.nick, c, now)
    person.bot = c.bot = hello.bot
    rate = c.server.config.rate_limit
    if rate is not None and person.bucket is None:
        person.bucket = rate_bucket(rate, now)
    c.person = person
    ping_ms = int(c.server.config.ping_s * 1000)
    c.send(Welcome(hello.id, VERSION, c.server.name, author, person.nick, "member", LIMITS, ping_ms))
    log.info("arrived", nick=person.nick, address=c.peer, agent=hello.agent)
    if before is not None:
        _announce_rename(person, before)


async def _nick(c: "Connection", request: SetNick) -> None:
    person, now = me(c), trio.current_time()
    limit(person, now)
    _check_nick(c, request.nick)
    before = c.hub.people.rename(person, request.nick, now)
    c.send(Done(request.id))
    if before != person.nick:
        _announce_rename(person, before)


def _check_nick(c: "Connection", nick: str) -> None:
    key = nick_key(nick).key
    if key == OPERATOR and not c.operator:
        raise Refusal("nick_taken", f"The nick {nick} is the operator's; choose another one.")
    if key in c.server.routes.hooks.nick_keys:
        raise Refusal("nick_taken", f"The nick {nick} is that of a hook here; choose another one.")


def _announce_rename(person: Person, before: str) -> None:
    rooms = [m.room for connection in person.connections for m in connection.memberships.values()]
    for room in dict.fromkeys(rooms):
        room.announce(Presence(room.name, person.author, before, "renamed", to=person.nick))
    log.info("renamed", nick=before, to=person.nick)


async def _quit(c: "Connection", request: Quit) -> None:
    c.quit(Bye(request.reason, id=request.id))


# --- coming and going ---------------------------------------------------------------------------------


async def _join(c: "Connection", request: Join) -> None:
    room = await open_for(c, request.room)
    gap = None
    if request.after is None:
        cursor = max(0, room.head - (LAST_ENTRIES if request.last is None else request.last))
    else:
        cursor = request.after.seq
        if request.after.epoch != c.hub.store.epoch or cursor > room.head:
            gap = Gap(room.name, cursor, 1, "epoch")
            cursor = 0
    if room.name not in c.memberships and len(c.memberships) >= ROOMS_MAX:
        c.hub.close_if_empty(room)
        raise Refusal("too_many", f"You are in {ROOMS_MAX} rooms; leave one first.")
    c.enter(room, cursor)
    tell_joined(c, room, request.id, gap)


async def _direct(c: "Connection", request: Direct) -> None:
    room, _ = await open_private(c, request.nick)
    tell_joined(c, room, request.id)


async def open_private(c: "Connection", nick: str) -> tuple[Room, bool]:
    """Let all connections of this person and of whoever has `nick` into their private room.

    The others hear of it by `joined`; one that does not read its answers is left out until it does.

    Returns:
        The room, and whether `c` was not in it before.
    """
    asking, other = me(c), c.hub.people.find(nick)
    if other is None:
        raise Refusal("no_such_person", f"Nobody called {nick} is here; /users lists who is.")
    record = await c.hub.store.private_room(asking.author, other.author)
    room = await c.hub.open_room(record.name, lambda: c.hub.store.find_room(record.name))
    if room is None:
        raise Refusal("no_such_room", "The private room is gone; try again.")
    quiet = not room.members  # all enter at once; somebody who is here already hears who comes
    absent = [
        one
        for one in dict.fromkeys([*asking.connections, *other.connections])
        if room.name not in one.memberships and (one is c or one.delivery.has_room)
    ]
    for connection in absent:
        connection.enter(room, max(0, room.head - LAST_ENTRIES), quiet=quiet)
    for connection in absent:
        if connection is not c:
            tell_joined(connection, room)
    return room, c in absent


async def _leave(c: "Connection", request: Leave) -> None:
    c.exit(membership_in(c, request.room), "left")
    c.send(Done(request.id))


def tell_joined(c: "Connection", room: Room, number: int | None = None, gap: Gap | None = None) -> None:
    """Tell somebody who has entered a room what is there: in answer to the request `number`, or as news."""
    members = [member(person) for person, _ in zip(room.people, range(MEMBERS_SHOWN), strict=False)]
    peer = None
    if room.between is not None:
        mine = me(c).author
        theirs = room.between[1] if room.between[0] == mine else room.between[0]
        known = c.hub.people.known(theirs)
        peer = known.nick if known else None  # its connections have not come back since the server started
    answer = Joined(room.name, c.hub.store.epoch, room.head, room.topic, members, room.count, number, peer)
    c.send(answer, *([gap] if gap else []))
    c.server.turns.show_all(c.memberships[room.name])


# --- writing ------------------------------------------------------------------------------------------


async def _edit(c: "Connection", request: Edit) -> None:
    membership = await _own_message(c, request.room, request.target)
    await _append(c, membership, request, "edited", request.text)


async def _redact(c: "Connection", request: Redact) -> None:
    membership = await _own_message(c, request.room, request.target)
    await _append(c, membership, request, "redacted", request.reason)


async def _topic(c: "Connection", request: SetTopic) -> None:
    await _append(c, membership_in(c, request.room), request, "topic_set", request.text)


async def _append(
    c: "Connection", membership: Membership, request: Edit | Redact | SetTopic, kind: Any, text: str
) -> None:
    person, target = membership.person, getattr(request, "target", None)
    limit(person, trio.current_time())
    draft = Draft(
        membership.room.name, person.author, request.key, c.hub.wall_clock_ms(), person.nick, kind, text, target=target
    )
    await append(c, [draft], [request])


async def _own_message(c: "Connection", room: str, target: int) -> Membership:
    membership = membership_in(c, room)
    entry = await c.hub.store.entry(membership.room.name, target)
    if not isinstance(entry, Message):
        raise Refusal("no_such_entry", "There is no such message in this room.")
    if entry.author != me(c).author:
        raise Refusal("forbidden", f"Only {entry.nick} may change what {entry.nick} said.")
    return membership


_HANDLERS: Final[Mapping[type, Callable[["Connection", Any], Awaitable[None]]]] = {
    Hello: _hello,
    Join: _join,
    Direct: _direct,
    Leave: _leave,
    Edit: _edit,
    Redact: _redact,
    SetTopic: _topic,
    SetNick: _nick,
    Quit: _quit,
    **bots.HANDLERS,
    **reading.HANDLERS,
}
