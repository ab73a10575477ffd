"""The order of messages: the handshake, and which answer belongs to which request, for both sides.

This file owns where one side of a connection stands, and its list of unanswered requests. Client and server run the
same machine over the same messages, so the two agree on it. It must not know what the messages hold beyond their type
and id; what may follow what is in `transitions`.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from itertools import islice, repeat
from typing import Any

from protocol.messages import Error, FromServer
from protocol.requests import FromClient, Ping, Pong
from protocol.transitions import ANSWERS, FROM_CLIENT, FROM_SERVER, ROWS, TRANSITIONS, Input, State, answer_input


class Role(Enum):
    """Which side a machine stands on."""

    CLIENT = "client"
    SERVER = "server"


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
        if self._answered_together(messages):
            return
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

    def received_together(self, requests: Sequence[Any]) -> bool:
        """Note requests that came together, for a quarter of what `received` costs for each.

        Returns:
            False, and nothing is noted, unless they are of one type, leave the state as it is, and may all come now:
            then `received` says of each what it is.
        """
        kinds, state = set(map(type, requests)), self.state
        if self.role is Role.CLIENT or state is State.CLOSED or len(kinds) != 1:
            return False
        (kind,) = kinds
        if ROWS[state].requests.get(kind) is not state:
            return False
        ids: list[int] = [request.id for request in requests]
        if len(set(ids)) != len(ids) or not self._pending.keys().isdisjoint(ids):
            return False
        self._pending.update(zip(ids, repeat(kind)))
        self._order.extend(ids)
        return True

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
        following = ROWS[state].requests.get(kind)
        if following is None:
            if kind is Ping or kind is Pong:
                return self._step_ping(message, Role.CLIENT, error)
            raise error(self._complaint(message, "client", FROM_CLIENT.get(kind)))
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
        kind, order, row = type(message), self._order, ROWS[self.state]
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

    def _answered_together(self, answers: Sequence[FromClient | FromServer]) -> bool:
        """Note answers of one type to the oldest requests, in their order; False, and nothing is noted, for others."""
        kinds = set(map(type, answers))
        if self.role is Role.CLIENT or len(kinds) != 1 or len(answers) == 1:
            return False
        (kind,) = kinds
        order, pending, state = self._order, self._pending, self.state
        ids = [getattr(answer, "id", None) for answer in answers]
        if ids != list(islice(order, len(ids))):
            return False
        if {ROWS[state].answers[asked].get(kind) for asked in set(map(pending.__getitem__, ids))} != {state}:
            return False
        for number in ids:
            order.popleft()
            del pending[number]
        return True

    def _wrong_answer(self, message: FromClient | FromServer, number: int | None) -> str:
        kind, which = type(message), FROM_SERVER.get(type(message))
        if number is None or which is None:
            return self._complaint(message, "server", which)
        oldest = self._order[0] if self._order else None
        if number != oldest:
            return f"an answer to {number} where one to {oldest} is due"
        asked = self._pending[number]
        if kind is not Error and kind not in ANSWERS.get(asked, ()):
            return f"{_name(message)} as the answer to {asked.__name__}"
        return self._complaint(message, "server", answer_input(asked, kind))

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
