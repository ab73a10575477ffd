"""What a comparison reads and writes, and what it refuses before it measures."""

from pathlib import Path

import pytest

from benchmarks.delivery.__main__ import main
from benchmarks.delivery.figures import Flow, Measure
from benchmarks.delivery.files import MARKS, CannotUse, Report, check_places, read_report, write_json, write_markdown
from benchmarks.delivery.report import notes


def report() -> Report:
    measure = Measure("W1", "trio_chat", 0, Flow(1, 9, 1, 0.5, 0.1).values())
    return Report("a machine", "3.11", "2026-11-21", 2.0, [measure])


def test_a_report_that_was_written_is_read_again(tmp_path: Path) -> None:
    write_json(report(), tmp_path / "all.json")
    assert read_report(tmp_path / "all.json") == report()


def test_tables_go_between_the_marks_of_a_page_again_and_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    for _ in range(2):
        write_markdown(report(), page)
        text = page.read_text()
        assert text.startswith(f"before\n{MARKS[0]}\n\na machine, Python 3.11, 2026-11-21; 1 run, 2 s each.")
        assert text.endswith(f"{MARKS[1]}\nafter\n")
        assert "old" not in text


def test_a_new_page_holds_the_tables_alone(tmp_path: Path) -> None:
    write_markdown(report(), tmp_path / "new.md")
    assert (tmp_path / "new.md").read_text().startswith("a machine")


@pytest.mark.parametrize("text", ["a page", f"{MARKS[1]} the wrong way round {MARKS[0]}", MARKS[0]])
def test_a_page_without_marks_is_not_overwritten(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(CannotUse, match="is not overwritten"):
        check_places(None, page, None)
    assert page.read_text() == text


def test_what_cannot_be_written_is_found_before_measuring(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "latin").write_bytes(b"\xff")
    check_places(tmp_path / "a.json", tmp_path / "b.md", tmp_path / "new" / "charts")
    for places in (
        (tmp_path / "nowhere" / "a.json", None, None),
        (tmp_path, None, None),
        (None, None, tmp_path / "file"),
        (None, None, tmp_path / "file" / "charts"),
        (None, tmp_path / "latin", None),
    ):
        with pytest.raises(CannotUse, match=str(tmp_path)):
            check_places(*places)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1"])
def test_what_is_no_report_is_one_sentence(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "all.json").write_bytes(content)
    assert main(["--again", str(tmp_path / "all.json")]) == 2
    assert "holds no figures that --json wrote" in capsys.readouterr().err


def test_a_generator_that_was_late_is_named() -> None:
    (note,) = notes([Measure("W2", "trio_chat", 0, {"p99_us": 400.0, "late_p99_us": 150.0})])
    assert note == "With trio_chat (memory) the generator was late by 150 µs at p99: part of that p99 is its own."
    assert notes([Measure("W2", "trio_chat", 0, {"p99_us": 400.0, "late_p99_us": 90.0})]) == []
