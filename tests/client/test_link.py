"""One connection: ping and pong, silence, and what a peer may do wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio

from protocol import (
    Bye,
    Error,
    FrameDecoder,
    FromServer,
    Hello,
    Notice,
    Ping,
    Pong,
    Welcome,
    decode_from_client,
    encode,
    encode_frame,
)
from tests.client.fake_server import LIMITS, FakeServer
from tests.client.with_server import ANN, back, next_of, opened, settled
from trio_chat.client import CannotConnect, Disconnected, Refused, link, open_client
from trio_chat.transport import ByteStream, MemoryStream, memory_stream_pair

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


# --- ping and pong ------------------------------------------------------------------------------------


async def test_a_ping_is_answered_by_a_pong(server: FakeServer) -> None:
    async with opened(server):
        server.tell(Ping(7))
        await settled()
        assert server.connections[0].received[Pong] == 1


async def test_a_silent_connection_is_pinged_and_lives_on_while_it_answers(server: FakeServer) -> None:
    server.ping_ms = 10_000
    async with opened(server) as client:
        await trio.sleep(95)
        assert server.connections[0].received[Ping] == 9
        assert client.connected
        assert server.dials == 1


async def test_a_connection_on_which_something_comes_is_not_pinged(server: FakeServer) -> None:
    server.ping_ms = 10_000
    async with opened(server):
        for _ in range(20):
            await trio.sleep(9)
            server.tell(Notice("tea"))
        assert server.connections[0].received[Ping] == 0


async def test_a_server_that_is_silent_for_two_pings_is_given_up(server: FakeServer) -> None:
    server.ping_ms = 10_000
    async with opened(server) as client:
        before = trio.current_time()
        server.silent = True
        lost = await next_of(client, Disconnected)
        assert trio.current_time() - before == 20
        assert lost.reason == "Nothing came from the server for 20 s."
        server.silent = False
        await back(client)


async def test_a_server_that_asks_for_no_pings_gets_none(server: FakeServer) -> None:
    server.ping_ms = 0
    async with opened(server) as client:
        await trio.sleep(10_000)
        assert client.connected
        assert server.connections[0].received[Ping] == 0


# --- a peer that is no server, or a bad one -----------------------------------------------------------

Peer = Callable[[MemoryStream], Awaitable[None]]
Dial = Callable[[], Awaitable[ByteStream]]


@pytest.fixture
async def dial_to(nursery: trio.Nursery) -> AsyncIterator[Callable[[Peer], Dial]]:
    """Make a `dial` that reaches a peer which does what a function does, then closes."""

    def make(peer: Peer) -> Dial:
        async def serve(stream: MemoryStream) -> None:
            await peer(stream)
            await stream.aclose()

        async def dial() -> ByteStream:
            await trio.lowlevel.checkpoint()
            client, server = memory_stream_pair()
            nursery.start_soon(serve, server)
            return client

        return dial

    yield make
    nursery.cancel_scope.cancel()


def framed(*messages: FromServer) -> bytes:
    return b"".join(encode_frame(encode(message)) for message in messages)


async def hello_on(stream: MemoryStream) -> Hello:
    """Return the hello that comes first."""
    decoder = FrameDecoder()
    while not (payloads := decoder.take()):
        decoder.feed(await stream.receive_some())
    hello = decode_from_client(payloads[0])
    assert isinstance(hello, Hello)
    return hello


def welcome(hello: Hello, version: int = 1) -> Welcome:
    return Welcome(hello.id, version, "peer", "a1", hello.nick, "member", LIMITS, 30_000)


async def fail_to_open(dial: Dial) -> str:
    """Return what the user is told."""
    with pytest.raises(CannotConnect) as caught:
        async with open_client(nick="ann", session=ANN, dial=dial):
            pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", "The server closed the connection."),
        (b"\0\0", "The server closed the connection."),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the chat protocol"),
        (framed(Bye("full house", 5_000)), "The server said goodbye: full house."),
        (framed(Notice("events before welcome")), "The server broke the protocol"),
        (framed(Welcome(99, 1, "peer", "a1", "ann", "member", LIMITS, 1)), "The server broke the protocol"),
    ],
)  # fmt: skip
async def test_what_says_no_welcome_is_told_with_what_to_check(
    dial_to: Callable[[Peer], Dial], said: bytes, expected: str
) -> None:
    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(said)
        await stream.receive_some()

    message = await fail_to_open(dial_to(peer))
    assert expected in message
    assert "127.0.0.1:5002" in message
    assert "check that it is a chat server's address" in message


async def test_a_peer_that_says_nothing_is_given_up_after_ten_seconds(dial_to: Callable[[Peer], Dial]) -> None:
    async def peer(stream: MemoryStream) -> None:
        await trio.sleep_forever()

    before = trio.current_time()
    message = await fail_to_open(dial_to(peer))
    assert trio.current_time() - before == 10
    assert message == (
        "Nothing at 127.0.0.1:5002 answered within 10 s: check the address, and that no firewall is in between."
    )


async def test_a_dial_that_takes_too_long_is_given_up() -> None:
    async def dial() -> ByteStream:
        await trio.sleep_forever()

    assert "answered within 10 s" in await fail_to_open(dial)


async def test_a_server_of_another_version_is_refused(dial_to: Callable[[Peer], Dial]) -> None:
    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(framed(welcome(await hello_on(stream), version=2)))
        await stream.receive_some()

    with pytest.raises(Refused, match="speaks version 2") as caught:
        async with open_client(nick="ann", session=ANN, dial=dial_to(peer)):
            pass
    assert caught.value.code == "version"


async def test_a_ping_before_the_welcome_is_answered(dial_to: Callable[[Peer], Dial]) -> None:
    async def peer(stream: MemoryStream) -> None:
        hello = await hello_on(stream)
        await stream.send_all(framed(Ping(5)))
        assert decode_from_client((await stream.receive_some())[4:]) == Pong(5)
        await stream.send_all(framed(welcome(hello)))
        await stream.receive_some()

    async with open_client(nick="ann", session=ANN, dial=dial_to(peer)) as client:
        assert client.connected


async def test_what_comes_with_the_welcome_is_not_lost(dial_to: Callable[[Peer], Dial]) -> None:
    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(framed(welcome(await hello_on(stream)), Notice("tea is ready")))
        await stream.receive_some()

    async with open_client(nick="ann", session=ANN, dial=dial_to(peer)) as client:
        assert await next_of(client, Notice) == Notice("tea is ready")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"\xff\xff\xff\xff", "does not speak the chat protocol"),
        (framed(Pong(3)), "a pong with id 3, which no unanswered ping has"),
        (framed(Error(3, "internal", "?")), "an answer to 3 where one to None is due"),
    ],
)
async def test_a_server_that_goes_wrong_is_left_with_a_reason(
    dial_to: Callable[[Peer], Dial], said: bytes, reason: str
) -> None:
    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(framed(welcome(await hello_on(stream))) + said)
        await stream.receive_some()

    async with open_client(nick="ann", session=ANN, dial=dial_to(peer)) as client:
        assert reason in (await next_of(client, Disconnected)).reason


async def test_a_server_that_floods_with_pings_and_reads_nothing_is_left(
    dial_to: Callable[[Peer], Dial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "OUTBOX_BYTES", 1_000_000)  # as the real one, in less time
    pings = framed(*[Ping(number) for number in range(1, 2_001)])

    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(framed(welcome(await hello_on(stream))))
        try:
            while True:
                await stream.send_all(pings)
        except trio.BrokenResourceError:
            pass

    async with open_client(nick="ann", session=ANN, dial=dial_to(peer)) as client:
        assert (await next_of(client, Disconnected)).reason == "The server asks for more answers than it reads."


async def test_inside_a_frame_no_goodbye_can_start(dial_to: Callable[[Peer], Dial]) -> None:
    heard = bytearray()

    async def peer(stream: MemoryStream) -> None:
        await stream.send_all(framed(welcome(await hello_on(stream))))
        await trio.sleep(1.5)  # the posts are given up after 1 s, the goodbye would be after 2 s
        while data := await stream.receive_some():
            heard.extend(data)

    async with open_client(nick="ann", session=ANN, dial=dial_to(peer)) as client:
        with trio.move_on_after(1):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(client.post, "lobby", "\U0001f375" * 4_000)
    await trio.sleep(60)
    assert len(heard) > 16_000
    assert b'"bye"' not in heard
