"""What a load measures: latencies by kind and moment, and the percentiles that they come to.

This file owns the numbers and nothing else; it must not know where they come from, how they are kept or drawn.
"""

from array import array
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

PER_MILLE: Final = {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1_000}
"""The percentiles that are shown, in thousandths, which are exact where 99.9 / 100 is not."""


class Kind(StrEnum):
    """What a latency is counted to, from the moment at which the message was due."""

    DELIVERY = "delivery"  # a member of the room has read it
    POSTED = "posted"  # the sender has read its acknowledgement
    LATENESS = "lateness"  # the load generator has handed it to the socket: its own delay


class Series:
    """Latencies of one kind, in the order in which they were measured.

    Attributes:
        due_s: when the message was due, in seconds since the start.
        latency_ms: how much later it happened, in milliseconds.
    """

    def __init__(self) -> None:
        self.due_s = array("d")
        self.latency_ms = array("d")

    def __len__(self) -> int:
        return len(self.due_s)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and (self.due_s, self.latency_ms) == (other.due_s, other.latency_ms)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, due_s: float, latency_ms: float) -> None:
        """Take in a measurement."""
        self.due_s.append(due_s)
        self.latency_ms.append(latency_ms)


class Measurements:
    """All latencies of a run."""

    def __init__(self) -> None:
        self._series = {kind: Series() for kind in Kind}

    def __getitem__(self, kind: Kind) -> Series:
        return self._series[kind]

    def __len__(self) -> int:
        return sum(map(len, self._series.values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measurements) and self._series == other._series

    __hash__ = None  # type: ignore[assignment]  # it changes


class Slice(NamedTuple):
    """The percentiles of what was due in a stretch of time: `at_s` is its middle."""

    at_s: float
    percentiles: dict[str, float]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return for each percentile shown the least value that so many of all do not exceed (nearest rank).

    Args:
        values: in any order; of none, nothing is returned.
    """
    ordered = sorted(values)
    if not ordered:
        return {}
    count = len(ordered)
    return {name: ordered[max(1, -(-count * share // 1_000)) - 1] for name, share in PER_MILLE.items()}


SLICES_MOST: Final = 50
SLICE_MESSAGES: Final = 100
"""How many messages should be due in a slice: the p99 of fewer is their maximum."""


def slice_count(measurements: Measurements) -> int:
    """Return into how many equal stretches of time a run is best cut."""
    # Sent messages have one lateness each, however many deliveries they become: those of one are much alike.
    return max(1, min(SLICES_MOST, len(measurements[Kind.LATENESS]) // SLICE_MESSAGES))


def over_time(series: Series, count: int) -> list[Slice]:
    """Return the percentiles of `count` equal stretches of time; those in which nothing was due are left out."""
    width_s = max(series.due_s, default=0.0) / count
    sliced: list[list[float]] = [[] for _ in range(count)]
    for due_s, latency_ms in zip(series.due_s, series.latency_ms, strict=True):
        place = int(due_s / width_s) if width_s else 0
        sliced[min(place, count - 1)].append(latency_ms)
    return [Slice((place + 0.5) * width_s, percentiles(values)) for place, values in enumerate(sliced) if values]
