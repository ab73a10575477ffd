"""Which message may follow which: one table of states, and which answers a request may get.

This file owns the law, as data; `machine` keeps it for one side of a connection. It must not know connections, nor what
messages hold.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from protocol.messages import (
    Bye,
    Commands,
    Done,
    DraftShown,
    Edited,
    Error,
    Found,
    Gap,
    Granted,
    History,
    Joined,
    Live,
    Members,
    Message,
    Notice,
    Posted,
    Presence,
    Redacted,
    Rooms,
    TopicSet,
    TurnChange,
    Welcome,
)
from protocol.requests import (
    Command,
    Direct,
    Edit,
    EndTurn,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Hello,
    Join,
    Leave,
    Offer,
    Post,
    Quit,
    Redact,
    Search,
    SetNick,
    SetTopic,
    ShowDraft,
    TakeTurn,
)


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
    Offer: (Done,),
    TakeTurn: (Granted,),
    ShowDraft: (Done,),
    EndTurn: (Done,),
    Command: (Joined, Done, Posted, History, Found, Rooms, Members, Commands, Notice, Bye),
    Quit: (Bye,),
}

FROM_CLIENT: Final[Mapping[type, Input]] = {
    **dict.fromkeys(ANSWERS, Input.REQUEST),
    Hello: Input.HELLO,
    Quit: Input.QUIT,
}
# Whether one of these is an answer or an event, its id says.
FROM_SERVER: Final[Mapping[type, Input]] = {
    **dict.fromkeys((answer for answers in ANSWERS.values() for answer in answers), Input.EVENT),
    **dict.fromkeys((Message, Edited, Redacted, TopicSet, Live, Gap, Presence, TurnChange, DraftShown), Input.EVENT),
    Error: Input.ERROR,
    Bye: Input.BYE,
}


def answer_input(asked: type, answer: type) -> Input:
    """Return what an answer of one type to a request of another is to the machine."""
    if answer is Error:
        return Input.HELLO_REFUSED if asked is Hello else Input.REFUSAL
    return Input.WELCOME if answer is Welcome else Input.BYE if answer is Bye else Input.ANSWER


class Row(NamedTuple):
    """A row of `TRANSITIONS` by the types of messages, so that a step costs one look-up: what may come, and then."""

    requests: Mapping[type, State]
    events: Mapping[type, State]
    answers: Mapping[type, Mapping[type, State]]  # by what was asked


def _row(inputs: Mapping[Input, State]) -> Row:
    return Row(
        {kind: inputs[which] for kind, which in FROM_CLIENT.items() if which in inputs},
        {kind: inputs[which] for kind, which in FROM_SERVER.items() if which in inputs},
        {
            asked: {kind: inputs[which] for kind in (*answers, Error) if (which := answer_input(asked, kind)) in inputs}
            for asked, answers in {**ANSWERS, Error: ()}.items()  # an error is due to what was malformed
        },
    )


ROWS: Final[Mapping[State, Row]] = {state: _row(inputs) for state, inputs in TRANSITIONS.items()}
