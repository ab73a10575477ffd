"""What a server says: the entries of a room's log, answers, and events.

This file owns their fields, in the order of docs/protocol.md. It must not know how they are framed, which may follow
which, or what a server decides about them.
"""

from protocol.requests import Ping, Pong
from protocol.values import CommandHelp, Count, Id, Limits, Member, Millis, RoomSummary, Seq, Turn, Wire

# --- entries of a log ---------------------------------------------------------------------------------


class Message(Wire, frozen=True, tag="message", gc=False):
    """Something said. `command` names the slash command by which it was said to a bot, whose author is in `asks`.

    `hops`: how many turns of bots lead here from what no bot said; 0 for people. `stopped`: its turn was ended from
    outside, and this is how far it got.
    """

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
    hops: Count = 0
    stopped: bool = False
    asks: str | None = None


class Edited(Wire, frozen=True, tag="edited", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    target: Seq
    text: str


class Redacted(Wire, frozen=True, tag="redacted", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    target: Seq
    reason: str = ""


class TopicSet(Wire, frozen=True, tag="topic_set", gc=False):
    room: str
    seq: Seq
    at: Millis
    author: str
    nick: str
    text: str


Entry = Message | Edited | Redacted | TopicSet
"""What a room's log is made of."""


# --- answers and events -------------------------------------------------------------------------------


class Welcome(Wire, frozen=True, tag="welcome", gc=False):
    id: Id
    version: int
    server: str
    author: str
    nick: str
    role: str
    limits: Limits
    ping_ms: Millis


class Joined(Wire, frozen=True, tag="joined", gc=False):
    """The answer to `join` and `direct`; without `id`, the news that somebody opened a private room with you."""

    room: str
    epoch: str
    head: Seq
    topic: str
    members: list[Member]
    count: Count
    id: Id | None = None
    peer: str | None = None


class Live(Wire, frozen=True, tag="live", gc=False):
    room: str
    seq: Seq


class Gap(Wire, frozen=True, tag="gap", gc=False):
    room: str
    after: Seq
    next: Seq
    reason: str


class Posted(Wire, frozen=True, tag="posted", gc=False):
    id: Id
    room: str
    seq: Seq
    at: Millis
    duplicate: bool = False


class History(Wire, frozen=True, tag="history", gc=False):
    id: Id
    room: str
    entries: list[Entry]
    more: bool


class Found(Wire, frozen=True, tag="found", gc=False):
    id: Id
    entries: list[Entry]
    next: str | None = None


class Rooms(Wire, frozen=True, tag="rooms", gc=False):
    id: Id
    rooms: list[RoomSummary]
    more: bool


class Members(Wire, frozen=True, tag="members", gc=False):
    """The answer to `members`; without `id`, a fresh list after presence had to be dropped."""

    members: list[Member]
    count: Count
    more: bool
    room: str | None = None
    id: Id | None = None


class Commands(Wire, frozen=True, tag="commands", gc=False):
    id: Id
    commands: list[CommandHelp]


class Presence(Wire, frozen=True, tag="presence", gc=False):
    """`change` is `joined`, `left`, `lost` or `renamed`; `to` the new nick. `bot` goes with `joined`."""

    room: str
    author: str
    nick: str
    change: str
    to: str | None = None
    bot: bool = False


class Granted(Wire, frozen=True, tag="granted", gc=False):
    """The bot may speak, for `within_ms`; then the turn is ended."""

    id: Id
    room: str
    turn: Turn
    hops: Count
    within_ms: Millis


class TurnChange(Wire, frozen=True, tag="turn", gc=False):
    """A bot's turn has `begun`, or has `ended` for a `reason`: `done`, `stopped` or `asker left` (`by` whom),
    `deadline`, `gone` (its connection), `moved` (to another one of the bot's). `asker` is the author at whose wish it
    is, who alone may stop it; None: anybody may."""

    room: str
    turn: Turn
    author: str
    nick: str
    change: str
    reason: str | None = None
    by: str | None = None
    asker: str | None = None


class DraftShown(Wire, frozen=True, tag="draft", gc=False):
    """What a bot is about to say, so far, and what it is `doing`. The newest one replaces those before it."""

    room: str
    turn: Turn
    author: str
    nick: str
    text: str
    doing: str = ""


class Notice(Wire, frozen=True, tag="notice", gc=False):
    """A line for a person; with `id`, the answer to a `command`."""

    text: str
    room: str | None = None
    level: str = "info"
    id: Id | None = None


class Done(Wire, frozen=True, tag="done", gc=False):
    id: Id


class Error(Wire, frozen=True, tag="error", gc=False):
    """A refusal. `id` is null where no request can be named; `message` is a sentence for a person."""

    id: Id | None
    code: str
    message: str
    retry_after_ms: Millis | None = None


class Bye(Wire, frozen=True, tag="bye", gc=False):
    """The last frame before the server closes; with `id`, the answer to the client's `bye`."""

    reason: str
    retry_after_ms: Millis | None = None
    id: Id | None = None


Answer = (
    Welcome | Joined | Posted | History | Found | Rooms | Members | Commands | Granted | Notice | Done | Error | Bye
)
Event = Entry | Live | Gap | Joined | Members | Presence | TurnChange | DraftShown | Notice | Error | Bye
FromServer = Answer | Entry | Live | Gap | Presence | TurnChange | DraftShown | Ping | Pong
