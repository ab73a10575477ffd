"""Proves that messages noted together leave what noting each would, whatever they are."""

from contextlib import suppress
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from protocol import Done, Error, Leave, LocalError, Machine, Pong, Post, Posted, RemoteError, Role, State
from tests.protocol.samples import FROM_CLIENT, sample
from tests.protocol.telling import known, opened

REQUESTS: Final = st.lists(
    st.builds(
        lambda kind, number: sample(kind, id=number), st.sampled_from([*FROM_CLIENT, *[Post] * 12]), st.integers(1, 9)
    ),
    max_size=6,
)


@given(st.sampled_from(State), REQUESTS, REQUESTS)
def test_requests_noted_together_leave_what_noting_each_would(state: State, before: list[Any], some: list[Any]) -> None:
    together, one_by_one = Machine(Role.SERVER), Machine(Role.SERVER)
    for machine in (together, one_by_one):
        machine.state = state
        for request in before:
            with suppress(RemoteError):
                machine.received(request)
    untouched = known(together)
    if together.received_together(some):
        for request in some:
            one_by_one.received(request)
        assert known(together) == known(one_by_one)
    else:
        assert known(together) == untouched


def test_posts_that_come_together_are_noted_together() -> None:
    machine = opened(Role.SERVER)
    assert machine.received_together([sample(Post, id=number) for number in (3, 1, 2)])
    assert machine.unanswered == (3, 1, 2)
    assert not machine.received_together([sample(Post, id=number) for number in (4, 2)])
    assert not machine.received_together([sample(Post, id=number) for number in (4, 4)])
    assert machine.unanswered == (3, 1, 2)


ANSWERS: Final[SearchStrategy[type[Any]]] = st.sampled_from([Posted, Posted, Posted, Error, Done, Pong])


@given(st.lists(st.sampled_from([Post, Post, Post, Leave]), max_size=6), st.data())
def test_answers_sent_together_leave_what_sending_each_would(asked: list[type[Any]], data: DataObject) -> None:
    machines = [opened(Role.SERVER) for _ in range(2)]
    for machine in machines:
        for number, kind in enumerate(asked, 1):
            machine.received(sample(kind, id=number))
    numbers = data.draw(st.lists(st.integers(1, len(asked) + 1), max_size=6) | st.just([*range(1, len(asked) + 1)]))
    answers = [sample(data.draw(ANSWERS), id=n) for n in numbers]
    outcomes = []
    for machine, pieces in zip(machines, ([answers], [[answer] for answer in answers]), strict=True):
        try:
            for piece in pieces:
                machine.sent(*piece)
        except LocalError as error:
            outcomes.append(str(error))
        else:
            outcomes.append("")
    assert outcomes[0] == outcomes[1]
    assert known(machines[0]) == known(machines[1])
