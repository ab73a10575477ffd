"""Measuring many proxies at once: whether each gets through to a page, and how long that takes.

This file owns how many are tried at a time, and what is made of the tries. It must not know how a tunnel is made or
how results are shown.
"""

import ssl
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2
import trio

from trio_chat.bot.proxies.exchange import ask_through
from trio_chat.bot.proxies.proxy import Proxy
from trio_chat.bot.proxies.robots import PRODUCT
from trio_chat.bot.proxies.tunnel import ProxyFailed

AT_ONCE: Final = 50
TIMEOUT_S: Final = 10.0

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Checked:
    """How one proxy did.

    Args:
        proxy: which.
        times_s: how long each try took that got an answer, from the first byte to the answer's head.
        tries: how many tries there were, at least 1.
        status: the last answer's status, or None. Any answer will do: it comes from the page, not from the proxy.
        why_not: why the last try failed that did, as a clause; None: none did.
    """

    proxy: Proxy
    times_s: tuple[float, ...]
    tries: int
    status: int | None = None
    why_not: str | None = None

    @property
    def available(self) -> float:
        """The share of tries that got an answer."""
        return len(self.times_s) / self.tries

    @property
    def response_s(self) -> float | None:
        """The median time to an answer; None: there was none."""
        return statistics.median(self.times_s) if self.times_s else None


async def check_proxies(
    proxies: Sequence[Proxy],
    url: str,
    ssl_context: ssl.SSLContext,
    *,
    tries: int = 1,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
    tell: Callable[[Checked], None] = lambda checked: None,
    clock: Clock = trio.current_time,
) -> None:
    """Try every proxy and tell of each as it is done. Cancelling it abandons what is under way.

    Args:
        proxies: what to try.
        url: the page that is asked for; nothing is sent but the request for it.
        ssl_context: says whom to trust.
        tries: how often each is tried, one after another.
        at_once: how many are tried at a time.
        timeout_s: how long one try may take.
        tell: is told of each proxy. It must not block.
        clock: what time is measured by.
    """
    waiting = iter(proxies)

    async def work(waiting: Iterator[Proxy]) -> None:
        for proxy in waiting:
            tell(await _check(proxy, url, ssl_context, tries, timeout_s, clock))

    async with trio.open_nursery() as nursery:
        for _ in range(min(at_once, len(proxies))):
            nursery.start_soon(work, waiting)


async def _check(
    proxy: Proxy, url: str, ssl_context: ssl.SSLContext, tries: int, timeout_s: float, clock: Clock
) -> Checked:
    times_s: list[float] = []
    status: int | None = None
    why_not: str | None = None
    for _ in range(tries):
        began = clock()
        try:
            with trio.fail_after(timeout_s):
                status = await _try(proxy, url, ssl_context)
        except ProxyFailed as error:
            why_not = str(error)
        except trio.TooSlowError:
            why_not = f"no answer within {timeout_s:g} s"
        except httpx2.HTTPError:
            why_not = "the tunnel broke before the answer came"
        else:
            times_s.append(clock() - began)
    return Checked(proxy, tuple(times_s), tries, status, why_not)


async def _try(proxy: Proxy, url: str, ssl_context: ssl.SSLContext) -> int:
    request = httpx2.Request("GET", url, headers={"User-Agent": PRODUCT, "Accept": "*/*", "Connection": "close"})
    answer = await ask_through(proxy, request, ssl_context)
    try:
        return answer.response.status_code
    finally:
        await answer.response.aclose()


def best_first(checked: Sequence[Checked]) -> list[Checked]:
    """Return what was measured, the most available first, of these the fastest."""
    return sorted(checked, key=lambda one: (-one.available, one.response_s or 0.0))
