"""Bytes become keys and text, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.keys import Input, Key, KeyDecoder, PasteEnd, Typed


def keys(data: bytes) -> list[Input]:
    """Decode `data` at once and byte by byte, and expect the same; runs of text are joined."""
    whole, single = KeyDecoder(), KeyDecoder()
    at_once = joined(list(whole.feed(data)))
    assert joined([given for byte in data for given in single.feed(bytes([byte]))]) == at_once
    return at_once


def joined(inputs: list[Input]) -> list[Input]:
    result: list[Input] = []
    for one in inputs:
        last = result[-1] if result else None
        if isinstance(one, Typed) and isinstance(last, Typed) and one.pasted == last.pasted:
            result[-1] = Typed(last.text + one.text, one.pasted)
        else:
            result.append(one)
    return result


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"\x1b[D", Key.LEFT), (b"\x1bOD", Key.LEFT), (b"\x02", Key.LEFT), (b"\x1b[C", Key.RIGHT), (b"\x06", Key.RIGHT),
        (b"\x1b[1;5D", Key.WORD_LEFT), (b"\x1bb", Key.WORD_LEFT), (b"\x1b[1;3C", Key.WORD_RIGHT),
        (b"\x1bf", Key.WORD_RIGHT), (b"\x1b[H", Key.HOME), (b"\x1bOH", Key.HOME), (b"\x1b[1~", Key.HOME),
        (b"\x1b[7~", Key.HOME), (b"\x1b[1;5H", Key.HOME), (b"\x01", Key.HOME), (b"\x1b[F", Key.END),
        (b"\x1b[4~", Key.END), (b"\x1b[8~", Key.END), (b"\x05", Key.END), (b"\x1b[A", Key.UP), (b"\x10", Key.UP),
        (b"\x1b[B", Key.DOWN), (b"\x0e", Key.DOWN), (b"\x7f", Key.BACKSPACE), (b"\x08", Key.BACKSPACE),
        (b"\x1b[3~", Key.DELETE), (b"\x1b[3;5~", Key.DELETE), (b"\x04", Key.DELETE_OR_LEAVE), (b"\x17", Key.KILL_WORD),
        (b"\x1b\x7f", Key.KILL_WORD), (b"\x1bd", Key.KILL_WORD_RIGHT), (b"\x15", Key.KILL_TO_START),
        (b"\x0b", Key.KILL_TO_END), (b"\t", Key.COMPLETE), (b"\r", Key.SUBMIT), (b"\n", Key.SUBMIT),
        (b"\x1b\r", Key.NEWLINE), (b"\x0c", Key.REDRAW), (b"\x03", Key.LEAVE), (b"\x1b\x1b[A", Key.UP),
    ],
)  # fmt: skip
def test_what_a_terminal_sends_for_a_key_is_that_key_and_text_goes_on_after_it(data: bytes, key: Key) -> None:
    assert keys(data + b"x") == [key, Typed("x")]


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"\x1b[5~",
            b"\x1b[Z",
            b"\x1b[[A",
            b"\x1b[?1;2c",
            b"\x1bOP",
            b"\x00",
            b"\x1b[201~",
            b"\xc2\x9b",
            b"\x1b[@",
            b"\x1b[1 q",
        ),
        b"\x1b[" + b"1" * 99 + b"~",
    ],
)
def test_what_has_no_meaning_is_left_out_and_text_goes_on_after_it(data: bytes) -> None:
    assert keys(b"a" + data + b"b") == [Typed("ab")]


@pytest.mark.parametrize("data", [b"\x1b[1;\r", b"\x1bO\r", b"\x1b[[\r"])
def test_a_control_character_breaks_off_a_sequence_and_is_obeyed(data: bytes) -> None:
    assert keys(data) == [Key.SUBMIT]


def test_an_escape_within_a_sequence_begins_a_new_one() -> None:
    assert keys(b"\x1b[1\x1b[A") == [Key.UP]


def test_text_that_breaks_a_sequence_off_is_text() -> None:
    assert keys("\x1b[1é".encode()) == [Typed("é")]


def test_escape_pressed_by_mistake_does_not_eat_the_next_letter() -> None:
    assert keys(b"\x1bhello") == [Typed("hello")]
    assert keys(b"\x1b\x01") == [Key.HOME]


def test_of_a_sequence_without_end_little_is_held() -> None:
    decoder = KeyDecoder()
    for _ in range(100):
        assert list(decoder.feed(b"\x1b[" + b"1" * 50)) == []
        assert len(decoder._parameters) <= 16


def test_invalid_utf8_is_shown_as_replacement_characters() -> None:
    assert keys(b"a\xff\xe2\x82b") == [Typed("a\ufffd\ufffdb")]


def test_a_paste_keeps_newlines_and_tabs_and_nothing_in_it_is_a_key() -> None:
    data = b"\x1b[200~one\r\ntwo\rthree\n\tfour\x03\x1b[A\x1b[200\x1b[201~"
    assert keys(data) == [Typed("one\ntwo\nthree\n\tfour[A[200", pasted=True), PasteEnd()]


def test_after_a_paste_keys_are_keys_again() -> None:
    assert keys(b"\x1b[200~a\r\x1b[201~\r") == [Typed("a\n", pasted=True), PasteEnd(), Key.SUBMIT]


def test_a_paste_that_ends_with_a_carriage_return_at_the_edge_of_a_read_keeps_it() -> None:
    decoder = KeyDecoder()
    assert joined([*decoder.feed(b"\x1b[200~a\r"), *decoder.feed(b"b\r"), *decoder.feed(b"\n\x1b[201~")]) == [
        Typed("a\nb\n", pasted=True),
        PasteEnd(),
    ]


PIECES = st.lists(
    st.sampled_from([b"\x1b", b"[", b"200~", b"201~", b"\x1b[200~", b"\x1b[201~", b"O", b"\r", b"\n", b"A", b"\xc3"])
    | st.binary(max_size=4)
)


@given(PIECES.map(b"".join))
def test_any_bytes_mean_the_same_cut_anywhere(data: bytes) -> None:
    keys(data)


@given(PIECES.map(b"".join))
def test_no_control_character_is_ever_text_but_newline_and_tab_in_a_paste(data: bytes) -> None:
    for given_ in KeyDecoder().feed(data):
        if isinstance(given_, Typed):
            text = given_.text.replace("\n", "").replace("\t", "") if given_.pasted else given_.text
            assert not [character for character in text if ord(character) < 32 or 127 <= ord(character) < 160]
