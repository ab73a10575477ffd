"""Gathering proxies from many pages and APIs at once.

This file owns the order of the work: the pages of one host one after another, hosts beside each other. It must not
know how a page is fetched, what a proxy looks like in it, or how results are shown.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import trio

from trio_chat.bot.proxies.extract import find_proxies
from trio_chat.bot.proxies.fetch import Fetcher, FetchFailed
from trio_chat.bot.proxies.proxy import Proxy, Scheme

HOSTS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one page gave.

    Args:
        source: the page, as it was asked for.
        proxies: what it names.
        why_not: why it could not be had; None: it could.
    """

    source: str
    proxies: tuple[Proxy, ...] = ()
    why_not: str | None = None


async def collect(
    urls: Sequence[str],
    fetcher: Fetcher,
    *,
    default: Scheme = "http",
    tell: Callable[[Gathered], None] = lambda gathered: None,
) -> list[Gathered]:
    """Fetch pages and return what each gave, in the order of `urls`.

    Cancelling it abandons what is under way.

    Args:
        urls: pages and APIs; what is there twice is fetched once.
        fetcher: fetches them.
        default: what a proxy speaks of which its page does not say it.
        tell: is told of each page as it is done.
    """
    gathered: dict[str, Gathered] = {}
    by_host: dict[str, list[str]] = {}
    for url in dict.fromkeys(urls):
        by_host.setdefault(urlsplit(url).hostname or "", []).append(url)
    limiter = trio.CapacityLimiter(HOSTS_AT_ONCE)

    async def gather(pages: Iterable[str]) -> None:
        async with limiter:
            for page in pages:
                gathered[page] = await _gather_one(page, fetcher, default)
                tell(gathered[page])

    async with trio.open_nursery() as nursery:
        for pages in by_host.values():
            nursery.start_soon(partial(gather, pages))
    return [gathered[url] for url in dict.fromkeys(urls)]


async def _gather_one(url: str, fetcher: Fetcher, default: Scheme) -> Gathered:
    try:
        page = await fetcher.fetch(url)
    except FetchFailed as error:
        return Gathered(url, why_not=str(error))
    return Gathered(url, tuple(find_proxies(page.text, page.content_type, default=default)))


def each_once(gathered: Iterable[Gathered]) -> Iterator[tuple[Proxy, str]]:
    """Give every proxy once, with the first page that named it."""
    seen: set[Proxy] = set()
    for page in gathered:
        for proxy in page.proxies:
            if proxy not in seen:
                seen.add(proxy)
                yield proxy, page.source


def shown_source(url: str) -> str:
    """Return the address of a page without what may be a secret: credentials, and the query, where APIs have keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
