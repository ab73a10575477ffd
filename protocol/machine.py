"""The order of messages: the handshake, and which answer belongs to which request, for both sides.

This file owns one transition table and the list of unanswered requests. Client and server run the same
machine over the same messages, so the two agree on where a connection stands. It must not know what the
messages hold beyond their type and id.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from protocol.messages import (
    Bye,
    Command,
    Commands,
    Direct,
    Done,
    Edit,
    Edited,
    Error,
    Found,
    FromClient,
    FromServer,
    Gap,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Live,
    Members,
    Message,
    Notice,
    Ping,
    Pong,
    Post,
    Posted,
    Presence,
    Quit,
    Redact,
    Redacted,
    Rooms,
    Search,
    SetNick,
    SetTopic,
    TopicSet,
    Welcome,
)


class Role(Enum):
    """Which side a machine stands on."""

    CLIENT = "client"
    SERVER = "server"


class State(Enum):
    """Where a connection stands."""

    NEW = "new"  # nobody has been welcomed: the client says hello
    GREETING = "greeting"  # hello is on its way, or being looked at
    OPEN = "open"  # welcome was said
    CLOSING = "closing"  # the client said bye; its requests before it are still answered
    CLOSED = "closed"  # the server said bye, or the stream ended


class Input(Enum):
    """What a message, or the end of the stream, is to the machine."""

    HELLO = "hello"
    REQUEST = "request"
    QUIT = "quit"
    WELCOME = "welcome"
    ANSWER = "answer"
    HELLO_REFUSED = "hello refused"
    REFUSAL = "refusal"
    EVENT = "event"
    ERROR = "error without id"
    PING = "ping"
    PONG = "pong"
    BYE = "bye"
    EOF = "end of stream"


_S, _I = State, Input

TRANSITIONS: Final[Mapping[State, Mapping[Input, State]]] = {
    # Requests sent before `welcome` are legal (a client need not wait); they are carried out or refused in
    # their turn.
    _S.NEW: {
        _I.HELLO: _S.GREETING,
        _I.REQUEST: _S.NEW,
        _I.QUIT: _S.CLOSING,
        _I.REFUSAL: _S.NEW,
        _I.ERROR: _S.NEW,
        _I.PING: _S.NEW,
        _I.PONG: _S.NEW,
        _I.BYE: _S.CLOSED,
        _I.EOF: _S.CLOSED,
    },
    _S.GREETING: {
        _I.REQUEST: _S.GREETING,
        _I.QUIT: _S.CLOSING,
        _I.WELCOME: _S.OPEN,
        _I.HELLO_REFUSED: _S.NEW,
        _I.REFUSAL: _S.GREETING,
        _I.ERROR: _S.GREETING,
        _I.PING: _S.GREETING,
        _I.PONG: _S.GREETING,
        _I.BYE: _S.CLOSED,
        _I.EOF: _S.CLOSED,
    },
    _S.OPEN: {
        _I.REQUEST: _S.OPEN,
        _I.QUIT: _S.CLOSING,
        _I.ANSWER: _S.OPEN,
        _I.REFUSAL: _S.OPEN,
        _I.EVENT: _S.OPEN,
        _I.ERROR: _S.OPEN,
        _I.PING: _S.OPEN,
        _I.PONG: _S.OPEN,
        _I.BYE: _S.CLOSED,
        _I.EOF: _S.CLOSED,
    },
    _S.CLOSING: {
        _I.WELCOME: _S.CLOSING,
        _I.HELLO_REFUSED: _S.CLOSING,
        _I.ANSWER: _S.CLOSING,
        _I.REFUSAL: _S.CLOSING,
        _I.EVENT: _S.CLOSING,
        _I.ERROR: _S.CLOSING,
        _I.PING: _S.CLOSING,
        _I.PONG: _S.CLOSING,
        _I.BYE: _S.CLOSED,
        _I.EOF: _S.CLOSED,
    },
    # What the client had sent before it saw the server's bye still arrives there, and means nothing.
    _S.CLOSED: {
        _I.HELLO: _S.CLOSED,
        _I.REQUEST: _S.CLOSED,
        _I.QUIT: _S.CLOSED,
        _I.PING: _S.CLOSED,
        _I.PONG: _S.CLOSED,
        _I.EOF: _S.CLOSED,
    },
}

# Which answers a request may get, besides `error`.
ANSWERS: Final[Mapping[type, tuple[type, ...]]] = {
    Hello: (Welcome,),
    Join: (Joined,),
    Direct: (Joined,),
    Leave: (Done,),
    Post: (Posted,),
    Edit: (Posted,),
    Redact: (Posted,),
    SetTopic: (Posted,),
    GetHistory: (History,),
    Search: (Found,),
    GetRooms: (Rooms,),
    GetMembers: (Members,),
    SetNick: (Done,),
    GetCommands: (Commands,),
    Command: (Joined, Done, Posted, History, Found, Rooms, Members, Commands, Notice, Bye),
    Quit: (Bye,),
}

_FROM_CLIENT_INPUT: Final[Mapping[type, Input]] = {
    **dict.fromkeys(ANSWERS, Input.REQUEST),
    Hello: Input.HELLO,
    Quit: Input.QUIT,
}
# Whether one of these is an answer or an event, its id says.
_FROM_SERVER_TYPES: Final = frozenset(
    {Message, Edited, Redacted, TopicSet, Live, Gap, Presence, Notice, Joined, Members, Error}
    | {answer for answers in ANSWERS.values() for answer in answers}
)


class ProtocolError(Exception):
    """A message that may not come now. The machine is where it was before."""


class LocalError(ProtocolError):
    """This side is about to send it: a bug here. Do not send it."""


class RemoteError(ProtocolError):
    """The peer sent it: a bug there. A server answers `bad_message`; a client closes."""


class Machine:
    """One side of a connection. Tell it every message that is sent and received, in order.

    Args:
        role: the side that this machine stands on.

    Attributes:
        state: where the connection stands, as this side knows it.
    """

    __slots__ = ("_pending", "_pings", "role", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.NEW
        self._pending: dict[int, type] = {}  # unanswered requests, oldest first
        self._pings: dict[Role, set[int]] = {Role.CLIENT: set(), Role.SERVER: set()}

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The ids of the requests without an answer, oldest first; pings are not among them."""
        return tuple(self._pending)

    def sent(self, message: FromClient | FromServer) -> None:
        """Note that this side sends `message`.

        Raises:
            LocalError: it may not be sent now, and the peer would refuse it.
        """
        if self.state is State.CLOSED:
            raise LocalError(f"{_name(message)} after the end of the connection")
        self._step(message, self.role, LocalError)

    def received(self, message: FromClient | FromServer) -> None:
        """Note that the peer sent `message`.

        Raises:
            RemoteError: it may not come now.
        """
        self._step(message, Role.SERVER if self.role is Role.CLIENT else Role.CLIENT, RemoteError)

    def received_malformed(self, number: int) -> None:
        """Note that the peer sent a request of which only the id could be read; `error` is due to it.

        Raises:
            RemoteError: no request may come now, or not with this id.
        """
        following = TRANSITIONS[self.state].get(Input.REQUEST)
        if following is None or number in self._pending:
            raise RemoteError(f"a malformed request with id {number} while the connection is {self.state.value}")
        if self.state is not State.CLOSED:
            self._pending[number] = Error
        self.state = following

    def ended(self) -> None:
        """Note that the stream has ended, on whichever side."""
        self.state = TRANSITIONS[self.state][Input.EOF]
        self._forget()

    def _step(self, message: FromClient | FromServer, by: Role, error: type[ProtocolError]) -> None:
        kind = type(message)
        if kind is Ping or kind is Pong:
            self._step_ping(message, by, error)
        elif by is Role.CLIENT:
            self._step_client(message, error)
        else:
            self._step_server(message, error)

    def _step_ping(self, message: FromClient | FromServer, by: Role, error: type[ProtocolError]) -> None:
        assert isinstance(message, Ping | Pong)
        if isinstance(message, Ping):
            following = self._next(Input.PING, message, error)
            if self.state is not State.CLOSED:
                if message.id in self._pings[by]:
                    raise error(f"the id {message.id}, which an unanswered ping has")
                self._pings[by].add(message.id)
            self.state = following
            return
        asked = self._pings[Role.SERVER if by is Role.CLIENT else Role.CLIENT]
        if message.id not in asked and self.state is not State.CLOSED:
            raise error(f"a pong with id {message.id}, which no unanswered ping has")
        self.state = self._next(Input.PONG, message, error)
        asked.discard(message.id)

    def _step_client(self, message: FromClient | FromServer, error: type[ProtocolError]) -> None:
        kind = type(message)
        which = _FROM_CLIENT_INPUT.get(kind)
        if which is None:
            raise error(f"{_name(message)} is not a client's to send")
        following = self._next(which, message, error)
        if self.state is not State.CLOSED:
            number: int = message.id  # type: ignore[union-attr,assignment]  # every request has one
            if number in self._pending:
                raise error(f"the id {number}, which an unanswered request has")
            self._pending[number] = kind
        self.state = following

    def _step_server(self, message: FromClient | FromServer, error: type[ProtocolError]) -> None:
        kind = type(message)
        if kind not in _FROM_SERVER_TYPES:
            raise error(f"{_name(message)} is not a server's to send")
        number: int | None = getattr(message, "id", None)
        if number is None:
            which = Input.BYE if kind is Bye else Input.ERROR if kind is Error else Input.EVENT
            self.state = self._next(which, message, error)
        else:
            self.state = self._next(self._answers(kind, number, error), message, error)
            del self._pending[number]
        if self.state is State.CLOSED:
            self._forget()

    def _answers(self, kind: type, number: int, error: type[ProtocolError]) -> Input:
        """Say what an answer is to the machine, having seen that it is one to the oldest request."""
        oldest = next(iter(self._pending), None)
        if number != oldest:
            raise error(f"an answer to {number} where one to {oldest} is due")
        asked = self._pending[number]
        if kind is Error:
            return Input.HELLO_REFUSED if asked is Hello else Input.REFUSAL
        if kind not in ANSWERS.get(asked, ()):
            raise error(f"{kind.__name__} as the answer to {asked.__name__}")
        return Input.WELCOME if kind is Welcome else Input.BYE if kind is Bye else Input.ANSWER

    def _next(self, which: Input, message: FromClient | FromServer, error: type[ProtocolError]) -> State:
        following = TRANSITIONS[self.state].get(which)
        if following is None:
            raise error(f"{_name(message)} ({which.value}) while the connection is {self.state.value}")
        return following

    def _forget(self) -> None:
        self._pending.clear()
        for pings in self._pings.values():
            pings.clear()


def _name(message: FromClient | FromServer) -> str:
    return type(message).__name__
