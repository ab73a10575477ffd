"""Counting, with a given clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.server.limits import BURST_S, Strikes, TokenBucket, rate_bucket


def take(bucket: TokenBucket, now: float) -> bool:
    if not bucket.left(now):
        return False
    bucket.spend(1)
    return True


@pytest.mark.parametrize(("rate", "at_once"), [(20.0, 20 * BURST_S), (0.5, 2), (0.1, 1), (0.001, 1)])
def test_at_any_rate_one_thing_at_least_is_allowed_at_once(rate: float, at_once: int) -> None:
    bucket = rate_bucket(rate, 100.0)
    assert bucket.left(100.0) == at_once
    bucket.spend(at_once)
    assert not bucket.left(100.0)
    assert bucket.left(100.0 + 1.001 / rate) == 1


waits = st.lists(st.floats(min_value=0, max_value=10), max_size=60)


@given(waits, st.floats(min_value=0.5, max_value=50), st.integers(min_value=1, max_value=20))
def test_a_bucket_never_allows_more_than_its_burst_and_its_rate(gaps: list[float], rate: float, burst: int) -> None:
    now = 100.0
    bucket = TokenBucket(rate, burst, now)
    taken = 0
    for gap in gaps:
        now += gap
        taken += take(bucket, now)
        assert taken <= burst + (now - 100.0) * rate + 1e-6


@given(waits, st.floats(min_value=0.5, max_value=50), st.integers(min_value=1, max_value=20))
def test_who_waits_as_long_as_told_is_let_through(gaps: list[float], rate: float, burst: int) -> None:
    now = 0.0
    bucket = TokenBucket(rate, burst, now)
    for gap in gaps:
        now += gap
        if not take(bucket, now):
            now += bucket.wait_s + 1e-6
            assert take(bucket, now)


def test_a_bucket_that_rested_is_full_again_and_no_fuller() -> None:
    bucket = TokenBucket(1, 3, 0)
    for now in (0, 1_000):
        assert bucket.left(now) == 3
        bucket.spend(2)
        assert bucket.left(now) == 1
        bucket.spend(1)
        assert (bucket.left(now), bucket.wait_s) == (0, 1)


def test_the_mistake_after_the_allowed_ones_is_one_too_many_until_the_window_has_passed() -> None:
    strikes = Strikes(allowed=2, window_s=60)
    assert [strikes.strike(now) for now in (0, 1, 2)] == [True, True, False]
    assert strikes.strike(61.5)  # those at 1 and 2 count still, but the one at 1 is over 60 s old
    assert not strikes.strike(61.6)
    assert strikes.strike(200)
