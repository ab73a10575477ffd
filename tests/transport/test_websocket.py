"""What a WebSocket of the server makes of what comes: what concerns us of the Autobahn suite's cases, and more.

Each is fed whole, byte by byte, and with something behind it. Autobahn's cases on text are not among them: a text
message is refused, whatever it says.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.tape import Tape
from tests.transport.websocket_client import BINARY, CLOSE, CONT, PING, PONG, TEXT, FrameReader, close, frame
from trio_chat.transport import WebSocketStream
from trio_chat.transport.websocket import MAX_FRAME_BYTES


class Outcome(NamedTuple):
    """What came of a stream: payload, the payload of our close frame, and pongs."""

    payload: bytes
    closed: bytes | None
    pongs: list[bytes]


async def outcome(pieces: Iterable[bytes], early: bytes = b"", asked: int = 65_536) -> Outcome:
    """Read a stream to its end, as a connection does, and end the other direction."""
    tape = Tape(pieces)
    stream = WebSocketStream(tape, early)
    payload = bytearray()
    while data := await stream.receive_some(asked):
        assert len(data) <= asked
        payload += data
    assert await stream.receive_some() == b"", "the end stays"
    await stream.send_eof()
    assert await stream.receive_some() == b""
    assert tape.ended
    reader = FrameReader()
    reader.feed(bytes(tape.sent))
    assert reader.payload == b""
    return Outcome(bytes(payload), reader.closed, reader.pongs)


NORMAL: Final = struct.pack("!H", 1000)
"""What a close frame of ours says where the client has said nothing."""


class Case(NamedTuple):
    """A stream, and what comes of it. `code` is that of our close frame, or its whole payload."""

    name: str
    stream: bytes
    payload: bytes = b""
    code: int | bytes = NORMAL
    pongs: Sequence[bytes] = ()


GOOD: Final = frame(BINARY, b"good")

CASES: Final = [
    Case("nothing", b""),
    Case("an empty message", frame(BINARY)),
    *(
        Case(f"a message of {length} bytes", frame(BINARY, b"\xfe" * length), b"\xfe" * length)
        for length in (1, 125, 126, 127, 128, 1_000, 65_535, 65_536)
    ),
    Case("two messages", frame(BINARY, b"one") + frame(BINARY, b"two"), b"onetwo"),
    Case("a message masked with zeros", frame(BINARY, b"plain", mask=bytes(4)), b"plain"),
    Case("a message that ends early", frame(BINARY, b"early")[:-1]),
    # 2: pings and pongs
    Case("a ping", frame(PING), pongs=[b""]),
    Case("a ping with a payload", frame(PING, b"\x00\xff\xfe"), pongs=[b"\x00\xff\xfe"]),
    Case("the longest ping", frame(PING, b"p" * 125), pongs=[b"p" * 125]),
    Case("a ping that is too long", frame(PING, b"p" * 126), code=1002),
    Case("a pong that nobody has asked for", frame(PONG, b"?") + GOOD, b"good"),
    Case("a pong, then a ping", frame(PONG, b"?") + frame(PING, b"!"), pongs=[b"!"]),
    # 3: reserved bits
    *(Case(f"reserved bits {bits}", GOOD + frame(BINARY, b"x", reserved=bits), b"good", 1002) for bits in range(1, 8)),
    Case("a ping with a reserved bit", frame(PING, reserved=4), code=1002),
    Case("a close frame with a reserved bit", frame(CLOSE, NORMAL, reserved=2), code=1002),
    # 4: opcodes
    *(Case(f"opcode {code}", GOOD + frame(code, b"x"), b"good", 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    # 5: fragments
    Case("a fragmented ping", frame(PING, b"frag", fin=False) + frame(CONT, b"ment"), code=1002),
    Case("a fragmented pong", frame(PONG, b"frag", fin=False), code=1002),
    Case("fragments", frame(BINARY, b"frag", fin=False) + frame(CONT, b"ment"), b"fragment"),
    Case(
        "pings between fragments",
        frame(BINARY, b"a", fin=False) + frame(PING, b"1") + frame(CONT, b"b", fin=False) + frame(CONT, b"c"),
        b"abc",
        pongs=[b"1"],
    ),
    Case("empty fragments", frame(BINARY, fin=False) + frame(CONT, fin=False) + frame(CONT)),
    Case("a continuation of nothing", frame(CONT, b"x"), code=1002),
    Case("a continuation behind a whole message", GOOD + frame(CONT, b"x"), b"good", 1002),
    Case("a message within another", frame(BINARY, b"a", fin=False) + GOOD, b"a", 1002),
    # 6: text
    Case("text", GOOD + frame(TEXT, b"hello"), b"good", 1003),
    Case("the first fragment of a text", frame(TEXT, b"hel", fin=False), code=1003),
    Case("text that is no UTF-8", frame(TEXT, b"\xff"), code=1003),
    # 7: closing
    Case("a close frame without a code", frame(CLOSE), code=b""),
    Case("a close frame behind a message", GOOD + close(1000), b"good", 1000),
    Case("a close frame within a message", frame(BINARY, b"a", fin=False) + close(1000), b"a", 1002),
    Case("a close frame with a reason", close(1000, b"bye"), code=NORMAL + b"bye"),
    Case("the longest reason", close(1000, b"b" * 123), code=NORMAL + b"b" * 123),
    Case("a reason that is too long", close(1000, b"b" * 124), code=1002),
    Case("a reason that is no UTF-8", close(1000, b"\xce\xba\xe1\xbd"), code=1007),
    Case("half a code", frame(CLOSE, b"\x03"), code=1002),
    *(
        Case(f"code {code}", close(code), code=code)
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    ),
    *(
        Case(f"code {code}, which nobody sends", close(code), code=1002)
        for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535)
    ),
    # 9: sizes
    Case("the longest frame", frame(BINARY, b"l" * MAX_FRAME_BYTES), b"l" * MAX_FRAME_BYTES),
    Case("a frame that is too long", GOOD + frame(BINARY, b"l" * (MAX_FRAME_BYTES + 1))[:14], b"good", 1009),
    Case("the longest length there is", b"\x82\xff" + b"\xff" * 8, code=1009),
    Case(
        "a message that is longer than any frame",
        frame(BINARY, b"l" * MAX_FRAME_BYTES, fin=False) + frame(CONT, b"l" * MAX_FRAME_BYTES),
        b"l" * 2 * MAX_FRAME_BYTES,
    ),
    # masks
    Case("a frame without a mask", GOOD + frame(BINARY, b"x", mask=b""), b"good", 1002),
    Case("a ping without a mask", frame(PING, mask=b""), code=1002),
    Case("a close frame without a mask", frame(CLOSE, mask=b""), code=1002),
]

ENDED_BY_CLIENT: Final = [case for case in CASES if case.code is not NORMAL]


def expected(case: Case) -> Outcome:
    closed = case.code if isinstance(case.code, bytes) else struct.pack("!H", case.code)
    return Outcome(case.payload, closed, list(case.pongs))


def same(got: Outcome, wanted: Outcome) -> bool:
    """Whether all is as wanted; of a close frame for a mistake the code is, for its reason is the library's own."""
    assert got.closed is not None
    assert wanted.closed is not None
    is_mistake = wanted.closed[:2] in (struct.pack("!H", code) for code in (1002, 1003, 1007, 1009))
    closed = got.closed[:2] if is_mistake else got.closed
    return got._replace(closed=closed) == wanted


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_what_comes_is_understood_whole(case: Case) -> None:
    assert same(await outcome([case.stream]), expected(case))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_what_comes_is_understood_byte_by_byte(case: Case) -> None:
    step = 1 if len(case.stream) < 2_000 else 999
    pieces = [case.stream[start : start + step] for start in range(0, len(case.stream), step)]
    assert same(await outcome(pieces), expected(case))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_what_came_with_the_upgrade_comes_first(case: Case) -> None:
    middle = len(case.stream) // 2
    assert same(await outcome([case.stream[middle:]], case.stream[:middle]), expected(case))
    assert same(await outcome([], case.stream), expected(case))


@pytest.mark.parametrize("case", ENDED_BY_CLIENT, ids=[case.name for case in ENDED_BY_CLIENT])
@pytest.mark.parametrize("behind", [GOOD, frame(PING), close(1001), b"\xff" * 20, b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_comes_behind_the_end_is_ignored(case: Case, behind: bytes) -> None:
    assert same(await outcome([case.stream + behind]), expected(case))
    assert same(await outcome([case.stream, behind]), expected(case))


async def test_after_both_ends_what_still_comes_is_read_so_that_nothing_resets_the_connection() -> None:
    tape = Tape([close(1000), GOOD, GOOD])
    stream = WebSocketStream(tape)
    assert await stream.receive_some() == b""
    await stream.send_eof()
    assert not tape.is_used_up
    assert await stream.receive_some() == b""
    assert tape.is_used_up


async def test_of_many_pings_the_first_and_the_newest_are_answered_where_nothing_can_be_sent_for_long() -> None:
    tape = Tape([frame(PING, b"1") + frame(PING, b"2") + frame(PING, b"3") + GOOD], takes=[0] * 6)
    assert await WebSocketStream(tape).receive_some() == b"good"
    reader = FrameReader()
    reader.feed(bytes(tape.sent))
    assert reader.pongs == [b"1", b"3"]


async def test_a_read_of_nothing_but_the_shortest_frames_lets_others_run_in_between() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    stream = WebSocketStream(Tape([frame(BINARY, b"x") * 18_000]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        assert len(await stream.receive_some(131_072)) == 18_000
        nursery.cancel_scope.cancel()
    assert turns > 20


# --- any way of cutting --------------------------------------------------------------------------------

FRAGMENTS: Final = st.lists(st.tuples(st.binary(max_size=300), st.booleans(), st.booleans()), max_size=12)
CUTS: Final = st.lists(st.integers(0, 10_000), max_size=12)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places})
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]


@given(FRAGMENTS, CUTS, st.integers(1, 400), st.booleans())
async def test_any_frames_and_any_pieces_give_the_same_bytes(
    fragments: list[tuple[bytes, bool, bool]], places: list[int], asked: int, is_early: bool
) -> None:
    stream, payload, is_open = bytearray(), bytearray(), False
    for content, fin, with_ping in fragments:
        stream += frame(CONT if is_open else BINARY, content, fin=fin)
        stream += frame(PING, b"?") if with_ping else b""
        payload += content
        is_open = not fin
    first, *rest = cut(bytes(stream), places)
    got = await outcome(rest, first, asked) if is_early else await outcome([first, *rest], b"", asked)
    assert got.payload == payload
    assert got.pongs == [b"?"] * sum(with_ping for _, _, with_ping in fragments)


@given(st.sampled_from(CASES), st.integers(0, 500), st.binary(max_size=200), CUTS)
async def test_random_bytes_behind_any_beginning_end_the_stream_and_raise_nothing(
    case: Case, length: int, noise: bytes, places: list[int]
) -> None:
    got = await outcome(cut(case.stream[:length] + noise, places))
    assert got.closed is not None
