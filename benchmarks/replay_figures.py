"""The figures of a replay: gathered window by window, and told to a person or a program.

This file owns sums, percentiles and how they are shown. It must not know how anything was measured.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from benchmarks.replay_check import Difference
from benchmarks.replay_plan import Enter, Leave, Plan, Rename
from benchmarks.replay_tally import GROUPS, Counted, Tally
from benchmarks.replay_window import Outcome

DIFFERENCES_KEPT = 20
"""Differences that are shown; all are counted."""


class Figures(Struct, frozen=True):
    """What a replay came to.

    Attributes:
        deliveries: entries that reached a connection, as they happened or read from the log.
        live_deliveries: those as they happened; the latencies are theirs.
        seconds: from each window's first line to the last entry received, summed up.
        at_most_late_s: how far the replay fell behind the pace that it was to keep; 0 at full speed.
        arrivals: joins of speakers who were not there before, or had left, or came once more.
        left_out: every kind of line that was not carried, and those that were in another way, by heading.
    """

    python: str
    log: str
    store: str
    speed: str
    windows: int
    entries: int
    connections: int
    deliveries: int
    live_deliveries: int
    seconds: float
    entries_per_s: float
    deliveries_per_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    latency_max_ms: float
    at_most_late_s: float
    arrivals: int
    departures: int
    nick_changes: int
    left_out: Mapping[str, Mapping[str, Counted]]
    difference_count: int
    differences: list[str]


class Latencies:
    """Counts latencies in classes of three significant digits, so that any number of them takes bounded memory."""

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()  # in microseconds, the lower bound of the class
        self.count = 0

    def add(self, latencies_s: Iterable[float]) -> None:
        """Count latencies in seconds."""
        for latency_s in latencies_s:
            self._classes[_three_digits(int(latency_s * 1e6))] += 1
            self.count += 1

    def percentile_ms(self, percent: float) -> float:
        """Return the latency below or at which `percent` of all are, to three digits; 0 if there is none."""
        rank, below = math.ceil(self.count * percent / 100), 0
        for latency, count in sorted(self._classes.items()):
            below += count
            if below >= rank:
                return latency / 1000
        return 0.0


def _three_digits(microseconds: int) -> int:
    unit = 1
    while microseconds >= 1000 * unit:
        unit *= 10
    return microseconds // unit * unit


class Totals:
    """Sums up windows."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.latencies = Latencies()
        self.differences: list[Difference] = []
        self.difference_count = self.windows = 0
        self.entries = self.connections = self.deliveries = 0
        self.arrivals = self.departures = self.nick_changes = 0
        self.seconds = self.late_s = 0.0

    def add(self, plan: Plan, outcome: Outcome) -> None:
        """Add a window that was replayed."""
        self.windows += 1
        self.entries += outcome.entries
        self.connections += outcome.connections
        self.deliveries += outcome.deliveries
        self.seconds += outcome.seconds
        self.late_s = max(self.late_s, outcome.late_s)
        self.latencies.add(outcome.latencies_s)
        self.tally.add(plan.tally)
        self.arrivals += sum(isinstance(step, Enter) for step in plan.steps)
        self.departures += sum(isinstance(step, Leave) for step in plan.steps)
        self.nick_changes += sum(isinstance(step, Rename) and not step.refused for step in plan.steps)
        for difference in outcome.differences:
            self.differ(difference)

    def differ(self, difference: Difference) -> None:
        """Count a difference, and keep it to be shown if it is one of the first."""
        self.difference_count += 1
        if len(self.differences) < DIFFERENCES_KEPT:
            self.differences.append(difference)

    def figures(self, *, python: str, log: str, store: str, speed: str) -> Figures:
        """Return what it all comes to."""
        seconds = self.seconds or math.inf
        left_out = {
            heading: {str(matter): self.tally.counted[matter] for matter in matters if matter in self.tally.counted}
            for heading, matters in GROUPS.items()
        }
        return Figures(
            python=python, log=log, store=store, speed=speed, windows=self.windows, entries=self.entries,
            connections=self.connections, deliveries=self.deliveries, live_deliveries=self.latencies.count,
            seconds=self.seconds, entries_per_s=self.entries / seconds, deliveries_per_s=self.deliveries / seconds,
            latency_p50_ms=self.latencies.percentile_ms(50), latency_p99_ms=self.latencies.percentile_ms(99),
            latency_max_ms=self.latencies.percentile_ms(100), at_most_late_s=self.late_s, arrivals=self.arrivals,
            departures=self.departures, nick_changes=self.nick_changes, left_out=left_out,
            difference_count=self.difference_count, differences=[str(difference) for difference in self.differences],
        )  # fmt: skip


def summary(figures: Figures) -> str:
    """Return the figures for a person."""
    lines = [
        f"Replayed {figures.log} at speed {figures.speed} with {figures.store}, Python {figures.python}",
        "",
        _row("windows", f"{figures.windows:,}"),
        _row("entries", f"{figures.entries:,}"),
        _row("connections", f"{figures.connections:,}"),
        _row("deliveries", f"{figures.deliveries:,}", f"{figures.live_deliveries:,} of them as they happened"),
        _row("joins on the way", f"{figures.arrivals:,}", f"and {figures.departures:,} departures"),
        _row("nick changes", f"{figures.nick_changes:,}"),
        _row("seconds", f"{figures.seconds:,.1f}", "from the first line to the last delivery of each window"),
        _row("entries/s", f"{figures.entries_per_s:,.0f}"),
        _row("deliveries/s", f"{figures.deliveries_per_s:,.0f}"),
        _row("delivery latency p50", f"{figures.latency_p50_ms:,.2f} ms"),
        _row(
            "delivery latency p99", f"{figures.latency_p99_ms:,.2f} ms", f"(at most {figures.latency_max_ms:,.2f} ms)"
        ),
    ]
    if figures.speed != "max":
        lines.append(_row("behind the pace", f"{figures.at_most_late_s:,.2f} s", "at most"))
    for heading, matters in figures.left_out.items():
        lines += ["", f"{heading}:" if matters else f"{heading}: nothing"]
        for matter, counted in matters.items():
            lines.append(f"  {counted.count:>7,}  {matter}")
            lines += [f"           {example}" for example in counted.examples]
    lines += ["", *_verdict(figures)]
    return "\n".join(lines)


def _verdict(figures: Figures) -> list[str]:
    if not figures.difference_count:
        return [f"No difference: each of {figures.connections:,} transcripts is the log of its window."]
    lines = [f"{figures.difference_count:,} differences:", *(f"  {one}" for one in figures.differences)]
    if hidden := figures.difference_count - len(figures.differences):
        lines.append(f"  and {hidden:,} more")
    return lines


def _row(name: str, figure: str, remark: str = "") -> str:
    return f"{name:<22}{figure:>14}  {remark}".rstrip()
