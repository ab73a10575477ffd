"""A row shows the part of the line around the cursor, whatever is in it."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes, wcswidth

from trio_chat.client.line import Line

ANY_TEXT = st.text(st.characters(codec=None), max_size=60) | st.text("ab 日e\u0301\n\t\x1b\u202e👩\u200d", max_size=60)


def line_of(text: str, cursor: int | None = None) -> Line:
    line = Line(max_chars=1_000)
    line.replace(text)
    if cursor is not None:
        line.cursor = cursor
    return line


@given(ANY_TEXT, st.data(), st.integers(1, 100), st.sampled_from(["", "#lobby> ", "日本> ", "\x1b]0;title\x07> "]))
def test_a_row_is_never_wider_than_the_terminal_and_the_cursor_is_in_it(
    text: str, data: st.DataObject, columns: int, prompt: str
) -> None:
    line = line_of(text, data.draw(st.integers(0, len(text))))
    view = line.view(columns, prompt)
    assert 0 <= view.column <= max(columns - 2, 0)
    assert sum(wcswidth(cluster) for cluster in iter_graphemes(view.text)) <= max(columns - 1, 1)
    assert not [c for c in view.text if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]


def test_a_short_line_is_shown_whole_after_the_prompt() -> None:
    view = line_of("hello", 2).view(40, "#lobby> ")
    assert (view.text, view.column) == ("#lobby> hello", 10)


def test_wide_characters_count_as_two_columns_and_combining_ones_as_none() -> None:
    assert line_of("日本").view(40).column == 4
    assert line_of("e\u0301e\u0301").view(40).column == 2
    assert line_of("👩\u200d👧").view(40).column == 2


def test_a_long_line_scrolls_so_that_the_cursor_is_seen() -> None:
    line = line_of("0123456789" * 3)
    assert line.view(11).text == "56789"
    assert line.view(11).column == 5
    line.cursor = 0
    assert line.view(11).text == "0123456789"
    line.cursor = 10
    assert (line.view(11).text, line.view(11).column) == ("5678901234", 5)


def test_of_a_wide_character_cut_by_the_edge_a_space_is_shown() -> None:
    assert line_of("a日日日日日日").view(10).text == " 日日"


def test_a_prompt_that_takes_more_than_half_of_the_row_is_left_out() -> None:
    assert line_of("hi").view(10, "#lobby> ").text == "hi"
    assert line_of("hi").view(16, "#lobby> ").text == "#lobby> hi"


def test_newlines_and_tabs_are_shown_as_pictures() -> None:
    assert line_of("a\n\tb").view(40).text == "a␊␉b"


@pytest.mark.parametrize(
    ("text", "cursor", "before", "after"),
    [
        ("ab", 1, 0, 2),
        ("", 0, 0, 0),
        ("e\u0301x", 2, 0, 3),
        ("👩\u200d👧x", 0, 0, 3),
        ("👩\u200d👧x", 3, 0, 4),
        ("👩\u200d👧x", 1, 0, 3),
        ("🇬🇧🇫🇷", 2, 0, 4),
    ],
)
def test_the_cursor_moves_by_what_is_seen_as_one_character(text: str, cursor: int, before: int, after: int) -> None:
    line = line_of(text, cursor)
    assert (line.before(), line.after()) == (before, after)


@given(ANY_TEXT)
def test_walking_right_and_left_visits_the_same_places(text: str) -> None:
    line = line_of(text, 0)
    right = [0]
    while line.cursor < len(text):
        line.cursor = line.after()
        right.append(line.cursor)
    left = [line.cursor]
    while line.cursor > 0:
        line.cursor = line.before()
        left.append(line.cursor)
    assert right == left[::-1]


def test_words_are_found_across_blanks_on_both_sides() -> None:
    line = line_of("one  two\nthree", 4)
    assert line.word_before() == 0
    assert line.word_after() == 8
    line.cursor = 8
    assert line.word_before() == 5
    assert line.word_after() == 14


@given(st.text("ab \n", max_size=12), st.data())
def test_words_end_where_blanks_begin(text: str, data: st.DataObject) -> None:
    line = line_of(text, data.draw(st.integers(0, len(text))))
    assert line.word_before() == len(re.sub(r"\S*\s*\Z", "", text[: line.cursor]))
    assert line.word_after() == len(text) - len(re.sub(r"\A\s*\S*", "", text[line.cursor :]))


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_more_is_inserted_than_there_is_room_for(first: str, second: str) -> None:
    line = Line(max_chars=20)
    left_out = line.insert(first) + line.insert(second)
    assert line.text == first[:20] + second[: 20 - len(first[:20])]
    assert len(line.text) + left_out == len(first) + len(second)
    assert line.room == 20 - len(line.text)
