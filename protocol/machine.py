"""The order of messages: the handshake, and which answer belongs to which request, for both sides.

This file owns one transition table and the list of unanswered requests. Client and server run the same
machine over the same messages, so the two agree on where a connection stands. It must not know what the
messages hold beyond their type and id.
"""

from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

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

    __hash__ = object.__hash__  # Enum's own is written in Python, and each step looks a state up


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
_FROM_SERVER_INPUT: Final[Mapping[type, Input]] = {
    **dict.fromkeys((answer for answers in ANSWERS.values() for answer in answers), Input.EVENT),
    **dict.fromkeys((Message, Edited, Redacted, TopicSet, Live, Gap, Presence), Input.EVENT),
    Error: Input.ERROR,
    Bye: Input.BYE,
}


def _answer_input(asked: type, answer: type) -> Input:
    if answer is Error:
        return Input.HELLO_REFUSED if asked is Hello else Input.REFUSAL
    return Input.WELCOME if answer is Welcome else Input.BYE if answer is Bye else Input.ANSWER


class _Row(NamedTuple):
    """A row of `TRANSITIONS` by the types of messages, so that a step costs one look-up: what may come, and then."""

    requests: Mapping[type, State]
    events: Mapping[type, State]
    answers: Mapping[type, Mapping[type, State]]  # by what was asked


def _row(inputs: Mapping[Input, State]) -> _Row:
    return _Row(
        {kind: inputs[which] for kind, which in _FROM_CLIENT_INPUT.items() if which in inputs},
        {kind: inputs[which] for kind, which in _FROM_SERVER_INPUT.items() if which in inputs},
        {
            asked: {
                kind: inputs[which] for kind in (*answers, Error) if (which := _answer_input(asked, kind)) in inputs
            }
            for asked, answers in {**ANSWERS, Error: ()}.items()  # an error is due to what was malformed
        },
    )


_ROWS: Final[Mapping[State, _Row]] = {state: _row(inputs) for state, inputs in TRANSITIONS.items()}


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

    __slots__ = ("_order", "_pending", "_pings", "role", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.NEW
        self._pending: dict[int, type] = {}  # unanswered requests
        self._order: deque[int] = deque()  # their ids, oldest first: in a dict, the first is not found at once
        self._pings: dict[Role, set[int]] = {Role.CLIENT: set(), Role.SERVER: set()}

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The ids of the requests without an answer, oldest first; pings are not among them."""
        return tuple(self._order)

    def sent(self, *messages: FromClient | FromServer) -> None:
        """Note that this side sends `messages`, in order.

        Raises:
            LocalError: one may not be sent now, and the peer would refuse it; those before it are noted.
        """
        step = self._step_server if self.role is Role.SERVER else self._step_client
        for message in messages:
            if self.state is State.CLOSED:
                raise LocalError(f"{_name(message)} after the end of the connection")
            step(message, LocalError)

    def received(self, message: FromClient | FromServer) -> None:
        """Note that the peer sent `message`.

        Raises:
            RemoteError: it may not come now.
        """
        if self.role is Role.SERVER:
            self._step_client(message, RemoteError)
        else:
            self._step_server(message, RemoteError)

    def received_malformed(self, number: int) -> None:
        """Note that the peer sent a request of which only the id could be read; `error` is due to it.

        Raises:
            RemoteError: no request may come now, or not with this id.
        """
        # No request changes the state, whatever it says.
        if Input.REQUEST not in TRANSITIONS[self.state] or number in self._pending:
            raise RemoteError(f"a malformed request with id {number} while the connection is {self.state.value}")
        if self.state is not State.CLOSED:
            self._pending[number] = Error
            self._order.append(number)

    def ended(self) -> None:
        """Note that the stream has ended, on whichever side."""
        self._enter(TRANSITIONS[self.state][Input.EOF])

    def _enter(self, state: State) -> None:
        self.state = state
        if state is State.CLOSED:
            self._pending.clear()
            self._order.clear()
            for pings in self._pings.values():
                pings.clear()

    def _step_client(self, message: FromClient | FromServer, error: type[ProtocolError]) -> None:
        kind, state = type(message), self.state
        following = _ROWS[state].requests.get(kind)
        if following is None:
            if kind is Ping or kind is Pong:
                return self._step_ping(message, Role.CLIENT, error)
            raise error(self._complaint(message, "client", _FROM_CLIENT_INPUT.get(kind)))
        if state is not State.CLOSED:
            number: int = message.id  # type: ignore[union-attr,assignment]  # every request has one
            if number in self._pending:
                raise error(f"the id {number}, which an unanswered request has")
            self._pending[number] = kind
            self._order.append(number)
        if following is not state:
            self._enter(following)
        return None

    def _step_server(self, message: FromClient | FromServer, error: type[ProtocolError]) -> None:
        kind, order, row = type(message), self._order, _ROWS[self.state]
        number: int | None = getattr(message, "id", None)
        if number is None:
            following = row.events.get(kind)
        elif order and order[0] == number:
            following = row.answers[self._pending[number]].get(kind)
        else:
            following = None
        if following is None:
            if kind is Ping or kind is Pong:
                return self._step_ping(message, Role.SERVER, error)
            raise error(self._wrong_answer(message, number))
        if number is not None:
            del self._pending[order.popleft()]
        if following is not self.state:
            self._enter(following)
        return None

    def _wrong_answer(self, message: FromClient | FromServer, number: int | None) -> str:
        kind, which = type(message), _FROM_SERVER_INPUT.get(type(message))
        if number is None or which is None:
            return self._complaint(message, "server", which)
        oldest = self._order[0] if self._order else None
        if number != oldest:
            return f"an answer to {number} where one to {oldest} is due"
        asked = self._pending[number]
        if kind is not Error and kind not in ANSWERS.get(asked, ()):
            return f"{_name(message)} as the answer to {asked.__name__}"
        return self._complaint(message, "server", _answer_input(asked, kind))

    def _step_ping(self, message: FromClient | FromServer, by: Role, error: type[ProtocolError]) -> None:
        assert isinstance(message, Ping | Pong)
        which = Input.PING if isinstance(message, Ping) else Input.PONG
        asker = by if which is Input.PING else Role.SERVER if by is Role.CLIENT else Role.CLIENT
        unanswered = self._pings[asker]
        if self.state is State.CLOSED:
            return  # it means nothing any more; in no state is one refused, and none changes the state
        if which is Input.PING:
            if message.id in unanswered:
                raise error(f"the id {message.id}, which an unanswered ping has")
            unanswered.add(message.id)
        else:
            if message.id not in unanswered:
                raise error(f"a pong with id {message.id}, which no unanswered ping has")
            unanswered.remove(message.id)

    def _complaint(self, message: FromClient | FromServer, sender: str, which: Input | None) -> str:
        if which is None:
            return f"{_name(message)} is not a {sender}'s to send"
        return f"{_name(message)} ({which.value}) while the connection is {self.state.value}"


def _name(message: FromClient | FromServer) -> str:
    return type(message).__name__
