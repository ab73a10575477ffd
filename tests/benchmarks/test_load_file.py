"""latency_data.txt holds what was measured, and what is no such file is refused with the reason and the line."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_file import DataError, Recording, format_lines, parse_lines, read_recording, write_recording
from benchmarks.load_measurements import Kind, Measurements

# As the file keeps them: whole microseconds.
times_s = st.integers(0, 10**12).map(lambda micros: micros / 1e6)
times_ms = st.integers(0, 10**10).map(lambda micros: micros / 1e3)
words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    measurements = Measurements()
    for kind, due_s, latency_ms in draw(st.lists(st.tuples(st.sampled_from(Kind), times_s, times_ms), min_size=1)):
        measurements[kind].add(due_s, latency_ms)
    return Recording(draw(words), draw(words), measurements)


@given(recordings())
def test_what_is_written_is_read_again(recording: Recording) -> None:
    assert parse_lines(format_lines(recording), "it") == recording


@given(st.floats(0, 1e6), st.floats(0, 1e9))
def test_a_time_is_kept_to_the_microsecond(due_s: float, latency_ms: float) -> None:
    recording = Recording("", "", Measurements())
    recording.measurements[Kind.DELIVERY].add(due_s, latency_ms)
    series = parse_lines(format_lines(recording), "it").measurements[Kind.DELIVERY]
    assert series.due_s[0] == pytest.approx(due_s, abs=1e-6)
    assert series.latency_ms[0] == pytest.approx(latency_ms, abs=1e-3)


def a_recording() -> Recording:
    recording = Recording("2 clients", "python -m benchmarks.load --seed 1", Measurements())
    recording.measurements[Kind.DELIVERY].add(0.25, 1.5)
    recording.measurements[Kind.POSTED].add(0.25, 1.25)
    return recording


def test_a_file_says_what_its_columns_are_and_by_what_command_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "latency_data.txt"
    write_recording(path, a_recording())
    lines = path.read_text().splitlines()
    assert lines[:3] == [
        "# trio_chat latencies 1",
        "# load: 2 clients",
        "# command: python -m benchmarks.load --seed 1",
    ]
    assert lines[-3:] == ["# columns: due_s latency_ms kind", "0.250000 1.500 delivery", "0.250000 1.250 posted"]
    assert read_recording(path) == a_recording()


def test_a_command_of_many_lines_stays_a_comment() -> None:
    recording = a_recording()
    recording.command = "python -m benchmarks.load --data 'a\n0 0 delivery'"
    assert len(parse_lines(format_lines(recording), "it").measurements) == 2


def test_a_file_edited_on_another_system_is_read_too() -> None:
    lines = [line.replace("\n", "\r\n") for line in format_lines(a_recording())]
    assert parse_lines(lines, "it") == a_recording()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "'' is not of the form: due_s latency_ms kind"),
        ("1.0 2.0", "'1.0 2.0' is not of the form: due_s latency_ms kind"),
        ("1.0 2.0 delivery 3", "is not of the form"),
        ("1.0  2.0 delivery", "is not of the form"),
        ("1.0 2.0 dispatch", "'dispatch' is none of delivery, posted, lateness"),
        ("1.0 two delivery", "does not begin with two numbers"),
        ("1.0 nan delivery", "holds a number that is no time"),
        ("1.0 -2.0 delivery", "holds a number that is no time"),
        ("inf 2.0 delivery", "holds a number that is no time"),
        ("x" * 10_000, "x…' is not of the form"),
    ],
)
def test_a_broken_line_is_refused_with_its_number(line: str, why: str) -> None:
    lines = [*format_lines(a_recording()), f"{line}\n"]
    with pytest.raises(DataError) as error:
        parse_lines(lines, "data.txt")
    assert str(error.value).startswith(f"data.txt, line {len(lines)}: ")
    assert why in str(error.value)
    assert len(str(error.value)) < 200


@given(st.lists(st.text(max_size=40)))
def test_whatever_a_file_holds_it_is_read_or_refused(lines: list[str]) -> None:
    for given_lines in (lines, [*format_lines(a_recording()), *lines]):
        with suppress(DataError):
            parse_lines(given_lines, "it")


def test_a_file_without_measurements_is_refused() -> None:
    with pytest.raises(DataError, match=r"data.txt is empty"):
        parse_lines([], "data.txt")
    with pytest.raises(DataError, match=r"data.txt holds no measurement"):
        parse_lines(format_lines(Recording("", "", Measurements())), "data.txt")


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readme.txt"
    path.write_text("# readme\n")
    with pytest.raises(DataError, match=r"is no latency_data.txt: it does not begin with"):
        read_recording(path)
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match=r"is no latency_data.txt: it is not UTF-8 text"):
        read_recording(path)
    with pytest.raises(DataError, match=r"cannot read .*: No such file"):
        read_recording(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot write"):
        write_recording(tmp_path / "no" / "where", a_recording())
