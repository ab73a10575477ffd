"""How cost grows with receivers, rooms, and the length of texts: the points of three curves.

This file owns the points. It must not know how they are drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.delivery.figures import Measure
from benchmarks.delivery.works import MEMBERS, TEXT_BYTES, Values, flood

SUBJECTS: Final = ("trio_chat", "nats", "redis")
IN_FLIGHT_BYTES: Final = 200_000
"""How much text may be on its way to each receiver, so that long texts do not measure how deep buffers are;
texts of 100 bytes reach the 2,000 messages of all works."""


class Curve(NamedTuple):
    """One way to grow."""

    title: str
    points: Sequence[int]
    measure: Callable[[str, float, int], Values]


def receivers(name: str, seconds: float, count: int) -> Values:
    """One sender, one room of so many receivers."""
    return flood(name, seconds, rooms=1, members=count, among=0, besides=1)


def rooms(name: str, seconds: float, count: int) -> Values:
    """So many rooms of two, one of whom speaks; 2,000 messages in flight in all."""
    return flood(name, seconds, rooms=count, members=2, among=1, besides=0)


def text(name: str, seconds: float, byte_count: int) -> Values:
    """One sender, 50 receivers, texts of so many bytes."""
    in_flight = IN_FLIGHT_BYTES // max(TEXT_BYTES, byte_count)
    return flood(
        name, seconds, rooms=1, members=MEMBERS, among=0, besides=1, text_bytes=byte_count, in_flight=in_flight
    )


CURVES: Final[Mapping[str, Curve]] = {
    "receivers": Curve("receivers in one room", (1, 3, 10, 30, 100, 300, 1_000), receivers),
    "rooms": Curve("rooms of two", (1, 3, 10, 30, 100, 300, 1_000), rooms),
    "text": Curve("bytes of text, 50 receivers", (10, 30, 100, 300, 1_000, 4_000), text),
}


def work_of(curve: str, point: int) -> str:
    """Return by which name a point is kept among the measures."""
    return f"{curve}={point}"


def points_of(measures: Sequence[Measure], curve: str, subject: str, value: str) -> list[tuple[int, list[float]]]:
    """Return the points of one curve that were measured, each with the figure of every run."""
    result = []
    for point in CURVES[curve].points:
        name = work_of(curve, point)
        if runs := [m.values[value] for m in measures if m.work == name and m.subject == subject]:
            result.append((point, runs))
    return result
