"""Streams of bytes and the ways to bring them: whole, byte by byte, cut anywhere, with more behind.

This file owns the one way in which tests run a `FrameDecoder`, the cases that every decoder has to pass, and a second
decoder, slow and plain, to hold them against. It must not know what payloads mean.
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


LIMIT: Final = 10


class Case(NamedTuple):
    """A stream, and what a decoder with that limit makes of it."""

    name: str
    stream: bytes
    payloads: list[bytes]
    refused: int | None = None
    held: int = 0


CASES: Final = [
    Case("nothing", b"", []),
    Case("one byte of a length", b"\0", [], held=1),
    Case("three bytes of a length", b"\0\0\0", [], held=3),
    Case("three bytes of a length that will be refused", b"\x16\x03\x01", [], held=3),
    Case("a length alone", b"\0\0\0\x01", [], held=4),
    Case("the smallest frame", b"\0\0\0\x01a", [b"a"]),
    Case("the largest frame", b"\0\0\0\x0a0123456789", [b"0123456789"]),
    Case("the largest frame but its last byte", b"\0\0\0\x0a012345678", [], held=13),
    Case("frames that look like lengths", frame(b"\0\0\0\0") + frame(b"\0\0\0\x01"), [b"\0\0\0\0", b"\0\0\0\x01"]),
    Case("many frames", frame(b"a") * 9, [b"a"] * 9),
    Case("frames and a part of one", frame(b"a") + frame(b"bc") + b"\0\0\0\x03de", [b"a", b"bc"], held=6),
    Case("frames and a part of a length", frame(b"a") + frame(b"bc") + b"\0\0", [b"a", b"bc"], held=2),
    Case("length 0", b"\0\0\0\0", [], refused=0),
    Case("length 0 and a body", b"\0\0\0\0abc", [], refused=0),
    Case("one over the limit", frame(b"0123456789a"), [], refused=11),
    Case("one over the limit, body to come", b"\0\0\0\x0b", [], refused=11),
    Case("a frame, then length 0", frame(b"a") + b"\0\0\0\0", [b"a"], refused=0),
    Case("frames, then TLS", frame(b"a") + frame(b"b") + b"\x16\x03\x01\0", [b"a", b"b"], refused=0x1603_0100),
    Case("HTTP", b"GET / HTTP/1.1\r\n", [], refused=0x4745_5420),
]


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
