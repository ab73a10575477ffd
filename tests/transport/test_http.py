"""HTTP on a stream in memory: what is answered to which bytes, and how long anybody is waited for."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import h11
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.transport.websocket_client import BINARY, FrameReader, close, frame
from trio_chat.transport import HttpRequest, HttpResponse, MemoryStream, Site, WebSocketStream, memory_stream_pair
from trio_chat.transport.http import (
    ANSWER_S,
    IDLE_S,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    REQUEST_S,
    serve_http,
)
from trio_chat.transport.lull import LINGER_S, Lull

pytestmark = pytest.mark.autojump

GET = b"GET /page?x=1 HTTP/1.1\r\nHost: chat.example\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3, has this very example


class Pages:
    """Routes that remember what they were asked, and say it back."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []
        self.failed: list[str] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        match request.path:
            case "/raise":
                raise ZeroDivisionError
            case "/bad header":
                return HttpResponse(200, {"X-Split": "a\r\nb"})
            case "/hang":
                await trio.sleep_forever()
            case "/nothing":
                return HttpResponse(204)
            case "/big":
                return HttpResponse(200, {}, b"b" * 1_000_000)
        return HttpResponse(200, {"Content-Type": "text/plain"}, f"{request.method} {request.path}".encode())

    def site(self, **more: Any) -> Site:
        return Site(self, lambda request: self.failed.append(request.path), **more)


Serve = Callable[[MemoryStream], Awaitable[object]]


@asynccontextmanager
async def served(pages: Pages | None = None, lull: Lull | None = None, **more: Any) -> AsyncIterator[MemoryStream]:
    """Serve one connection, and give the client's end of it; a WebSocket that it becomes echoes."""
    ours, theirs = memory_stream_pair(names=("client", "server"))

    async def serve() -> None:
        websocket = await serve_http(ours, (pages or Pages()).site(**more), lull or Lull())
        if websocket is not None:
            await echo(websocket)
        await ours.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        yield theirs
        nursery.cancel_scope.cancel()


async def echo(stream: WebSocketStream) -> None:
    while data := await stream.receive_some():
        await stream.send_all(data)
    await stream.send_eof()


async def rest(stream: MemoryStream) -> bytes:
    """Return all that comes until the server ends."""
    got = bytearray()
    while data := await stream.receive_some():
        got += data
    return bytes(got)


async def ask(data: bytes, pages: Pages | None = None, **more: Any) -> bytes:
    """Send something and the end of the stream; return all that is answered."""
    async with served(pages, **more) as stream, trio.open_nursery() as nursery:

        async def send() -> None:
            try:
                await stream.send_all(data)
                await stream.send_eof()
            except trio.BrokenResourceError:
                pass  # the server has had enough

        nursery.start_soon(send)
        return await rest(stream)


def statuses(answers: bytes, methods: str = "G" * 20) -> list[int]:
    """Return the status of each answer; h11 as a client checks that each is whole."""
    found = []
    client = h11.Connection(h11.CLIENT)
    client.receive_data(answers)
    client.receive_data(b"")
    for method in methods:
        if not client.trailing_data[0]:
            break
        name = {"G": "GET", "H": "HEAD"}[method]
        client.send(h11.Request(method=name, target="/", headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                found.append(event.status_code)
        if client.our_state is not h11.DONE or client.their_state is not h11.DONE:
            break
        client.start_next_cycle()
    return found


async def test_a_request_reaches_the_routes_and_their_answer_the_client() -> None:
    pages = Pages()
    answer = await ask(b"GET /a%20b%C3%A9?x=%20 HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n\r\n", pages)
    assert pages.asked == [HttpRequest("GET", "/a bé", "x=%20", {"host": "h", "x-two": "1, 2"}, b"", "client")]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: 10\r\n" in head + b"\r\n"
    assert b"\r\nDate: " in head
    assert body.decode() == "GET /a bé"


@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_many_requests_that_come_in_any_pieces_are_answered_in_order(step: int) -> None:
    posted = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
    chunked = b"PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nch\r\n3\r\nunk\r\n0\r\n\r\n"
    data, pages = GET + posted + chunked + GET, Pages()
    async with served(pages) as stream:
        for start in range(0, len(data), step):
            await stream.send_all(data[start : start + step])
        await stream.send_eof()
        assert statuses(await rest(stream)) == [200] * 4
    assert [(request.method, request.body) for request in pages.asked] == [
        ("GET", b""),
        ("POST", b"body"),
        ("PUT", b"chunk"),
        ("GET", b""),
    ]


async def test_a_connection_is_kept_for_another_request() -> None:
    async with served() as stream:
        for _ in range(3):
            await stream.send_all(GET)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK")
            await trio.sleep(IDLE_S / 2)


async def test_head_is_answered_as_get_but_for_the_body() -> None:
    answers = await ask(b"HEAD /page HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
    assert b"Content-Length: 10\r\n" in answers
    assert statuses(answers, "HG") == [200, 200]


async def test_an_answer_without_content_has_no_length() -> None:
    answer = await ask(b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"ontent-" not in answer


@pytest.mark.parametrize("head", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"])
async def test_a_client_that_wants_one_answer_gets_it_and_the_end(head: bytes) -> None:
    async with served() as stream:
        await stream.send_all(head)
        assert statuses(await rest(stream)) == [200]


async def test_a_target_in_absolute_form_names_its_path() -> None:
    pages = Pages()
    await ask(b"GET HTTP://chat.example/page?q HTTP/1.1\r\nHost: chat.example\r\n\r\n", pages)
    assert (pages.asked[0].path, pages.asked[0].query) == ("/page", "q")


async def test_who_expects_100_is_told_to_go_on() -> None:
    async with served() as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert await stream.receive_some() == b"HTTP/1.1 100 \r\n\r\n"
        await stream.send_all(b"abc")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")


async def test_who_expects_100_for_too_much_is_refused_at_once() -> None:
    async with served() as stream:
        length = MAX_BODY_BYTES + 1
        await stream.send_all(
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % length
        )
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 413 ")


async def test_the_longest_body_is_taken() -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES
    assert statuses(await ask(head + bytes(MAX_BODY_BYTES))) == [200]


async def test_a_read_of_nothing_but_the_shortest_chunks_lets_others_run_in_between() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with served() as stream, trio.open_nursery() as nursery:
        await stream.send_all(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2_000 + b"0\r\n\r\n"
        )
        nursery.start_soon(count)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")
        nursery.cancel_scope.cancel()
    assert turns > 2_000


HOSTILE: dict[str, tuple[bytes, list[int]]] = {
    "no HTTP": (b"HELLO\r\n\r\n", [400]),
    "SSH": (b"SSH-2.0-OpenSSH_9.6\r\n", [400]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "a proxy's request": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", [501]),
    "a tunnel to a path": (b"CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n", [501]),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", [400]),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
    "half a request": (b"GET / HTTP/1.1\r\nHost: h\r\n", [400]),
    "half a body": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf", [400]),
    "a bad length": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", [400]),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", [400]),
    "a bad chunk": (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [400]),
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
        [400],
    ),
    "chunks of HTTP/1.0": (
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
        [400],
    ),
    "an unknown coding": (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", [501]),
    "a header with a zero": (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", [400]),
    "too long a target": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", [431]),
    "too many headers": (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 9_000 + b"\r\n", [431]),
    "a header without end": (b"GET / HTTP/1.1\r\nX: " + b"y" * (4 * MAX_HEAD_BYTES), [431]),
    "too long a body": (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n" + bytes(10_000), [413]),
    "too many chunks": (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"10000\r\n" + bytes(65_536) + b"\r\n") * 5,
        [413],
    ),
    "noise behind a request": (GET + b"\xff\0\x16", [200, 400]),
}


@pytest.mark.parametrize(("data", "answers"), HOSTILE.values(), ids=HOSTILE)
async def test_a_request_that_cannot_be_served_is_answered_with_why_and_the_end(
    data: bytes, answers: list[int]
) -> None:
    answer = await ask(data)
    assert statuses(answer) == answers
    assert b"Connection: close\r\n" in answer


HOSTILE_HEADS = {
    "an asterisk": (b"HEAD * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "too long a body": (b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", 413),
    "half a body": (b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf", 400),
    "a bad chunk": (b"HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), HOSTILE_HEADS.values(), ids=HOSTILE_HEADS)
async def test_a_head_that_cannot_be_served_is_refused_without_a_body(data: bytes, status: int) -> None:
    answer = await ask(data)
    assert statuses(answer, "H") == [status]
    assert answer.endswith(b"Connection: close\r\n\r\n")


async def test_what_is_no_request_is_told_in_a_body_also_behind_a_head() -> None:
    assert (await ask(GET.replace(b"GET", b"HEAD") + b"?\r\n\r\n")).endswith(b"\n")


@pytest.mark.parametrize("path", [b"/raise", b"/bad%20header"])
async def test_a_route_that_fails_costs_its_request_alone_and_is_told(path: bytes) -> None:
    pages = Pages()
    answers = await ask(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path + GET, pages)
    assert statuses(answers) == [500, 200]
    assert len(pages.failed) == 1


# --- time ---------------------------------------------------------------------------------------------


async def elapsed(call: Awaitable[object]) -> float:
    began = trio.current_time()
    await call
    return trio.current_time() - began


@pytest.mark.parametrize(
    "begun", [b"G", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n"]
)
async def test_a_request_that_dribbles_is_over_10_s_after_its_first_byte(begun: bytes) -> None:
    async with served() as stream, trio.open_nursery() as nursery:
        await stream.send_all(begun)
        nursery.start_soon(dribble, stream)
        began = trio.current_time()
        assert statuses(await rest(stream)) == [408]
        assert trio.current_time() - began == pytest.approx(REQUEST_S)
        nursery.cancel_scope.cancel()


async def dribble(stream: MemoryStream) -> None:
    try:
        while True:
            await trio.sleep(0.9)
            await stream.send_all(b"a")
    except trio.BrokenResourceError:
        pass


async def test_between_two_requests_a_client_may_wait_for_a_while() -> None:
    async with served() as stream:
        await stream.send_all(GET)
        await stream.receive_some()
        assert await elapsed(rest(stream)) == pytest.approx(IDLE_S)


async def test_who_does_not_read_the_answer_is_not_waited_for() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    assert await elapsed(serve_http(ours, Pages().site(), Lull())) <= ANSWER_S + LINGER_S + 1


async def test_who_does_not_close_after_the_last_answer_is_not_waited_for() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"GET / HTTP/1.0\r\n\r\n")
    assert await elapsed(serve_http(ours, Pages().site(), Lull())) == pytest.approx(LINGER_S)


async def test_a_route_that_hangs_is_given_up() -> None:
    pages = Pages()
    assert statuses(await ask(b"GET /hang HTTP/1.1\r\nHost: h\r\n\r\n", pages)) == [500]
    assert pages.failed == ["/hang"]


async def test_when_the_server_stops_nobody_is_waited_for_who_asks_for_nothing() -> None:
    lull = Lull()
    async with served(lull=lull) as stream:
        await stream.send_all(GET)
        await stream.receive_some()
        lull.end()
        assert await elapsed(rest(stream)) == 0


async def test_who_is_gone_does_no_harm() -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(GET)
    await theirs.aclose()
    assert await serve_http(ours, Pages().site(), Lull()) is None


# --- WebSocket ----------------------------------------------------------------------------------------


async def test_a_request_for_a_websocket_is_granted_and_what_follows_it_are_frames() -> None:
    answer = await ask(UPGRADE + frame(BINARY, b"early") + close(1000))
    head, _, frames = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: " + ACCEPT in head
    reader = FrameReader()
    reader.feed(frames)
    assert reader.payload == b"early"
    assert reader.closed == b"\x03\xe8"


async def test_frames_that_follow_an_upgrade_may_be_cut_anywhere() -> None:
    data = UPGRADE + frame(BINARY, b"early") + close(1000)
    for place in range(len(UPGRADE) - 5, len(data)):
        async with served() as stream:
            await stream.send_all(data[:place])
            await trio.testing.wait_all_tasks_blocked()
            await stream.send_all(data[place:])
            reader = FrameReader()
            reader.feed((await rest(stream)).partition(b"\r\n\r\n")[2])
            assert reader.payload == b"early"
            assert reader.closed == b"\x03\xe8"


def with_headers(changed: Mapping[str, str | None], request: bytes = UPGRADE) -> bytes:
    """Return the request with headers replaced, added, or (None) left out."""
    first, *lines = request.decode().removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines) | dict(changed)
    return (
        "\r\n".join([first, *(f"{name}: {value}" for name, value in headers.items() if value)]).encode() + b"\r\n\r\n"
    )


SHAKES: dict[str, tuple[bytes, int]] = {
    "as browsers do": (with_headers({"Origin": "http://chat.example"}), 101),
    "behind a proxy that speaks TLS": (with_headers({"Origin": "https://chat.example"}), 101),
    "with a port": (with_headers({"Origin": "http://chat.example:5002", "Host": "chat.example:5002"}), 101),
    "with a usual port that is written": (
        with_headers({"Origin": "https://chat.example", "Host": "Chat.example:443"}),
        101,
    ),
    "with extensions": (with_headers({"Sec-WebSocket-Extensions": "permessage-deflate"}), 101),
    "from an origin that is allowed": (with_headers({"Origin": "https://friend.example"}), 101),
    "from another origin": (with_headers({"Origin": "https://evil.example"}), 403),
    "from another port": (with_headers({"Origin": "http://chat.example:8080"}), 403),
    "from an origin that begins alike": (with_headers({"Origin": "http://chat.example.evil"}), 403),
    "from nowhere": (with_headers({"Origin": "null"}), 403),
    "from a file": (with_headers({"Origin": "file://"}), 403),
    "of an old version": (with_headers({"Sec-WebSocket-Version": "8"}), 426),
    "without a version": (with_headers({"Sec-WebSocket-Version": None}), 400),
    "without a key": (with_headers({"Sec-WebSocket-Key": None}), 400),
    "with a short key": (with_headers({"Sec-WebSocket-Key": "c2hvcnQ="}), 400),
    "without an upgrade": (with_headers({"Upgrade": None, "Connection": None}), 426),
    "with an upgrade to what is not here": (with_headers({"Upgrade": "h2c"}), 426),
    "by HTTP/1.0": (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), 505),
    "by POST": (UPGRADE.replace(b"GET", b"POST"), 405),
    "with a body": (with_headers({"Content-Length": "1"}) + b"x", 400),
    "with a control character in its key": (with_headers({"Sec-WebSocket-Key": "dGhlIHNhbXBs\x01SBub25jZQ=="}), 400),
    "with one in a header that means nothing": (with_headers({"X": "\x1b[2J"}), 400),
}


@pytest.mark.parametrize(("request_", "status"), SHAKES.values(), ids=SHAKES)
async def test_a_websocket_is_granted_to_our_own_page_and_to_programs(request_: bytes, status: int) -> None:
    answer = await ask(request_, origins=("https://friend.example",))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Extensions" not in answer
    if status == 426:
        assert b"\r\nUpgrade: websocket\r\n" in answer
    if b"Version: 8" in request_:
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in answer


async def test_after_a_refusal_the_connection_serves_on() -> None:
    assert statuses(await ask(with_headers({"Sec-WebSocket-Key": None}) + GET)) == [400, 200]


async def test_a_proxy_that_is_trusted_may_name_who_is_behind_it() -> None:
    pages = Pages()
    data = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n")
    await ask(data, pages, peer_name=lambda peer, headers: f"{headers['x-forwarded-for']} by {peer}")
    assert pages.asked[0].peer == "10.1.1.1 by client"


PREFIXES = [GET, UPGRADE, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]


@given(st.sampled_from(PREFIXES), st.integers(0, 200), st.binary(max_size=200), st.integers(1, 50))
async def test_random_bytes_behind_any_beginning_are_answered_or_end(
    prefix: bytes, length: int, noise: bytes, step: int
) -> None:
    pages, data = Pages(), prefix[:length] + noise
    async with served(pages) as stream:
        for start in range(0, len(data), step):
            if not stream.send_nowait(data[start : start + step]):
                break
        await stream.send_eof()
        await rest(stream)
    assert not pages.failed
