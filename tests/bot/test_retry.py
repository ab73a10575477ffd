"""When a provider that failed is asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.bot.retry import ATTEMPTS, MAX_BACKOFF_S, MAX_WAIT_S, next_wait_s, retry_after_s


def least(low: float, high: float) -> float:
    return low


def most(low: float, high: float) -> float:
    return high


def test_the_wait_doubles_with_every_failure_and_half_of_it_is_chance() -> None:
    assert [next_wait_s(failures, None, most) for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert [next_wait_s(failures, None, least) for failures in (1, 2, 3, 4)] == [0.5, 1, 2, 4]


def test_after_the_last_attempt_there_is_no_other() -> None:
    assert next_wait_s(ATTEMPTS, None, most) is None


def test_what_the_provider_asks_for_is_the_least_wait() -> None:
    assert next_wait_s(1, 20, least) == 20.5


def test_a_provider_that_asks_for_too_much_patience_is_given_up() -> None:
    assert next_wait_s(1, MAX_WAIT_S + 1, least) is None


@given(st.integers(1, ATTEMPTS - 1), st.one_of(st.none(), st.floats(0, MAX_WAIT_S)), st.randoms())
def test_every_wait_is_bounded_and_at_least_what_was_asked_for(
    failures: int, asked: float | None, chance: object
) -> None:
    wait = next_wait_s(failures, asked, chance.uniform)  # type: ignore[attr-defined]  # hypothesis types it loosely
    assert wait is not None
    assert (asked or 0) < wait <= (asked or 0) + MAX_BACKOFF_S


NOON = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_the_header_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOON) == seconds


@given(st.text())
def test_any_header_gives_a_wait_or_none(value: str) -> None:
    wait = retry_after_s({"retry-after": value}, NOON)
    assert wait is None or wait >= 0
