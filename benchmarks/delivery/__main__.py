"""`python -m benchmarks.delivery`: measure this server and its peers on the same work, and compare them.

    python -m benchmarks.delivery [--work W1,W2] [--subjects trio_chat,nats] [--seconds 3] [--repeat 3]
                                  [--json FILE] [--markdown FILE] [--charts DIR]

The subjects take turns within each run (A B C A B C …), each time in a fresh process, so that what else the machine
does meets them alike; a ratio is that of two figures of one run. What is not installed is left out, and a line says
so.

This file owns the command line and the order of things. It must not know how anything is measured.
"""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.delivery.crowd import GaveUp
from benchmarks.delivery.figures import Measure, Refused
from benchmarks.delivery.process import CORES
from benchmarks.delivery.report import table
from benchmarks.delivery.works import WORKS
from benchmarks.server_process import ServerFailed
from benchmarks.subjects import NAMES, load

SECONDS: Final = 3.0
REPEAT: Final = 3


class Report(msgspec.Struct):
    """All that one call measured."""

    machine: str
    python: str
    at: str
    seconds: float
    measures: list[Measure] = []
    refused: list[Refused] = []


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show and write what was asked for; the exit code is 1 if something was lost or did not run."""
    chosen = _parser().parse_args(arguments)
    works = [name for name in WORKS if any(name == asked or name.startswith(f"{asked}.") for asked in chosen.work)]
    report = Report(machine(), platform.python_version(), time.strftime("%Y-%m-%d"), chosen.seconds)
    present = [name for name in chosen.subjects if _is_installed(name)]
    for run in range(chosen.repeat):
        for work in works:
            for subject in [name for name in WORKS[work].subjects if name in present]:
                measure(report, work, subject, run)
    print(f"\n{table(report.measures)}")
    if chosen.json is not None:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if chosen.markdown is not None:
        chosen.markdown.write_text(table(report.measures, markdown=True) + "\n", encoding="utf-8")
    return 1 if report.refused or any(m.values.get("lost") for m in report.measures) else 0


def measure(report: Report, work: str, subject: str, run: int) -> None:
    """Let one subject do one work once, and add what came of it."""
    try:
        values = WORKS[work].measure(subject, report.seconds)
    except (GaveUp, ServerFailed, OSError) as error:
        report.refused.append(Refused(work, subject, run, str(error)))
        print(f"{work} {subject}, run {run + 1}: {error}", file=sys.stderr, flush=True)
        return
    report.measures.append(Measure(work, subject, run, values))
    shown = ", ".join(f"{name} {values[name]:.4g}" for name in WORKS[work].shown if name in values)
    print(f"{work} {subject}, run {run + 1}: {shown}", flush=True)


def machine() -> str:
    """Return what the figures were measured on."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {len(CORES)} cores, {platform.system()} {platform.release()}"


def _is_installed(name: str) -> bool:
    try:
        why = load(name).missing()
    except ModuleNotFoundError as error:
        why = f"{error.name} is not installed"
    if why:
        print(f"{name} is left out: {why}")
    return not why


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description="Compare servers on one work.")
    names = ", ".join(f"{name}: {work.title}" for name, work in WORKS.items())
    parser.add_argument("--work", type=_listed, default=list(WORKS), metavar="W1,W2", help=f"which works; {names}")
    parser.add_argument("--subjects", type=_subjects, default=list(NAMES), metavar="A,B", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each is measured [{SECONDS:g}]")
    parser.add_argument("--repeat", type=int, default=REPEAT, help=f"how often [{REPEAT}]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    return parser


def _listed(text: str) -> list[str]:
    return text.split(",")


def _subjects(text: str) -> list[str]:
    names = _listed(text)
    if unknown := [name for name in names if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"there is no subject {unknown[0]}; there are {', '.join(NAMES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
