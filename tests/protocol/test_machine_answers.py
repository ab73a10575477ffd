"""Proves that each request gets one answer, of its own kind and in its turn, and each ping one pong."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    ANSWERS,
    Done,
    Error,
    Hello,
    Join,
    Joined,
    Leave,
    Machine,
    Ping,
    Pong,
    Post,
    Posted,
    Quit,
    RemoteError,
    Role,
    State,
    Welcome,
)
from tests.protocol import spec
from tests.protocol.samples import sample
from tests.protocol.telling import known, opened, refuses, tell

CLIENT, SERVER = Role.CLIENT, Role.SERVER
ROLES: Final = pytest.mark.parametrize("role", Role, ids=lambda role: role.value)


def asked(role: Role, kind: type[Any]) -> Machine:
    """Return a machine with one unanswered request, number 5, in the state where it belongs."""
    machine = Machine(role) if kind is Hello else opened(role)
    tell(machine, CLIENT, sample(kind, id=5))
    assert machine.unanswered == (5,)
    return machine


def test_the_table_of_answers_is_that_of_the_specification() -> None:
    assert {(request, answer) for request, answers in ANSWERS.items() for answer in answers} == set(spec.PAIRS)


@ROLES
@pytest.mark.parametrize(("kind", "answer"), spec.PAIRS)
def test_a_request_takes_each_of_its_answers(role: Role, kind: type[Any], answer: type[Any]) -> None:
    machine = asked(role, kind)
    tell(machine, SERVER, sample(answer, id=5))
    assert machine.unanswered == ()


@ROLES
@pytest.mark.parametrize("kind", spec.REQUESTS.values())
def test_a_request_takes_a_refusal_and_no_answer_that_is_not_its_own(role: Role, kind: type[Any]) -> None:
    machine = asked(role, kind)
    for other in (spec.ANSWERS_ONLY | spec.ANSWERS_OR_EVENTS).values():
        if other is not Error and (kind, other) not in spec.PAIRS:
            refuses(machine, SERVER, sample(other, id=5), f"{other.__name__} as the answer to {kind.__name__}")
    tell(machine, SERVER, sample(Error, id=5))
    assert machine.unanswered == ()


def test_a_request_of_which_only_the_id_was_read_takes_a_refusal_and_nothing_else() -> None:
    machine = opened(SERVER)
    machine.received(sample(Post, id=1))
    machine.received_malformed(5)
    assert machine.unanswered == (1, 5)
    refuses(machine, SERVER, sample(Error, id=5), "an answer to 5 where one to 1 is due")
    machine.sent(sample(Posted, id=1))
    for kind in (spec.ANSWERS_ONLY | spec.ANSWERS_OR_EVENTS).values():
        if kind is not Error:
            refuses(machine, SERVER, sample(kind, id=5))
    machine.sent(sample(Error, id=5))
    assert len(machine.unanswered) == 0


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_a_request_of_which_only_the_id_was_read_is_one_where_any_request_is(state: State) -> None:
    machine, other = Machine(SERVER), Machine(SERVER)
    machine.state = other.state = state
    if state is State.CLOSING:
        before = known(machine)
        with pytest.raises(RemoteError, match="a malformed request with id 5 while the connection is closing"):
            machine.received_malformed(5)
        assert known(machine) == before
        return
    machine.received_malformed(5)
    other.received(sample(Post, id=5))
    assert (machine.state, machine.unanswered) == (other.state, other.unanswered)


def test_a_request_of_which_only_the_id_was_read_may_not_have_that_of_another() -> None:
    machine = opened(SERVER)
    machine.received(sample(Post, id=5))
    before = known(machine)
    with pytest.raises(RemoteError, match="a malformed request with id 5"):
        machine.received_malformed(5)
    assert known(machine) == before


@ROLES
def test_a_refused_hello_may_be_said_again_and_requests_beside_it_are_still_answered(role: Role) -> None:
    machine = Machine(role)
    tell(machine, CLIENT, sample(Join, id=1))
    tell(machine, CLIENT, sample(Hello, id=2))
    tell(machine, CLIENT, sample(Post, id=3))
    refuses(machine, CLIENT, sample(Hello, id=9), match=r"Hello \(hello\) while the connection is greeting")
    for number in (1, 2, 3):
        tell(machine, SERVER, sample(Error, id=number))
    assert machine.state is State.NEW
    tell(machine, CLIENT, sample(Hello, id=4))
    tell(machine, SERVER, sample(Welcome, id=4))
    assert machine.unanswered == ()


@ROLES
def test_an_id_is_unique_among_the_unanswered_and_free_again_after(role: Role) -> None:
    machine = opened(role)
    tell(machine, CLIENT, sample(Post, id=1))
    tell(machine, CLIENT, sample(Post, id=2))
    for number in (1, 2):
        for kind in (Leave, Quit):
            refuses(machine, CLIENT, sample(kind, id=number), f"the id {number}, which an unanswered request has")
    tell(machine, SERVER, sample(Posted, id=1))
    tell(machine, CLIENT, sample(Leave, id=1))
    assert machine.unanswered == (2, 1)


@ROLES
@given(numbers=st.lists(st.integers(1, 9), unique=True, min_size=1), chosen=st.integers(1, 10))
def test_answers_come_in_the_order_of_the_requests(role: Role, numbers: list[int], chosen: int) -> None:
    machine = opened(role)
    for number in numbers:
        tell(machine, CLIENT, sample(Leave, id=number))
    for answered, oldest in enumerate(numbers):
        assert machine.unanswered == tuple(numbers[answered:])
        if chosen != oldest:
            refuses(machine, SERVER, sample(Done, id=chosen), f"an answer to {chosen} where one to {oldest} is due")
            refuses(machine, SERVER, sample(Error, id=chosen), f"an answer to {chosen} where one to {oldest} is due")
        tell(machine, SERVER, sample(Done, id=oldest))
    refuses(machine, SERVER, sample(Done, id=chosen), f"an answer to {chosen} where one to None is due")


@ROLES
def test_events_come_between_answers_and_answer_nothing(role: Role) -> None:
    machine = opened(role)
    tell(machine, CLIENT, sample(Join, id=1))
    for kind in spec.EVENTS_ONLY.values():
        tell(machine, SERVER, sample(kind))
    for kind in (Joined, Error):
        tell(machine, SERVER, sample(kind, id=None))
    assert machine.unanswered == (1,)


@ROLES
@pytest.mark.parametrize(("asking", "replying"), [(CLIENT, SERVER), (SERVER, CLIENT)], ids=["client", "server"])
def test_a_pong_belongs_to_one_ping_of_the_other_side(role: Role, asking: Role, replying: Role) -> None:
    machine = opened(role)
    refuses(machine, replying, sample(Pong, id=1), match="a pong with id 1, which no unanswered ping has")
    tell(machine, asking, sample(Ping, id=1))
    tell(machine, asking, sample(Ping, id=2))
    refuses(machine, asking, sample(Ping, id=1), match="the id 1, which an unanswered ping has")
    refuses(machine, asking, sample(Pong, id=1))
    refuses(machine, replying, sample(Pong, id=3))
    tell(machine, replying, sample(Pong, id=2))
    tell(machine, replying, sample(Pong, id=1))
    refuses(machine, replying, sample(Pong, id=1))
    tell(machine, asking, sample(Ping, id=1))
    tell(machine, replying, sample(Pong, id=1))


@ROLES
def test_pings_of_both_sides_and_requests_number_themselves_apart_and_a_pong_overtakes_answers(role: Role) -> None:
    machine = opened(role)
    tell(machine, CLIENT, sample(Leave, id=1))
    tell(machine, CLIENT, sample(Ping, id=1))
    tell(machine, SERVER, sample(Ping, id=1))
    tell(machine, SERVER, sample(Pong, id=1))
    tell(machine, CLIENT, sample(Pong, id=1))
    assert machine.unanswered == (1,)
    tell(machine, SERVER, sample(Done, id=1))
