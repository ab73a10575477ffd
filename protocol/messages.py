"""Messages: what a payload says, as frozen structs in one tagged union for each direction.

This file owns the fields of every message of docs/protocol.md, in its order. It must not know how they
are framed, which may follow which, or what a server decides about them.
"""

from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""A request's number, chosen by whoever asks."""

Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A place in a room's log; 0 stands before the first entry. 2**53 - 1 is the last integer JavaScript holds exactly."""

Millis = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Unix milliseconds, UTC, of the server's clock; or a span of them."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
KEY_CHARS = 64
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARS)]


class _Wire(Struct, frozen=True, tag_field="type", omit_defaults=True, gc=False):
    """What all messages share: immutable, told apart by `type`, defaults left out on the wire."""


# --- values inside messages ---------------------------------------------------------------------------


class Position(Struct, frozen=True, gc=False):
    """Where somebody stands in a room's log."""

    epoch: str
    seq: Seq


class Limits(Struct, frozen=True, gc=False):
    """What the server accepts, told in its `welcome`."""

    frame_bytes: Count
    text_chars: Count
    nick_chars: Count
    room_chars: Count
    topic_chars: Count
    page_entries: Count
    page_bytes: Count


class Member(Struct, frozen=True, omit_defaults=True, gc=False):
    """A person or bot who is present."""

    author: str
    nick: str
    bot: bool = False
    role: str = "member"


class RoomSummary(Struct, frozen=True, gc=False):
    """A room in the list of rooms."""

    name: str
    topic: str
    count: Count
    head: Seq


class CommandHelp(Struct, frozen=True, omit_defaults=True, gc=False):
    """A slash command: `usage` is what to type, `by` the nick of the bot that adds it."""

    name: str
    usage: str
    help: str
    by: str | None = None


# --- either side --------------------------------------------------------------------------------------


class Ping(_Wire, frozen=True, tag="ping", gc=False):
    id: Id


class Pong(_Wire, frozen=True, tag="pong", gc=False):
    id: Id


# --- requests -----------------------------------------------------------------------------------------


class Hello(_Wire, frozen=True, tag="hello", gc=False):
    id: Id
    version: int
    session: str
    nick: str
    agent: str = ""
    bot: bool = False
    password: str | None = None
    token: str | None = None


class Join(_Wire, frozen=True, tag="join", gc=False):
    id: Id
    room: str
    after: Position | None = None
    last: Count | None = None


class Direct(_Wire, frozen=True, tag="direct", gc=False):
    id: Id
    nick: str


class Leave(_Wire, frozen=True, tag="leave", gc=False):
    id: Id
    room: str


class Post(_Wire, frozen=True, tag="post", gc=False):
    id: Id
    room: str
    key: Key
    text: str
    action: bool = False
    reply_to: Seq | None = None


class Edit(_Wire, frozen=True, tag="edit", gc=False):
    id: Id
    room: str
    key: Key
    target: Seq
    text: str


class Redact(_Wire, frozen=True, tag="redact", gc=False):
    id: Id
    room: str
    key: Key
    target: Seq
    reason: str = ""


class SetTopic(_Wire, frozen=True, tag="topic", gc=False):
    id: Id
    room: str
    key: Key
    text: str


class GetHistory(_Wire, frozen=True, tag="history", gc=False):
    id: Id
    room: str
    before: Seq | None = None
    after: Seq | None = None
    limit: Count | None = None


class Search(_Wire, frozen=True, tag="search", gc=False):
    id: Id
    query: str
    room: str | None = None
    nick: str | None = None
    cursor: str | None = None
    limit: Count | None = None


class GetRooms(_Wire, frozen=True, tag="rooms", gc=False):
    id: Id
    after: str | None = None
    limit: Count | None = None


class GetMembers(_Wire, frozen=True, tag="members", gc=False):
    id: Id
    room: str | None = None
    after: str | None = None
    limit: Count | None = None


class SetNick(_Wire, frozen=True, tag="nick", gc=False):
    id: Id
    nick: str


class GetCommands(_Wire, frozen=True, tag="commands", gc=False):
    id: Id


class Command(_Wire, frozen=True, tag="command", gc=False):
    id: Id
    line: str
    room: str | None = None
    key: Key | None = None


class Quit(_Wire, frozen=True, tag="bye", gc=False):
    """The client's goodbye, answered by `Bye`."""

    id: Id
    reason: str = ""


Request = (
    Hello
    | Join
    | Direct
    | Leave
    | Post
    | Edit
    | Redact
    | SetTopic
    | GetHistory
    | Search
    | GetRooms
    | GetMembers
    | SetNick
    | GetCommands
    | Command
    | Quit
)
FromClient = Request | Ping | Pong


# --- entries of a log ---------------------------------------------------------------------------------


class Message(_Wire, frozen=True, tag="message", gc=False):
    """Something said. `command` names the slash command by which it was said to the bots of the room."""

    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    text: str
    action: bool = False
    bot: bool = False
    reply_to: Seq | None = None
    command: str | None = None
    edited_at: Millis | None = None
    redacted: bool = False


class Edited(_Wire, frozen=True, tag="edited", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    target: Seq
    text: str


class Redacted(_Wire, frozen=True, tag="redacted", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    target: Seq
    reason: str = ""


class TopicSet(_Wire, frozen=True, tag="topic_set", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    text: str


Entry = Message | Edited | Redacted | TopicSet
"""What a room's log is made of."""


# --- answers and events -------------------------------------------------------------------------------


class Welcome(_Wire, frozen=True, tag="welcome", gc=False):
    id: Id
    version: int
    server: str
    author: str
    nick: str
    role: str
    limits: Limits
    ping_ms: Millis


class Joined(_Wire, frozen=True, tag="joined", gc=False):
    """The answer to `join` and `direct`; without `id`, the news that somebody opened a private room with you."""

    room: str
    epoch: str
    head: Seq
    topic: str
    members: list[Member]
    count: Count
    id: Id | None = None
    peer: str | None = None


class Live(_Wire, frozen=True, tag="live", gc=False):
    room: str
    seq: Seq


class Gap(_Wire, frozen=True, tag="gap", gc=False):
    room: str
    after: Seq
    next: Seq
    reason: str


class Posted(_Wire, frozen=True, tag="posted", gc=False):
    id: Id
    room: str
    seq: Seq
    at: Millis
    duplicate: bool = False


class History(_Wire, frozen=True, tag="history", gc=False):
    id: Id
    room: str
    entries: list[Entry]
    more: bool


class Found(_Wire, frozen=True, tag="found", gc=False):
    id: Id
    entries: list[Entry]
    next: str | None = None


class Rooms(_Wire, frozen=True, tag="rooms", gc=False):
    id: Id
    rooms: list[RoomSummary]
    more: bool


class Members(_Wire, frozen=True, tag="members", gc=False):
    """The answer to `members`; without `id`, a fresh list after presence had to be dropped."""

    members: list[Member]
    count: Count
    more: bool
    room: str | None = None
    id: Id | None = None


class Commands(_Wire, frozen=True, tag="commands", gc=False):
    id: Id
    commands: list[CommandHelp]


class Presence(_Wire, frozen=True, tag="presence", gc=False):
    """`change` is `joined`, `left`, `lost` or `renamed`; `to` the new nick. `bot` goes with `joined`."""

    room: str
    author: str
    nick: str
    change: str
    to: str | None = None
    bot: bool = False


class Notice(_Wire, frozen=True, tag="notice", gc=False):
    """A line for a person; with `id`, the answer to a `command`."""

    text: str
    room: str | None = None
    level: str = "info"
    id: Id | None = None


class Done(_Wire, frozen=True, tag="done", gc=False):
    id: Id


class Error(_Wire, frozen=True, tag="error", gc=False):
    """A refusal. `id` is null where no request can be named; `message` is a sentence for a person."""

    id: Id | None
    code: str
    message: str
    retry_after_ms: Millis | None = None


class Bye(_Wire, frozen=True, tag="bye", gc=False):
    """The last frame before the server closes; with `id`, the answer to the client's `bye`."""

    reason: str
    retry_after_ms: Millis | None = None
    id: Id | None = None


Answer = Welcome | Joined | Posted | History | Found | Rooms | Members | Commands | Notice | Done | Error | Bye
Event = Entry | Live | Gap | Joined | Members | Presence | Notice | Error | Bye
FromServer = Answer | Entry | Live | Gap | Presence | Ping | Pong
