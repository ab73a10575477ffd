"""Percentiles are what a reference says they are, of all that was measured and of each stretch of time."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_measurements import (
    PER_MILLE,
    SLICE_MESSAGES,
    SLICES_MOST,
    Kind,
    Measurements,
    Series,
    over_time,
    percentiles,
    slice_count,
)

latencies = st.floats(0, 1e6)


def reference(values: list[float], share: Fraction) -> float:
    """Return the least value that at least so great a share of all values do not exceed."""
    return min(value for value in values if Fraction(sum(v <= value for v in values), len(values)) >= share)


@given(st.lists(latencies, min_size=1, max_size=60))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[float]) -> None:
    assert percentiles(values) == {name: reference(values, Fraction(share, 1000)) for name, share in PER_MILLE.items()}


def test_the_p999_of_a_thousand_is_not_their_maximum() -> None:
    found = percentiles(range(1, 1_001))
    assert found == {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1_000}


def test_of_nothing_there_are_no_percentiles() -> None:
    assert percentiles([]) == {}
    assert over_time(Series(), 5) == []


@given(st.lists(st.tuples(st.floats(0, 100), latencies), min_size=1, max_size=60), st.integers(1, 9))
def test_slices_share_out_all_that_was_measured(measured: list[tuple[float, float]], count: int) -> None:
    series = Series()
    for due_s, latency_ms in measured:
        series.add(due_s, latency_ms)
    slices = over_time(series, count)
    assert 1 <= len(slices) <= count
    assert [one.at_s for one in slices] == sorted(one.at_s for one in slices)
    assert max(one.percentiles["max"] for one in slices) == max(latency_ms for _, latency_ms in measured)


def test_a_slice_holds_what_was_due_in_it() -> None:
    series = Series()
    for due_s, latency_ms in ((0.0, 1.0), (0.9, 2.0), (1.1, 3.0), (4.0, 4.0)):
        series.add(due_s, latency_ms)
    assert [(one.at_s, one.percentiles["max"]) for one in over_time(series, 4)] == [(0.5, 2.0), (1.5, 3.0), (3.5, 4.0)]


@given(st.integers(0, 20_000))
def test_there_are_as_many_slices_as_messages_fill(messages: int) -> None:
    measurements = Measurements()
    for number in range(messages):
        measurements[Kind.LATENESS].add(number, 0.0)
    count = slice_count(measurements)
    assert 1 <= count <= SLICES_MOST
    assert count == 1 or messages / count >= SLICE_MESSAGES
