"""Requests as the listener hands them to a server's routes, for tests without a socket."""

from typing import Any

import msgspec

from trio_chat.server import Server
from trio_chat.server.hooks import Hook
from trio_chat.transport.exchange import HttpRequest, HttpResponse

HERE = "127.0.0.1:50000"

HOOK = Hook("t" * 40, "builds", "ci")


def request(
    method: str, path: str, body: bytes = b"", *, peer: str = HERE, headers: dict[str, str] | None = None
) -> HttpRequest:
    return HttpRequest(method, path, "", {"host": "localhost:5002", **(headers or {})}, body, peer)


async def ask(server: Server, method: str, path: str, body: bytes = b"", **more: Any) -> HttpResponse:
    return await server.routes(request(method, path, body, **more))


async def hook(
    server: Server, body: bytes | str, token: str = HOOK.token, key: str | None = None, kind: str = "text/plain"
) -> HttpResponse:
    """Post a body of a kind to a hook."""
    headers = {"content-type": kind, **({} if key is None else {"idempotency-key": key})}
    return await ask(
        server, "POST", f"/hooks/{token}", body if isinstance(body, bytes) else body.encode(), headers=headers
    )


def told(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON of a response."""
    assert response.headers["Content-Type"] == "application/json"
    found = msgspec.json.decode(response.body)
    assert isinstance(found, dict)
    return found
