"""When messages are due, who sends them and what they say: decided by arguments alone."""

import math
import random
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.irc_log import LogError, Window, parse_window
from benchmarks.load_schedule import (
    even_times,
    log_beats,
    number_in,
    poisson_times,
    read_beats,
    steady_beats,
    text_of,
    with_senders,
)
from protocol import TEXT_CHARS, check_text

rates = st.floats(0.5, 2_000)
spans = st.floats(0.1, 5)
seeds = st.integers()

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "ubuntu-irc-train.txt.xz"
real_log = pytest.mark.skipif(not REAL_LOG.exists(), reason="../shared/data/ubuntu-irc-train.txt.xz is not here")


@given(rates, spans, seeds)
def test_random_arrivals_are_in_order_and_end_in_time(rate: float, seconds: float, seed: int) -> None:
    times = list(poisson_times(rate, seconds, random.Random(seed)))
    assert times == sorted(times)
    assert all(0 <= at_s < seconds for at_s in times)


@given(rates, spans, seeds)
def test_random_arrivals_are_as_many_as_the_rate_says(rate: float, seconds: float, seed: int) -> None:
    count, wanted = len(list(poisson_times(rate, seconds, random.Random(seed)))), rate * seconds
    assert abs(count - wanted) <= 10 * math.sqrt(wanted) + 10


def test_the_gaps_of_random_arrivals_are_those_of_independent_ones() -> None:
    gaps = [b - a for a, b in pairwise(poisson_times(1_000, 20, random.Random(1)))]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert deviation == pytest.approx(mean, rel=0.05)  # as in an exponential distribution
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(1 / math.e, rel=0.05)


@given(rates, spans)
def test_even_arrivals_lie_one_gap_apart_from_the_start_on(rate: float, seconds: float) -> None:
    times = list(even_times(rate, seconds))
    assert times == [number / rate for number in range(len(times))]
    assert len(times) == pytest.approx(rate * seconds, abs=1)


@given(rates, seeds, st.integers(1, 50))
def test_the_same_seed_is_the_same_load_whenever_it_is_taken(rate: float, seed: int, clients: int) -> None:
    def load() -> list[object]:
        chance = random.Random(seed)
        return list(islice(with_senders(steady_beats(poisson_times(rate, 1, chance), 80), clients, chance), 500))

    assert load() == load()


@given(seeds, st.integers(1, 20))
def test_every_client_sends_about_as_much_as_any_other(seed: int, clients: int) -> None:
    dues = list(with_senders(steady_beats(even_times(100 * clients, 1), 80), clients, random.Random(seed)))
    sent = [sum(due.sender == client for due in dues) for client in range(clients)]
    assert sum(sent) == len(dues)
    assert min(sent) > 30


@given(st.integers(0, 10**9), st.integers(1, TEXT_CHARS))
def test_a_text_is_as_long_as_asked_for_acceptable_and_tells_its_number(number: int, chars: int) -> None:
    text = text_of(number, chars)
    check_text(text)
    assert len(text) == max(chars, len(str(number)))
    assert number_in(text) == number


@given(st.text(max_size=30))
def test_a_strangers_text_is_no_reason_to_fail(text: str) -> None:
    assert number_in(text) is None or text.partition(" ")[0].isdigit()


# --- in the rhythm of a log -------------------------------------------------------------------------------

LOG = [
    b"=== ann has joined #ubuntu",
    b"[11:58] <ann> 12345",
    b"[11:58] <bob> 1234567890",
    b"[11:58] <bob>",
    b"[12:00] <ann> " + b"x" * 5_000,
    b"[12:00]  * bob nods",
]
WINDOW = parse_window(1, "2004-12-25", list(enumerate(LOG, 2)))


def test_a_log_gives_its_lengths_and_its_rhythm() -> None:
    beats = log_beats([WINDOW], 1, 1_000)
    assert [beat.chars for beat in beats] == [5, 10, 4]
    assert [beat.at_s for beat in beats] == pytest.approx([0, 15, 120 + 30 - 15])


@given(st.floats(1, 1_000), st.floats(0.001, 500))
def test_a_log_goes_faster_by_the_factor_and_ends_in_time(speed: float, seconds: float) -> None:
    slow, fast = log_beats([WINDOW] * 3, 1, 10_000), log_beats([WINDOW] * 3, speed, seconds)
    assert [beat.chars for beat in fast] == [beat.chars for beat in slow[: len(fast)]]
    assert [beat.at_s * speed for beat in fast] == pytest.approx([beat.at_s for beat in slow[: len(fast)]])
    assert all(beat.at_s < seconds for beat in fast)


def test_a_window_begins_where_the_one_before_it_ends() -> None:
    times = [beat.at_s for beat in log_beats([WINDOW, WINDOW], 1, 1_000)]
    assert times == sorted(times)
    assert times[3] == times[2]


def test_no_more_of_a_log_is_read_than_is_needed() -> None:
    def windows() -> Iterator[Window]:
        yield WINDOW
        raise AssertionError("nobody needs this")

    assert len(log_beats(windows(), 1, 100)) == 2


def test_a_log_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LogError, match="cannot read nothing"):
        read_beats(Path("nothing"), 1, 1)


@real_log
def test_the_real_log_has_the_lengths_that_it_is_known_for() -> None:
    chars = sorted(beat.chars for beat in read_beats(REAL_LOG, 60, 3_600))
    assert 30 <= chars[len(chars) // 2] <= 60
    assert chars[-1] <= 469
