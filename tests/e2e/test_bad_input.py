"""Bad input over TCP: the server answers as docs/protocol.md says, keeps nothing of it, and goes on serving others."""

import random
import socket
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.wire import dial_narrow
from protocol import (
    MAX_FRAME_TO_SERVER,
    Bye,
    Error,
    GetHistory,
    GetRooms,
    Hello,
    History,
    Join,
    Joined,
    Live,
    Ping,
    Pong,
    Post,
    Posted,
    Presence,
    Rooms,
    Welcome,
    encode,
    encode_frame,
)
from tests.e2e.meeting import Counted, dialled, send_what_is_taken
from tests.server.peer import Peer

OUT_OF_STEP = {
    "a length of zero": b"\0\0\0\0",
    "a length one too many": struct.pack("!I", MAX_FRAME_TO_SERVER + 1),
    "the longest length there is": b"\xff\xff\xff\xff and more",
    "telnet": b"\xff\xfb\x18\xff\xfb\x1f",
    "JSON without a length": b'{"type":"hello","id":1}\n',
    "a little-endian length": struct.pack("<I", 100) + b"x" * 100,
    "a megabyte of noise": random.Random(2).randbytes(1_000_000).replace(b"\0", b"\1"),
}


@pytest.mark.parametrize("data", OUT_OF_STEP.values(), ids=OUT_OF_STEP)
async def test_a_length_that_no_frame_has_is_answered_with_bad_frame_bye_and_the_end(
    counted: Counted, data: bytes
) -> None:
    async with dialled(counted.process) as peer:
        await send_what_is_taken(peer, data)
        bye = await peer.end()
        assert [getattr(message, "code", None) for message in peer.seen] == ["bad_frame", None]
        assert bye is not None


async def test_requests_before_a_bad_length_are_carried_out(counted: Counted) -> None:
    async with dialled(counted.process) as peer:
        await peer.send(Hello(1, 1, "e" * 32, "early"), Join(2, "lobby", last=0), Post(3, "lobby", "k", "before"))
        await peer.send_bytes(b"\0\0\0\0" + encode_frame(encode(Post(4, "lobby", "l", "behind"))))
        await peer.end()
        answers = [message for message in peer.seen if isinstance(message, Welcome | Joined | Posted | Error | Bye)]
        assert [type(answer) for answer in answers] == [Welcome, Joined, Posted, Error, Bye]


async def test_the_last_words_reach_even_who_reads_them_after_the_server_has_closed(counted: Counted) -> None:
    stream = await dial_narrow(counted.process, 4_096)
    peer = Peer(stream)
    await peer.send(Hello(1, 1, "b" * 32, "late"), *[GetRooms(number) for number in range(2, 202)])
    await send_what_is_taken(peer, b"\0\0\0\0" + b"junk" * 50_000)
    await counted.are_files_as_before()
    bye = await peer.end()
    assert bye is not None
    assert sum(isinstance(message, Rooms) for message in peer.seen) == 200
    await stream.aclose()


# What comes, and the id with which the answer has to come.
NOT_UNDERSTOOD: dict[str, tuple[bytes, int | None]] = {
    "no JSON": (b"hello?", None),
    "a number": (b"42", None),
    "an array": (b"[]", None),
    "an empty object": (b"{}", None),
    "an unknown type": (b'{"type":"shout","id":7}', 7),
    "a server's message": (b'{"type":"welcome","id":7}', 7),
    "a field missing": (b'{"type":"join","id":7}', 7),
    "a field of another type": (b'{"type":"join","id":7,"room":["lobby"]}', 7),
    "an id of zero": (b'{"type":"join","id":0,"room":"lobby"}', None),
    "an id beyond all": (b'{"type":"join","id":2147483648,"room":"lobby"}', None),
    "an id with a fraction": (b'{"type":"join","id":7.5,"room":"lobby"}', None),
    "two values": (b'{"type":"ping","id":7}{"type":"ping","id":8}', None),
    "bytes that are no UTF-8": (b'{"type":"join","id":7,"room":"\xff\xfe"}', 7),
    "a lone surrogate": (b'{"type":"join","id":7,"room":"\\ud800"}', None),
    "a byte order mark": (b'\xef\xbb\xbf{"type":"ping","id":7}', None),
    "UTF-16": ('{"type":"ping","id":7}'.encode("utf-16-le"), None),
    "only zeros": (b"\0" * 1_000, None),
    "only blanks": (b" " * MAX_FRAME_TO_SERVER, None),
    "not a number": (b'{"type":"ping","id":NaN}', None),
    "infinity": (b'{"type":"ping","id":1e999}', None),
    "a number of 65,000 digits": (b'{"type":"ping","id":' + b"9" * 65_000 + b"}", None),
    "65,000 arrays, one in another": (b"[" * 65_000, None),
    "objects one in another": (b'{"a":' * 13_000, None),
    "a known message around 30,000 arrays": (
        b'{"type":"ping","id":7,"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        None,
    ),
    "a type of 65,000 characters": (b'{"type":"' + b"x" * 65_000 + b'"}', None),
}


@pytest.mark.parametrize(("payload", "number"), NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
async def test_what_is_not_understood_is_a_bad_message_and_the_connection_lives_on(
    counted: Counted, payload: bytes, number: int | None
) -> None:
    async with dialled(counted.process) as peer:
        if number is not None:
            peer.machine.sent(GetRooms(number))  # for the machine, any request with this id
        await peer.send_bytes(encode_frame(payload))
        error = await peer.next()
        assert isinstance(error, Error)
        assert (error.id, error.code) == (number, "bad_message")
        assert len(encode(error)) < 1_000
        await peer.hello("patient")
        await peer.join()


async def test_what_is_no_bomb_is_understood_however_it_is_written(counted: Counted) -> None:
    fields = b",".join(b'"x%d":[{},{"y":null}]' % n for n in range(2_500))
    async with dialled(counted.process) as peer:
        peer.machine.sent(Ping(7))
        await peer.send_bytes(encode_frame(b'{ "id" : 7 , ' + fields + b' , "type":"ping"}'))
        assert await peer.next() == Pong(7)


CUT_SHORT = {
    "nothing at all": b"",
    "half a length": b"\0\0",
    "a length alone": b"\0\0\0\x10",
    "half a frame": b'\0\0\0\x64{"type":"hello",',
    "all of the longest frame but its last byte": struct.pack("!I", MAX_FRAME_TO_SERVER) + b"x" * 65_535,
}


@pytest.mark.parametrize("data", CUT_SHORT.values(), ids=CUT_SHORT)
@pytest.mark.parametrize("how", ["half closed", "closed", "reset"])
async def test_a_frame_that_is_cut_short_is_forgotten(counted: Counted, data: bytes, how: str) -> None:
    async with dialled(counted.process) as peer:
        await peer.send_bytes(data)
        if how == "half closed":
            await peer.stream.send_eof()
            await peer.end()
            assert peer.seen == []
        elif how == "reset":
            reset_on_close(peer)


async def test_who_closes_one_half_gets_all_answers_and_then_the_end(counted: Counted) -> None:
    async with dialled(counted.process) as peer:
        await peer.send(
            Hello(1, 1, "d" * 32, "half"), Join(2, "lobby"), Post(3, "lobby", "only", "words"), GetHistory(4, "lobby")
        )
        await peer.stream.send_eof()
        await peer.end()
        answers = [message for message in peer.seen if isinstance(message, Welcome | Joined | Posted | History)]
        assert [answer.id for answer in answers] == [1, 2, 3, 4]


async def test_a_member_whose_connection_is_reset_is_seen_as_lost(counted: Counted) -> None:
    async with dialled(counted.process, "witness") as witness:
        await witness.join()
        await witness.expect(Live)
        async with dialled(counted.process, "victim") as victim:
            await victim.join()
            reset_on_close(victim)
        lost = await witness.until(lambda message: isinstance(message, Presence) and message.change == "lost")
        assert isinstance(lost, Presence)
        assert lost.nick == "victim"


async def test_after_ten_strikes_the_eleventh_is_the_last_that_is_answered(counted: Counted) -> None:
    async with dialled(counted.process) as peer:
        await send_what_is_taken(peer, encode_frame(b'{"type":"nonsense"}') * 100_000)
        bye = await peer.end()
        assert [message.code for message in peer.seen if isinstance(message, Error)] == ["bad_message"] * 11
        assert bye is not None
        assert "not understood" in bye.reason


async def test_what_stands_behind_the_last_strike_is_not_carried_out(counted: Counted) -> None:
    async with dialled(counted.process, "striker") as peer:
        joined = await peer.join()
        behind = encode_frame(encode(Post(99, "lobby", "behind", "behind the last strike")))
        await peer.send_bytes(encode_frame(b"?") * 11 + behind)
        await peer.end()
    async with dialled(counted.process, "reader") as reader:
        assert (await reader.join()).head == joined.head


def is_for_frames(pieces: list[bytes]) -> bool:
    """Tell whether what comes would be read as frames: it begins neither as HTTP does nor as TLS."""
    first = b"".join(pieces)[:1]
    return not (first.isupper() or first == b"\x16")


PIECES = st.binary(max_size=300) | st.builds(encode_frame, st.binary(min_size=1, max_size=300))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=20).filter(is_for_frames))
async def test_whatever_comes_as_frames_is_answered_in_the_protocols_words(
    counted: Counted, pieces: list[bytes]
) -> None:
    async with dialled(counted.process) as peer:
        for piece in pieces:
            await send_what_is_taken(peer, piece)
        await peer.stream.send_eof()
        await peer.end()
        assert all(isinstance(message, Error | Bye) for message in peer.seen)


def reset_on_close(peer: Peer) -> None:
    """Let closing the connection throw away what is under way and send a reset, as a crash does."""
    sock: socket.socket = peer.stream._sock  # type: ignore[attr-defined]  # a socket stream has one
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
