"""Sums and percentiles of a replay, and how they are told."""

from statistics import quantiles

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.irc_log import parse_window
from benchmarks.replay_check import Difference
from benchmarks.replay_figures import DIFFERENCES_KEPT, Figures, Latencies, Totals, summary
from benchmarks.replay_plan import plan_window
from benchmarks.replay_tally import Matter
from benchmarks.replay_window import Outcome

PLAN = plan_window(parse_window(1, "", [(1, b"[09:14] <ann> one"), (2, b"[09:14] <ann> "), (3, b"=== ann sings")]))


def outcome(*, differences: int = 0) -> Outcome:
    found = [Difference("hole", "ubuntu-1, ann", f"seq {seq} never came") for seq in range(differences)]
    return Outcome(2, 3, 6, 1.5, 0.25, [0.001, 0.002, 0.003, 0.1], found)


def figures(totals: Totals) -> Figures:
    return totals.figures(python="3", log="log", store="memory:", speed="x60")


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_a_percentile_is_that_of_all_latencies_to_three_digits(latencies_s: list[float]) -> None:
    counted = Latencies()
    counted.add(latencies_s[:3])
    counted.add(latencies_s[3:])
    ordered = sorted(latencies_s)
    for percent in (1, 50, 99, 100):
        exact_ms = ordered[-(-len(ordered) * percent // 100) - 1] * 1000
        assert exact_ms * 0.99 - 0.001 <= counted.percentile_ms(percent) <= exact_ms
    assert counted.count == len(latencies_s)


def test_the_median_is_what_the_standard_library_says() -> None:
    counted = Latencies()
    values = [number / 1000 for number in range(1, 1_000)]
    counted.add(values)
    assert counted.percentile_ms(50) == quantiles(values, n=2)[0] * 1000


def test_without_latencies_a_percentile_is_0() -> None:
    assert Latencies().percentile_ms(50) == 0


def test_windows_add_up() -> None:
    totals = Totals()
    totals.add(PLAN, outcome())
    totals.add(PLAN, outcome())
    total = figures(totals)
    assert (total.windows, total.connections, total.entries, total.deliveries) == (2, 4, 6, 12)
    assert (total.seconds, total.entries_per_s, total.deliveries_per_s) == (3.0, 2.0, 4.0)
    assert (total.live_deliveries, total.latency_p50_ms, total.latency_max_ms) == (8, 2.0, 100.0)
    assert total.at_most_late_s == 0.25
    left_out = total.left_out["Left out, because the protocol cannot carry it"]
    assert left_out[Matter.EMPTY_TEXT].count == 2


def test_a_summary_names_what_was_left_out_with_examples_and_says_that_nothing_differs() -> None:
    totals = Totals()
    totals.add(PLAN, outcome())
    text = summary(figures(totals))
    assert "      1  messages without text\n           line 2: '<ann> '" in text
    assert "Counted only: nothing" in text
    assert text.endswith("No difference: each of 2 transcripts is the log of its window.")


def test_a_summary_counts_all_differences_and_shows_the_first() -> None:
    totals = Totals()
    totals.add(PLAN, outcome(differences=DIFFERENCES_KEPT + 5))
    text = summary(figures(totals))
    assert f"{DIFFERENCES_KEPT + 5} differences:\n  ubuntu-1, ann: hole: seq 0 never came\n" in text
    assert text.endswith("  and 5 more")
    assert "No difference" not in text


def test_a_replay_without_a_window_has_figures_too() -> None:
    assert figures(Totals()).entries_per_s == 0


def test_figures_can_be_written_as_json_and_read_again() -> None:
    totals = Totals()
    totals.add(PLAN, outcome(differences=1))
    total = figures(totals)
    assert msgspec.json.decode(msgspec.json.encode(total), type=Figures) == total
