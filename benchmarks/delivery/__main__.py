"""`python -m benchmarks.delivery`: measure this server and its peers on the same work, and compare them.

    python -m benchmarks.delivery [--work W1,W2] [--subjects trio_chat,nats] [--seconds 3] [--repeat 3]
                                  [--json FILE] [--markdown FILE] [--charts DIR]
    python -m benchmarks.delivery --again FILE [--markdown FILE] [--charts DIR]

The subjects take turns within each run (A B C A B C …), each time in a fresh process, so that what else the machine
does meets them alike; a ratio is that of two figures of one run. What is not installed is left out, and a line says
so.

This file owns the command line and the order of things. It must not know how anything is measured.
"""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from benchmarks.delivery import charts
from benchmarks.delivery.crowd import GaveUp
from benchmarks.delivery.figures import Measure, Refused
from benchmarks.delivery.files import CannotUse, Report, check_places, read_report, write_json, write_markdown
from benchmarks.delivery.growth import CURVES, SUBJECTS, work_of
from benchmarks.delivery.process import CORES
from benchmarks.delivery.report import table
from benchmarks.delivery.works import WORKS
from benchmarks.server_process import ServerFailed
from benchmarks.subjects import NAMES, load

SECONDS: Final = 3.0
REPEAT: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show and write what was asked for; the exit code is 1 if something was lost or did not run."""
    chosen = _parser().parse_args(arguments)
    try:
        check_places(chosen.json, chosen.markdown, chosen.charts)
        report = None if chosen.again is None else read_report(chosen.again)
    except CannotUse as error:
        print(error, file=sys.stderr)
        return 2
    if report is None:
        report = measure_all(chosen.work, chosen.subjects, chosen.seconds, chosen.repeat)
    show(report, chosen.json, chosen.markdown, chosen.charts)
    return 1 if report.refused or any(m.values.get("lost") for m in report.measures) else 0


def measure_all(asked: Sequence[str], subjects: Sequence[str], seconds: float, repeat: int) -> Report:
    """Let each subject that is installed do each work, in turns."""
    report = Report(machine(), platform.python_version(), time.strftime("%Y-%m-%d"), seconds)
    present = [name for name in subjects if _is_installed(name)]
    for run in range(repeat):
        for work in [name for name in WORKS if name.partition(".")[0] in asked or name in asked]:
            for subject in [name for name in WORKS[work].subjects if name in present]:
                add(report, work, subject, run, partial(WORKS[work].measure, subject, seconds))
        for name in [name for name in CURVES if name in asked]:
            for point in CURVES[name].points:
                for subject in [name for name in SUBJECTS if name in present]:
                    measure = partial(CURVES[name].measure, subject, seconds, point)
                    add(report, work_of(name, point), subject, run, measure)
    return report


def show(report: Report, json: Path | None, markdown: Path | None, charts_in: Path | None) -> None:
    """Print the tables, and write what was asked for."""
    print(f"\n{table(report.measures)}")
    if json is not None:
        write_json(report, json)
    if markdown is not None:
        write_markdown(report, markdown)
    if charts_in is not None:
        print(charts.missing() or "\n".join(str(file) for file in charts.draw(report.measures, charts_in)))


def add(report: Report, work: str, subject: str, run: int, measure: Callable[[], dict[str, float]]) -> None:
    """Measure, and add what came of it."""
    try:
        values = measure()
    except (GaveUp, ServerFailed, OSError) as error:
        report.refused.append(Refused(work, subject, run, str(error)))
        print(f"{work} {subject}, run {run + 1}: {error}", file=sys.stderr, flush=True)
        return
    report.measures.append(Measure(work, subject, run, values))
    shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    print(f"{work} {subject}, run {run + 1}: {shown}", flush=True)


def machine() -> str:
    """Return what the figures were measured on."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{model}, {len(CORES)} cores, {system}, databases on {_file_system()}"


def _file_system() -> str:
    """Return the kind of file system that databases lie on: one in memory would make fsync look cheap."""
    directory = Path(tempfile.gettempdir()).resolve()
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (directory, *directory.parents) if place in mounts), "unknown")


def _is_installed(name: str) -> bool:
    try:
        why = load(name).missing()
    except ModuleNotFoundError as error:
        why = f"{error.name} is not installed"
    if why:
        print(f"{name} is left out: {why}")
    return not why


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.delivery",
        description="Measure this server and its peers on the same work, in turns, each in a fresh process, and compare"
        " them. Everything, three times, takes 20 minutes; --work W1 --subjects trio_chat,nats --repeat 1 half a"
        " minute.",
        epilog="The exit status is 0; 1 if something was lost or did not run; 2 if a file cannot be used."
        " docs/performance.md says how it is measured, and what came out.",
    )
    titles = {name: work.title for name, work in WORKS.items()} | {name: c.title for name, c in CURVES.items()}
    names = ", ".join(f"{name}: {title}" for name, title in titles.items())
    parser.add_argument("--work", type=_works, default=[*WORKS, *CURVES], metavar="W1,W2", help=f"which; {names}")
    parser.add_argument("--subjects", type=_subjects, default=list(NAMES), metavar="A,B", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each is measured [{SECONDS:g}]")
    parser.add_argument("--repeat", type=int, default=REPEAT, help=f"how often [{REPEAT}]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--charts", type=Path, metavar="DIR", help="draw charts into this directory")
    parser.add_argument("--again", type=Path, metavar="FILE", help="measure nothing; show what --json wrote there")
    return parser


def _listed(text: str) -> list[str]:
    return text.split(",")


def _works(text: str) -> list[str]:
    known = [*WORKS, *CURVES, *[name.partition(".")[0] for name in WORKS]]
    return _known(_listed(text), known)


def _known(names: list[str], known: Sequence[str]) -> list[str]:
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]}; there are {', '.join(dict.fromkeys(known))}")
    return names


def _subjects(text: str) -> list[str]:
    return _known(_listed(text), NAMES)


if __name__ == "__main__":
    sys.exit(main())
