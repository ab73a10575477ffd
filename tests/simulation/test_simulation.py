"""The promises of docs/protocol.md under a hostile network, a failing disk and servers that are killed.

A scenario that fails is printed as Python: put it into `SCENARIOS`, and it is a regression test.
"""

import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation import scenario as steps
from tests.simulation.batch import BATCH, Report, run_batch
from tests.simulation.hunt import ROOT, sow
from tests.simulation.judgement import Broken
from tests.simulation.machine import RULES
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import simulate
from tests.simulation.scenario import (
    Bye,
    Connect,
    Cut,
    FailDisk,
    HealDisk,
    Join,
    Kill,
    Leave,
    Pause,
    Post,
    Read,
    Restart,
    Scenario,
    SlowDisk,
    StopReading,
)
from tests.simulation.shrink import shrunk

SEED = 11 + sys.version_info.minor % 2
"""What a normal test run goes through, not the same on each Python; `nox -s simulate` goes through a hundred."""

INTERESTING = (
    "acknowledged as duplicate",
    "behind, then live again",
    "cuts at a byte",
    "fresh members after dropped presence",
    "gap epoch",
    "graceful stops",
    "joined as news",
    "kills when committed",
    "kills when committing",
    "kills with commits under way",
    "library told of gap epoch",
    "pages read",
    "pings of the server",
    "posts through the library",
    "refused: key_reused",
    "refused: nick_taken",
    "refused: not_a_member",
    "refused: unavailable",
    "rolled back",
    "runs that end with a slow client",
    "store failed: kept",
    "store failed: reads",
    "store failed: refused",
)
"""States without which a run of scenarios proves little."""

ALL_HERE: tuple[steps.Step, ...] = (
    *(Connect(who) for who in range(6)),
    Pause(0.4),
    *(Join(who, 0) for who in range(6)),
    Pause(0.4),
)

SCENARIOS: dict[str, tuple[steps.Step, ...]] = {
    "nothing happens": ALL_HERE,
    "killed between the commit and its answer": (*ALL_HERE, Kill("committed"), Post(0, 0, 2), Post(4, 0, 2)),
    "killed before the commit": (*ALL_HERE, Kill("committing"), Post(0, 0, 2), Post(4, 0, 2)),
    "killed, and the power was lost": (*ALL_HERE, Post(0, 0, 5), Pause(1.0), Kill(lose=3), Pause(2.0), Post(1, 0)),
    "answers lost": (*ALL_HERE, Cut(0, "down", 5), Post(0, 0, 3), Pause(1.0), Cut(4, "down", 5), Post(4, 0, 3)),
    "reads fail": (
        *(*ALL_HERE, Post(0, 0, 3), Pause(1.0), FailDisk("reads", 2)),
        *(Leave(1, 0), Pause(0.5), Join(1, 0), Pause(5.0)),
    ),
    "commits fail": (*ALL_HERE, FailDisk("refused", 2), Post(0, 0, 2), Post(4, 0, 2), Pause(5.0), Post(1, 0)),
    "kept and not told": (*ALL_HERE, FailDisk("kept", 2), Post(0, 0, 2), Post(4, 0, 2), Pause(5.0), Post(1, 0)),
    "a slow reader": (*ALL_HERE, StopReading(1), Post(0, 0, 150, 4_000), Pause(1.0), Join(2, 0), Pause(1.0), Read(1)),
    "stopped in the middle": (*ALL_HERE, SlowDisk(0.5), Post(0, 0, 3), Post(4, 0, 3), Restart()),
    "committed to a room that nobody is in, while somebody opens it": (
        *ALL_HERE,
        *(Join(1, 2), Pause(1.0), Post(1, 2, 2), Pause(1.0), SlowDisk(0.5), Post(0, 0), Pause(0.05), Post(1, 2)),
        *(Pause(0.05), Cut(1), Leave(2, 0), Pause(0.05), Join(2, 2), Pause(3.0), HealDisk()),
    ),
    "a nick asked for while it is held": (Connect(0), Pause(0.4), Cut(0), Connect(1, nick=0), Pause(700.0), Bye(1)),
    "left behind joins that are under way": (
        *(Connect(0), Connect(5), Pause(0.4), Join(0, 0), Join(5, 0), Join(5, 0), Post(5, 0), Join(5, 0), Leave(5, 0)),
    ),
    "bye in one piece with hello": (Connect(0), Bye(0), Connect(4), Pause(0.05)),
    "killed before anything was served": (Connect(0), Kill(), Pause(90.0)),
}


@pytest.mark.parametrize("happening", SCENARIOS.values(), ids=SCENARIOS.keys())
@pytest.mark.parametrize("seed", range(3))
def test_the_promises_hold_when(happening: tuple[steps.Step, ...], seed: int) -> None:
    simulate(Scenario(happening, seed=seed))


@pytest.fixture(scope="module")
def report() -> Report:
    total = run_batch(SEED)
    for happening in SCENARIOS.values():
        total.counts.update(simulate(Scenario(happening)).counts)
    return total


def test_the_promises_hold_whatever_happens(report: Report) -> None:
    assert not report.failures, "\n".join(map(str, report.failures[:3]))
    assert report.scenarios >= BATCH


@pytest.mark.parametrize("what", INTERESTING)
def test_scenarios_reach_what_matters(report: Report, what: str) -> None:
    assert report.counts[what]


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_scenarios_take_every_kind_of_step(report: Report, kind: type[object]) -> None:
    assert report.counts[f"step {kind.__name__.lower()}"]


def test_the_same_scenario_is_the_same_run() -> None:
    happening = Scenario(
        (*SCENARIOS["killed, and the power was lost"], *SCENARIOS["answers lost"], *SCENARIOS["a slow reader"]), seed=7
    )
    first, again = simulate(happening), simulate(happening)
    assert first.trace.encode() == again.trace.encode()
    assert first.trace.count("\n") > 500
    assert simulate(replace(happening, seed=8)).trace != first.trace


def test_the_same_seed_makes_the_same_scenarios() -> None:
    first, again = run_batch(3, 10), run_batch(3, 10)
    assert (first.scenarios, first.counts) == (again.scenarios, again.counts)
    assert first.counts != run_batch(4, 10).counts


def test_a_scenario_is_printed_as_what_makes_it() -> None:
    happening = Scenario(SCENARIOS["a slow reader"], seed=5, rate_limit=20.0, events_waiting=30)
    names = {kind.__name__: kind for kind in RULES}
    assert eval(str(happening), {**names, "Scenario": Scenario}) == happening


def test_a_failing_scenario_is_shrunk_to_what_matters() -> None:
    happening = Scenario((*ALL_HERE, Post(0, 0, 3, 300), Pause(2.0), Kill(down_s=20.0), Post(1, 0)), seed=9, breaths=20)

    def fails(scenario: Scenario) -> bool:
        kinds = [type(step) for step in scenario.steps]
        return Kill in kinds and Post in kinds[: kinds.index(Kill)]

    assert shrunk(happening, fails).steps == (Post(0, 0, 0, 0), Kill(None, 0.0, 0))


def test_every_mutant_can_be_sown_and_is_a_program(tmp_path: Path) -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert max(names.values()) == 1
    for mutant in MUTANTS:
        for edit in mutant.edits:
            (tmp_path / edit.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / edit.file, tmp_path / edit.file)
        sow(mutant, tmp_path)
        for edit in mutant.edits:
            compile((tmp_path / edit.file).read_text(encoding="utf-8"), f"{mutant.name}: {edit.file}", "exec")


def test_a_broken_promise_says_its_number() -> None:
    broken = Broken(3, "a key names two entries")
    assert (broken.promise, str(broken)) == (3, "promise 3: a key names two entries")
