"""The summary of a load says what happened, whose fault it was, and what to do."""

import pytest
from msgspec.structs import replace

from benchmarks.load_figures import Figures, summary

TAIL = {"p90": 2.0, "p99": 3.0, "p99.9": 4.0, "max": 5_000.0}
OWN = {"p50": 0.1, "p90": 0.1, "p99": 0.2, "p99.9": 0.3, "max": 0.4}
GOOD = Figures(
    load="200 clients in 10 rooms", rate=500, sent=5_000, unsent=0, acknowledged=5_000, refused={}, sending_s=10,
    delivered=100_000, delivering_s=10, delivery_ms={"p50": 1.0, **TAIL}, posted_ms={"p50": 0.5, **TAIL},
    lateness_ms=OWN, reading_ms=OWN, measured=200, clients=200, rooms=10, faults=[], compared=True, interrupted=False,
)  # fmt: skip


def test_a_good_run_is_told_with_its_rates_and_percentiles() -> None:
    text = summary(GOOD)
    assert "sent                         5,000  500.0/s; 500.0/s were due" in text
    assert "delivered                  100,000  10,000/s" in text
    assert "  delivery                        1.00      2.00      3.00      4.00  5,000.00" in text
    assert "The load generator kept up: at p99 it was late by 0.20 ms, where the latency is 3.00 ms." in text
    assert text.endswith("each of 200 clients got every message of its room, once, in order.")


@pytest.mark.parametrize("whose", ["lateness_ms", "reading_ms"])
def test_a_generator_that_was_late_takes_the_blame(whose: str) -> None:
    text = summary(replace(GOOD, **{whose: {**OWN, "p99": 1.6}}))
    assert "The load generator itself was late: by 1.60 ms at p99, where the latency is 3.00 ms" in text
    assert "Take fewer clients, a lower rate, or a machine with less to do." in text


def test_what_is_wrong_is_told_instead_of_that_all_is_well() -> None:
    text = summary(replace(GOOD, faults=["Lost: 1 (seq 7)."], unsent=3))
    assert text.endswith("Lost: 1 (seq 7).")
    assert "Nothing was lost" not in text
    assert "not sent                         3  their senders' connections were lost" in text


def test_a_rate_limit_is_told_with_what_to_do_about_it() -> None:
    text = summary(replace(GOOD, refused={"too_many": 1_234}))
    assert "refused (too_many)           1,234" in text
    assert "The server has a rate limit, and refused 1,234 messages (too_many). Start it with --rate-limit off" in text


def test_a_sample_is_told_to_be_one() -> None:
    assert "measured at 37 of 200 clients, chosen at random, and checked at all." in summary(replace(GOOD, measured=37))


def test_an_early_end_is_told() -> None:
    assert "It was ended early." in summary(replace(GOOD, interrupted=True))


def test_of_a_run_that_was_ended_at_once_nobody_says_that_nothing_was_lost() -> None:
    text = summary(replace(GOOD, interrupted=True, compared=False))
    assert text.endswith("\nIt was ended at once: what was under way then is not counted as lost.")


def test_a_run_in_which_nothing_came_has_a_summary_too() -> None:
    nothing = replace(GOOD, acknowledged=0, delivered=0, delivering_s=0, sending_s=0, delivery_ms={}, posted_ms={})
    text = summary(nothing)
    assert "  delivery                           -         -" in text
    assert text.endswith("No message was acknowledged.")
