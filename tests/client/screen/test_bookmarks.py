"""Bookmarks survive their encoding, any bytes are bookmarks or damaged, and two terminals lose nothing to another."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import ROOM_CHARS
from trio_chat.client.screen.bookmarks import (
    EPOCH_CHARS,
    MAX_BYTES,
    NOTHING,
    ROOMS_KEPT,
    Bookmarks,
    Damaged,
    Mark,
    encode,
    merged,
    parse,
)

names = st.text(min_size=1, max_size=ROOM_CHARS)
epochs = st.text(min_size=1, max_size=EPOCH_CHARS)
marks = st.builds(Mark, epochs, st.integers(0, 2**53 - 1))
anything = st.builds(Bookmarks, st.dictionaries(names, marks, max_size=5), st.none() | names)


@given(anything)
def test_what_is_kept_comes_back(bookmarks: Bookmarks) -> None:
    kept = merged(NOTHING, bookmarks, ())
    assert parse(encode(kept)) == kept


@given(st.binary() | anything.map(encode).flatmap(lambda data: st.integers(0, len(data)).map(lambda n: data[:n])))
def test_any_bytes_are_bookmarks_or_damaged(data: bytes) -> None:
    try:
        found = parse(data)
    except Damaged:
        return
    assert parse(encode(found)) == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"rooms":{},"version":2}',
        b'{"rooms":{"lobby":{"epoch":"e","seq":-1}}}',
        b'{"rooms":{"lobby":{"epoch":"","seq":1}}}',
        b'{"rooms":{"":{"epoch":"e","seq":1}}}',
        b'{"rooms":{"a\\u001bb":{"epoch":"e","seq":1}}}',
        b'{"last":"\\n"}',
        b'{"last":"\\ud800"}',
        b'{"last":"lobby"' + b" " * MAX_BYTES + b"}",
        msgspec.json.encode({"rooms": {str(number): {"epoch": "e", "seq": 1} for number in range(ROOMS_KEPT + 1)}}),
    ],
)
def test_nonsense_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        parse(data)


def test_the_order_on_the_screen_is_kept() -> None:
    rooms = {name: Mark("e", 1) for name in ("zoo", "lobby", "bar")}
    assert list(parse(encode(Bookmarks(rooms))).rooms) == ["zoo", "lobby", "bar"]


def test_what_another_terminal_has_kept_stays_unless_it_was_left_and_nothing_becomes_unread() -> None:
    kept = Bookmarks({"a": Mark("e", 9), "b": Mark("e", 9), "c": Mark("old", 9), "d": Mark("e", 1)}, "b")
    ours = Bookmarks({"a": Mark("e", 7), "c": Mark("new", 2), "x": Mark("e", 3)}, None)
    now = merged(kept, ours, {"d"})
    assert now == Bookmarks({"a": Mark("e", 9), "b": Mark("e", 9), "c": Mark("new", 2), "x": Mark("e", 3)}, "b")
    assert merged(kept, ours, {"b", "d"}).last is None
    assert merged(kept, Bookmarks(ours.rooms, "x"), ()).last == "x"


@given(st.lists(st.integers(0, 1_000), min_size=1))
def test_whoever_writes_last_what_is_read_stays_read(seqs: list[int]) -> None:
    kept = NOTHING
    for seq in seqs:
        kept = merged(kept, Bookmarks({"lobby": Mark("e", seq)}), ())
    assert kept.rooms["lobby"].seq == max(seqs)


def test_what_a_server_makes_up_does_not_break_the_bounds() -> None:
    fine = {chr(0x1F600) * 60 + f"{number:04}": Mark("e" * EPOCH_CHARS, 2**53 - 1) for number in range(150)}
    odd = {"x" * 65: Mark("e", 1), "long": Mark("e" * 65, 1), "none": Mark("", 1), "far": Mark("e", 2**53)}
    now = merged(NOTHING, Bookmarks({**odd, **fine}, "y" * 65), ())
    assert list(now.rooms) == list(fine)[:ROOMS_KEPT]
    assert now.last is None
    assert len(encode(now)) <= MAX_BYTES
    assert parse(encode(now)) == now
