"""The routes by HTTP on a real socket: what is sent raw, whose word is taken on addresses, and what is logged."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.server.asking_http import HOOK
from trio_chat.server import Server, ServerConfig, open_server

FORWARDED = "X-Forwarded-For: 192.0.2.1\r\n"


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[Server]:
    config = ServerConfig(port=0, store="memory:", hooks=(HOOK,), **settings)  # type: ignore[arg-type]  # as they come
    async with open_server(config) as server:
        yield server


async def exchange(server: Server, head: str, body: str = "") -> tuple[int, str]:
    """Send a request and return the status and all that came, up to the end of the connection."""
    host, _, port = server.addresses[0].rpartition(":")
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    with trio.fail_after(60):
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            await stream.send_all(
                f"{head}Host: {server.addresses[0]}\r\nConnection: close\r\n{length}\r\n{body}".encode()
            )
            answer = b"".join([data async for data in stream]).decode()
    return int(answer.split(" ", 2)[1]), answer


@pytest.mark.parametrize(
    "path",
    [
        "/page/../client.js",
        "/page/..%2f..%2fserver/app.py",
        "/page/%2e%2e/%2e%2e/__init__.py",
        "/page/..%5c..%5c__init__.py",
        "/page/..\\__init__.py",
        "/page/client.js%00.svg",
        "/page/package.json",
        "/page//etc/passwd",
        "/%2fetc%2fpasswd",
        "/page/%252e%252e/client.js",
    ],
)
async def test_no_path_leads_out_of_the_page(path: str) -> None:
    async with serving() as server:
        status, answer = await exchange(server, f"GET {path} HTTP/1.1\r\n")
    assert status in (400, 404)
    assert "import" not in answer


async def test_head_has_no_body_and_the_length_of_one() -> None:
    async with serving() as server:
        status, answer = await exchange(server, "HEAD /healthz HTTP/1.1\r\n")
    head, _, body = answer.partition("\r\n\r\n")
    assert (status, body) == (200, "")
    assert "content-length: 3" in head.lower()


@pytest.mark.parametrize(
    ("trusted", "address"), [(("127.0.0.1",), "'192.0.2.1'"), ((), "'127.0.0.1:"), (("10.0.0.0/8",), "'127.0.0.1:")]
)
async def test_a_hook_s_address_is_what_a_trusted_proxy_says(
    caplog: pytest.LogCaptureFixture, trusted: tuple[str, ...], address: str
) -> None:
    with caplog.at_level(logging.INFO):
        async with serving(trusted_proxies=trusted) as server:
            status, _ = await exchange(server, f"POST /hooks/{HOOK.token} HTTP/1.1\r\n{FORWARDED}", "hello")
    assert status == 200
    assert f"hook nick='ci' room='builds' seq=1 address={address}" in caplog.text


async def test_the_numbers_are_read_from_here_and_not_through_a_proxy_here() -> None:
    async with serving(trusted_proxies=("127.0.0.1",)) as server:
        assert (await exchange(server, "GET /metrics HTTP/1.1\r\n"))[0] == 200
        assert (await exchange(server, f"GET /metrics HTTP/1.1\r\n{FORWARDED}"))[0] == 403
        assert (await exchange(server, "GET /metrics HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\n"))[0] == 403


async def test_a_hook_that_fails_does_not_log_its_token(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server:
        server.hub.store = None  # type: ignore[assignment]  # which breaks whoever asks it
        status, answer = await exchange(server, f"POST /hooks/{HOOK.token} HTTP/1.1\r\n", "hello")
    assert status == 500
    assert "a request failed" in caplog.text
    assert HOOK.token not in caplog.text + answer
