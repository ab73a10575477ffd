"""What HTTP answers: which paths there are, how each may be asked, and who may read the numbers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.server.asking_http import HERE, HOOK, ask, request
from tests.server.failing import failing_server
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.health import FRESH_S, HEALTHY_S
from trio_chat.server.routes import ServerRoutes
from trio_chat.transport.exchange import HttpResponse
from trio_chat.web import HEADERS, load_pages

pytestmark = pytest.mark.autojump

ALL_PATHS = ["/", "/page/client.js", "/page/nothing.js", "/healthz", "/metrics", f"/hooks/{HOOK.token}", "/nothing"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a page of its own, and a hook."""
    (tmp_path / "index.html").write_text("<!doctype html><title>chat</title>")
    (tmp_path / "client.js").write_text("export const answer = 42;")
    (tmp_path / "package.json").write_text("{}")
    async with open_server(ServerConfig(port=None, store="memory:", hooks=(HOOK,))) as running:
        running.routes = ServerRoutes(running, load_pages(tmp_path))
        yield running


# --- paths and methods --------------------------------------------------------------------------------


async def test_the_page_is_at_the_root_and_its_files_below(server: Server) -> None:
    root, script = await ask(server, "GET", "/"), await ask(server, "GET", "/page/client.js")
    assert (root.status, root.body) == (200, b"<!doctype html><title>chat</title>")
    assert (script.status, script.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")


async def test_who_has_the_page_already_is_told_so(server: Server) -> None:
    etag = (await ask(server, "GET", "/")).headers["ETag"]
    assert (await ask(server, "GET", "/", headers={"if-none-match": etag})).status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/index.html", "/page", "/page/", "/page/index.html", "/page/package.json", "/page/a/client.js",
        "/page/../client.js", "/page/..", "/page/client.js/", "/page/client.js\0", "/page\\client.js", "//",
        "//page/client.js", "/Page/client.js", "/page//client.js", "/healthz/", "/healthz/x", "/metrics/", "/hooks",
        "/ws", "", "*", "/\ud800",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_told_in_a_sentence(server: Server, path: str) -> None:
    answer = await ask(server, "GET", path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.body.endswith(b".\n")


@given(st.text().map("/".__add__))
async def test_whatever_is_asked_for_there_is_an_answer(path: str) -> None:
    async with open_server(ServerConfig(port=None, store="memory:", hooks=(HOOK,))) as server:
        answer = await ask(server, "GET", path)
        assert answer.status in (200, 404, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/", "/page/client.js", "/healthz", "/metrics"])
async def test_what_is_read_can_only_be_read(server: Server, method: str, path: str) -> None:
    answer = await ask(server, method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_a_hook_can_only_be_posted_to(server: Server, method: str) -> None:
    answer = await ask(server, method, f"/hooks/{HOOK.token}")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/page/client.js", "/healthz", "/nothing"])
async def test_head_is_told_what_get_is(server: Server, path: str) -> None:
    assert await ask(server, "HEAD", path) == await ask(server, "GET", path)  # the body is left out on its way


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ALL_PATHS)
async def test_every_answer_binds_the_browser(server: Server, method: str, path: str) -> None:
    answer = await ask(server, method, path)
    assert dict(answer.headers, **HEADERS) == answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self' ws://localhost:5002 wss://localhost:5002;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing", f"/hooks/{HOOK.token}"])
async def test_what_changes_is_kept_by_no_cache(server: Server, path: str) -> None:
    assert (await ask(server, "GET", path)).headers["Cache-Control"] == "no-store"


# --- health -------------------------------------------------------------------------------------------


async def test_a_server_whose_store_answers_is_healthy(server: Server) -> None:
    answer = await ask(server, "GET", "/healthz", peer="203.0.113.7:5")
    assert (answer.status, answer.body) == (200, b"ok\n")


async def test_one_whose_store_fails_or_hangs_is_not() -> None:
    async with failing_server() as (server, store):
        store.failing = True
        answer = await ask(server, "GET", "/healthz")
        assert (answer.status, answer.body) == (503, b"failing\n")
        store.failing, store.find_s = False, 10 * HEALTHY_S
        await trio.sleep(FRESH_S)
        before = trio.current_time()
        answer = await ask(server, "GET", "/healthz")
        assert (answer.status, answer.body, trio.current_time() - before) == (503, b"slow\n", HEALTHY_S)
        store.find_s = 0.0
        await trio.sleep(FRESH_S)
        assert (await ask(server, "GET", "/healthz")).status == 200


async def test_however_many_ask_the_store_is_asked_once_a_second() -> None:
    async with failing_server() as (server, store):
        store.find_s = 0.5
        answers: list[HttpResponse] = []

        async def watch() -> None:
            answers.append(await ask(server, "GET", "/healthz"))

        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(watch)
        assert ({answer.body for answer in answers}, store.finds) == ({b"ok\n"}, 1)
        await trio.sleep(FRESH_S)
        await watch()
        assert store.finds == 2


async def test_one_that_stops_is_not() -> None:
    async with open_server(ServerConfig(port=None, store="memory:")) as server:
        await server.stop("enough")
        answer = await ask(server, "GET", "/healthz")
        assert (answer.status, answer.body) == (503, b"stopping\n")


# --- numbers ------------------------------------------------------------------------------------------


@asynccontextmanager
async def with_metrics(who: Literal["local", "any", "off"]) -> AsyncIterator[Server]:
    async with open_server(ServerConfig(port=None, store="memory:", metrics=who)) as server:
        yield server


async def test_the_numbers_are_for_this_machine(server: Server) -> None:
    answer = await ask(server, "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert (await ask(server, "GET", "/metrics", peer="[::1]:5", headers={"host": "[::1]:5002"})).status == 200
    assert (await ask(server, "GET", "/metrics", headers={"host": "127.0.0.1"})).status == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("203.0.113.7:5", {}),
        ("203.0.113.7", {"x-forwarded-for": "127.0.0.1"}),
        (HERE, {"x-forwarded-for": "127.0.0.1"}),  # a proxy on this machine asks for somebody
        (HERE, {"forwarded": "for=127.0.0.1"}),
        (HERE, {"via": "1.1 proxy"}),
        (HERE, {"host": "chat.example"}),  # a browser on this machine is led to ask
        (HERE, {"host": ""}),
        (HERE, {"host": "localhost.example:5002"}),
        (HERE, {"host": "[::1"}),
    ],
)
async def test_to_others_and_through_proxies_they_are_refused(
    server: Server, peer: str, headers: dict[str, str]
) -> None:
    answer = await ask(server, "GET", "/metrics", peer=peer, headers=headers)
    assert answer.status == 403
    assert b"--metrics any" in answer.body
    async with with_metrics("any") as opened:
        assert (await ask(opened, "GET", "/metrics", peer=peer, headers=headers)).status == 200


async def test_they_can_be_off_for_everybody() -> None:
    async with with_metrics("off") as server:
        assert (await ask(server, "GET", "/metrics")).status == 404


async def test_a_bug_in_a_route_is_raised_and_counted(server: Server) -> None:
    server.hub.store = None  # type: ignore[assignment]  # which breaks whoever asks it
    with pytest.raises(AttributeError):
        await server.routes(request("GET", "/healthz"))
    assert server.hub.tally.http == {("healthz", 500): 1}
