"""What a site asks of programs that read it, and how often it is asked: robots.txt, and a polite rate per host.

This file owns that policy, as functions of what was fetched and the time. It must not know how a page is fetched.
"""

import math
from typing import Final
from urllib.parse import urlsplit

from protego import Protego

PRODUCT: Final = "trio_chat"
"""The name under which robots.txt speaks of us (RFC 9309, 2.2.1)."""

USER_AGENT: Final = f"{PRODUCT}/0.1 (python -m trio_chat.bot.proxies collect)"
"""Who asks, said in every request."""

INTERVAL_S: Final = 2.0
"""The least time between two requests to one host."""

MAX_INTERVAL_S: Final = 120.0
"""A site that wants more time between two requests than this is asked for one page, and no other."""

MAX_ROBOTS_BYTES: Final = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB


class Robots:
    """What one site's robots.txt allows.

    Args:
        text: the file; None: the site cannot say (RFC 9309, 2.3.1.4), so nothing is allowed.
    """

    def __init__(self, text: str | None) -> None:
        # Not by urllib.robotparser, which fetches what `Disallow: /*.php$` forbids (RFC 9309, 2.2.3).
        self._rules = Protego.parse("User-agent: *\nDisallow: /" if text is None else text)

    def allow(self, url: str) -> bool:
        """Say whether the page may be fetched."""
        return self._rules.can_fetch(url, PRODUCT)

    @property
    def interval_s(self) -> float:
        """The time that the site wants between two requests, at least ours."""
        delay_s = float(self._rules.crawl_delay(PRODUCT) or 0)
        rate = self._rules.request_rate(PRODUCT)
        return max(INTERVAL_S, delay_s, rate.seconds / rate.requests if rate is not None and rate.requests else 0.0)


def robots_of_answer(status: int, text: str) -> Robots:
    """Return what a site allows that answered a request for /robots.txt so.

    A file says it; where there is none, all is allowed; a site with a fault, or one that is asked too often, cannot
    say, and nothing is (RFC 9309, 2.3.1).
    """
    if 200 <= status < 300:
        return Robots(text)
    return Robots("" if 400 <= status < 500 and status != 429 else None)


def robots_url(url: str) -> str:
    """Return where the rules for `url` are."""
    return f"{site_of(url)}/robots.txt"


def site_of(url: str) -> str:
    """Return the scheme, host and port of `url`, for which one robots.txt holds."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


class Pace:
    """When each host may be asked again."""

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}

    def reserve(self, host: str, now: float, interval_s: float) -> float:
        """Return when the next request to `host` may start, and take that moment.

        Args:
            host: whom to ask.
            now: the time.
            interval_s: the least time since the request before it.
        """
        start_at = max(now, self._free_at.get(host, -math.inf) + interval_s)
        self._free_at[host] = start_at
        return start_at
