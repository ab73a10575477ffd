"""One port of a real server, and clients that are not ours: browsers' protocols in libraries and by hand."""

import json
import random
import socket
import ssl
import struct
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from benchmarks.server_process import PATIENCE_S, ServerProcess, running_server
from tests.e2e.blocking_websocket import BlockingWebSocket, Closed
from tests.e2e.meeting import Counted
from tests.transport.pairs import authority
from tests.transport.test_http import HOSTILE, UPGRADE
from tests.transport.test_websocket import CASES, Case
from tests.transport.websocket_client import BINARY, FrameReader, close, frame
from trio_chat.client import CannotConnect, open_client

HELLO = {"type": "hello", "id": 1, "version": 1, "session": "0" * 32, "nick": "web"}
JOIN = {"type": "join", "id": 2, "room": "lobby"}
POST = {"type": "post", "id": 3, "room": "lobby", "key": "k", "text": "from a browser"}


def frames(*messages: dict[str, Any]) -> bytes:
    """Return messages as frames of the protocol."""
    payloads = [json.dumps(message).encode() for message in messages]
    return b"".join(struct.pack("!I", len(payload)) + payload for payload in payloads)


def receive_until(client: BlockingWebSocket, kind: str) -> list[str]:
    """Return the types of what comes up to the first of a kind; what is in a message of WebSocket means nothing."""
    got, kinds = b"", list[str]()
    while kind not in kinds:
        got += client.receive()
        while len(got) >= 4 and len(got) >= 4 + (length := struct.unpack_from("!I", got)[0]):
            kinds.append(json.loads(got[4 : 4 + length])["type"])
            got = got[4 + length :]
    return kinds


def talk(url: str, tls: ssl.SSLContext | None = None) -> None:
    """Do over a WebSocket what every client does."""
    with BlockingWebSocket(url, tls=tls) as client:
        assert "Sec-WebSocket-Extensions" not in client.response.headers  # the library has offered compression
        data = frames(HELLO, JOIN, POST)
        client.send(data[:100])
        client.send(data[100:101], data[101:])  # fragments of one message
        assert receive_until(client, "message")[:2] == ["welcome", "joined"]
        client.ping(b"are you there")
        client.send(frames({"type": "bye", "id": 4}))
        with pytest.raises(Closed):
            receive_until(client, "nothing more")
        assert client.close_code == 1000


async def test_a_websocket_speaks_the_protocol(counted: Counted) -> None:
    await trio.to_thread.run_sync(talk, f"ws://127.0.0.1:{counted.process.port}/ws")


async def test_a_websocket_that_breaks_the_protocol_hears_why(counted: Counted) -> None:
    def break_it() -> None:
        with BlockingWebSocket(f"ws://127.0.0.1:{counted.process.port}/ws") as client:
            client.send(b"\0\0\0\0")
            assert receive_until(client, "bye") == ["error", "bye"]
        with BlockingWebSocket(f"ws://127.0.0.1:{counted.process.port}/ws") as client:
            client.send("text")
            with pytest.raises(Closed):
                client.receive()
            assert client.close_code == 1003

    await trio.to_thread.run_sync(break_it)


async def test_a_page_of_another_origin_gets_no_websocket(counted: Counted) -> None:
    def ask() -> None:
        with pytest.raises(InvalidStatus) as refused:
            BlockingWebSocket(f"ws://127.0.0.1:{counted.process.port}/ws", headers={"Origin": "https://evil.example"})
        assert refused.value.response.status_code == 403

    await trio.to_thread.run_sync(ask)


async def test_http_is_answered_on_the_same_port(counted: Counted) -> None:
    def ask(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{counted.process.port}{path}", timeout=PATIENCE_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert await trio.to_thread.run_sync(ask, "/") == 200
    assert await trio.to_thread.run_sync(ask, "/no/such/page") == 404


# --- bad input ----------------------------------------------------------------------------------------


def exchange(counted: Counted, *pieces: bytes) -> bytes:
    """Send pieces, then the end; return all that comes."""
    with socket.create_connection((counted.process.host, counted.process.port), PATIENCE_S) as sock:
        got = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65_536):
                got += data
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was cut short by the server, which has answered
        return got


@pytest.mark.parametrize("data", [data for data, _ in HOSTILE.values()], ids=HOSTILE)
async def test_bad_http_is_answered_and_closed(counted: Counted, data: bytes) -> None:
    answer = await trio.to_thread.run_sync(exchange, counted, data)
    assert answer.startswith(b"HTTP/1.1 ")


SMALL = [case for case in CASES if len(case.stream) < 1_000]


@pytest.mark.parametrize("case", SMALL, ids=[case.name for case in SMALL])
async def test_whatever_a_websocket_carries_is_closed_as_it_should(counted: Counted, case: Case) -> None:
    for pieces in ((UPGRADE + case.stream,), (UPGRADE, case.stream[:3], case.stream[3:])):
        answer = await trio.to_thread.run_sync(exchange, counted, *pieces)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        reader = FrameReader()
        reader.feed(rest)
        assert reader.closed is not None
        assert reader.pongs == list(case.pongs)
        if not case.payload:
            wanted = case.code if isinstance(case.code, bytes) else struct.pack("!H", case.code)
            assert reader.closed[:2] == wanted[:2]


async def test_tls_is_refused_where_there_is_no_certificate(counted: Counted) -> None:
    def ask() -> None:
        address = (counted.process.host, counted.process.port)
        with (
            socket.create_connection(address, PATIENCE_S) as sock,
            pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"),
        ):
            ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")

    await trio.to_thread.run_sync(ask)


async def test_a_reset_at_any_place_leaves_nothing_behind(counted: Counted) -> None:
    data = UPGRADE + frame(BINARY, frames(HELLO, JOIN)) + close(1000)
    for length in range(1, len(data), 7):
        with socket.create_connection((counted.process.host, counted.process.port)) as sock:
            sock.sendall(data[:length])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await counted.are_files_as_before()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
@given(st.sampled_from([b"", b"GET ", UPGRADE, UPGRADE + frame(BINARY, frames(HELLO))]), st.binary(max_size=300))
async def test_random_bytes_behind_any_beginning_are_answered_or_closed(
    counted: Counted, beginning: bytes, noise: bytes
) -> None:
    await trio.to_thread.run_sync(exchange, counted, beginning + noise)


async def test_a_megabyte_of_noise_in_a_websocket_is_closed(counted: Counted) -> None:
    answer = await trio.to_thread.run_sync(exchange, counted, UPGRADE, random.Random(5).randbytes(1_000_000))
    assert answer.startswith(b"HTTP/1.1 101 ")


# --- TLS ----------------------------------------------------------------------------------------------


@pytest.fixture
async def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServerProcess]:
    """A server with a certificate for localhost, which this process trusts."""
    issued = authority().issue_cert("localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in issued.cert_chain_pems:
        part.write_to_path(tmp_path / "certificate.pem", append=True)
    authority().cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    files = ["--certificate", str(tmp_path / "certificate.pem"), "--key", str(tmp_path / "key.pem")]
    with running_server("--port", "0", "--store", "memory:", *files, log=tmp_path / "server.log") as server:
        assert server.url.startswith("chats://")
        yield server


async def test_a_websocket_in_tls_speaks_the_protocol(secure: ServerProcess) -> None:
    await trio.to_thread.run_sync(talk, f"wss://localhost:{secure.port}/ws", ssl.create_default_context())


async def test_the_client_library_speaks_tls_to_who_it_can_trust(
    secure: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_client(f"chats://localhost:{secure.port}", nick="ann", session="a" * 32) as client:
        await client.join("lobby")
        assert (await client.post("lobby", "x" * 4_000)).seq == 1
    with pytest.raises(CannotConnect, match=r"certificate of 127\.0\.0\.1:\d+ is for another name"):
        async with open_client(f"chats://127.0.0.1:{secure.port}", nick="ann", session="a" * 32):
            pass
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    with pytest.raises(CannotConnect, match=r"certificate of localhost:\d+ is not trusted \(unable to get"):
        async with open_client(f"chats://localhost:{secure.port}", nick="ann", session="a" * 32):
            pass


async def test_who_asks_for_tls_where_there_is_none_is_told(counted: Counted) -> None:
    with pytest.raises(CannotConnect, match=r"does not speak TLS .*: give its address with chat://"):
        async with open_client(f"chats://127.0.0.1:{counted.process.port}", nick="ann", session="a" * 32):
            pass


async def test_https_is_answered_on_the_same_port_and_http_too(secure: ServerProcess) -> None:
    trusting = ssl.create_default_context()  # urllib's own may be from before, and trust others

    def ask(url: str) -> int:
        with urllib.request.urlopen(url, timeout=PATIENCE_S, context=trusting) as answer:
            return int(answer.status)

    assert await trio.to_thread.run_sync(ask, f"https://localhost:{secure.port}/") == 200
    assert await trio.to_thread.run_sync(ask, f"http://localhost:{secure.port}/") == 200
