"""What terminals send for the keys and the mouse of a full screen, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.keys import Chord, Input, Key, Mouse, PasteEnd, Typed
from trio_chat.client.screen.keys import ScreenKeys

CASES: list[tuple[bytes, list[Input]]] = [
    (b"\x1b1", [Chord("alt-1")]),
    (b"\x1bA", [Chord("alt-a")]),
    (b"\x1b[1;3A", [Chord("alt-up")]),
    (b"\x1b[1;3D", [Chord("alt-left")]),
    (b"\x1b\x1b[A\x1b\x1bOD", [Chord("alt-up"), Chord("alt-left")]),  # rxvt, PuTTY
    (b"\x1b\x1b[A\x1b[A\x1bOA\x1b\x1bx\x1b[A", [Chord("alt-up"), Key.UP, Key.UP, Chord("alt-x"), Key.UP]),
    (b"\x1b[1;5D", [Key.WORD_LEFT]),
    (b"\x1b[1;7C", [Chord("alt-right")]),
    (b"\x1b[1;3F", [Chord("alt-end")]),
    (b"\x1b[5~\x1b[6~", [Chord("page-up"), Chord("page-down")]),
    (b"\x1bOP\x1b[11~\x1b[[A", [Chord("f1")] * 3),
    (b"\x1b[Z", [Chord("shift-tab")]),
    (b"\x0e\x10\x1a", [Chord("ctrl-n"), Chord("ctrl-p"), Chord("ctrl-z")]),
    (b"\x03\t\r", [Key.LEAVE, Key.COMPLETE, Key.SUBMIT]),
    (b"\x1bb\x1bf\x1b\r", [Key.WORD_LEFT, Key.WORD_RIGHT, Key.NEWLINE]),
    (b"\x1b[<0;12;3M\x1b[<0;12;3m", [Mouse(1, 11, 2)]),
    (b"\x1b[<64;200;50M\x1b[<65;1;1M", [Mouse(4, 199, 49), Mouse(5, 0, 0)]),
    (b"\x1b[<2;1;1M\x1b[<16;5;5M", [Mouse(3, 0, 0), Mouse(1, 4, 4)]),
    (b"\x1b[<32;5;5M\x1b[<66;5;5M\x1b[<3;5;5M\x1b[<0;0;0M\x1b[<128;1;1M", []),
    (b"\x1b[200~a\rb\x1b[201~", [Typed("a\nb", pasted=True), PasteEnd()]),
    ("日".encode(), [Typed("日")]),
]


@pytest.mark.parametrize(("data", "given"), CASES)
def test_a_key_is_known_by_what_a_terminal_sends(data: bytes, given: list[Input]) -> None:
    assert list(ScreenKeys().feed(data)) == given


@given(st.lists(st.sampled_from(CASES), max_size=5), st.lists(st.integers(1, 4), min_size=1))
def test_keys_may_be_cut_anywhere(cases: list[tuple[bytes, list[Input]]], sizes: list[int]) -> None:
    data = b"".join(sent for sent, _ in cases)
    whole, cut, keys, at = list(ScreenKeys().feed(data)), list[Input](), ScreenKeys(), 0
    for number in range(len(data)):
        size = sizes[number % len(sizes)]
        cut += keys.feed(data[at : at + size])
        at += size
    assert _joined(cut) == _joined(whole)


def _joined(given: list[Input]) -> list[Input]:
    joined: list[Input] = []
    for each in given:
        last = joined[-1] if joined else None
        if isinstance(each, Typed) and isinstance(last, Typed) and each.pasted == last.pasted:
            joined[-1] = Typed(last.text + each.text, each.pasted)
        else:
            joined.append(each)
    return joined


@given(st.binary(max_size=60))
def test_anything_may_be_sent(data: bytes) -> None:
    keys = ScreenKeys()
    list(keys.feed(data))
    if keys.holds_escape:
        assert keys.escape() == Chord("escape")
    assert not keys.holds_escape


def test_an_escape_is_held_until_it_is_known_what_it_is() -> None:
    keys = ScreenKeys()
    assert list(keys.feed(b"\x1b")) == []
    assert keys.holds_escape
    assert keys.escape() == Chord("escape")
    assert list(keys.feed(b"[A")) == [Typed("[A")]
