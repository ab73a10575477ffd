"""Scenarios: what is done to a server, its clients, the network and the disk, as a list of steps that can be pasted.

This file owns the steps as values, whose `repr` is their source. It must not know how any of them is carried out.
"""

from dataclasses import dataclass
from typing import Literal

from tests.simulation.disk import Fault, Moment
from tests.simulation.network import Way

PEERS = 4
"""Clients 0 to 3 speak the protocol to the letter; 0 and 3 are one person."""

CLIENTS = 6
"""Clients 4 and 5 are the client library's."""

NICKS = ("ann", "bob", "cat", "ann", "dan", "eve")
"""What each client calls itself unless a step says otherwise."""

ROOMS = ("lobby", "den", "attic")
MINE = 3
"""Stands for a client's newest private room, where a room is asked for."""


@dataclass(frozen=True)
class Connect:
    """Come, or come back: hello, every room one was in after one's place, all posts without an answer again."""

    who: int
    nick: int | None = None
    rushed: bool = True  # all behind hello, in one piece


@dataclass(frozen=True)
class Join:
    who: int
    room: int
    after: Literal["mine", "other epoch", "beyond"] | None = None
    last: int | None = None


@dataclass(frozen=True)
class Leave:
    who: int
    room: int


@dataclass(frozen=True)
class Post:
    """Say something `count` times, in one piece, in texts of about `chars` characters."""

    who: int
    room: int
    count: int = 1
    chars: int = 10


@dataclass(frozen=True)
class Repeat:
    """Send one's last posts again, answered or not, under the same keys."""

    who: int
    count: int = 1
    changed: bool = False  # with another text, under the same key


@dataclass(frozen=True)
class Change:
    """Edit or redact one's message, counted from the newest that one knows."""

    who: int
    room: int
    how: Literal["edit", "redact"]
    back: int = 0


@dataclass(frozen=True)
class Topic:
    who: int
    room: int


@dataclass(frozen=True)
class Direct:
    who: int
    whom: int


@dataclass(frozen=True)
class Rename:
    who: int
    nick: int


@dataclass(frozen=True)
class Ask:
    """Read `count` times what can be read."""

    who: int
    what: Literal["newest", "before", "after", "between", "search", "rooms", "members", "commands", "/me"]
    room: int = 0
    limit: int = 50
    count: int = 1


@dataclass(frozen=True)
class Bye:
    who: int


@dataclass(frozen=True)
class Garbage:
    """Send what no server understands."""

    who: int
    what: Literal["bad json", "second hello", "bad frame", "eleven"]


@dataclass(frozen=True)
class Ping:
    who: int


@dataclass(frozen=True)
class StopReading:
    who: int


@dataclass(frozen=True)
class Read:
    who: int


@dataclass(frozen=True)
class Cut:
    """Break the connection once so many more bytes went this way."""

    who: int
    way: Way = "down"
    after: int = 0


@dataclass(frozen=True)
class Stall:
    who: int
    way: Way


@dataclass(frozen=True)
class Resume:
    """End a stall, both ways."""

    who: int


@dataclass(frozen=True)
class Delay:
    who: int
    seconds: float


@dataclass(frozen=True)
class SlowDisk:
    seconds: float


@dataclass(frozen=True)
class FailDisk:
    fault: Fault
    count: int = 1


@dataclass(frozen=True)
class HealDisk:
    pass


@dataclass(frozen=True)
class Kill:
    """Kill the server, now or when a transaction reaches a moment; a new one starts `down_s` later.

    `lose`: how many durable operations are lost besides, as by a loss of power without fsync.
    """

    when: Moment | None = None
    down_s: float = 0.5
    lose: int = 0


@dataclass(frozen=True)
class Restart:
    """Stop the server in good order, and start another one."""

    down_s: float = 0.5


@dataclass(frozen=True)
class Pause:
    seconds: float


Step = (
    Connect
    | Join
    | Leave
    | Post
    | Repeat
    | Change
    | Topic
    | Direct
    | Rename
    | Ask
    | Bye
    | Garbage
    | Ping
    | StopReading
    | Read
    | Cut
    | Stall
    | Resume
    | Delay
    | SlowDisk
    | FailDisk
    | HealDisk
    | Kill
    | Restart
    | Pause
)


@dataclass(frozen=True)
class Scenario:
    """A run from its start to its end; the same scenario is the same run.

    Attributes:
        steps: what is done, in this order.
        seed: of all chance that is left: how bytes are split, which task goes first, how long a disk takes.
        breaths: how often everybody else may run between two steps; a `Pause` lets time pass besides.
        pipe_bytes: what one direction of a connection holds.
        rate_limit: the server's, in posts a second.
        events_waiting: what the client library keeps for a reader who dawdles.
    """

    steps: tuple[Step, ...]
    seed: int = 0
    breaths: int = 3
    pipe_bytes: int = 65_536
    rate_limit: float | None = None
    events_waiting: int = 1_000

    def __str__(self) -> str:
        fields = [f"    seed={self.seed},", f"    breaths={self.breaths},", f"    pipe_bytes={self.pipe_bytes},"]
        if self.rate_limit is not None:
            fields.append(f"    rate_limit={self.rate_limit},")
        if self.events_waiting != 1_000:
            fields.append(f"    events_waiting={self.events_waiting},")
        steps = "".join(f"        {step!r},\n" for step in self.steps)
        return "Scenario(\n    steps=(\n" + steps + "    ),\n" + "\n".join(fields) + "\n)"
