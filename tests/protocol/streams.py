"""Streams of bytes and the ways to bring them: whole, byte by byte, cut anywhere, with more behind.

This file owns the one way in which tests run a `FrameDecoder`, and a second decoder, slow and plain, to hold it
against. It must not know what payloads mean.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from protocol import FrameDecoder, FrameError

WORST_LENGTHS: Final = (0x00FF_FFFF, 0x0100_0000, 0x1603_0100, 0x4745_5420, 0x8000_0000, 0xFFFF_FFFF)
"""Lengths over every limit; 0x16030100 starts a TLS handshake, 0x47455420 is `GET `."""


class Decoded(NamedTuple):
    """What came of a stream: the payloads, the length that was refused, and how many bytes wait for more."""

    payloads: list[bytes]
    refused: int | None
    held: int


def frame(payload: bytes) -> bytes:
    """Return a frame, whatever the length of its payload."""
    return len(payload).to_bytes(4, "big") + payload


def drain(decoder: FrameDecoder, payloads: list[bytes]) -> FrameError | None:
    """Take all there is into `payloads`; return the error that stands behind it, if one does."""
    try:
        while batch := decoder.take():
            payloads += batch
    except FrameError as error:
        return error
    return None


def decode(pieces: Iterable[bytes], limit: int) -> Decoded:
    """Bring `pieces` to a new decoder, one after another, and hold its memory against the limit at each."""
    decoder, payloads, refused = FrameDecoder(limit), list[bytes](), None
    for piece in pieces:
        decoder.feed(piece)
        error = drain(decoder, payloads)
        assert decoder.held_bytes < 4 + limit
        assert refused is None or error is not None, "the error was not kept"
        refused = None if error is None else error.length
    return Decoded(payloads, refused, decoder.held_bytes)


def decode_plainly(stream: bytes, limit: int) -> Decoded:
    """Do as `decode` does, as the specification says it and with no thought of speed."""
    payloads: list[bytes] = []
    while len(stream) >= 4:
        length = int.from_bytes(stream[:4], "big")
        if length == 0 or length > limit:
            return Decoded(payloads, length, 0)
        if len(stream) < 4 + length:
            break
        payloads.append(stream[4 : 4 + length])
        stream = stream[4 + length :]
    return Decoded(payloads, None, len(stream))


def every_way(stream: bytes) -> Iterator[list[bytes]]:
    """Yield the ways to bring `stream`: whole, byte by byte, in threes, cut once at every place."""
    yield [stream]
    yield [stream[place : place + 1] for place in range(len(stream))]
    yield [stream[place : place + 3] for place in range(0, len(stream), 3)]
    for cut in range(len(stream) + 1):
        yield [stream[:cut], stream[cut:]]


@st.composite
def cut(draw: DrawFn, stream: bytes) -> list[bytes]:
    """Return `stream` in any number of pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


def bad_lengths(limit: int) -> st.SearchStrategy[int]:
    """Return a strategy for the lengths that a decoder with `limit` refuses."""
    return st.sampled_from([0, limit + 1, *WORST_LENGTHS]) | st.integers(limit + 1, 2**32 - 1)


@st.composite
def streams(draw: DrawFn, limit: int) -> bytes:
    """Return bytes that are frames in part: good ones, headers of any length, and anything."""
    good = st.binary(min_size=1, max_size=limit).map(frame)
    header = st.integers(0, limit + 2).map(lambda length: length.to_bytes(4, "big"))
    return b"".join(draw(st.lists(st.one_of(good, good, header, st.binary(max_size=8)), max_size=8)))
