"""The editor does what a shell's does, and never loses or changes what was typed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.editor import (
    HISTORY_LINES,
    Action,
    Choices,
    Completion,
    Editor,
    Leave,
    Redraw,
    Submitted,
    TooLong,
)

TYPED_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200)
PASTED_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n\t"), min_size=1, max_size=200
)
LEFT, RIGHT, UP, DOWN, DELETE = b"\x1b[D", b"\x1b[C", b"\x1b[A", b"\x1b[B", b"\x1b[3~"


def pasted(text: str) -> bytes:
    return b"\x1b[200~" + text.encode() + b"\x1b[201~"


def edited(data: bytes) -> tuple[str, int]:
    editor = Editor()
    assert editor.feed(data) == []
    return editor.text, editor.cursor


@given(TYPED_TEXT)
def test_text_and_enter_submit_exactly_that_text(text: str) -> None:
    editor = Editor()
    assert editor.feed(text.encode() + b"\r") == [Submitted(text)]
    assert (editor.text, editor.cursor) == ("", 0)


@given(PASTED_TEXT)
def test_a_paste_and_enter_submit_exactly_that_text_with_its_newlines(text: str) -> None:
    assert Editor().feed(pasted(text) + b"\r") == [Submitted(text)]


SOME_KEYS = [b"a", "é日".encode(), b"\r", b"\t", LEFT, UP, DOWN, b"\x17", b"\x1b[200~", b"\x1b[201~", b"\x04"]


@given(st.binary(max_size=200) | st.lists(st.sampled_from(SOME_KEYS)).map(b"".join), st.data())
def test_any_bytes_however_cut_leave_the_same_line_and_submit_the_same(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)))))
    whole, parts = Editor(max_chars=50), Editor(max_chars=50)
    actions = whole.feed(data)
    in_parts: list[Action] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        in_parts += parts.feed(data[start:end])
        assert 0 <= parts.cursor <= len(parts.text) <= 50
    assert (whole.text, whole.cursor) == (parts.text, parts.cursor)
    assert without_too_long(actions) == without_too_long(in_parts)
    assert left_out(actions) == left_out(in_parts)


def without_too_long(actions: list[Action]) -> list[Action]:
    return [action for action in actions if not isinstance(action, TooLong)]


def left_out(actions: list[Action]) -> int:
    return sum(action.chars for action in actions if isinstance(action, TooLong))


class Model:
    """A line of ASCII as two strings, before and after the cursor."""

    def __init__(self) -> None:
        self.before, self.after = "", ""

    def press(self, key: bytes) -> None:
        before, after = self.before, self.after
        if key in (LEFT, b"\x02"):
            before, after = before[:-1], before[-1:] + after
        elif key in (RIGHT, b"\x06"):
            before, after = before + after[:1], after[1:]
        elif key in (b"\x01", b"\x1b[H"):
            before, after = "", before + after
        elif key in (b"\x05", b"\x1b[F"):
            before, after = before + after, ""
        elif key == b"\x7f":
            before = before[:-1]
        elif key == DELETE:
            after = after[1:]
        elif key == b"\x15":
            before = ""
        elif key == b"\x0b":
            after = ""
        elif key == b"\x17":
            before = before.rstrip(" ").rpartition(" ")[0] + " " if " " in before.rstrip(" ") else ""
        else:
            before += key.decode()
        self.before, self.after = before, after


MOVES = [LEFT, RIGHT, b"\x02", b"\x06", b"\x01", b"\x05", b"\x1b[H", b"\x1b[F"]
CUTS = [b"\x7f", DELETE, b"\x15", b"\x0b", b"\x17"]


@given(st.lists(st.sampled_from([*MOVES, *CUTS, b"a", b"b", b" ", b"xyz", b"  "])))
def test_the_editor_agrees_with_two_strings_about_every_key(pressed: list[bytes]) -> None:
    editor, model = Editor(), Model()
    for key in pressed:
        editor.feed(key)
        model.press(key)
        assert (editor.text, editor.cursor) == (model.before + model.after, len(model.before))


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        (b"one two\x17", "one ", 4),
        (b"one two\x1bb\x1bb\x1bd", " two", 0),
        (b"one two\x01\x1bfX", "oneX two", 4),
        ("e\u0301\x7f".encode(), "", 0),
        (("👩\u200d👧" + "x\x1b[D\x1b[D\x1b[3~").encode(), "x", 0),
        (b"abc\x1b[D\x1b[D\x04", "ac", 1),
        (b"a\x1b\rb", "a\nb", 3),
        (b"ab\x01" + pasted("x\ny"), "x\nyab", 3),
    ],
)
def test_keys_change_the_line_as_in_a_shell(keys: bytes, text: str, cursor: int) -> None:
    assert edited(keys) == (text, cursor)


def test_ctrl_d_leaves_on_an_empty_line_only() -> None:
    editor = Editor()
    assert editor.feed(b"a\x04\x01\x04") == []
    assert editor.feed(b"\x04") == [Leave()]


def test_ctrl_c_leaves_and_ctrl_l_redraws() -> None:
    assert Editor().feed(b"abc\x03\x0c") == [Leave(), Redraw()]


def test_enter_on_an_empty_line_submits_nothing() -> None:
    assert Editor().feed(b"\r\n\r") == []


def test_what_is_typed_beyond_the_limit_is_left_out_and_counted() -> None:
    editor = Editor(max_chars=5)
    assert editor.feed(b"abcdefg") == [TooLong(2)]
    assert editor.text == "abcde"


def test_a_paste_is_taken_whole_or_not_at_all() -> None:
    editor = Editor(max_chars=5)
    assert editor.feed(b"ab" + pasted("cdef")) == [TooLong(4)]
    assert editor.feed(pasted("x" * 1_000) + pasted("cde")) == [TooLong(1_000)]
    assert editor.text == "abcde"


def test_a_paste_holds_nothing_of_the_one_before() -> None:
    editor = Editor(max_chars=5)
    assert editor.feed(pasted("abc") + pasted("de") + pasted("f")) == [TooLong(1)]
    assert editor.text == "abcde"
    assert editor.feed(b"\x15" + pasted("gh")) == []
    assert editor.text == "gh"


def test_no_more_of_a_paste_is_held_than_a_line_may_hold() -> None:
    editor = Editor(max_chars=100)
    editor.feed(b"\x1b[200~")
    for _ in range(100):
        editor.feed(b"x" * 50)
        assert sum(len(piece) for piece in editor._pasted) <= 100


# --- history --------------------------------------------------------------------------------------------------


def test_up_and_down_walk_through_what_was_submitted_and_back_to_the_draft() -> None:
    editor = Editor()
    editor.feed(b"one\rtwo\rdraft")
    seen = []
    for key in (UP, UP, UP, DOWN, DOWN, DOWN):
        editor.feed(key)
        seen.append((editor.text, editor.cursor))
    assert seen == [("two", 3), ("one", 3), ("one", 3), ("two", 3), ("draft", 5), ("draft", 5)]


def test_a_recalled_line_can_be_changed_and_submitted() -> None:
    assert Editor().feed(b"one\r" + UP + b"!\r" + UP + UP + b"\r") == [
        Submitted("one"),
        Submitted("one!"),
        Submitted("one"),
    ]


def test_after_a_recalled_line_was_submitted_up_begins_at_the_newest_line_again() -> None:
    editor = Editor()
    editor.feed(b"one\rtwo\r" + UP + UP + b"\r" + UP)
    assert editor.text == "one"
    editor.feed(DOWN)
    assert editor.text == ""


def test_the_same_line_twice_stands_in_the_history_once() -> None:
    editor = Editor()
    editor.feed(b"a\rb\rb\r" + UP + UP)
    assert editor.text == "a"


def test_the_history_keeps_the_newest_lines_only() -> None:
    editor = Editor()
    for number in range(HISTORY_LINES + 10):
        editor.feed(b"%d\r" % number)
    editor.feed(UP * (HISTORY_LINES + 50))
    assert editor.text == "10"


# --- completion -----------------------------------------------------------------------------------------------


def editor_offering(*words: str) -> Editor:
    def complete(line: str) -> Completion:
        start = line.rfind(" ") + 1
        fit: Sequence[str] = [word for word in words if word.lower().startswith(line[start:].lower())]
        return Completion(start, fit)

    return Editor(complete)


def test_tab_completes_the_only_word_in_the_middle_of_a_line() -> None:
    editor = editor_offering("alice ", "bob ")
    assert editor.feed(b"hi AL there\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\t") == []
    assert (editor.text, editor.cursor) == ("hi alice  there", 9)


def test_tab_completes_what_several_words_share_and_then_shows_them() -> None:
    editor = editor_offering("alice ", "alina ", "bob ")
    assert editor.feed(b"a\t") == []
    assert editor.text == "ali"
    assert editor.feed(b"\t") == [Choices(["alice ", "alina "])]
    assert editor.text == "ali"


def test_several_words_are_completed_in_the_middle_of_a_line_too() -> None:
    editor = editor_offering("alice ", "alina ")
    assert editor.feed(b"hello a\t") == []
    assert editor.text == "hello ali"
    assert editor.feed(b"\t") == [Choices(["alice ", "alina "])]


def test_tab_after_the_only_word_does_nothing() -> None:
    editor = editor_offering("bob")
    assert editor.feed(b"bob\t") == []
    assert editor.text == "bob"


def test_tab_shows_words_that_differ_in_case() -> None:
    assert editor_offering("Alice ", "alina ").feed(b"al\t") == [Choices(["Alice ", "alina "])]


def test_tab_completes_a_word_that_begins_another() -> None:
    editor = editor_offering("bob", "bobby")
    editor.feed(b"b\t")
    assert editor.text == "bob"


def test_tab_without_a_fitting_word_does_nothing() -> None:
    editor = editor_offering("alice ")
    assert editor.feed(b"x\t") == []
    assert (editor.text, Editor().feed(b"x\t")) == ("x", [])


def test_a_word_that_finds_no_room_is_not_completed() -> None:
    editor = Editor(lambda line: Completion(0, ["abcdefgh"]), max_chars=9)
    editor.feed(b"ab\t")
    assert editor.text == "ab"
    editor.feed(b"\x7f\t")
    assert editor.text == "abcdefgh"


def test_the_view_is_that_of_the_line_after_the_prompt() -> None:
    editor = Editor()
    editor.feed(b"hello" + LEFT)
    assert (editor.view(40, "> ").text, editor.view(40, "> ").column) == ("> hello", 6)
