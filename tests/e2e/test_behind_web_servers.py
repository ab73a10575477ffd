"""Behind a real nginx and a real Caddy, as docs/deploying.md sets them up: page, talk, addresses, hooks, numbers."""

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from websockets.exceptions import InvalidStatus

from benchmarks.server_process import ServerProcess, free_port, running_server
from protocol import (
    MAX_FRAME_TO_CLIENT,
    FrameDecoder,
    FromServer,
    Hello,
    Join,
    Live,
    Message,
    Post,
    Request,
    decode_from_server,
    encode,
    encode_frame,
)
from tests.e2e.blocking_websocket import BlockingWebSocket
from tests.e2e.web_servers import PATIENCE_S, WEB_SERVERS, WebServer

M = TypeVar("M", bound=FromServer)

TOKEN = "t" * 43
SETTINGS = f"""
port = 0
store = "memory:"
trusted_proxies = ["127.0.0.1"]

[[hook]]
token = "{TOKEN}"
room = "builds"
nick = "ci"
"""

CLIENT = "127.0.0.2"
"""Where the tests' clients come from: this machine too, but not the proxy's address."""


class Chain(NamedTuple):
    """A web server with a chat server behind it."""

    front: WebServer
    chat: ServerProcess

    @property
    def log(self) -> str:
        return self.chat.log.read_text()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    directory = tmp_path_factory.mktemp(request.param)
    config = directory / "server.toml"
    config.write_text(SETTINGS)
    with (
        running_server("--config", str(config), log=directory / "chat_server.txt") as chat,
        WEB_SERVERS[request.param](chat.port, directory) as front,
    ):
        yield Chain(front, chat)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(chain: Chain, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """Ask through the web server."""
    front = chain.front
    connection = http.client.HTTPSConnection(
        "127.0.0.1", front.port, timeout=PATIENCE_S, context=front.trust, source_address=(CLIENT, 0)
    )
    return _asked(connection, method, path, body, headers)


def ask_directly(chain: Chain, method: str, path: str) -> Answer:
    return _asked(http.client.HTTPConnection("127.0.0.1", chain.chat.port, timeout=PATIENCE_S), method, path, None, {})


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Answer:
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    try:
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())
    finally:
        connection.close()


class Talker:
    """Somebody who talks through the web server, as the page does."""

    def __init__(self, websocket: BlockingWebSocket) -> None:
        self._websocket = websocket
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._waiting: list[FromServer] = []

    def send(self, *requests: Request) -> None:
        self._websocket.send(b"".join(encode_frame(encode(request)) for request in requests))

    def expect(self, kind: type[M]) -> M:
        """Skip messages up to the first of a kind, and return it."""
        while True:
            while not self._waiting:
                self._decoder.feed(self._websocket.receive())
                self._waiting += map(decode_from_server, self._decoder.take())
            message = self._waiting.pop(0)
            if isinstance(message, kind):
                return message


@contextmanager
def talking(chain: Chain, nick: str, **headers: str) -> Iterator[Talker]:
    """Be in #builds through the web server, with the headers of a browser that shows the page from there."""
    front = chain.front
    url = f"wss://127.0.0.1:{front.port}/ws"
    named = {name.replace("_", "-"): value for name, value in {"Origin": front.url, **headers}.items()}
    with BlockingWebSocket(url, tls=front.trust, source=CLIENT, headers=named) as websocket:
        talker = Talker(websocket)
        talker.send(Hello(1, 1, nick.encode().hex().ljust(32, "0"), nick), Join(2, "builds", last=0))
        talker.expect(Live)
        yield talker


def test_the_page_comes_through_as_the_server_serves_it(chain: Chain) -> None:
    for path in ("/", "/page/client.js", "/healthz"):
        direct, through = ask_directly(chain, "GET", path), ask(chain, "GET", path)
        assert (through.status, through.body) == (direct.status, direct.body)
        policy = f"connect-src 'self' ws://127.0.0.1:{chain.front.port} wss://127.0.0.1:{chain.front.port};"
        assert policy in through.headers["content-security-policy"]
    etag = ask(chain, "GET", "/page/client.js", Accept_Encoding="gzip").headers["etag"]
    assert ask(chain, "GET", "/page/client.js", Accept_Encoding="gzip", If_None_Match=etag).status == 304


def test_people_talk_through_it(chain: Chain) -> None:
    with talking(chain, "ann") as ann, talking(chain, "bob") as bob:
        ann.send(Post(3, "builds", "k", "hello"))
        assert bob.expect(Message).text == "hello"
        long = "x" * 4_000
        for number in range(10, 50):
            bob.send(Post(number, "builds", f"k {number}", long))
        ann.expect(Message)
        assert [ann.expect(Message).text for _ in range(40)] == [long] * 40


def test_a_page_from_elsewhere_cannot_talk(chain: Chain) -> None:
    with pytest.raises(InvalidStatus) as refused, talking(chain, "eve", Origin="https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403


def test_the_client_s_address_arrives_and_not_one_that_it_makes_up(chain: Chain) -> None:
    made_up = {"X_Forwarded_For": "192.0.2.66", "Forwarded": "for=192.0.2.67", "X_Real_IP": "192.0.2.68"}
    with talking(chain, "carol", **made_up) as carol:
        carol.send(Post(3, "builds", "k", "here"))
        carol.expect(Message)
    assert re.search(rf"arrived nick='carol' address='{re.escape(CLIENT)}'", chain.log)
    ask(chain, "POST", f"/hooks/{TOKEN}", b"from carol", **made_up)
    assert re.search(rf"hook nick='ci' .* address='{re.escape(CLIENT)}'", chain.log)
    assert "192.0.2.6" not in chain.log


def test_a_hook_works_through_it_and_is_seen_live(chain: Chain) -> None:
    with talking(chain, "dora") as dora:
        answer = ask(chain, "POST", f"/hooks/{TOKEN}", "läuft".encode(), Idempotency_Key="run 7")
        message = dora.expect(Message)
    assert (message.nick, message.text) == ("ci", "läuft")
    assert json.loads(answer.body) == {"room": "builds", "seq": message.seq, "at": message.at, "duplicate": False}
    again = ask(chain, "POST", f"/hooks/{TOKEN}", "läuft".encode(), Idempotency_Key="run 7")
    assert json.loads(again.body)["duplicate"] is True


def test_the_secret_of_a_hook_is_in_no_log(chain: Chain) -> None:
    ask(chain, "POST", f"/hooks/{TOKEN}", b"hello")
    assert TOKEN not in chain.log
    assert TOKEN not in chain.front.written


@pytest.mark.parametrize("name", WEB_SERVERS)
def test_while_the_server_is_down_the_secret_is_in_no_log_either(name: str, tmp_path: Path) -> None:
    with WEB_SERVERS[name](free_port(), tmp_path) as front:
        request = urllib.request.Request(f"{front.url}/hooks/{TOKEN}", b"hello")
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(request, timeout=PATIENCE_S, context=front.trust)
    assert TOKEN not in front.written


def test_the_numbers_do_not_come_through(chain: Chain) -> None:
    assert ask(chain, "GET", "/metrics").status == 404
    for path in ("/METRICS", "//metrics", "/%6detrics", "/page/../metrics", "/metrics?x", "/metrics/", "/./metrics"):
        assert ask(chain, "GET", path).status in (301, 308, 400, 403, 404)
    assert ask_directly(chain, "GET", "/metrics").status == 200
