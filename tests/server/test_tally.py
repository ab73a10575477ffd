"""Counting how long things took, in buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.server.tally import COMMIT_BOUNDS_S, Histogram


@given(st.lists(st.floats(0, 20)))
def test_every_value_is_counted_once_in_the_first_bucket_that_holds_it(values: list[float]) -> None:
    histogram = Histogram(COMMIT_BOUNDS_S)
    for value in values:
        histogram.observe(value)
    assert histogram.total == pytest.approx(sum(values))  # from 3.12 on, sum() rounds once only
    upto = [sum(histogram.counts[: place + 1]) for place in range(len(COMMIT_BOUNDS_S))]
    assert upto == [sum(value <= bound for value in values) for bound in COMMIT_BOUNDS_S]
    assert sum(histogram.counts) == len(values)
