"""The adaptor through which an HTTP client reaches its site by way of a pool of proxies.

This file owns whose failure is counted against whom, and which request is tried again. It must not know how a proxy
is spoken to; who is chosen is the policy of pool.py.
"""

import ssl
from collections.abc import Callable
from functools import partial

import httpx2
import trio

from trio_chat.bot.proxies.exchange import ask_through
from trio_chat.bot.proxies.pool import ProxyPool
from trio_chat.bot.proxies.proxy import Proxy
from trio_chat.bot.proxies.tunnel import ProxyFailed

Report = Callable[[str], None]


class PooledTransport(httpx2.AsyncBaseTransport):
    """Sends each request of an `httpx2.AsyncClient` through the proxy of a pool that does best.

    Where a proxy fails, the request goes through the next; each is tried once. An answer of the site, whatever its
    status, counts for the proxy that brought it. Nothing was sent before a proxy is given up, so nothing is sent
    twice: a connection that breaks later, or brings no answer in time, counts against its proxy, and is the client's to
    try again.

    Args:
        pool: to choose from.
        report: takes one line for the operator at each failure.
        ssl_context: says whom to trust; None: whom httpx2 trusts.
    """

    def __init__(
        self,
        pool: ProxyPool,
        report: Report = lambda line: None,
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = pool
        self._report = report
        self._ssl_context = ssl_context or httpx2.create_ssl_context()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the answer; see `httpx2.AsyncBaseTransport`.

        Raises:
            httpx2.ProxyError: no proxy gets through.
            httpx2.TransportError: the connection broke, or was too slow, after the tunnel stood.
        """
        tried: set[Proxy] = set()
        while (proxy := self._pool.choose(trio.current_time(), without=tried)) is not None:
            tried.add(proxy)
            try:
                answer = await ask_through(proxy, request, self._ssl_context, partial(self._failed, proxy))
            except ProxyFailed as error:
                self._failed(proxy, str(error))
            else:
                self._pool.succeeded(proxy, trio.current_time(), answer.ready_s)
                return answer.response
        raise httpx2.ProxyError(
            f"No proxy gets through: {len(tried)} of {len(self._pool)} were tried, the others rest."
        )

    def _failed(self, proxy: Proxy, why: str) -> None:
        now = trio.current_time()
        self._pool.failed(proxy, now)
        rest_s = self._pool.health(proxy).retry_at - now
        self._report(f"the proxy {proxy} failed ({why}); it is left alone for {rest_s:.1f} s")
