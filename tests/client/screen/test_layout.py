"""Rows are as wide as they should be, whatever is written in them, and nothing of a text is lost."""

import pytest
import wcwidth
from hypothesis import example, given
from hypothesis import strategies as st

from trio_chat.client.harmless import harmless
from trio_chat.client.screen.layout import MARK, columns, fit, right, wrap
from trio_chat.client.screen.widgets import plain_text

HOSTILE = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from(
        "\u200d\ufe0f\u0301\u0300🇩🇪👨👩👧👍\U0001f3fd日本각ᄀ\u1161שלa1 \t\n\u202e\u200e\u2066\x1b\x9b\x07"
    )
    | st.sampled_from(["👨‍👩‍👧‍👦", "❤️", "e\u0301", "1️⃣"]).map(lambda text: text[0]),
    max_size=120,
)


def cells_of(text: str) -> int:
    """Return the columns of a text as a terminal takes it that knows what a person sees as one character."""
    return sum(wcwidth.width(cluster, control_codes="ignore") for cluster in wcwidth.iter_graphemes(text))


@given(HOSTILE, st.integers(1, 60))
@example(" 00日", 3)
def test_wrapped_rows_never_exceed_their_room(text: str, room: int) -> None:
    for row in wrap([("", harmless(text))], room):
        assert cells_of("".join(part for _, part in row)) <= room


@given(HOSTILE, st.integers(0, 60))
def test_a_fitted_row_is_exactly_as_wide_as_its_room(text: str, room: int) -> None:
    assert cells_of("".join(part for _, part in fit([("", harmless(text))], room))) == room
    assert cells_of("".join(part for _, part in right([("", harmless(text).replace("\n", " "))], room))) == room


@given(st.text("abc de\n日本", max_size=200), st.integers(2, 40))
def test_wrapping_loses_nothing_but_the_spaces_at_which_it_breaks(text: str, room: int) -> None:
    rows = wrap([("", text)], room)
    joined = "".join(part for row in rows for _, part in row)
    assert joined.replace(" ", "") == text.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("one two three", ["one two", "three"]),
        ("abcdefghij", ["abcdefgh", "ij"]),
        ("a\n\nb", ["a", "", "b"]),
        ("ab\tc", ["ab  c"]),
        ("日本語日本", ["日本語日", "本"]),
        ("ab 日本語", ["ab 日本", "語"]),
        ("12345678 x", ["12345678", "x"]),
        ("", [""]),
    ],
)
def test_rows_break_between_words_and_between_wide_characters(text: str, rows: list[str]) -> None:
    assert plain_text(wrap([("", text)], 8)) == rows


@pytest.mark.parametrize("cluster", ["👨‍👩‍👧‍👦", "🇩🇪", "❤️", "👍🏽", "각", "é"])
def test_what_a_person_sees_as_one_character_is_never_cut(cluster: str) -> None:
    for room in (2, 3, 5):
        for row in plain_text(wrap([("", cluster * 7)], room)):
            assert row.replace(cluster, "") == ""


def test_a_mark_without_a_letter_gets_a_circle_and_a_joiner_without_a_partner_joins_nothing() -> None:
    assert plain_text(wrap([("", "\u0301a\u200db\ufeff")], 9)) == ["\u25cc\u0301a\u200bb\ufeff"]


def test_behind_right_to_left_text_stands_a_mark_that_takes_no_column() -> None:
    (row,) = wrap([("", "שלום")], 9)
    assert row[-1] == ("", MARK)
    assert columns("שלום" + MARK) == 4
    assert fit([("", "שלום"), ("", MARK)], 6)[-1] == ("", "  ")
    assert wrap([("", "hello")], 9) == [[("", "hello")]]
