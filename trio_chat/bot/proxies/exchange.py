"""One request and its answer through one proxy.

This file owns the border to httpx2 and httpcore2: what a request becomes, and what their errors are called. It must
not know pools; how a tunnel is made is in tunnel.py.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpcore2
import httpx2
import trio

from trio_chat.bot.proxies.proxy import Proxy
from trio_chat.bot.proxies.stream import NetworkStream
from trio_chat.bot.proxies.tunnel import ProxyFailed, open_tunnel

CONNECT_S: Final = 10.0
"""How long a proxy may take to make a tunnel, where the request does not say it."""

CLOSE_S: Final = 1.0

Blame = Callable[[str], None]
"""Counts something against a proxy; takes a clause that says what."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back through a proxy.

    Args:
        response: the site's, with its body still to come; closing it closes the connection.
        ready_s: how long the proxy took until the request could be sent, in seconds.
    """

    response: httpx2.Response
    ready_s: float


async def ask_through(
    proxy: Proxy,
    request: httpx2.Request,
    ssl_context: ssl.SSLContext,
    blame: Blame = lambda why: None,
) -> Answer:
    """Send a request through a proxy, on a connection of its own.

    No connection is kept for the next request: it would have to be told whether a dead one is the proxy's fault, and
    a request of a bot takes seconds, a new tunnel some tenths of one.

    Args:
        proxy: through which.
        request: what to send. Its timeouts hold.
        ssl_context: says whom to trust.
        blame: is called if, after the tunnel stood, the connection breaks or no answer begins in time. Whether the
            site or the proxy keeps one waiting cannot be told; a hole in front of a proxy that works costs every
            answer, a site that is slow costs the proxies a rest of seconds.

    Raises:
        ProxyFailed: the proxy made no tunnel; nothing was sent.
        httpx2.TransportError: what may happen afterwards.
    """
    url = request.url
    if url.scheme not in _PORTS:
        raise httpx2.UnsupportedProtocol(f"No request can be made to a URL that begins with {url.scheme!r}.")
    port = url.port or _PORTS[url.scheme]
    connect_s = request.extensions.get("timeout", {}).get("connect") or CONNECT_S
    began = trio.current_time()
    try:
        with trio.fail_after(connect_s):
            host = url.raw_host.decode("ascii").strip("[]")
            tunnel = await open_tunnel(proxy, host, port, ssl_context if url.scheme == "https" else None)
    except trio.TooSlowError:
        raise ProxyFailed(f"no tunnel within {connect_s:g} s") from None
    ready_s = trio.current_time() - began
    core_url = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path)
    connection = httpcore2.AsyncHTTP11Connection(core_url.origin, NetworkStream(tunnel))
    with _translated(blame, waits_for_head=True):
        answer = await connection.handle_async_request(
            httpcore2.Request(
                request.method,
                core_url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
    body = _Body(answer, connection, blame)
    extensions = {name: value for name, value in answer.extensions.items() if name != "network_stream"}
    return Answer(httpx2.Response(answer.status, headers=answer.headers, stream=body, extensions=extensions), ready_s)


@contextmanager
def _translated(blame: Blame, *, waits_for_head: bool = False) -> Iterator[None]:
    """Raise what httpcore2 raises as what users of httpx2 expect, which has the same name there."""
    try:
        yield
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
        blame("the connection through it broke")
        raise getattr(httpx2, type(error).__name__)("the connection through the proxy broke") from error
    except (httpcore2.TimeoutException, httpcore2.LocalProtocolError) as error:
        if waits_for_head and isinstance(error, httpcore2.TimeoutException):
            blame("no answer came through it in time")
        raise getattr(httpx2, type(error).__name__)(str(error)) from error


class _Body(httpx2.AsyncByteStream):
    """The body of an answer; closing it closes the connection."""

    def __init__(self, answer: httpcore2.Response, connection: httpcore2.AsyncHTTP11Connection, blame: Blame) -> None:
        self._answer = answer
        self._connection = connection
        self._blame = blame

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._blame):
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await self._connection.aclose()
