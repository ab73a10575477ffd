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

    @rule(who=peers, other=clients, count=st.sampled_from([2, 90, 90, 230]), read=st.booleans())
    def fall_behind(self, who: int, other: int, count: int, read: bool) -> None:
        """Stop reading while much is said."""
        self.steps += [steps.StopReading(who), steps.Post(other, 0, count, 4_000), steps.Pause(0.4)]
        if read:
            self.steps.append(steps.Read(who))

    @rule(who=clients, other=clients, count=st.sampled_from([1, 2, 3, 3, 70]), way=ways, after=st.just(0) | nearby)
    def lose_touch(self, who: int, other: int, count: int, way: Way, after: int) -> None:
        """Speak, be cut, miss something, come back."""
        self.steps += [steps.Cut(who, way, after), steps.Post(who, 0, 2), steps.Pause(0.05)]
        self.steps += [steps.Post(other, 0, count, 4_000), steps.Connect(who)]

    @rule(who=clients, other=clients, third=clients, room=st.sampled_from([2, 2, 1, 0]))
    def hand_over(self, who: int, other: int, third: int, room: int) -> None:
        """Speak while the disk is busy, and be gone before it has answered; somebody else comes in meanwhile."""
        self.steps += [steps.Join(who, room), steps.Pause(0.4), steps.SlowDisk(0.5), steps.Post(third, 0)]
        self.steps += [steps.Pause(0.05), steps.Post(who, room), steps.Pause(0.05), steps.Cut(who)]
        self.steps += [steps.Leave(other, 0), steps.Pause(0.05)]  # presence, by which the cut is noticed
        self.steps += [steps.Join(other, room), steps.Pause(2.0), steps.HealDisk()]

    @rule(who=clients, last=st.sampled_from([1, 5, 500]), again=st.sampled_from([None, "mine"]), leave=st.booleans())
    def join_twice(self, who: int, last: int, again: Literal["mine"] | None, leave: bool) -> None:
        """Join anew, or leave, while a page is being read."""
        self.steps += [steps.Post(who, 0), steps.Pause(0.4), steps.SlowDisk(0.5)]
        self.steps += [steps.Join(who, 0, None, last), steps.Pause(0.05)]
        self.steps.append(steps.Leave(who, 0) if leave else steps.Join(who, 0, again))
        self.steps += [steps.Pause(2.0), steps.HealDisk()]

    @rule(who=peers, other=clients)
    def ask_without_reading(self, who: int, other: int) -> None:
        """Ask for much more than one reads."""
        self.steps += [steps.Post(other, 0, 70, 4_000), steps.Pause(0.4), steps.StopReading(who)]
        self.steps += [steps.Ask(who, "newest", 0, 500, 8), steps.Pause(2.0)]

    @rule(who=peers, other=clients, wait_s=st.sampled_from([0.4, 0.4, 700.0]))
    def take_nick(self, who: int, other: int, wait_s: float) -> None:
        """Lose the connection, and have somebody else ask for one's nick."""
        self.steps += [steps.Cut(who), steps.Pause(wait_s), steps.Rename(other, who), steps.Pause(0.05)]

    @rule(who=clients, whom=nicks, count=few)
    def whisper(self, who: int, whom: int, count: int) -> None:
        """Open a private room, and speak in it."""
        self.steps += [steps.Direct(who, whom), steps.Pause(0.4), steps.Post(who, steps.MINE, count)]

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
