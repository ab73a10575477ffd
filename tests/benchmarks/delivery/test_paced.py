"""When each text arrived, found out from the pieces of a stream afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.delivery.counting import text_of
from benchmarks.delivery.paced import Piece, arrivals

TEXT = text_of(92)


@given(st.lists(st.integers(0, 99_999_999), max_size=20), st.lists(st.integers(1, 400), min_size=1))
def test_a_text_arrived_with_the_piece_that_brought_its_last_byte(numbers: list[int], sizes: list[int]) -> None:
    stream, ends = b"", []
    for number in numbers:
        stream += b'{"id":1,"text":"%08d%s' % (number, TEXT)
        ends.append(len(stream))
        stream += b'"}'
    pieces: list[Piece] = []
    place = 0
    while place < len(stream):
        size = sizes[len(pieces) % len(sizes)]
        place += size
        pieces.append((min(place, len(stream)), stream[place - size : place]))
    found, times = arrivals(pieces, TEXT)  # the "time" of a piece is where it ends
    assert found == numbers
    for end, time in zip(ends, times, strict=True):
        assert time == min(when for when, _ in pieces if when >= end)


def test_nothing_arrives_in_nothing() -> None:
    assert arrivals([], TEXT) == ([], [])
