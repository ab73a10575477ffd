"""Payloads that look like JSON and are not, or are and should not be: what a hostile peer would send.

This file owns the strategies that make them. It must not know what becomes of them.
"""

import json
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from protocol import encode
from tests.protocol.samples import FROM_CLIENT, FROM_SERVER, from_client, from_server, sample

NUMBERS: Final = [
    *b"0 -0 1 2 -1 2147483647 2147483648 9007199254740991 9007199254740992 9223372036854775808".split(),
    *b"18446744073709551616 1.0 1e5 1e-400 1e999 NaN Infinity -Infinity - 01 1. +1 0x1".split(),
    *(b"9" * 400, b"-" + b"9" * 400, b"9" * 5_000, b"0." + b"9" * 5_000),
]
# Halves of surrogates alone, doubled, reversed and followed by something else; UTF-8 that is overlong,
# a surrogate, beyond Unicode and cut short; controls raw and escaped; strings without end.
STRINGS: Final = [
    *rb'"" "x" "\ud83d\ude00" "\ud800" "\ud800\ud800" "\udc00\ud800" "\ud800abcdefgh" "\ud800\u0041"'.split(),
    *(b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x00"', b'"\n"'),
    *rb'"\u0000" "\u001b[2J" "\x" "\u12" "'.split(),
]
OTHERS: Final = [
    b"",
    b"\xff",
    b"\x00",
    b"\xef\xbb\xbf1",
    *b"null true false nul [] {} [1,] {,} 'x' /*x*/1 1//x".split(),
]
SCALARS: Final = [*NUMBERS, *STRINGS, *OTHERS]

NAMES: Final = sorted({name for kind in FROM_CLIENT + FROM_SERVER for name in kind.__struct_fields__})
DEPTHS: Final = [1, 10, 500, 2_000, 100_000]

_TAGS: Final = sorted({str(kind.__struct_config__.tag) for kind in FROM_CLIENT + FROM_SERVER})
_KEYS: Final = st.sampled_from(
    [
        *[b'"%s"' % name.encode() for name in [*NAMES, "type", "unknown"]],
        *(b'"\\u0069d"', b'"\\ud800"', b'"\xff"', b'""', b"id", b"1", b"null"),
    ]
)


def array(values: list[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def mapping(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"{" + b",".join(b"%s:%s" % pair for pair in pairs) + b"}"


@st.composite
def nested(draw: DrawFn) -> bytes:
    """Return arrays or objects in one another, to any depth, closed or not."""
    depth, (opening, closing) = draw(st.sampled_from(DEPTHS)), draw(st.sampled_from([(b"[", b"]"), (b'{"id":', b"}")]))
    return opening * depth + b"1" + closing * draw(st.sampled_from([depth, depth - 1, 0, depth + 1]))


VALUE: Final[SearchStrategy[bytes]] = st.recursive(
    st.sampled_from(SCALARS) | st.sampled_from([b'"%s"' % tag.encode() for tag in _TAGS]),
    lambda inner: st.lists(inner, max_size=4).map(array) | st.lists(st.tuples(_KEYS, inner), max_size=4).map(mapping),
    max_leaves=10,
)


@st.composite
def look_alikes(draw: DrawFn) -> bytes:
    """Return an object with the fields of a real message, some of them doubled, replaced or nested too deep."""
    kind = draw(st.sampled_from(FROM_CLIENT + FROM_SERVER))
    said = json.loads(encode(sample(kind)))
    pairs = [(b'"%s"' % name.encode(), json.dumps(value).encode()) for name, value in said.items()]
    wild = st.tuples(_KEYS, VALUE | nested())
    return mapping(draw(st.permutations(pairs + draw(st.lists(wild, max_size=4)))))


@st.composite
def damaged(draw: DrawFn) -> bytes:
    """Return a real message's payload with a few bytes changed, put in or cut off."""
    payload = bytearray(encode(draw(from_client() | from_server())))
    for _ in range(draw(st.integers(1, 3))):
        start, length = draw(st.integers(0, len(payload))), draw(st.integers(0, 3))
        payload[start : start + length] = draw(st.binary(max_size=3) | st.sampled_from(SCALARS))
    return bytes(payload)


HOSTILE: Final = st.one_of(look_alikes(), look_alikes(), damaged(), VALUE, nested(), st.binary(max_size=200))
