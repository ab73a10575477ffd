"""Telling apart what a connection speaks, on streams in memory, and TLS around all of it."""

import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.transport.pairs import tls_contexts
from tests.transport.test_http import GET, UPGRADE, Pages
from tests.transport.websocket_client import BINARY, FrameReader, close, frame
from trio_chat.transport import ByteStream, Front, MemoryStream, TlsStream, memory_stream_pair
from trio_chat.transport.front import Kind, kind_of

pytestmark = pytest.mark.autojump

SILENT_S = 10.0
HELLO = bytes.fromhex("16030100c8010000c40303")
"""How a client of TLS begins."""


class House:
    """A front with an echo of frames behind it, which says when the connection that it was given began."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages = Pages()
        self.began: list[float] = []
        self.refused: list[str] = []
        self.failed: list[BaseException | None] = []
        self.left: list[int] = []
        self.front = Front(
            self.echo,
            self.pages.site(peer_name=self.peer_name),
            tls=None if tls is None else lambda: tls,
            silent_s=SILENT_S,
            refused=lambda peer, why: self.refused.append(why),
            failed=lambda peer: self.failed.append(sys.exc_info()[1]),
            departed=lambda: self.left.append(self.front.present),
        )

    def peer_name(self, peer: str, headers: Mapping[str, str]) -> str:
        return peer

    async def echo(self, stream: ByteStream, began: float) -> None:
        self.began.append(began)
        while data := await stream.receive_some():
            await stream.send_all(data)
        await stream.send_eof()


@asynccontextmanager
async def visited(house: House) -> AsyncIterator[MemoryStream]:
    """Give the client's end of a connection to a house."""
    ours, theirs = memory_stream_pair(names=("client", "server"))

    async def serve() -> None:
        await house.front.serve(ours)
        await ours.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        yield theirs
        nursery.cancel_scope.cancel()


async def said(stream: ByteStream, data: bytes) -> bytes:
    """Send something and the end; return what is answered."""
    await stream.send_all(data)
    await stream.send_eof()
    got = b""
    while more := await stream.receive_some():
        got += more
    return got


async def test_the_first_byte_says_what_it_is() -> None:
    told = [kind_of(bytes((first,))) for first in range(256)]
    assert [first for first, kind in enumerate(told) if kind is Kind.TLS] == [0x16]
    assert bytes(first for first, kind in enumerate(told) if kind is Kind.HTTP) == b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


async def test_frames_are_handed_on_from_their_first_byte() -> None:
    house = House()
    async with visited(house) as stream:
        assert await said(stream, b"\0\0\0\x02hi") == b"\0\0\0\x02hi"


async def test_what_is_nothing_known_is_handed_on_as_frames() -> None:
    async with visited(House()) as stream:
        assert await said(stream, b"\xff\xfb") == b"\xff\xfb"


async def test_http_is_answered_by_the_pages_and_a_websocket_speaks_frames() -> None:
    house = House()
    async with visited(house) as stream:
        assert (await said(stream, GET)).startswith(b"HTTP/1.1 200 OK")
    async with visited(house) as stream:
        reader = FrameReader()
        answer = await said(stream, UPGRADE + frame(BINARY, b"\0\0\0\x02hi") + close(1000))
        reader.feed(answer.partition(b"\r\n\r\n")[2])
        assert reader.payload == b"\0\0\0\x02hi"
    assert len(house.pages.asked) == 1


async def test_a_websocket_whose_handler_fails_is_told_1011() -> None:
    class Failing(House):
        async def echo(self, stream: ByteStream, began: float) -> None:
            await trio.lowlevel.checkpoint()
            raise ZeroDivisionError

    house, (ours, theirs) = Failing(), memory_stream_pair()
    await theirs.send_all(UPGRADE)
    await house.front.serve(ours)
    answer = await theirs.receive_some()
    assert answer.partition(b"\r\n\r\n")[2] == b"\x88\x02\x03\xf3"
    assert len(house.failed) == 1


async def test_a_bug_on_one_connection_costs_it_alone_and_is_told() -> None:
    class Unnameable(House):
        def peer_name(self, peer: str, headers: Mapping[str, str]) -> str:
            raise ZeroDivisionError

    house = Unnameable()
    async with visited(house) as stream, visited(house) as other:
        assert await said(stream, GET) == b""
        (failure,) = house.failed
        assert isinstance(failure, ExceptionGroup)
        assert failure.subgroup(ZeroDivisionError)
        assert await said(other, b"\0\0\0\x02hi") == b"\0\0\0\x02hi"
    assert house.front.present == 0


async def test_who_says_nothing_is_handed_on_as_frames_with_the_time_when_it_came() -> None:
    house, now = House(), trio.current_time()
    async with visited(house) as stream:
        await trio.sleep(SILENT_S - 1)
        assert not house.began
        await trio.sleep(1.5)
        assert house.began == [now]
        assert await said(stream, b"late") == b"late"


async def test_who_is_gone_without_a_word_is_handed_on_as_frames() -> None:
    house = House()
    async with visited(house) as stream:
        await stream.aclose()
        await wait_all_tasks_blocked()
        assert len(house.began) == 1


async def test_when_the_server_stops_who_has_said_nothing_is_handed_on_at_once() -> None:
    house = House()
    async with visited(house) as stream:
        await wait_all_tasks_blocked()
        house.front.stop()
        await wait_all_tasks_blocked()
        assert len(house.began) == 1
        assert await said(stream, b"so late") == b"so late"
    async with visited(house):
        await wait_all_tasks_blocked()
        assert len(house.began) == 2


# --- TLS ----------------------------------------------------------------------------------------------


async def test_without_a_certificate_tls_is_refused_in_its_own_words_and_the_server_told() -> None:
    house = House()
    async with visited(house) as stream:
        alert = await said(stream, HELLO)
        assert alert == bytes((21, 3, 3, 0, 2, 2, 40))
    assert house.refused == ["asked for TLS, and there is no certificate"]
    async with visited(house) as stream:
        client = TlsStream(stream, tls_contexts()[1], "localhost")
        with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
            await client.do_handshake()


@asynccontextmanager
async def secure(house: House) -> AsyncIterator[TlsStream]:
    async with visited(house) as stream:
        client = TlsStream(stream, tls_contexts()[1], "localhost")
        await client.do_handshake()
        yield client


async def test_in_tls_all_is_told_apart_again() -> None:
    house = House(tls_contexts()[0])
    async with secure(house) as stream:
        assert await said(stream, b"\0\0\0\x02hi") == b"\0\0\0\x02hi"
    async with secure(house) as stream:
        assert (await said(stream, GET)).startswith(b"HTTP/1.1 200 OK")
    async with secure(house) as stream:
        reader = FrameReader()
        answer = await said(stream, UPGRADE + frame(BINARY, b"\0\0\0\x02hi") + close(1000))
        reader.feed(answer.partition(b"\r\n\r\n")[2])
        assert reader.payload == b"\0\0\0\x02hi"
    async with visited(house) as stream:
        assert await said(stream, b"\0\0\0\x02hi") == b"\0\0\0\x02hi", "without TLS too"


async def test_tls_in_tls_is_no_frame_either() -> None:
    async with secure(House(tls_contexts()[0])) as stream:
        assert await said(stream, HELLO) == HELLO  # from the echo


async def test_a_client_that_does_not_trust_the_certificate_is_refused_and_the_server_told() -> None:
    house = House(tls_contexts()[0])
    async with visited(house) as stream:
        client = TlsStream(stream, ssl.create_default_context(), "localhost")
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.do_handshake()
        await wait_all_tasks_blocked()
        assert house.refused == ["no agreement on TLS: TLSV1_ALERT_UNKNOWN_CA"]


@pytest.mark.parametrize("begin", [HELLO, HELLO + bytes(200), b"\x16" * 100], ids=["half", "nonsense", "no TLS"])
async def test_a_handshake_that_does_not_come_to_its_end_is_over_in_time(begin: bytes) -> None:
    house, began = House(tls_contexts()[0]), trio.current_time()
    async with visited(house) as stream:
        await stream.send_all(begin)
        while await stream.receive_some():
            pass
    assert trio.current_time() - began <= SILENT_S + 1
    assert not house.began


async def test_who_is_silent_after_the_handshake_is_handed_on_as_frames() -> None:
    house = House(tls_contexts()[0])
    async with secure(house):
        await trio.sleep(SILENT_S + 1)
        assert len(house.began) == 1


async def test_who_leaves_during_the_handshake_does_no_harm() -> None:
    house = House(tls_contexts()[0])
    async with visited(house) as stream:
        assert (await said(stream, HELLO))[:1] in (b"", b"\x15")  # an alert, as the rest of it is missing
    assert not house.began


async def test_bytes_that_were_tampered_with_lose_the_connection() -> None:
    one, other = memory_stream_pair()
    server = TlsStream(one, tls_contexts()[0])
    client = TlsStream(other, tls_contexts()[1], "localhost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)
    await other.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(trio.BrokenResourceError, match="the TLS of memory is broken"):
        await server.receive_some()


async def test_what_had_come_before_the_end_was_told_can_still_be_read() -> None:
    one, other = memory_stream_pair()
    server = TlsStream(one, tls_contexts()[0])
    client = TlsStream(other, tls_contexts()[1], "localhost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)
    await client.send_all(b"abc")
    assert await server.receive_some(1) == b"a"
    await client.send_all(b"def")
    await server.send_eof()
    assert await server.receive_some(2) == b"bc"
    assert await server.receive_some() == b"def"
    await client.send_all(b"ghi")
    assert await server.receive_some() == b"ghi"
    assert await client.receive_some() == b""


async def test_connections_are_counted_whatever_they_speak() -> None:
    house = House()
    async with visited(house) as one, visited(house) as other, visited(house):
        await other.send_all(GET)
        await wait_all_tasks_blocked()
        assert house.front.present == 3
        await said(one, b"\0")
        await said(other, GET)
        await wait_all_tasks_blocked()
        assert house.left == [2, 1]
