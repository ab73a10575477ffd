"""Proves that a stream is cut into the same payloads however it comes, and that no more of it is held than may be."""

from traceback import walk_tb
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from protocol import (
    FRAME_LIMIT_CEILING,
    MAX_FRAME_TO_CLIENT,
    MAX_FRAME_TO_SERVER,
    FrameDecoder,
    FrameError,
    encode_frame,
    encode_frames,
)
from tests.protocol.streams import (
    CASES,
    LIMIT,
    WORST_LENGTHS,
    Case,
    Decoded,
    bad_lengths,
    cut,
    decode,
    decode_plainly,
    drain,
    every_way,
    frame,
    streams,
)

LIMITS: Final = st.integers(1, 40)
DATA: Final = st.data()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_ends_the_same_whole_byte_by_byte_and_cut_anywhere(case: Case) -> None:
    expected = Decoded(case.payloads, case.refused, case.held)
    assert decode_plainly(case.stream, LIMIT) == expected
    for pieces in every_way(case.stream):
        assert decode(pieces, LIMIT) == expected, pieces


@pytest.mark.parametrize("trailing", [b"x", b"\0\0\0\0", frame(b"next"), frame(b"next") + b"\0\0\0"])
@pytest.mark.parametrize("case", [case for case in CASES if not case.held], ids=lambda case: case.name)
def test_what_trails_behind_a_case_changes_nothing_in_it(case: Case, trailing: bytes) -> None:
    behind = Decoded([], case.refused, 0) if case.refused is not None else decode_plainly(trailing, LIMIT)
    for pieces in every_way(case.stream + trailing):
        assert decode(pieces, LIMIT) == (case.payloads + behind.payloads, behind.refused, behind.held), pieces


@given(DATA, LIMITS)
def test_any_partition_of_any_bytes_gives_what_the_specification_says(data: DataObject, limit: int) -> None:
    stream = data.draw(streams(limit) | st.binary(max_size=100))
    assert decode(data.draw(cut(stream)), limit) == decode_plainly(stream, limit)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=10), DATA)
def test_decoding_encoded_frames_gives_the_payloads(payloads: list[bytes], data: DataObject) -> None:
    stream = b"".join(encode_frame(payload) for payload in payloads)
    assert decode(data.draw(cut(stream)), 300) == (payloads, None, 0)


@given(DATA, LIMITS)
def test_frames_before_a_bad_one_are_delivered_first(data: DataObject, limit: int) -> None:
    good = data.draw(st.lists(st.binary(min_size=1, max_size=limit), max_size=5))
    bad = data.draw(bad_lengths(limit))
    stream = b"".join(map(frame, good)) + bad.to_bytes(4, "big") + data.draw(st.binary(max_size=20))
    assert decode(data.draw(cut(stream)), limit) == (good, bad, 0)


def test_frames_in_the_same_piece_as_a_bad_one_come_out_in_a_take_of_their_own() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(frame(b"a") + frame(b"b") + b"\0\0\0\0" + frame(b"c"))
    assert decoder.take() == [b"a", b"b"]
    with pytest.raises(FrameError):
        decoder.take()


@pytest.mark.parametrize("length", [0, LIMIT + 1, *WORST_LENGTHS])
@pytest.mark.parametrize("before", [b"", frame(b"a"), frame(b"a") * 2])
def test_a_bad_length_is_refused_at_its_fourth_byte(length: int, before: bytes) -> None:
    header = length.to_bytes(4, "big")
    early = [before + header[:3]] if before else [header[:1], header[1:3]]
    decoder, payloads = FrameDecoder(LIMIT), list[bytes]()
    for piece in early:
        decoder.feed(piece)
        assert drain(decoder, payloads) is None, "refused before its fourth byte"
    assert decoder.held_bytes == 3
    decoder.feed(header[3:])
    with pytest.raises(FrameError) as refused:
        decoder.take()
    assert (refused.value.length, refused.value.limit) == (length, LIMIT)
    assert str(refused.value) == f"a frame of {length} bytes was announced; 1 to {LIMIT} are accepted"
    assert decoder.held_bytes == 0


@given(DATA, LIMITS)
def test_an_error_is_absorbing(data: DataObject, limit: int) -> None:
    decoder = FrameDecoder(limit)
    decoder.feed(data.draw(bad_lengths(limit)).to_bytes(4, "big"))
    first = drain(decoder, [])
    assert first is not None
    for piece in data.draw(st.lists(st.binary(min_size=1, max_size=5).map(frame) | st.binary(max_size=9), min_size=1)):
        decoder.feed(piece)
        assert decoder.held_bytes == 0
        with pytest.raises(FrameError) as again:
            decoder.take()
        assert again.value is first


def test_an_error_asked_for_again_and_again_does_not_grow() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(b"\0\0\0\0")
    depths = []
    for _ in range(3):
        with pytest.raises(FrameError) as refused:
            decoder.take()
        depths.append(len(list(walk_tb(refused.value.__traceback__))))
    assert depths[2] == depths[1], "each take made the traceback longer"


@given(DATA, LIMITS)
def test_memory_held_is_below_four_and_the_limit_after_each_drain(data: DataObject, limit: int) -> None:
    decoder, fed, taken = FrameDecoder(limit), 0, 0
    for piece in data.draw(cut(data.draw(streams(limit)))):
        decoder.feed(piece)
        payloads: list[bytes] = []
        refused = drain(decoder, payloads)
        fed += len(piece)
        taken += sum(4 + len(payload) for payload in payloads)
        assert decoder.held_bytes == (0 if refused else fed - taken)
        assert buffered_bytes(decoder) == decoder.held_bytes < 4 + limit
        if refused:
            return


def buffered_bytes(decoder: FrameDecoder) -> int:
    """Return how many bytes the decoder keeps alive, as found by looking into it."""
    values = [getattr(decoder, name) for name in FrameDecoder.__slots__]
    return sum(len(value) for value in values if isinstance(value, bytes | bytearray))


def test_held_bytes_counts_what_was_fed_and_not_taken_yet() -> None:
    decoder = FrameDecoder(LIMIT)
    assert decoder.held_bytes == 0
    decoder.feed(frame(b"abc") * 2)
    assert decoder.held_bytes == 14
    decoder.take()
    assert decoder.held_bytes == 0


def test_feeding_before_all_was_taken_is_an_error_of_the_caller_and_loses_nothing() -> None:
    decoder = FrameDecoder(LIMIT)
    decoder.feed(frame(b"a"))
    with pytest.raises(RuntimeError, match="take"):
        decoder.feed(frame(b"b"))
    assert decoder.take() == [b"a"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_may_be_fed_and_changed_afterwards(kind: type[bytes] | type[bytearray]) -> None:
    buffer = bytearray(frame(b"abc") + b"\0\0")
    decoder = FrameDecoder(LIMIT)
    decoder.feed(kind(buffer))
    buffer[:] = b"\xff" * len(buffer)
    assert decoder.take() == [b"abc"]
    assert decoder.held_bytes == 2


@pytest.mark.parametrize("limit", [-1, 0, FRAME_LIMIT_CEILING, FRAME_LIMIT_CEILING + 1])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=f"max_frame_bytes is {limit}; 1 to 16777215 are accepted"):
        FrameDecoder(limit)


@pytest.mark.parametrize("limit", [1, 2, MAX_FRAME_TO_SERVER, MAX_FRAME_TO_CLIENT, FRAME_LIMIT_CEILING - 1])
def test_a_frame_of_exactly_the_limit_passes_and_one_more_does_not(limit: int) -> None:
    decoder = FrameDecoder(limit)
    largest = encode_frame(b"x" * limit, limit)
    assert largest[0] == 0
    decoder.feed(largest)
    assert [len(payload) for payload in decoder.take()] == [limit]
    decoder.feed((limit + 1).to_bytes(4, "big"))
    with pytest.raises(FrameError):
        decoder.take()


def test_a_decoder_has_the_limit_towards_the_server_unless_told_otherwise() -> None:
    decoder = FrameDecoder()
    decoder.feed((65_537).to_bytes(4, "big"))
    with pytest.raises(FrameError) as refused:
        decoder.take()
    assert refused.value.limit == MAX_FRAME_TO_SERVER == 65_536


@example(b"")
@example(b"0123456789")
@example(b"0123456789a")
@given(st.binary(max_size=2 * LIMIT))
def test_a_payload_is_framed_if_and_only_if_the_peer_would_accept_it(payload: bytes) -> None:
    if 1 <= len(payload) <= LIMIT:
        assert encode_frame(payload, LIMIT) == frame(payload)
        return
    with pytest.raises(FrameError) as refused:
        encode_frame(payload, LIMIT)
    assert (refused.value.length, refused.value.limit) == (len(payload), LIMIT)


@example([b"0123456789", b"", b"0"])
@example([b"0", b"0123456789a"])
@given(st.lists(st.binary(max_size=2 * LIMIT)))
def test_payloads_are_framed_together_as_one_by_one(payloads: list[bytes]) -> None:
    wrong = [len(payload) for payload in payloads if not 1 <= len(payload) <= LIMIT]
    if not wrong:
        assert encode_frames(payloads, LIMIT) == b"".join(map(frame, payloads))
        return
    with pytest.raises(FrameError) as refused:
        encode_frames(payloads, LIMIT)
    assert (refused.value.length, refused.value.limit) == (wrong[0], LIMIT)


def test_a_payload_is_framed_up_to_the_limit_towards_the_client_unless_told_otherwise() -> None:
    assert encode_frame(b"x" * MAX_FRAME_TO_CLIENT)[:4] == b"\0\x10\0\0"
    with pytest.raises(FrameError):
        encode_frame(b"x" * (MAX_FRAME_TO_CLIENT + 1))
