"""What Hypothesis makes scenarios of: a state machine whose rules add steps, which one run carries out in the end.

This file owns which steps there are to choose from, and how likely their arguments are. A rule only notes its step: so
a failing scenario is shrunk as a list, and printed as one. It must not know how steps are carried out.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.simulation import scenario as steps
from tests.simulation.network import Way
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import CLIENTS, NICKS, PEERS, Scenario, Step

clients = st.integers(0, CLIENTS - 1)
peers = st.integers(0, PEERS - 1)
rooms = st.sampled_from([0, 0, 0, 1, steps.MINE])
nicks = st.integers(0, len(NICKS) - 1)
moments = st.sampled_from([None, "committing", "committed"])
ways = st.sampled_from(["down", "up"])
few = st.integers(1, 3)
nearby = st.one_of(st.integers(1, 60), st.integers(1, 3_000), st.integers(1, 200_000))
"""After how many bytes a connection breaks: inside one frame, some frames on, or within a page."""

setups = st.builds(
    Scenario,
    steps=st.just(()),
    seed=st.integers(0, 2**16),
    breaths=st.sampled_from([3, 0, 1, 20]),
    pipe_bytes=st.sampled_from([65_536, 65_536, 1_000]),
    rate_limit=st.sampled_from([None, None, None, None, None, 50.0]),
    events_waiting=st.sampled_from([1_000, 1_000, 30]),
)


class Story(RuleBasedStateMachine):
    """A scenario on its way.

    Attributes:
        carry_out: what is done with a scenario that is complete.
    """

    carry_out: ClassVar[Callable[[Scenario], Outcome]] = simulate

    def __init__(self) -> None:
        super().__init__()
        self.setup = Scenario(())
        self.steps: list[Step] = []

    @initialize(setup=setups, present=st.sampled_from([2, 3, 4, 5, CLIENTS, CLIENTS, 0]), both=st.booleans())
    def begin(self, setup: Scenario, present: int, both: bool) -> None:
        """Let the first few be in the lobby, and perhaps in another room, before anything happens."""
        self.setup = setup
        self.steps += [steps.Connect(who) for who in range(present)]
        if present > PEERS:
            self.steps.append(steps.Pause(0.4))  # the library has to have dialled
        self.steps += [steps.Join(who, room) for who in range(present) for room in range(1 + both)]

    def teardown(self) -> None:
        if self.steps:
            scenario = Scenario(
                tuple(self.steps),
                self.setup.seed,
                self.setup.breaths,
                self.setup.pipe_bytes,
                self.setup.rate_limit,
                self.setup.events_waiting,
            )
            try:
                type(self).carry_out(scenario)
            except BaseException as error:
                error.add_note(f"in this run:\n{scenario}")
                raise


def _present(*who: int) -> tuple[Step, ...]:
    """See to it that clients are there and in the lobby, if nothing holds them up."""
    there = [steps.Connect(one) for one in who]
    return (steps.HealDisk(), *there, steps.Pause(0.4), *(steps.Join(one, 0) for one in who), steps.Pause(0.05))


def fall_behind(who: int, shift: int, count: int, read: bool) -> tuple[Step, ...]:
    """Stop reading while much is said and somebody leaves."""
    other, third = (who + shift) % CLIENTS, (who + shift + 1) % CLIENTS
    much = (
        *(*_present(who, other, third), steps.StopReading(who), steps.Post(other, 0, count, 4_000)),
        *(steps.Pause(0.4), steps.Leave(third, 0)),
    )
    return (*much, steps.Pause(0.05), steps.Read(who)) if read else much


def lose_touch(who: int, other: int, count: int, way: Way, after: int) -> tuple[Step, ...]:
    """Speak, be cut, miss something, come back."""
    speak = (steps.Cut(who, way, after), steps.Post(who, 0, 2), steps.Pause(0.05))
    return (*speak, steps.Post(other, 0, count, 4_000), steps.Connect(who))


def hand_over(who: int, shift: int, room: int) -> tuple[Step, ...]:
    """Speak while the disk is busy, and be gone before it has answered; somebody else comes in meanwhile."""
    other, third = (who + shift) % CLIENTS, (who + shift + 1) % CLIENTS
    return (
        *(*_present(who, other, third), steps.Join(who, room), steps.Pause(0.4)),
        *(steps.SlowDisk(0.5), steps.Post(third, 0), steps.Pause(0.05), steps.Post(who, room), steps.Pause(0.05)),
        *(steps.Cut(who), steps.Leave(other, 0), steps.Pause(0.05)),  # presence, by which the cut is noticed
        *(steps.Join(other, room), steps.Pause(2.0), steps.HealDisk()),
    )


def join_twice(who: int, last: int, again: Literal["mine"] | None, leave: bool) -> tuple[Step, ...]:
    """Join anew, or leave, while a page is being read."""
    return (
        *(*_present(who), steps.Post(who, 0), steps.Pause(0.4)),
        *(steps.SlowDisk(0.5), steps.Join(who, 0, None, last), steps.Pause(0.05)),
        steps.Leave(who, 0) if leave else steps.Join(who, 0, again),
        *(steps.Pause(2.0), steps.HealDisk()),
    )


def ask_without_reading(who: int, other: int) -> tuple[Step, ...]:
    """Ask for much more than one reads."""
    ask = (steps.StopReading(who), steps.Ask(who, "newest", 0, 500, 8), steps.Pause(2.0))
    return (*_present(who, other), steps.Post(other, 0, 70, 4_000), steps.Pause(0.4), *ask)


def go_silent(who: int, wait_s: float) -> tuple[Step, ...]:
    """Be there, and let nothing more be heard."""
    return (steps.Connect(who), steps.Pause(0.4), steps.Stall(who, "up"), steps.Pause(wait_s))


def keep_secret(who: int, other: int, count: int) -> tuple[Step, ...]:
    """Speak to a disk that keeps what is said and does not tell; then another speaks."""
    return (
        *(*_present(who, other), steps.FailDisk("kept"), steps.Post(who, 0, count)),
        *(steps.Pause(0.4), steps.Post(other, 0), steps.Pause(0.4)),
    )


def take_nick(who: int, other: int, wait_s: float) -> tuple[Step, ...]:
    """Lose the connection, and have somebody else ask for one's nick."""
    return (steps.Cut(who), steps.Pause(wait_s), steps.Rename(other, who), steps.Pause(0.05))


def whisper(who: int, whom: int, count: int) -> tuple[Step, ...]:
    """Open a private room, and speak in it."""
    return (steps.Direct(who, whom), steps.Pause(0.4), steps.Post(who, steps.MINE, count))


PLOTS: tuple[tuple[int, Callable[..., tuple[Step, ...]], dict[str, st.SearchStrategy[Any]]], ...] = (
    (
        3,
        fall_behind,
        {"who": peers, "shift": few, "count": st.sampled_from([90, 230]), "read": st.booleans()},
    ),
    (
        1,
        lose_touch,
        {
            "who": clients,
            "other": clients,
            "count": st.sampled_from([1, 2, 3, 3, 70]),
            "way": ways,
            "after": st.just(0) | nearby,
        },
    ),
    (3, hand_over, {"who": clients, "shift": few, "room": st.sampled_from([2, 2, 2, 1])}),
    (
        2,
        join_twice,
        {
            "who": clients,
            "last": st.sampled_from([1, 5, 500]),
            "again": st.sampled_from([None, "mine"]),
            "leave": st.booleans(),
        },
    ),
    (1, go_silent, {"who": clients, "wait_s": st.sampled_from([90.0, 700.0])}),
    (1, keep_secret, {"who": clients, "other": clients, "count": few}),
    (1, ask_without_reading, {"who": peers, "other": clients}),
    (1, take_nick, {"who": peers, "other": clients, "wait_s": st.sampled_from([0.4, 0.4, 700.0])}),
    (1, whisper, {"who": clients, "whom": nicks, "count": few}),
)
"""Several steps that mean something together: how many rules add them, what they are, and of what they are made."""


def _plots(plot: Callable[..., tuple[Step, ...]], arguments: dict[str, st.SearchStrategy[Any]]) -> Any:
    """Return a rule that adds the steps of a plot."""

    def add(self: Story, scene: tuple[Step, ...]) -> None:
        self.steps += scene

    add.__name__ = plot.__name__
    return rule(scene=st.builds(plot, **arguments))(add)


def _adds(kind: type[Any], **arguments: st.SearchStrategy[Any]) -> Any:
    """Return a rule that adds a step of this kind."""

    def add(self: Story, step: Step) -> None:
        self.steps.append(step)

    add.__name__ = kind.__name__.lower()
    return rule(step=st.builds(kind, **arguments))(add)


RULES: dict[type[Any], dict[str, st.SearchStrategy[Any]]] = {
    steps.Connect: {"who": clients, "nick": st.none() | st.none() | nicks, "rushed": st.booleans()},
    steps.Join: {
        "who": clients,
        "room": rooms,
        "after": st.sampled_from([None, "mine", "beyond", "other epoch"]),
        "last": st.sampled_from([None, 0, 1, 5, 500]),
    },
    steps.Leave: {"who": clients, "room": rooms},
    steps.Post: {"who": clients, "room": rooms, "count": few, "chars": st.sampled_from([10, 10, 300])},
    steps.Repeat: {"who": peers, "count": few, "changed": st.sampled_from([False, False, True])},
    steps.Change: {
        "who": peers,
        "room": rooms,
        "how": st.sampled_from(["edit", "redact"]),
        "back": st.integers(0, 3),
    },
    steps.Topic: {"who": clients, "room": rooms},
    steps.Direct: {"who": clients, "whom": nicks},
    steps.Rename: {"who": clients, "nick": nicks},
    steps.Ask: {
        "who": clients,
        "what": st.sampled_from(
            ["newest", "before", "after", "between", "search", "rooms", "members", "commands", "/me"]
        ),
        "room": rooms,
        "limit": st.sampled_from([50, 1, 3, 500]),
        "count": st.sampled_from([1, 1, 20]),
    },
    steps.Bye: {"who": clients},
    steps.Garbage: {"who": peers, "what": st.sampled_from(["bad json", "second hello", "bad frame", "eleven"])},
    steps.Ping: {"who": peers},
    steps.StopReading: {"who": clients},
    steps.Read: {"who": clients},
    steps.Cut: {"who": clients, "way": ways, "after": st.just(0) | nearby},
    steps.Stall: {"who": clients, "way": ways},
    steps.Resume: {"who": clients},
    steps.Delay: {"who": clients, "seconds": st.sampled_from([0.01, 0.3, 3.0])},
    steps.SlowDisk: {"seconds": st.sampled_from([0.05, 0.5, 5.0])},
    steps.FailDisk: {"fault": st.sampled_from(["refused", "kept", "reads"]), "count": few},
    steps.HealDisk: {},
    steps.Kill: {
        "when": moments,
        "down_s": st.sampled_from([0.0, 0.5, 20.0]),
        "lose": st.sampled_from([0, 0, 0, 1, 5]),
    },
    steps.Restart: {"down_s": st.sampled_from([0.0, 0.5, 20.0])},
    steps.Pause: {"seconds": st.sampled_from([0.0, 0.05, 0.05, 0.4, 0.4, 2.0, 2.0, 2.0, 35.0, 90.0, 700.0])},
}

OFTEN: dict[type[Any], int] = {steps.Connect: 4, steps.Join: 3, steps.Post: 6, steps.Pause: 5, steps.Repeat: 2}
"""How many rules add a step, where it is not one: what makes others mean something is to happen most."""

for _kind, _arguments in RULES.items():
    for _number in range(OFTEN.get(_kind, 1)):
        setattr(Story, f"{_kind.__name__.lower()}_{_number}", _adds(_kind, **_arguments))

# Much at once is what makes pages: rare, for it is also what costs time.
Story.post_many = _adds(steps.Post, who=clients, room=rooms, count=st.just(600), chars=st.just(1))

for _times, _plot, _arguments in PLOTS:
    for _number in range(_times):
        setattr(Story, f"{_plot.__name__}_{_number}", _plots(_plot, _arguments))
