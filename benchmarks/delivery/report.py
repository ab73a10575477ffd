"""The figures for a person: tables with medians, and goals with the ratio of each run.

This file owns words and rounding, for the terminal and for Markdown. It must not know how anything was measured.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final, NamedTuple

from benchmarks.delivery.figures import PART, Measure
from benchmarks.delivery.growth import CURVES, SUBJECTS, points_of
from benchmarks.delivery.works import WORKS, Goal
from benchmarks.subjects import load

HEADS: Final = {
    "deliveries_per_s": "deliveries/s",
    "messages_per_s": "messages/s",
    "cpu_us_per_delivery": "CPU µs/delivery",
    "cpu_us_per_message": "CPU µs/message",
    "server_cpu_share": "server CPU",
    "generator_cpu_share": "generator CPU",
    "p50_us": "p50 µs",
    "p99_us": "p99 µs",
    "max_us": "max µs",
    "full_cpu_us_per_message": "CPU µs/message at full speed",
    "paced_cpu_us_per_message": "CPU µs/message at 1,000/s",
    "paced_p50_us": "p50 µs at 1,000/s",
    "kernel_share": "of it in the kernel",
    "kib_per_connection": "KiB/connection",
    "join_p99_ms": "connect to joined, p99 ms",
    "join_alone_p99_ms": "join alone, p99 ms",
    "cpu_us_per_join": "CPU µs/join",
    "all_live_s": "all live after s",
    "live_p50_s": "half after s",
    "late_p99_us": "generator late, p99 µs",
}
BUSY: Final = 0.9
"""From this share of a core on, the generator is said to be a limit."""

LATE: Final = 0.25
"""From this share of the latency at p99 on, the generator's own delays at p99 are said to be part of it."""

LOWER_IS_BETTER: Final = ("_us", "_ms", "_bytes", "cpu_us_per", "kib_")


class Verdict(NamedTuple):
    """One goal, and what was reached."""

    work: str
    goal: Goal
    ratios: list[float]  # one for each run in which both were measured

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def best(self) -> float:
        return max(self.ratios) if self.goal.sign == ">=" else min(self.ratios)

    @property
    def met(self) -> bool:
        """Whether the median reaches the goal."""
        return self.median >= self.goal.bound if self.goal.sign == ">=" else self.median <= self.goal.bound

    def sentence(self) -> str:
        """Say it in a line."""
        goal = self.goal
        of = HEADS.get(goal.value, goal.value)
        against = f" of {load(goal.peer).NAME}" if goal.peer else ""
        against += f" in {goal.peer_work}" if goal.peer_work else ""
        sign, unit = ("≥" if goal.sign == ">=" else "≤"), (" times that" if goal.peer else "")
        if not goal.bound:
            return f"{load(goal.ours).NAME}, {of}: {self.median:.3g} times that{against}"
        met = "met" if self.met else "NOT MET"
        figures = f"median {self.median:.3g}, best {self.best:.3g} of {len(self.ratios)}"
        return f"{load(goal.ours).NAME}, {of} {sign} {goal.bound:g}{unit}{against}: {figures}: {met}"


def verdicts(measures: Sequence[Measure]) -> list[Verdict]:
    """Hold what was measured against the goals, run by run."""
    found = {(m.work, m.subject, m.run): m.values for m in measures}
    runs = sorted({m.run for m in measures})
    result = []
    for name, work in WORKS.items():
        for goal in work.goals:
            ratios = []
            for run in runs:
                ours = found.get((name, goal.ours, run), {}).get(goal.value)
                peer = 1.0
                if goal.peer:
                    other = found.get((goal.peer_work or name, goal.peer, run), {})
                    peer = other.get(goal.peer_value or goal.value, 0.0)
                if ours is not None and peer:
                    ratios.append(ours / peer)
            if ratios:
                result.append(Verdict(name, goal, ratios))
    return result


def table(measures: Sequence[Measure], *, markdown: bool = False) -> str:
    """Return all works with their figures and goals; medians over the runs, and the best of the first figure."""
    parts, found = [], verdicts(measures)
    for name, work in WORKS.items():
        mine = [m for m in measures if m.work == name]
        if not mine:
            continue
        rows = [["", *[HEADS.get(value, value) for value in work.shown], "best run"]]
        subjects = dict.fromkeys(m.subject for m in mine)
        rows += [_row(subject, [m.values for m in mine if m.subject == subject], work.shown) for subject in subjects]
        goals = [
            f"{'goal: ' if verdict.goal.bound else ''}{verdict.sentence()}" for verdict in found if verdict.work == name
        ] + notes(mine)
        parts.append(_markdown(name, work.title, rows, goals) if markdown else _plain(name, work.title, rows, goals))
    return "\n\n".join(parts)


def settings(measures: Sequence[Measure]) -> str:
    """Return a Markdown table of who was measured, and how each was run."""
    subjects = [load(name) for name in dict.fromkeys(m.subject for m in measures)]
    rows = [f"| {subject.NAME} | {subject.version()} | {subject.SETTINGS} |" for subject in subjects]
    return "\n".join(["| | version | settings |", "|---|---|---|", *rows])


def growth_table(measures: Sequence[Measure]) -> str:
    """Return the points of the curves as Markdown: deliveries a second, and µs of CPU for each; empty without any."""
    parts = []
    for name, curve in CURVES.items():
        subjects = [subject for subject in SUBJECTS if points_of(measures, name, subject, "deliveries_per_s")]
        if not subjects:
            continue
        rows = [[curve.title, *[f"{load(subject).NAME}: deliveries/s, CPU µs/delivery" for subject in subjects]]]
        columns = []
        for subject in subjects:
            rates = points_of(measures, name, subject, "deliveries_per_s")
            costs = points_of(measures, name, subject, "cpu_us_per_delivery")
            columns.append(
                {
                    point: f"{number('', median(rate))}, {median(cost):.3g}"
                    for (point, rate), (_, cost) in zip(rates, costs, strict=True)
                }
            )
        rows += [[f"{point:,}", *[column.get(point, "") for column in columns]] for point in curve.points]
        parts.append("\n".join(_markdown_rows(rows)))
    return "\n\n".join(parts)


def notes(measures: Sequence[Measure]) -> list[str]:
    """Return what has to be known about figures: where the generator was the limit, and where something was lost."""
    found = []
    for subject in dict.fromkeys(m.subject for m in measures):
        name, mine = load(subject).NAME, [m for m in measures if m.subject == subject]
        busy, late, p99 = (_median(mine, value) for value in ("generator_cpu_share", "late_p99_us", "p99_us"))
        if busy > BUSY:
            found.append(f"With {name} the generator was busy for {busy:.0%}: it may be the limit.")
        if p99 and late > LATE * p99:
            found.append(f"With {name} the generator was late by {late:.0f} µs at p99: part of that p99 is its own.")
        if lost := sum(m.values.get("lost", 0) for m in mine):
            found.append(f"With {name}, {lost:.0f} deliveries were lost.")
        if parts := _parts(mine):
            listed = ", ".join(f"{part} {micros:.2f}" for part, micros in parts)
            found.append(f"Where the µs go at full speed, {name}, by samples: {listed}.")
    return found


def _median(measures: Sequence[Measure], value: str) -> float:
    return median([m.values.get(value, 0.0) for m in measures])


def _parts(measures: Sequence[Measure]) -> list[tuple[str, float]]:
    names = {name for m in measures for name in m.values if name.startswith(PART)}
    parts = [(name.removeprefix(PART), _median(measures, name)) for name in names]
    return sorted(parts, key=lambda part: -part[1])


def _row(subject: str, runs: Sequence[dict[str, float]], shown: Sequence[str]) -> list[str]:
    cells = [number(value, median([run.get(value, 0.0) for run in runs])) for value in shown]
    first = shown[0]
    better = min if any(part in first for part in LOWER_IS_BETTER) else max
    return [load(subject).NAME, *cells, number(first, better([run[first] for run in runs]))]


def number(name: str, value: float) -> str:
    """Return a figure as its kind is written: three digits that mean something."""
    if name.endswith("_share"):
        return f"{value:.0%}"
    if value >= 1_000_000:
        return f"{value / 1e6:.2f} M"
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _plain(name: str, title: str, rows: Sequence[Sequence[str]], goals: Iterable[str]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"{name}: {title}"]
    for row in rows:
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(["", row[0].ljust(widths[0]), *rest]))
    return "\n".join([*lines, *[f"  {goal}" for goal in goals]])


def _markdown(name: str, title: str, rows: Sequence[Sequence[str]], goals: Iterable[str]) -> str:
    lines = [f"**{name}**: {title}", "", *_markdown_rows(rows)]
    listed = [f"- {goal.replace('NOT MET', '**not met**')}" for goal in goals]
    return "\n".join([*lines, *(["", *listed] if listed else [])])


def _markdown_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    line = "|---" + "|---:" * (len(rows[0]) - 1) + "|"
    first, *rest = [f"| {' | '.join(row)} |" for row in rows]
    return [first, line, *rest]
