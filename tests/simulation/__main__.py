"""`python -m tests.simulation`: many scenarios over all cores, with what happened in them, and every failure.

This file owns the command line. It must not know how scenarios are made or judged.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from tests.simulation.batch import BATCH, Report, run_batch


def main() -> int:
    """Run scenarios until as many are done as asked for; 1 if one of them failed."""
    options = _options()
    total, started = Report(options.seed), time.perf_counter()
    seen: set[str] = set()
    count = 1 if options.scenarios is None and options.batch else math.ceil((options.scenarios or 10_000) / BATCH)
    seeds = range(options.seed, options.seed + count)
    for done, report in enumerate(_reports(seeds, options.jobs, options.stop), 1):
        total.add(report)
        for failure in report.failures:
            if failure.where not in seen:  # one of each kind is enough to read
                print(failure, flush=True)
            seen.add(failure.where)
        if sys.stderr.isatty() or done % 10 == 0:
            elapsed = time.perf_counter() - started
            print(f"{total.scenarios} scenarios, {len(total.failures)} failures, {elapsed:.0f} s", file=sys.stderr)
        if options.stop and total.failures:
            break
    elapsed = time.perf_counter() - started
    if options.json:
        found = [{**asdict(failure), "scenario": str(failure.scenario), "shortest": None} for failure in total.failures]
        print(json.dumps({"scenarios": total.scenarios, "seconds": elapsed, "failures": found}))
        return bool(total.failures)
    print(f"\n{'what happened':42} {'times':>12} {'scenarios':>10}")
    for name in sorted(total.counts):
        print(f"{name:42} {total.counts[name]:12,} {total.runs[name]:10,}")
    last = options.seed + len(seeds) - 1
    print(f"\n{total.scenarios:,} scenarios of the seeds {options.seed} to {last} in {elapsed:.0f} s:", end=" ")
    print(f"{len(total.failures)} failures" if total.failures else "every promise held")
    for number in sorted({failure.seed for failure in total.failures}):
        print(f"have it again with: python -m tests.simulation --seed {number}")
    return bool(total.failures)


def _reports(seeds: range, jobs: int, stop: bool) -> Iterator[Report]:
    run = partial(run_batch, stop=stop, shrink=not stop)
    if jobs == 1 or len(seeds) == 1:
        yield from map(run, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(run, seeds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=main.__doc__)
    parser.add_argument(
        "--seed", type=int, default=0, dest="seed", help=f"the first seed; each makes {BATCH} scenarios"
    )
    parser.add_argument(
        "--scenarios",
        type=int,
        help=f"how many in all, in batches of {BATCH}; with --seed alone, one batch [10000]",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure, and do not shrink it")
    parser.add_argument("--json", action="store_true", help="say the end as JSON")
    options = parser.parse_args()
    options.batch = any(argument.startswith("--seed") for argument in sys.argv)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
