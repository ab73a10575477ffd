"""Replaying one window: its connections, its steps in order, and the comparison in the end.

This file owns the order in which things happen. It must not know the log's format, the command line, or how the
server was started.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from hashlib import sha256
from itertools import takewhile
from typing import Final

import trio
from msgspec import Struct

from benchmarks.replay_check import Comparison, Difference, Truth
from benchmarks.replay_client import Connection, Reception, ReplayError
from benchmarks.replay_plan import Enter, Leave, Plan, Rename, Say, Step
from protocol import Done, Error, FromServer, Post, Posted, SetNick, SetTopic

TOGETHER: Final = 64
"""Lines of one speaker that are written in one piece, at most."""

AT_ONCE: Final = 32
"""Connections that are being opened at the same time, so that a window does not run into the listener's backlog."""


class Pace(Struct, frozen=True):
    """How fast the log runs: `factor` times as fast as its stamps, or, if that is None, as fast as it goes."""

    factor: float | None = None

    def due(self, start: float, due_min: float) -> float:
        """Return when a step is due, on the clock of `start`."""
        return start if self.factor is None else start + due_min * 60 / self.factor


class Outcome(Struct):
    """What came of one window. `deliveries` counts what reached connections, `seconds` the time of its steps."""

    connections: int
    entries: int
    deliveries: int
    seconds: float
    late_s: float
    latencies_s: Sequence[float]
    differences: list[Difference]


async def replay_window(plan: Plan, host: str, port: int, pace: Pace, advance: Callable[[int], None]) -> Outcome:
    """Replay a window on a server and compare what everybody saw with the log.

    Args:
        plan: what is done and what must be seen.
        host: where the server listens.
        port: its port.
        pace: when things are done.
        advance: called with the number of entries that were acknowledged since its last call.

    Raises:
        ReplayError: it cannot be carried through.
    """
    async with trio.open_nursery() as nursery:
        return await _Replay(plan, host, port, pace, nursery).run(advance)


class _Replay:
    def __init__(self, plan: Plan, host: str, port: int, pace: Pace, nursery: trio.Nursery) -> None:
        self._plan = plan
        self._address = host, port
        self._pace = pace
        self._nursery = nursery
        self._reception = Reception()
        self._connections: dict[int, Connection] = {}  # by the speaker's number
        self._inside: set[int] = set()
        self._said = 0  # entries that were acknowledged
        self._late_s = 0.0
        self._differences: list[Difference] = []

    async def run(self, advance: Callable[[int], None]) -> Outcome:
        await self._gather()
        start = trio.current_time()
        steps = self._plan.steps
        place = 0
        while place < len(steps):
            due = self._pace.due(start, steps[place].due_min)
            await trio.sleep_until(due)
            self._late_s = max(self._late_s, trio.current_time() - due)
            said = self._said
            together = self._that_go_together(place, start)
            await self._do(together)
            place += len(together)
            advance(self._said - said)
        await self._return_all()
        everybody = list(self._connections.values())
        for connection in everybody:
            if not await connection.caught_up(self._said):
                break  # the comparison will say what is missing
        seconds = trio.current_time() - start
        await self._at_once([connection.bye for connection in everybody])
        self._compare()
        deliveries = sum(len(connection.transcript) for connection in everybody)
        late_s = self._late_s if self._pace.factor is not None else 0.0
        return Outcome(
            len(everybody), self._said, deliveries, seconds, late_s, self._reception.latencies_s, self._differences
        )

    # --- coming and going -----------------------------------------------------------------------------

    async def _gather(self) -> None:
        """Bring in everybody who is there before the first line."""
        early = [number for number, speaker in enumerate(self._plan.speakers) if speaker.from_start]
        await self._at_once([partial(self._open, number) for number in early])
        for number in early:
            await self._connections[number].live()

    async def _open(self, number: int) -> None:
        nick, room = self._plan.speakers[number].nick, self._plan.room
        try:
            stream = await trio.open_tcp_stream(*self._address)
        except OSError as error:
            raise ReplayError(f"{nick} cannot connect: {error}") from None
        connection = Connection(stream, nick, room, self._reception)
        self._nursery.start_soon(connection.read)
        await connection.hello(sha256(f"{room}/{number}".encode()).hexdigest()[:32])
        joined = await connection.join()
        if joined.head != self._said:
            said = f"{self._said} were posted in this replay"
            raise ReplayError(f"#{room} has {joined.head} entries where {said}; replay into a new store")
        self._connections[number] = connection
        self._inside.add(number)

    async def _return_all(self) -> None:
        """Let those who left join again: in the end everybody has to have seen everything."""
        away = [number for number in self._connections if number not in self._inside]
        await self._at_once([self._connections[number].join for number in away])

    async def _at_once(self, calls: Sequence[Callable[[], Awaitable[object]]]) -> None:
        limit = trio.CapacityLimiter(AT_ONCE)

        async def one(call: Callable[[], Awaitable[object]]) -> None:
            async with limit:
                await call()

        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(one, call)

    # --- steps ----------------------------------------------------------------------------------------

    def _that_go_together(self, place: int, start: float) -> list[Step]:
        """Return the steps from `place` on that are written in one piece: lines of one speaker, due by now."""
        steps = self._plan.steps[place : place + TOGETHER]
        first, now = steps[0], trio.current_time()
        if not isinstance(first, Say):
            return [first]
        return list(
            takewhile(
                lambda step: (
                    isinstance(step, Say)
                    and step.speaker == first.speaker
                    and (step is first or self._pace.due(start, step.due_min) <= now)
                ),
                steps,
            )
        )

    async def _do(self, steps: Sequence[Step]) -> None:
        match steps[0]:
            case Say():
                await self._say([step for step in steps if isinstance(step, Say)])
            case Rename() as step:
                await self._rename(step)
            case Enter() as step:
                await self._enter(step.speaker)
            case Leave() as step:
                await self._connections[step.speaker].leave()
                self._inside.discard(step.speaker)

    async def _enter(self, number: int) -> None:
        connection = self._connections.get(number)
        if connection is None:
            await self._open(number)
            return
        # What is under way to it would come again, as it should: it asks for what follows the last that it has.
        if number in self._inside and not await connection.caught_up(self._said):
            seen = f"{len(connection.transcript)} entries of {self._said}"
            raise ReplayError(f"{connection.nick} has {seen}, and no more come")
        await connection.join()
        self._inside.add(number)

    async def _say(self, steps: Sequence[Say]) -> None:
        connection = self._connections[steps[0].speaker]
        requests = [self._request(connection.next_id(), step) for step in steps]
        answers = await connection.ask(*requests, seqs=[step.seq for step in steps])
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(answer, Posted) and answer.seq == step.seq and not answer.duplicate:
                self._said += 1
            else:
                self._differ(step, f"was to be posted as seq {step.seq}, and the answer is", answer)

    def _request(self, number: int, step: Say) -> Post | SetTopic:
        expected, key = self._plan.expected[step.seq - 1], f"line {step.line}"
        if expected.kind == "topic":
            return SetTopic(number, self._plan.room, key, expected.text)
        return Post(number, self._plan.room, key, expected.text, expected.kind == "action")

    async def _rename(self, step: Rename) -> None:
        connection = self._connections[step.speaker]
        (answer,) = await connection.ask(SetNick(connection.next_id(), step.nick))
        refused = isinstance(answer, Error) and answer.code == "nick_taken"
        if not (refused if step.refused else isinstance(answer, Done)):
            wanted = "refused" if step.refused else "made"
            self._differ(step, f"is a change of nick to {step.nick} that was to be {wanted}, and the answer is", answer)

    # --- comparing ------------------------------------------------------------------------------------

    def _differ(self, step: Step, what: str, answer: FromServer) -> None:
        self._differences.append(Difference("answer", self._where(step.speaker), f"line {step.line} {what} {answer}"))

    def _compare(self) -> None:
        authors = [self._connections[number].author for number in range(len(self._plan.speakers))]
        comparison = Comparison(Truth(self._plan.room, self._plan.expected, authors))
        for number, connection in sorted(self._connections.items()):
            self._differences += comparison.differences(connection.transcript, self._where(number))
        for fault in self._reception.faults:
            self._differences.append(Difference("stream", self._plan.room, fault))

    def _where(self, number: int) -> str:
        return f"{self._plan.room}, {self._plan.speakers[number].nick}"
