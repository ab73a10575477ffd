"""What HTTP answers: the page, health, numbers, hooks; and a sentence for everything else.

This file owns the table of routes, their methods and statuses, and who may read the numbers. It must not know how HTTP
travels, nor what the answers are made of.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from trio_chat.server.health import Health
from trio_chat.server.hook_bodies import HookRefused, read_body
from trio_chat.server.hooks import Hooks
from trio_chat.server.log import log
from trio_chat.server.metrics import CONTENT_TYPE, Metrics
from trio_chat.transport.exchange import HttpRequest, HttpResponse
from trio_chat.transport.forwarded import PROXY_HEADERS, is_loopback
from trio_chat.web import PageFile, Pages, headers_for

if TYPE_CHECKING:
    from trio_chat.server.app import Server

HOOKS: Final = "/hooks/"
"""What stands before a hook's token."""

READ: Final = ("GET", "HEAD")

Handler = Callable[[HttpRequest, str], Awaitable[HttpResponse]]
"""Answers a request, given what follows the route's path."""


class Route(NamedTuple):
    """One line of the table: what it is called in the numbers, how it is asked, and what answers."""

    name: str
    methods: tuple[str, ...]
    handler: Handler


class ServerRoutes:
    """Answers every HTTP request to a server; a `trio_chat.transport.exchange.Routes`.

    Args:
        server: the server.
        pages: the page's files.

    Attributes:
        hooks: the server's hooks.
    """

    def __init__(self, server: "Server", pages: Pages) -> None:
        config = server.config
        self.hooks = Hooks(server.hub, config.hooks, config.rate_limit)
        self._server = server
        self._tally = server.hub.tally
        self._pages = pages
        self._metrics = Metrics(server)
        self._healthy = Health(server.hub)
        # A path that ends with a slash stands for all below it.
        self._table: Mapping[str, Route] = {
            "/": Route("page", READ, self._index),
            "/page/": Route("page", READ, self._page),
            "/healthz": Route("healthz", READ, self._health),
            "/metrics": Route("metrics", READ, self._numbers),
            HOOKS: Route("hooks", ("POST",), self._hook),
        }

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. A bug is raised, and counted as the 500 that it will be answered with."""
        route, rest = self._find(request.path)
        name, status = route.name if route else "none", 500
        try:
            response = await self._answer(request, route, rest)
            status = response.status
        finally:
            self._tally.http[name, status] += 1
        headers = {**headers_for(request.headers.get("host", "")), **response.headers}
        return msgspec.structs.replace(response, headers=headers)

    def _find(self, path: str) -> tuple[Route | None, str]:
        if path in self._table:
            return self._table[path], ""
        first, slash, rest = path[1:].partition("/")
        return self._table.get(f"/{first}/") if slash else None, rest

    async def _answer(self, request: HttpRequest, route: Route | None, rest: str) -> HttpResponse:
        if route is None:
            return _text(404, "There is nothing here; the page is at /.")
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return _text(405, f"This takes {allowed} only.", {"Allow": allowed})
        return await route.handler(request, rest)

    # --- the page -------------------------------------------------------------------------------------

    async def _index(self, request: HttpRequest, _rest: str) -> HttpResponse:
        return _file(self._pages.index, request)

    async def _page(self, request: HttpRequest, name: str) -> HttpResponse:
        return _file(self._pages.find(name), request)

    # --- for operators --------------------------------------------------------------------------------

    async def _health(self, _request: HttpRequest, _rest: str) -> HttpResponse:
        word = "stopping" if self._server.is_stopping else await self._healthy.word()
        return _text(200 if word == "ok" else 503, word)

    async def _numbers(self, request: HttpRequest, _rest: str) -> HttpResponse:
        who = self._server.config.metrics
        if who == "off":
            return _text(404, "There are no metrics here; the server was started with --metrics off.")
        if who == "local" and not _is_local(request):
            return _text(403, "Metrics are for this machine only; start the server with --metrics any to open them.")
        return HttpResponse(200, {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}, self._metrics.text())

    # --- hooks ----------------------------------------------------------------------------------------

    async def _hook(self, request: HttpRequest, token: str) -> HttpResponse:
        hook = self.hooks.find(token)
        if hook is None:
            log.warning("no such hook", address=request.peer)
            return _json(404, {"error": "There is no such hook; ask the server's operator for its address."})
        try:
            kept = await self.hooks.say(hook, read_body(request.headers, request.body))
        except HookRefused as refused:
            log.warning("hook refused", nick=hook.nick.shown, address=request.peer, because=str(refused))
            return _json(refused.status, {"error": str(refused)}, refused.retry_after_s)
        log.info("hook", nick=hook.nick.shown, room=kept.room, seq=kept.seq, address=request.peer)
        return _json(200, kept)


def without_token(path: str) -> str:
    """Return a request's path as it may be logged: without a hook's secret."""
    return f"{HOOKS}…" if path.startswith(HOOKS) else path


def _is_local(request: HttpRequest) -> bool:
    """Return whether a request was made on this machine, and not by a proxy on it that speaks for others.

    A browser here may be led to ask by a page from elsewhere whose name has come to mean this machine: `Host` tells.
    """
    host = re.sub(r":[0-9]*$", "", request.headers.get("host", ""))
    return (
        is_loopback(request.peer)
        and (host == "localhost" or is_loopback(f"{host}:0"))
        and not any(header in request.headers for header in PROXY_HEADERS)
    )


def _file(file: PageFile | None, request: HttpRequest) -> HttpResponse:
    if file is None:
        return _text(404, "There is no such file of the page; reload the page at /.")
    return file.answer(request)


def _text(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a line of plain text, which no cache keeps."""
    told = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", **(headers or {})}
    return HttpResponse(status, told, f"{sentence}\n".encode())


def _json(status: int, content: object, retry_after_s: int | None = None) -> HttpResponse:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return HttpResponse(status, headers, msgspec.json.encode(content) + b"\n")
