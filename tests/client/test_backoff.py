"""The waits between attempts: their growth, their jitter, their end."""

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.backoff import CAP_S, FIRST_S, STABLE_S, Backoff


def longest(low: float, high: float) -> float:
    return high


def test_the_cap_of_the_wait_doubles_from_a_tenth_of_a_second_to_fifteen() -> None:
    backoff = Backoff(longest)
    assert [backoff.failed() for _ in range(10)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]


def test_the_jitter_is_full_from_zero_to_the_cap() -> None:
    drawn: list[tuple[float, float]] = []

    def lowest(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    backoff = Backoff(lowest)
    assert [backoff.failed() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert drawn == [(0.0, 0.1), (0.0, 0.2), (0.0, 0.4)]


def test_what_the_server_asks_for_comes_before_the_jitter() -> None:
    assert Backoff(longest).failed(retry_after_ms=5_000) == 5.0 + FIRST_S


def test_a_connection_that_held_starts_the_waits_anew() -> None:
    backoff = Backoff(longest)
    backoff.failed()
    backoff.failed()
    backoff.held(STABLE_S)
    assert backoff.failed() == FIRST_S


def test_one_that_fails_again_soon_goes_on_where_it_was() -> None:
    backoff = Backoff(longest)
    backoff.failed()
    backoff.held(STABLE_S - 0.001)
    assert backoff.failed() == 2 * FIRST_S


@given(failures=st.integers(1, 5_000))
def test_however_many_attempts_fail_the_wait_stays_between_zero_and_the_cap(failures: int) -> None:
    backoff = Backoff()
    for _ in range(failures):
        wait_s = backoff.failed()
    assert 0 <= wait_s <= CAP_S
