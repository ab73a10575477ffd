"""Medians, ratios run by run, and how they are told; and what is read from a profile."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.delivery import charts
from benchmarks.delivery.__main__ import main
from benchmarks.delivery.figures import Flow, Measure, Pace
from benchmarks.delivery.files import Report
from benchmarks.delivery.growth import CURVES, points_of, work_of
from benchmarks.delivery.profile import part_of, shares_of
from benchmarks.delivery.report import number, table, verdicts
from benchmarks.delivery.works import WORKS
from benchmarks.subjects import NAMES, load


def flows(work: str, subject: str, *rates: float) -> list[Measure]:
    """Return one measure for each run, of so many deliveries a second."""
    return [Measure(work, subject, run, Flow(1.0, round(rate), 1, 0.5, 0.1).values()) for run, rate in enumerate(rates)]


def test_a_ratio_is_that_of_two_figures_of_one_run() -> None:
    measures = flows("W4", "trio_chat", 120, 100, 300) + flows("W4", "nats", 100, 200, 100)
    (verdict,) = verdicts(measures)
    assert verdict.ratios == [1.2, 0.5, 3.0]
    assert (verdict.median, verdict.best, verdict.met) == (1.2, 3.0, True)
    assert verdict.sentence() == (
        "trio_chat (memory), deliveries/s ≥ 1.2 times that of nats-server: median 1.2, best 3 of 3: met"
    )


def test_a_goal_is_missed_by_its_median_though_the_best_run_meets_it() -> None:
    measures = flows("W4", "trio_chat", 100, 100, 300) + flows("W4", "nats", 100, 100, 100)
    assert not verdicts(measures)[0].met
    assert "NOT MET" in table(measures)
    assert "**not met**" in table(measures, markdown=True)


def test_without_its_peer_a_goal_is_not_judged() -> None:
    assert verdicts(flows("W1", "trio_chat", 100)) == []


def test_a_bound_without_a_peer_is_judged_by_itself() -> None:
    measure = Measure("W6", "trio_chat", 0, {"kib_per_connection": 21.0, "join_p99_ms": 99.0})
    assert [verdict.met for verdict in verdicts([measure])] == [False, True]


def test_a_table_shows_medians_and_the_best_run() -> None:
    text = table(flows("W1", "trio_chat", 1_000_000, 2_000_000, 5_000_000))
    assert "W1: 1 sender at full speed" in text
    assert "2.00 M" in text
    assert text.splitlines()[2].endswith("5.00 M")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("x_share", 0.256, "26%"), ("x", 1_234_567, "1.23 M"), ("x", 12_345, "12,345"), ("x", 0.0749, "0.0749")],
)
def test_a_figure_is_written_as_its_kind_is(name: str, value: float, shown: str) -> None:
    assert number(name, value) == shown


def test_percentiles_of_a_pace_are_those_of_all_its_latencies() -> None:
    values = Pace(2.0, 100, list(range(1, 101)), [0.5] * 100, 0.25).values()
    assert (values["p50_us"], values["p99_us"], values["max_us"]) == (50, 99, 100)
    assert values["cpu_us_per_message"] == 2_500
    assert values["server_cpu_share"] == 0.125


def test_the_innermost_known_line_says_what_time_was_spent_on() -> None:
    serve = "run (trio/_core/_run.py:1);run (trio_chat/server/connection.py:90)"
    assert part_of(f"{serve};_receive (trio_chat/server/connection.py:99)") == "reading"
    assert part_of(f"{serve};receive_some (trio_chat/transport/stream.py:80)") == "reading"
    assert part_of(f"{serve};decode_from_client (protocol/codec.py:5)") == "decoding"
    assert part_of(f"{serve};publish (trio_chat/server/rooms.py:9);encode (protocol/codec.py:5)") == "encoding"
    assert part_of(f"{serve};offer (trio_chat/server/outbox.py:9);send_nowait (trio_chat/transport/stream.py:1)") == (
        "writing"
    )
    assert part_of(f"{serve};append (trio_chat/store/memory.py:9);<lambda> (<string>:1)") == "store"
    assert part_of(serve) == "rules"
    assert part_of("run (trio/_core/_run.py:1)") == "event loop"
    assert part_of("_bootstrap (threading.py:1)") == "other"


def test_shares_of_a_profile_add_up_to_one() -> None:
    shares = shares_of(["run (trio/_core/_run.py:1) 30", "x (a.py:1) 10"])
    assert shares == {"event loop": 0.75, "other": 0.25}
    assert shares_of([]) == {}


def test_a_saved_report_is_shown_again_as_tables_and_charts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measures = flows("W1", "trio_chat", 10_000, 20_000) + flows("W1", "nats", 10_000, 10_000)
    measures += [m for n in (1, 10) for m in flows(work_of("receivers", n), "trio_chat", n * 1_000)]
    saved, tables = tmp_path / "saved.json", tmp_path / "tables.md"
    saved.write_bytes(msgspec.json.encode(Report("a machine", "3", "2020-01-01", 1.0, measures)))
    assert main(["--again", str(saved), "--markdown", str(tables), "--charts", str(tmp_path / "charts")]) == 0
    assert "| nats-server | 10,000 |" in tables.read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    if charts.missing():
        assert charts.missing() in shown
    else:
        assert sorted(file.name for file in (tmp_path / "charts").iterdir()) == ["growth.png", "throughput.png"]


def test_a_work_or_subject_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for flags in (["--work", "W99"], ["--subjects", "pigeons"]):
        with pytest.raises(SystemExit):
            main(flags)
        assert f"there is no {flags[1]}" in capsys.readouterr().err


def test_points_of_a_curve_come_in_its_order_with_every_run() -> None:
    measures = flows("receivers=10", "nats", 1, 2) + flows("receivers=1", "nats", 3)
    assert points_of(measures, "receivers", "nats", "deliveries_per_s") == [(1, [3.0]), (10, [1.0, 2.0])]
    assert points_of(measures, "rooms", "nats", "deliveries_per_s") == []


def test_every_work_names_subjects_that_exist_and_goals_among_them() -> None:
    for name, work in WORKS.items():
        assert set(work.subjects) <= set(NAMES)
        for goal in work.goals:
            assert goal.ours in work.subjects
            assert not goal.peer or goal.peer in WORKS[goal.peer_work or name].subjects
    assert not set(WORKS) & set(CURVES)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_subject_is_sent_is_of_one_size_for_every_ticket(name: str) -> None:
    subject = load(name)
    frames = [subject.publish(7, "r0", b"<text>", ticket) for ticket in (b"00000000", b"12345678", b"@@@@0001")]
    assert len({len(frame) for frame in frames}) == 1
    assert all(frame.count(b"<text>") == 1 for frame in frames)
    assert subject.LOGGED_IN
    assert subject.JOINED
    assert subject.SETTINGS
