"""What measurements make of a proxy's health."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from trio_chat.bot.proxies.health import (
    HALF_LIFE_S,
    MAX_BACKOFF_S,
    Health,
    after_failure,
    after_success,
    backoff_after_s,
    cost_s,
    failing_at,
)

latencies = st.floats(0, 60)
gaps = st.floats(0, 10_000)
events = st.lists(st.tuples(gaps, st.one_of(st.none(), latencies)))


def most(low: float, high: float) -> float:
    return high


def after(measured: list[tuple[float, float | None]]) -> tuple[Health, float]:
    """Return the health after tries, each so long after the one before, which took so long or failed (None)."""
    health, now = Health(), 0.0
    for gap, latency_s in measured:
        now += gap
        health = after_failure(health, now, most) if latency_s is None else after_success(health, now, latency_s)
    return health, now


@given(st.lists(latencies, min_size=1))
def test_the_latency_lies_between_the_least_and_the_most_that_was_measured(measured: list[float]) -> None:
    health, _ = after([(1.0, latency_s) for latency_s in measured])
    assert health.latency_s is not None
    assert min(measured) - 1e-9 <= health.latency_s <= max(measured) + 1e-9


@given(events)
def test_the_share_of_failures_stays_between_none_and_all(measured: list[tuple[float, float | None]]) -> None:
    health, now = after(measured)
    assert 0 <= failing_at(health, now) <= 1


@given(events, gaps, gaps)
def test_without_a_try_a_proxy_never_looks_worse_later(
    measured: list[tuple[float, float | None]], sooner: float, later: float
) -> None:
    assume(sooner <= later)
    health, now = after(measured)
    assert cost_s(health, now + later) <= cost_s(health, now + sooner) + 1e-9


@given(events)
def test_a_failure_makes_it_look_worse_and_a_success_as_fast_as_before_never_does(
    measured: list[tuple[float, float | None]],
) -> None:
    health, now = after(measured)
    assume(failing_at(health, now) < 1 - 1e-6)
    assert cost_s(after_failure(health, now, most), now) > cost_s(health, now)
    if health.latency_s is not None:
        assert cost_s(after_success(health, now, health.latency_s), now) <= cost_s(health, now) + 1e-9


@given(events, st.floats(0, 1))
def test_a_failed_proxy_is_left_alone_for_a_bounded_time(
    measured: list[tuple[float, float | None]], share: float
) -> None:
    health, now = after(measured)
    failed = after_failure(health, now, lambda low, high: low + share * (high - low))
    assert now < failed.retry_at <= now + MAX_BACKOFF_S


def test_the_time_doubles_with_each_failure_in_a_row_up_to_ten_minutes() -> None:
    assert [backoff_after_s(failures) for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff_after_s(11) == backoff_after_s(10**6) == MAX_BACKOFF_S
    health = Health()
    for failures in (1, 2, 3, 4):
        health = after_failure(health, 50.0, most)
        assert health.retry_at == 50.0 + backoff_after_s(failures)


def test_a_success_ends_the_row_of_failures() -> None:
    failed, now = after([(0, None)] * 5)
    assert failed.failures == 5
    well = after_success(failed, now + 60, 0.1)
    assert well.failures == 0
    assert well.retry_at <= now + 60


def test_the_newest_measurement_counts_for_three_tenths() -> None:
    health, _ = after([(0, 1.0), (1, 2.0)])
    assert health.latency_s is not None
    assert math.isclose(health.latency_s, 1.3)
    failed, now = after([(0, None)])
    assert math.isclose(failing_at(failed, now), 0.3)
    assert math.isclose(failing_at(after_success(failed, now, 1.0), now), 0.3 * 0.7)


def test_a_failure_counts_half_after_the_half_life() -> None:
    failed, now = after([(0, None)])
    assert math.isclose(failing_at(failed, now + HALF_LIFE_S), failing_at(failed, now) / 2)
