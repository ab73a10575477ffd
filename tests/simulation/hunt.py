"""`python -m tests.simulation.hunt`: run the simulation against every mutant, and tell how soon each was caught.

This file owns the copies of the tree, the processes, and the table. Each mutant is sown in a copy of its own; the
sources here are never touched. It must not know what the mutants are.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulation.batch import BATCH
from tests.simulation.mutants import MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
TREES: Final = ("protocol", "trio_chat", "tests")


class NotSown(Exception):
    """The text that a mutant replaces does not occur exactly once: the source has moved on, mend the mutant."""


@dataclass(frozen=True)
class Catch:
    """What became of a mutant: after how many scenarios and seconds it was caught, and by what; or not at all."""

    mutant: Mutant
    scenarios: int
    seconds: float
    caught_by: str = ""


def sow(mutant: Mutant, tree: Path) -> None:
    """Bring a bug into a copy of the sources.

    Raises:
        NotSown: the text to be replaced is not there, or more than once.
    """
    for edit in mutant.edits:
        path = tree / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise NotSown(f"{mutant.name}: {edit.file} has {text.count(edit.old)} times, not once: {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def copy_tree(to: Path) -> None:
    for name in TREES:
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))


def hunt(mutant: Mutant, limit: int, seed: int) -> Catch:
    """Run scenarios against a mutant until one of them fails, or `limit` have passed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        copy_tree(tree)
        sow(mutant, tree)
        arguments = ["--seed", str(seed), "--scenarios", str(limit), "--jobs", "1", "--stop", "--json"]
        run = subprocess.run(
            [sys.executable, "-m", "tests.simulation", *arguments],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": directory},
            capture_output=True,
            text=True,
            check=False,
        )
    seconds = time.perf_counter() - started
    try:
        end = json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{mutant.name}: the simulation did not run:\n{run.stderr[-2000:]}") from None
    if not end["failures"]:
        return Catch(mutant, end["scenarios"], seconds)
    failure = end["failures"][0]
    return Catch(mutant, end["scenarios"], seconds, failure["what"])


def main() -> int:
    """Hunt all mutants, or those whose names hold a word; 1 if one survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.hunt", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="hunt only mutants whose names hold one of these")
    parser.add_argument("--scenarios", type=int, default=10 * BATCH, help="how many each mutant has to survive")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    wanted = [m for m in MUTANTS if not options.names or any(name in m.name for name in options.names)]
    if not wanted:
        parser.error(f"no mutant has such a name; these are there: {', '.join(mutant.name for mutant in MUTANTS)}")
    with ThreadPoolExecutor(options.jobs) as pool:
        catches = []
        for catch in pool.map(lambda mutant: hunt(mutant, options.scenarios, options.seed), wanted):
            catches.append(catch)
            how = catch.caught_by.replace("\n", " ")[:110] or "SURVIVED"
            print(f"{catch.mutant.name:32} {catch.scenarios:5} {catch.seconds:6.1f} s  {how}", flush=True)
    survivors = [catch.mutant.name for catch in catches if not catch.caught_by]
    print(f"\n{len(catches) - len(survivors)} of {len(catches)} mutants were caught", end="")
    print(f"; these survived: {', '.join(survivors)}" if survivors else "")
    return bool(survivors)


if __name__ == "__main__":
    raise SystemExit(main())
