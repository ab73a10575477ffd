"""What is typed: several lines, a Tab key that goes around, a history, and rows that show the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.screen.test_layout import HOSTILE, cells_of
from trio_chat.client.editor import Action, Completion, Submitted
from trio_chat.client.screen.composer import Composer
from trio_chat.client.screen.widgets import plain_text


def complete(line: str) -> Completion:
    start = line.rfind(" ") + 1
    words = ["bernd: ", "bob: ", "zoë "]
    return Completion(start, [word for word in words if word.startswith(line[start:])])


def type_into(composer: Composer, keys: str) -> list[Action]:
    given = list(composer.decoder.feed(keys.encode()))
    return [action for each in given if (action := composer.take(each)) is not None]


@pytest.fixture
def composer() -> Composer:
    return Composer(complete)


def test_tab_goes_around_all_that_fits_and_back_and_another_key_ends_that(composer: Composer) -> None:
    seen = []
    for key in ("b\t", "\t", "\t", "\x1b[Z", "\x1b[Z"):
        type_into(composer, key)
        seen.append(composer.text)
    assert seen == ["bernd: ", "bob: ", "bernd: ", "bob: ", "bernd: "]
    assert (composer.offered, composer.offered_at) == (["bernd: ", "bob: "], 0)
    type_into(composer, "x")
    assert composer.offered == ()
    type_into(composer, "\x15z\ty")
    assert composer.text == "zoë y"
    type_into(composer, "\x15q\t")
    assert composer.text == "q"


def test_up_and_down_go_through_the_history_and_through_the_lines_of_a_text(composer: Composer) -> None:
    assert type_into(composer, "one\rtwo\r") == [Submitted("one"), Submitted("two")]
    type_into(composer, "draft\x1b[A")
    assert composer.text == "two"
    type_into(composer, "\x1b[A\x1b[B\x1b[B")
    assert composer.text == "draft"
    type_into(composer, "\x15abc\x1b\rde\x1b\rfghi")
    places = []
    for key in ("\x1b[A", "\x1b[A", "\x1b[A", "\x1b[B", "\x1b[B", "\x1b[B"):
        type_into(composer, key)
        places.append(composer.cursor)
    assert places == [6, 2, 2, 6, 9, 9]
    assert composer.text == "abc\nde\nfghi"


def test_a_text_of_several_lines_comes_back_from_the_history_as_one(composer: Composer) -> None:
    type_into(composer, "one\r\x1b[200~a\rb\x1b[201~\r\x1b[A")
    assert composer.text == "a\nb"
    type_into(composer, "\x1b[A")
    assert composer.text == "one"


@pytest.mark.parametrize(
    ("keys", "rows", "cursor"),
    [
        ("", [""], (0, 0)),
        ("abc", ["abc"], (3, 0)),
        ("abcdef", ["abcdef", ""], (0, 1)),
        ("abcdefgh", ["abcdef", "gh"], (2, 1)),
        ("abcdefgh\x1b[D\x1b[D", ["abcdef", "gh"], (0, 1)),
        ("abcdefgh\x1b[D\x1b[D\x1b[D", ["abcdef", "gh"], (5, 0)),
        ("ab\x1b\rcd", ["ab", "cd"], (2, 1)),
        ("ab\x1b\rcd\x01", ["ab", "cd"], (0, 0)),
        ("日本語日", ["日本語", "日"], (2, 1)),
        ("x日本語", ["x日本", "語"], (2, 1)),
        ("1\x1b\r2\x1b\r3\x1b\r4\x1b\r5", ["3", "4", "5"], (1, 2)),
    ],
)
def test_rows_show_the_text_around_the_cursor(
    composer: Composer, keys: str, rows: list[str], cursor: tuple[int, int]
) -> None:
    type_into(composer, keys)
    typed = composer.rows(6, 3)
    assert (plain_text(typed.rows), typed.cursor) == (rows, cursor)


@given(HOSTILE, st.integers(1, 30), st.integers(1, 6), st.integers(0, 130))
def test_rows_are_never_too_wide_and_the_cursor_is_always_in_them(text: str, room: int, most: int, left: int) -> None:
    composer = Composer(complete)
    composer.replace(text)
    type_into(composer, "\x1b[D" * left)
    typed = composer.rows(room, most)
    assert 1 <= len(typed.rows) <= most
    assert all(cells_of("".join(part for _, part in row)) <= room for row in typed.rows)
    assert 0 <= typed.cursor[0] < room
    assert 0 <= typed.cursor[1] < len(typed.rows)
