"""A session by itself: what it sends when, told what a server says in an order that no fake server is quick enough for.

The rest of it is tested through the client.
"""

from collections.abc import Callable
from itertools import count

from protocol import Done, Granted, Join, Joined, Leave, Limits, Live, Request, TurnChange, Welcome
from trio_chat.client.events import ClientEvent
from trio_chat.client.ledger import Pending
from trio_chat.client.session import Session
from trio_chat.client.turn import Turns

WELCOME = Welcome(1, 1, "server", "a-ann", "ann", "member", Limits(65_536, 4_000, 32, 64, 500, 500, 262_144), 30_000)


class QuickReader:
    """A `Shell` whose user takes every event at once."""

    def __init__(self) -> None:
        self.transmitted: list[Request] = []
        self._ids = count(100)

    def offer(self, event: ClientEvent) -> bool:
        return True

    def is_drained(self) -> bool:
        return True

    def transmit(self, request: Request) -> None:
        self.transmitted.append(request)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        raise AssertionError("nothing is to be done later")

    def new_id(self) -> int:
        return next(self._ids)


def joined(number: int) -> Joined:
    return Joined("lobby", "e1", 0, "", [], 1, number)


async def test_a_room_is_not_joined_again_behind_a_leave_that_was_asked_before_it_was_there() -> None:
    shell = QuickReader()
    session = Session("ann", shell)
    session.welcomed(WELCOME)
    asked: list[Request] = [Join(2, "lobby"), Join(3, "lobby"), Leave(4, "lobby")]
    for request in asked:
        session.ask(Pending(request, 50, lambda: None))
    for answer in (joined(2), Live("lobby", 0), joined(3), Live("lobby", 0), Done(4)):
        session.received(answer)
    assert [type(request) for request in shell.transmitted] == [Join, Join, Leave]
    assert not session.rooms.views


def test_a_turn_that_is_let_go_takes_none_along_that_has_its_number_since() -> None:
    turns = Turns()
    turns.granted(Granted(1, "lobby", 1, 1, 1_000))
    old = turns[1]
    turns.lost()
    turns.granted(Granted(2, "lobby", 1, 1, 1_000))  # of a server that has started anew
    turns.let_go(old)
    assert turns[1] is not old
    turns.changed(TurnChange("lobby", 1, "a", "sage", "ended", "stopped", "ann"))
    assert (turns[1].ended, turns[1].by, old.ended) == ("stopped", "ann", "gone")
