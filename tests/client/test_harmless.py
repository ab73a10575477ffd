"""What a terminal obeys instead of showing becomes visible, and nothing else changes."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.harmless import harmless, harmless_json, harmless_line, pieces, visible

ANY_TEXT = st.text(st.characters(codec=None)) | st.text("a\n\t\r\x07\x1b[]0;m\x9b\x7f\u202e\u2066\u200e\u2028\ud800")
BIDI = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x2070))}


def is_harmful(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in BIDI


@given(ANY_TEXT)
def test_no_harmful_character_is_left_but_newline_and_tab(text: str) -> None:
    assert not [character for character in harmless(text) if is_harmful(character) and character not in "\n\t"]


@given(ANY_TEXT)
def test_in_a_line_no_newline_and_no_tab_is_left_either(text: str) -> None:
    assert not [character for character in harmless_line(text) if is_harmful(character)]


@given(ANY_TEXT)
def test_every_character_that_does_no_harm_stays_where_it_is(text: str) -> None:
    expected = "".join(visible(c) if is_harmful(c) and c not in "\n\t" else c for c in text)
    assert harmless(text) == expected


@given(ANY_TEXT, st.booleans())
def test_what_stands_for_a_harmful_character_is_marked_and_nothing_else_is(text: str, line: bool) -> None:
    expected = [c for c in text if is_harmful(c) and (line or c not in "\n\t")]
    assert [piece for piece, marked in pieces(text, line=line) if marked] == [visible(c) for c in expected]
    assert all(piece for piece, _ in pieces(text, line=line))


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x00", "␀"), ("\x1b", "␛"), ("\x7f", "␡"), ("\x9b", r"\x9b"), ("\u202e", r"\u202e"),
        ("\u2028", r"\u2028"), ("\ud800", r"\ud800"),
    ],
)  # fmt: skip
def test_a_harmful_character_is_shown_by_its_picture_or_its_number(character: str, shown: str) -> None:
    assert harmless(f"a{character}b") == f"a{shown}b"


def test_letters_of_every_script_and_joined_emoji_stay_as_they_are() -> None:
    text = "naïve שלום ไทย 日本 👩‍👩‍👧 e\u0301"
    assert harmless(text) == text


@given(st.dictionaries(st.text(), st.text()))
def test_json_made_harmless_means_the_same(value: dict[str, str]) -> None:
    made = harmless_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(made) == value
    assert not [character for character in made if is_harmful(character)]
