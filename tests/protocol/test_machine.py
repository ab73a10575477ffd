"""Proves what every input does in every state, on both sides, and that whatever is refused changes nothing."""

from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    TRANSITIONS,
    Bye,
    Command,
    Error,
    Hello,
    Input,
    Machine,
    Ping,
    Pong,
    Post,
    Quit,
    Role,
    State,
    Welcome,
)
from tests.protocol import spec
from tests.protocol.samples import FROM_CLIENT, FROM_SERVER, sample
from tests.protocol.telling import ended, known, opened, refusal, refuses, tell

CLIENT, SERVER = Role.CLIENT, Role.SERVER
ROLES: Final = pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
STATES: Final = pytest.mark.parametrize("state", State, ids=lambda state: state.value)

# The table a second time, to be read at a glance: a row for each state, a column for each input, in the order of
# their classes; the letter says which state follows, a dot that it is an error.
LETTERS: Final = dict(zip("NGOCX", State, strict=True))
MATRIX: Final = """
    hello request quit welcome answer hello-refused refusal event error ping pong bye eof
    G     N       C    .       .      .             N       .     N     N    N    X   X
    .     G       C    O       .      N             G       .     G     G    G    X   X
    .     O       C    .       O      .             O       O     O     O    O    X   X
    .     .       .    C       C      C             C       C     C     C    C    X   X
    X     X       X    .       .      .             .       .     .     X    X    .   X
"""
FOLLOWING: Final = {
    (state, which): LETTERS.get(letter)
    for state, row in zip(State, MATRIX.strip().splitlines()[1:], strict=True)
    for which, letter in zip(Input, row.split(), strict=True)
}


class Step(NamedTuple):
    """A message, who says it, and what was said before so that it can be one of its kind."""

    by: Role
    message: Any
    before: tuple[tuple[Role, Any], ...] = ()


def answering(request: Any, answer: Any) -> Step:
    """Return the answer to the only request there is."""
    return Step(SERVER, sample(answer, id=1), ((CLIENT, sample(request, id=1)),))


ORDINARY: Final[list[type[Any]]] = [kind for kind in spec.REQUESTS.values() if kind not in (Hello, Quit)]
UNASKED: Final = [kind for kind in (spec.EVENTS_ONLY | spec.ANSWERS_OR_EVENTS).values() if kind not in (Error, Bye)]

# Every way in which a message can be an input.
STEPS: Final = {
    Input.HELLO: [Step(CLIENT, sample(Hello))],
    Input.REQUEST: [Step(CLIENT, sample(kind)) for kind in ORDINARY],
    Input.QUIT: [Step(CLIENT, sample(Quit))],
    Input.WELCOME: [answering(Hello, Welcome)],
    Input.ANSWER: [answering(*pair) for pair in spec.PAIRS if pair[1] not in (Welcome, Bye)],
    Input.HELLO_REFUSED: [answering(Hello, Error)],
    Input.REFUSAL: [answering(kind, Error) for kind in [*ORDINARY, Quit]],
    Input.EVENT: [Step(SERVER, sample(kind)) for kind in UNASKED],
    Input.ERROR: [Step(SERVER, sample(Error, id=None))],
    Input.PING: [Step(role, sample(Ping)) for role in Role],
    Input.PONG: [
        Step(CLIENT, sample(Pong), ((SERVER, sample(Ping)),)),
        Step(SERVER, sample(Pong), ((CLIENT, sample(Ping)),)),
    ],
    Input.BYE: [Step(SERVER, sample(Bye)), answering(Quit, Bye), answering(Command, Bye)],
}


def test_the_transition_table_is_the_matrix_above() -> None:
    table = {(state, which): TRANSITIONS[state].get(which) for state in State for which in Input}
    assert table == FOLLOWING


def test_every_input_but_the_end_of_the_stream_is_a_message() -> None:
    assert set(STEPS) == set(Input) - {Input.EOF}
    assert all(STEPS.values())


@ROLES
@STATES
@pytest.mark.parametrize("which", STEPS, ids=lambda one: one.value)
def test_every_input_in_every_state_leads_where_the_matrix_says_or_is_refused(
    role: Role, state: State, which: Input
) -> None:
    for step in STEPS[which]:
        machine = Machine(role)
        for by, message in step.before:
            tell(machine, by, message)
        machine.state = state  # also where no conversation leads, such as an open connection with a hello to answer
        following = FOLLOWING[state, which]
        if following is None or (state is State.CLOSED and step.by is role):
            refuses(machine, step.by, step.message)
        else:
            tell(machine, step.by, step.message)
            assert machine.state is following


@ROLES
@STATES
def test_the_end_of_the_stream_closes_every_state_and_leaves_nothing_unanswered(role: Role, state: State) -> None:
    machine = Machine(role)
    tell(machine, CLIENT, sample(Post, id=1))
    tell(machine, CLIENT, sample(Ping, id=1))
    machine.state = state
    machine.ended()
    assert machine.state is State.CLOSED
    assert len(machine.unanswered) == 0
    machine.ended()
    assert known(machine) == known(ended(role))


@ROLES
@STATES
def test_what_only_the_other_side_may_say_is_refused_in_every_state(role: Role, state: State) -> None:
    machine = Machine(role)
    machine.state = state
    for kind in FROM_CLIENT:
        if kind not in (Ping, Pong):
            refuses(machine, SERVER, sample(kind))
    for kind in FROM_SERVER:
        if kind not in (Ping, Pong):
            refuses(machine, CLIENT, sample(kind))


@ROLES
def test_nothing_is_sent_after_the_end(role: Role) -> None:
    for machine in (opened(role), Machine(role)):
        tell(machine, CLIENT, sample(Post, id=1))
        tell(machine, CLIENT, sample(Ping, id=1))
        tell(machine, SERVER, sample(Bye))
        assert known(machine) == known(ended(role))
        for kind in FROM_CLIENT if role is CLIENT else FROM_SERVER:
            refuses(machine, role, sample(kind), match="after the end of the connection")


def test_what_a_client_had_sent_before_it_knew_of_the_end_means_nothing() -> None:
    machine = opened(SERVER)
    machine.sent(sample(Bye))
    for kind in FROM_CLIENT:
        machine.received(sample(kind, id=1))
        machine.received(sample(kind, id=1))
    assert known(machine) == known(ended(SERVER))


ANYTHING: Final = st.builds(
    lambda by, kind, number: (by, sample(kind, **({"id": number} if "id" in kind.__struct_fields__ else {}))),
    st.sampled_from(Role),
    st.sampled_from([*dict.fromkeys(FROM_CLIENT + FROM_SERVER)]),
    st.integers(1, 3),
)


@given(st.lists(ANYTHING, max_size=30))
def test_two_machines_told_of_the_same_messages_accept_and_know_the_same(said: list[tuple[Role, Any]]) -> None:
    client, server = Machine(CLIENT), Machine(SERVER)
    for by, message in said:
        accepted = []
        for machine in (client, server):
            before = known(machine)
            try:
                tell(machine, by, message)
            except refusal(machine, by):
                assert known(machine) == before
                accepted.append(False)
            else:
                accepted.append(True)
        assert accepted[0] == accepted[1] or client.state is State.CLOSED
        assert known(client) == known(server)
