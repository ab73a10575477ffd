"""A pool of proxies, of which the one is chosen that does best.

This file owns the book of who did how, and the choice. It is synchronous and takes `now` from its caller; what a
measurement means is the policy of health.py. It must not know requests or sockets.
"""

import random
from collections.abc import Collection, Iterable

from trio_chat.bot.proxies.health import Health, Uniform, after_failure, after_success, cost_s
from trio_chat.bot.proxies.proxy import ProxiesError, Proxy


class ProxyPool:
    """Proxies and their health, for one event loop.

    All times are seconds on one monotonic clock, such as `trio.current_time`.

    Args:
        proxies: those to choose from, at least one. Among equals the first is chosen.
        uniform: `random.uniform`, or its like.

    Raises:
        ProxiesError: there is none.
    """

    def __init__(self, proxies: Iterable[Proxy], *, uniform: Uniform = random.uniform) -> None:
        self._health = dict.fromkeys(proxies, Health())
        self._uniform = uniform
        if not self._health:
            raise ProxiesError("A pool needs at least one proxy.")

    def __len__(self) -> int:
        return len(self._health)

    def choose(self, now: float, *, without: Collection[Proxy] = ()) -> Proxy | None:
        """Return the proxy through which a request is to go now, or None if there is no other to try.

        If all are to be left alone, it is the one whose time comes first, for a request that has tried none: when the
        provider was down, so were all ways to it, and somebody has to find out that it is back.

        Args:
            now: the time.
            without: proxies that this request has tried already.
        """
        ready = [proxy for proxy, health in self._health.items() if health.retry_at <= now and proxy not in without]
        if ready:
            return min(ready, key=lambda proxy: cost_s(self._health[proxy], now))
        return None if without else min(self._health, key=lambda proxy: self._health[proxy].retry_at)

    def succeeded(self, proxy: Proxy, now: float, latency_s: float) -> None:
        """Note that a request got through, the proxy having been ready for it after `latency_s` seconds."""
        self._health[proxy] = after_success(self._health[proxy], now, latency_s)

    def failed(self, proxy: Proxy, now: float) -> None:
        """Note that a proxy failed; it is left alone for a while."""
        self._health[proxy] = after_failure(self._health[proxy], now, self._uniform)

    def health(self, proxy: Proxy) -> Health:
        """Return what is known of a proxy of this pool."""
        return self._health[proxy]
