"""What a client says: its requests, and the pings that either side sends.

This file owns their fields, in the order of docs/protocol.md. It must not know how they are framed, which may follow
which, or what a server decides about them.
"""

from protocol.values import Cause, CommandOffer, Count, Id, Key, Position, Seq, Turn, Wire


class Ping(Wire, frozen=True, tag="ping", gc=False):
    id: Id


class Pong(Wire, frozen=True, tag="pong", gc=False):
    id: Id


class Hello(Wire, frozen=True, tag="hello", gc=False):
    id: Id
    version: int
    session: str
    nick: str
    agent: str = ""
    bot: bool = False
    password: str | None = None
    token: str | None = None


class Join(Wire, frozen=True, tag="join", gc=False):
    id: Id
    room: str
    after: Position | None = None
    last: Count | None = None


class Direct(Wire, frozen=True, tag="direct", gc=False):
    id: Id
    nick: str


class Leave(Wire, frozen=True, tag="leave", gc=False):
    id: Id
    room: str


class Post(Wire, frozen=True, tag="post", gc=False):
    """Something to say. A bot says it within its `turn`, which ends with it unless there is `more` to come; `tokens` is
    what its provider has counted for the turn."""

    id: Id
    room: str
    key: Key
    text: str
    action: bool = False
    reply_to: Seq | None = None
    turn: Turn | None = None
    more: bool = False
    tokens: Count = 0


class Edit(Wire, frozen=True, tag="edit", gc=False):
    id: Id
    room: str
    key: Key
    target: Seq
    text: str


class Redact(Wire, frozen=True, tag="redact", gc=False):
    id: Id
    room: str
    key: Key
    target: Seq
    reason: str = ""


class SetTopic(Wire, frozen=True, tag="topic", gc=False):
    id: Id
    room: str
    key: Key
    text: str


class GetHistory(Wire, frozen=True, tag="history", gc=False):
    id: Id
    room: str
    before: Seq | None = None
    after: Seq | None = None
    limit: Count | None = None


class Search(Wire, frozen=True, tag="search", gc=False):
    id: Id
    query: str
    room: str | None = None
    nick: str | None = None
    cursor: str | None = None
    limit: Count | None = None


class GetRooms(Wire, frozen=True, tag="rooms", gc=False):
    id: Id
    after: str | None = None
    limit: Count | None = None


class GetMembers(Wire, frozen=True, tag="members", gc=False):
    id: Id
    room: str | None = None
    after: str | None = None
    limit: Count | None = None


class SetNick(Wire, frozen=True, tag="nick", gc=False):
    id: Id
    nick: str


class GetCommands(Wire, frozen=True, tag="commands", gc=False):
    """What may be typed: the server's commands, and those that bots add in `room`, or in any room that one is in."""

    id: Id
    room: str | None = None


class Command(Wire, frozen=True, tag="command", gc=False):
    id: Id
    line: str
    room: str | None = None
    key: Key | None = None


class Offer(Wire, frozen=True, tag="offer", gc=False):
    """The slash commands that a bot adds, in place of those that it has added before."""

    id: Id
    commands: list[CommandOffer]


class TakeTurn(Wire, frozen=True, tag="turn", gc=False):
    """A bot asks to speak in a room."""

    id: Id
    room: str
    cause: Cause


class ShowDraft(Wire, frozen=True, tag="draft", gc=False):
    """What the turn's next post is so far, and what the bot is doing besides, in a line: a tool that it calls."""

    id: Id
    turn: Turn
    text: str
    doing: str = ""


class EndTurn(Wire, frozen=True, tag="end_turn", gc=False):
    """The bot has nothing more to say in its turn."""

    id: Id
    turn: Turn
    tokens: Count = 0


class Quit(Wire, frozen=True, tag="bye", gc=False):
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
    | Offer
    | TakeTurn
    | ShowDraft
    | EndTurn
    | Quit
)
FromClient = Request | Ping | Pong
