"""A site for tests: a real HTTP server on 127.0.0.1 that gives the pages of a test, with TLS if asked for.

This file owns the server's side. It must not know who asks.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import h11
import trio


@dataclass(frozen=True)
class Reply:
    """What a path gives.

    Args:
        body: the page.
        content_type, status: of it.
        headers: besides Content-Type and Content-Length.
    """

    body: str | bytes = ""
    content_type: str = "text/plain"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """A running site.

    Attributes:
        url: where it is, without a slash at the end.
        asked: the paths that were asked for, in their order, and by whom (User-Agent).
    """

    def __init__(self, url: str, pages: Mapping[str, Reply]) -> None:
        self.url = url
        self.asked: list[tuple[str, str]] = []
        self._pages = pages

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def reply(self, target: str) -> Reply:
        return self._pages.get(target.partition("?")[0], Reply("nothing here", status=404))


@asynccontextmanager
async def site(pages: Mapping[str, Reply], ssl_context: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Run a site for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        running = Site(f"{'http' if ssl_context is None else 'https'}://127.0.0.1:{port}", pages)
        nursery.start_soon(partial(trio.serve_listeners, partial(_serve, running, ssl_context), listeners))
        yield running
        nursery.cancel_scope.cancel()


async def _serve(running: Site, ssl_context: ssl.SSLContext | None, stream: trio.SocketStream) -> None:
    """Answer one request, and close."""
    spoken: trio.abc.Stream = stream
    if ssl_context is not None:
        spoken = trio.SSLStream(stream, ssl_context, server_side=True, https_compatible=True)
    connection = h11.Connection(h11.SERVER)
    try:
        async with spoken:
            while (event := connection.next_event()) is h11.NEED_DATA:
                connection.receive_data(bytes(await spoken.receive_some(4096)))
            if isinstance(event, h11.Request):
                target = event.target.decode()
                running.asked.append((target, dict(event.headers).get(b"user-agent", b"").decode()))
                await spoken.send_all(_response(connection, running.reply(target)))
    except (h11.RemoteProtocolError, trio.BrokenResourceError):  # the client has gone, or does not trust us
        pass


def _response(connection: h11.Connection, reply: Reply) -> bytes:
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    headers = [
        ("Content-Type", reply.content_type), ("Content-Length", str(len(body))), ("Connection", "close"),
        *reply.headers.items(),
    ]  # fmt: skip
    parts = (
        connection.send(h11.Response(status_code=reply.status, headers=headers)),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    )
    return b"".join(part for part in parts if part)
