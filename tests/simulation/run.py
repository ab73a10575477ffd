"""Running a scenario, from an empty disk to the judgement, the same way each time.

This file owns the loop, its clock, and where chance comes from. It must not know what is promised.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final
from unittest.mock import patch

import trio
import trio._core._run as scheduler
import trio.testing

from tests.simulation import promises
from tests.simulation.director import Director
from tests.simulation.healing import heal
from tests.simulation.judgement import Broken
from tests.simulation.scenario import Scenario
from tests.simulation.tally import tally
from tests.simulation.user import Chain
from tests.simulation.world import Evidence, World
from trio_chat.client import client as client_module
from trio_chat.client import engine

MISTAKES: Final = ("a connection failed", "a request failed")
"""What the server's log says of its own bugs."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        counts: how often what happened.
    """

    evidence: Evidence
    counts: dict[str, int]

    @property
    def trace(self) -> str:
        """Every message that any client sent or saw, in order, with its time."""
        return trace(self.evidence)


class _Log(logging.Handler):
    """Keeps what a server says of its own mistakes."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.mistakes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(MISTAKES):
            self.mistakes.append(self.format(record))


@contextmanager
def _captured_log() -> Iterator[_Log]:
    logger, handler = logging.getLogger("trio_chat.server"), _Log()
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.ERROR)
    try:
        yield handler
    finally:
        logger.handlers, logger.propagate = before[0], before[2]
        logger.setLevel(before[1])


@contextmanager
def _tamed_chance(scenario: Scenario) -> Iterator[None]:
    """Let the scheduler, the waits of the client library and its keys come out the same in every run."""
    before, number = random.getstate(), count()
    random.seed(scenario.seed)
    try:
        with (
            patch.object(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
            patch.object(scheduler, "_r", Random(scenario.seed)),
            patch.object(client_module, "new_key", lambda: f"{next(number):032x}"),
            patch.object(engine, "EVENTS_WAITING", scenario.events_waiting),
        ):
            yield
    finally:
        random.setstate(before)


def simulate(scenario: Scenario) -> Outcome:
    """Run a scenario and hold what happened against the promises.

    Raises:
        Broken: one of them does not hold.
    """
    with _captured_log() as log, _tamed_chance(scenario):
        evidence, chains, failures = trio.run(_run, scenario, clock=trio.testing.MockClock(autojump_threshold=0))
    if log.mistakes:
        raise Broken(0, f"the server made a mistake: {log.mistakes[0]}")
    for check in promises.ALL:
        check(evidence, chains)
    if failures:
        raise failures[0]
    return Outcome(evidence, tally(evidence, chains))


async def _run(scenario: Scenario) -> tuple[Evidence, list[Chain], list[Broken]]:
    failures: list[Broken] = []
    async with trio.open_nursery() as nursery:
        world = World(scenario, nursery)
        director = Director(world)
        await world.start()
        for step in scenario.steps:
            await director.carry_out(step)
            for _ in range(scenario.breaths):
                await trio.lowlevel.checkpoint()
            world.measure()
        try:
            await heal(director)
        except Broken as broken:
            failures.append(broken)
        evidence, chains = await _gather(director, healed=not failures)
        await world.stop()
        failures += [Broken(0, failure) for failure in (*world.failures, *_tasks_of_servers())]
        nursery.cancel_scope.cancel()
    return evidence, chains, failures


async def _gather(director: Director, *, healed: bool) -> tuple[Evidence, list[Chain]]:
    world = director.world
    store, life = await world.disk.store(), world.disk.life
    present = {
        room: (await store.page(room, after=0, limit=1_000_000, max_bytes=1 << 40)).entries for room in life.drafts
    }
    for transcript in world.transcripts:
        transcript.was_harmed = transcript.number in director.harmed or transcript.link.is_cut
        transcript.was_open = healed and transcript.ended_at is None
        transcript.lines_judged = len(transcript.lines)
    for name, times in world.disk.events.items():
        world.count(name, times)
    evidence = Evidence(
        world.scenario,
        world.transcripts,
        world.disk.lives,
        world.servers,
        world.notes,
        present,
        world.texts,
        trio.current_time(),
    )
    return evidence, [chain for user in director.users for chain in user.chains]


def _tasks_of_servers() -> list[str]:
    """Return the tasks that run code of a server or of a store, of which there must be none."""
    root = trio.lowlevel.current_root_task()
    waiting, found = [root] if root is not None else [], []
    while waiting:
        task = waiting.pop()
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        file = task.coro.cr_code.co_filename if hasattr(task.coro, "cr_code") else ""
        if "/trio_chat/server/" in file or "/trio_chat/store/" in file:
            found.append(f"a server left the task {task.name}")
    return found


def trace(evidence: Evidence) -> str:
    """Write down all that was said, in the order in which it happened."""
    lines = sorted(
        (line.tick, f"{line.at:12.6f} client {t.who} link {t.number} {line.way} {line.message!r}")
        for t in evidence.transcripts
        for line in t.lines
    )
    return "\n".join(text for _, text in lines)
