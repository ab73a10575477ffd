"""Counting in streams that are cut anywhere, and percentiles: what every figure rests on."""

from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.delivery.counting import BUFFER_BYTES, RARE, Buffer, Counter, mark_of, percentile, text_of

SIZES = (2, 10, 43, 44, 45, 92, 100, 1_000, 4_000)


def count_in_pieces(mark: bytes, stream: bytes, sizes: list[int]) -> Counter:
    """Bring a stream in pieces of the sizes given, in turn, as reads from a socket would."""
    buffer = Buffer(mark)
    counter, place, turn = Counter(buffer), 0, 0
    while place < len(stream):
        piece = stream[place : place + sizes[turn % len(sizes)]]
        buffer.view[: len(piece)] = piece
        counter.add(len(piece))
        place, turn = place + len(piece), turn + 1
    return counter


@given(
    st.lists(st.sampled_from([b"<abc>", b"<", b"abc", b"<abc", b">", b"{}"])),
    st.lists(st.integers(1, 20), min_size=1),
)
def test_what_is_cut_anywhere_is_counted_as_if_it_were_whole(parts: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(parts)
    counter = count_in_pieces(b"<abc>", stream, sizes)
    assert (counter.count, counter.byte_count) == (stream.count(b"<abc>"), len(stream))


@given(st.integers(0, 50), st.lists(st.integers(1, 3_000), min_size=1), st.sampled_from(SIZES))
def test_texts_of_any_size_are_counted(count: int, sizes: list[int], text_bytes: int) -> None:
    text = text_of(text_bytes)
    stream = b'{"text":"' + b'"}{"text":"'.join([text] * count) if count else b"{}"
    assert count_in_pieces(mark_of(text), stream, sizes).count == count


def test_two_streams_are_counted_apart_though_they_share_a_buffer() -> None:
    buffer = Buffer(b"<abc>")
    one, other = Counter(buffer), Counter(buffer)
    for counter, piece in ((one, b"<a"), (other, b"bc>"), (one, b"bc>"), (other, b"<abc>")):
        buffer.view[: len(piece)] = piece
        counter.add(len(piece))
    assert (one.count, other.count) == (1, 1)


def test_a_read_that_fills_the_buffer_is_counted() -> None:
    stream = b"<abc>" * (BUFFER_BYTES // 5 + 7)
    assert count_in_pieces(b"<abc>", stream, [BUFFER_BYTES]).count == BUFFER_BYTES // 5 + 7


@pytest.mark.parametrize("mark", [b"aba", b"aa", b"<" * 500, bytes(range(200))])
def test_what_overlaps_itself_or_is_long_is_not_counted(mark: bytes) -> None:
    with pytest.raises(ValueError, match="short, and must not overlap"):
        Buffer(mark)


@pytest.mark.parametrize("size", SIZES)
def test_a_text_has_its_size_and_one_place_to_count(size: int) -> None:
    text = text_of(size)
    assert (len(text), text.count(b"<"), text.count(mark_of(text))) == (size, 1, 1)
    assert text[0:1] == b"<"
    assert text.endswith(RARE[-min(size - 1, len(RARE)) :])


@given(st.lists(st.integers(0, 1_000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[int], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_the_median_is_what_the_standard_library_says() -> None:
    values = list(range(1, 1_000))
    assert percentile(values, 50) == quantiles(values, n=2)[0]


def test_a_percentile_of_nothing_is_0() -> None:
    assert percentile([], 99) == 0
