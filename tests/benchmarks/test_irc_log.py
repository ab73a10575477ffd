"""What the lines of an IRC log say, and how a file is cut into windows."""

import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.irc_log import (
    Arrived,
    Departed,
    Event,
    LogError,
    Remark,
    Renamed,
    Said,
    TopicChanged,
    count_lines,
    due_minutes,
    parse_line,
    read_windows,
)

LINES = [
    ("[09:14] <ann> hello there", Said(1, 554, "ann", "hello there")),
    ("[09:14] <ann>  two spaces, kept  ", Said(1, 554, "ann", " two spaces, kept  ")),
    ("[23:59] <|QuaD-> a > b <c> d", Said(1, 1439, "|QuaD-", "a > b <c> d")),
    ("[00:00] <bur[n] er> a nick with a space", Said(1, 0, "bur[n] er", "a nick with a space")),
    ("[00:00] <ann>", Said(1, 0, "ann", "")),
    ("[00:00] <ann> ", Said(1, 0, "ann", "")),
    ("[00:00] <ann> \x85\x1c\u2028 no line ends here", Said(1, 0, "ann", "\x85\x1c\u2028 no line ends here")),
    ("[18:10]  * ann waves", Said(1, 1090, "ann", "waves", "action")),
    ("[18:10]  * ann", Said(1, 1090, "ann", "", "action")),
    ("=== ann here to witness...", Said(1, None, "ann", "here to witness...", "old action")),
    ("[05:12] -ann:#ubuntu- all listen", Said(1, 312, "ann", "all listen", "notice")),
    ("[01:09] (ann/#ubuntu) bob: here", Said(1, 69, "ann", "bob: here")),
    ("=== ann has joined #ubuntu", Arrived(1, "ann")),
    ("=== Cal[] John has joined #ubuntu", Arrived(1, "Cal[] John")),
    ("=== ann [[H] -853@58.10.69.1]  has joined #ubuntu", Arrived(1, "ann")),
    ("=== ann has left #Ubuntu []", Departed(1, "ann")),
    ('=== N}{N[] O has left #ubuntu ["Ubuntu]', Departed(1, "N}{N[] O")),
    ("=== ann was kicked off #ubuntu by bob (flood)", Departed(1, "ann")),
    ("=== ann is now known as ann|away", Renamed(1, "ann", "ann|away")),
    ("=== ann[x]  is now known as ann", Renamed(1, "ann[x] ", "ann")),
    ("=== ann changed the topic of #ubuntu to: be nice", TopicChanged(1, "ann", "be nice")),
    ("=== ..[topic/#ubuntu:ann] : be nice", TopicChanged(1, "ann", "be nice")),
    ("=== netjoined: one.example -> two.example", Remark(1, "logger", "=== netjoined: one.example -> two.example")),
    ("=== Topic for #ubuntu: be nice", Remark(1, "logger", "=== Topic for #ubuntu: be nice")),
    ("", Remark(1, "empty", "")),
    ("ann: hello", Remark(1, "unknown", "ann: hello")),
    ("[9:14] <ann> hello", Remark(1, "unknown", "[9:14] <ann> hello")),
    ("[24:00] <ann> hello", Remark(1, "unknown", "[24:00] <ann> hello")),
    ("[09:14] <> hello", Remark(1, "unknown", "[09:14] <> hello")),
    ("===  hello", Remark(1, "unknown", "===  hello")),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "event"), LINES)
def test_a_line_says_what_its_form_says(raw: str, event: Event) -> None:
    assert parse_line(1, raw) == event


def test_an_action_by_a_nick_with_a_space_is_told_by_the_nicks_that_are_known() -> None:
    known = ["bur[n] er_", "bur[n] er"]
    assert parse_line(1, "=== bur[n] er sings", known) == Said(1, None, "bur[n] er", "sings", "old action")
    assert parse_line(1, "[00:01]  * bur[n] er_ sings", known) == Said(1, 1, "bur[n] er_", "sings", "action")
    assert parse_line(1, "=== bur[n] ner sings", known) == Said(1, None, "bur[n]", "ner sings", "old action")


one_line = st.text().filter(lambda text: "\n" not in text)
nicks = st.text(st.characters(codec="utf-8", exclude_characters="\n\r <>"), min_size=1)


@given(one_line, st.integers(1))
def test_any_line_is_one_event_with_its_number(raw: str, number: int) -> None:
    assert parse_line(number, raw).line == number


@given(st.integers(0, 23), st.integers(0, 59), nicks, one_line)
def test_what_is_said_comes_out_of_its_line_as_it_went_in(hours: int, minutes: int, nick: str, text: str) -> None:
    stamp, minute = f"[{hours:02}:{minutes:02}]", hours * 60 + minutes
    assert parse_line(1, f"{stamp} <{nick}> {text}") == Said(1, minute, nick, text)
    assert parse_line(1, f"{stamp}  * {nick} {text}") == Said(1, minute, nick, text, "action")


def written(directory: Path, data: bytes, name: str = "irc.txt") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


LOG = b"""# 2004-12-25
[09:14] <ann> one
# 2005-01-01
# 2005-02-02
[09:15] <bob> two
[09:16] <ann> # 2005-03-03
"""


def test_each_date_opens_a_window_and_lines_are_numbered_through(tmp_path: Path) -> None:
    windows = list(read_windows(written(tmp_path, LOG)))
    assert [(window.number, window.date) for window in windows] == [
        (1, "2004-12-25"),
        (2, "2005-01-01"),
        (3, "2005-02-02"),
    ]
    assert [[event.line for event in window.events] for window in windows] == [[2], [], [5, 6]]


def test_what_stands_before_the_first_date_is_a_window_of_its_own(tmp_path: Path) -> None:
    windows = list(read_windows(written(tmp_path, b"[09:13] <ann> zero\n" + LOG)))
    assert [(window.number, window.date) for window in windows[:2]] == [(1, ""), (2, "2004-12-25")]
    assert windows[0].events == [Said(1, 553, "ann", "zero")]


@pytest.mark.parametrize("data", [b"", b"\n", LOG, b"[09:13] <ann> zero\n" + LOG, LOG.removesuffix(b"\n")])
def test_the_lines_that_are_counted_are_the_events_that_are_read(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, data)
    assert list(count_lines(path)) == [len(window.events) for window in read_windows(path)]


def test_a_packed_log_says_what_the_log_says(tmp_path: Path) -> None:
    packed = written(tmp_path, lzma.compress(LOG), "irc.txt.xz")
    assert list(read_windows(packed)) == list(read_windows(written(tmp_path, LOG)))


def test_a_line_ends_with_a_newline_with_or_without_a_return_and_with_nothing_else(tmp_path: Path) -> None:
    data = "[09:14] <ann> a\x0b\x0c\x1c\x85\u2028b\r\n[09:14] <ann> c\rd\n".encode()
    (window,) = read_windows(written(tmp_path, data))
    assert [event.text for event in window.events if isinstance(event, Said)] == ["a\x0b\x0c\x1c\x85\u2028b", "c\rd"]


def test_a_line_that_is_not_utf_8_is_told_and_harms_no_other(tmp_path: Path) -> None:
    (window,) = read_windows(written(tmp_path, b"[09:14] <ann> \xff\n[09:14] <ann> b\n"))
    assert window.events == [Remark(1, "not UTF-8", "[09:14] <ann> \\xff"), Said(2, 554, "ann", "b")]


def test_in_a_window_a_nick_with_a_space_is_known_by_any_of_its_lines(tmp_path: Path) -> None:
    data = b"=== [a] b sings\n[09:14]  * [a] b dances\n=== [a] b is now known as c\n"
    (window,) = read_windows(written(tmp_path, data))
    assert [event.nick for event in window.events if isinstance(event, Said)] == ["[a] b", "[a] b"]


def test_a_log_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"cannot read .*nothing\.txt: No such file"):
        list(count_lines(tmp_path / "nothing.txt"))


@pytest.mark.parametrize("data", [b"", b"no xz", lzma.compress(LOG)[:-10]])
def test_a_file_that_is_no_whole_xz_is_told_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LogError, match=r"irc\.txt\.xz is no whole \.xz file"):
        list(read_windows(written(tmp_path, data, "irc.txt.xz")))


def said_at(*stamps: int | None) -> list[Event]:
    return [Said(line, stamp, "ann", "x") for line, stamp in enumerate(stamps, 1)]


@pytest.mark.parametrize(
    ("stamps", "due"),
    [
        ([554, 555, 557], [0, 1, 3]),
        ([554, 554, 554, 554, 555], [0, 0.25, 0.5, 0.75, 1]),
        ([None, 554, None, 555], [0, 1 / 3, 2 / 3, 1]),
        ([779, 60], [0, 1]),  # 12:59 and 1:00 of a clock of 12 hours
        ([1439, 0], [0, 1]),
        ([600, 598, 601], [0, 0.5, 3]),  # 598 is out of order; what follows it goes by it
    ],
)
def test_events_are_due_by_their_stamps_and_spread_over_the_minute(stamps: list[int | None], due: list[float]) -> None:
    assert due_minutes(said_at(*stamps)) == due


@given(st.lists(st.none() | st.integers(0, 1439)))
def test_no_event_is_due_before_the_one_before_it(stamps: list[int | None]) -> None:
    due = due_minutes(said_at(*stamps))
    assert len(due) == len(stamps)
    assert due == sorted(due)
