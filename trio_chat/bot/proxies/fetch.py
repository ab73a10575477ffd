"""Fetching pages politely: what robots.txt forbids is left alone, and a host is asked at its own pace.

This file owns the way of one page: its site's rules, the wait for its turn, the request, redirects, and what may go
wrong, as sentences. It must not know what a page is wanted for; the rules themselves are in robots.py.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx2
import trio

from trio_chat.bot.proxies.robots import (
    MAX_INTERVAL_S,
    MAX_ROBOTS_BYTES,
    USER_AGENT,
    Pace,
    Robots,
    robots_of_answer,
    robots_url,
    site_of,
)

MAX_PAGE_BYTES: Final = 8 * 1024 * 1024
"""What is read of a page: some 300,000 proxies as text."""

TIMEOUT_S: Final = 30.0
MAX_REDIRECTS: Final = 5


class FetchFailed(Exception):
    """A page cannot be had; `str()` is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched.

    Args:
        url: where it was found in the end.
        content_type: what its sender calls it; empty: nothing.
        text: what it says.
    """

    url: str
    content_type: str
    text: str


Load = Callable[[str], Awaitable[Page]]
"""Fetches a page in some other way than by one request, such as with a browser; raises `FetchFailed`."""

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    location: str | None
    text: str


class Fetcher:
    """Fetches pages through one client, which stays the caller's to close.

    Args:
        client: made by `open_client`, or alike: it must not follow redirects, for each is another page to ask about.
        load: how a page is fetched once it may be; None: by one request. Rules are always fetched by one request.
        sleep: `trio.sleep`, or its like.
    """

    def __init__(self, client: httpx2.AsyncClient, *, load: Load | None = None, sleep: Sleep = trio.sleep) -> None:
        self._client = client
        self._load = load
        self._sleep = sleep
        self._pace = Pace()
        self._robots: dict[str, Robots | str] = {}  # by site; or why its rules cannot be read
        self._asked: set[str] = set()

    async def fetch(self, url: str) -> Page:
        """Fetch a page. Pages of one host are best fetched one after another: they wait for each other in any case.

        Raises:
            FetchFailed: the page may not be fetched, or cannot.
        """
        for _ in range(MAX_REDIRECTS + 1):
            await self._may_fetch(url)
            if self._load is not None:
                page = await self._load(url)
                await self._check_where_it_led(url, page)
                return page
            answer = await self._request(url, MAX_PAGE_BYTES)
            if answer.location is None:
                if answer.status != 200:
                    raise FetchFailed(f"the site answers with status {answer.status}")
                return Page(url, answer.content_type, answer.text)
            url = _led_to(url, answer.location)
        raise FetchFailed(f"it redirects more than {MAX_REDIRECTS} times")

    async def _may_fetch(self, url: str) -> None:
        """Return when the page may be fetched, having waited for its turn."""
        if not is_web_address(url):
            raise FetchFailed("it is no address of a web page")
        robots = await self._robots_for(url)
        if not robots.allow(url):
            raise FetchFailed("robots.txt asks programs to leave it alone")
        site = site_of(url)
        if robots.interval_s > MAX_INTERVAL_S and site in self._asked:
            raise FetchFailed(f"the site wants {robots.interval_s:g} seconds between two pages, and was just asked")
        self._asked.add(site)
        await self._take_turn(url, min(robots.interval_s, MAX_INTERVAL_S))

    async def _check_where_it_led(self, url: str, page: Page) -> None:
        """Refuse what a browser followed redirects to, if its site would not have had it fetched."""
        if page.url == url or not is_web_address(page.url):
            return
        if not (await self._robots_for(page.url)).allow(page.url):
            raise FetchFailed("it redirects to where robots.txt asks programs not to go")

    async def _robots_for(self, url: str) -> Robots:
        site = site_of(url)
        if site not in self._robots:
            try:
                self._robots[site] = await self._fetch_robots(robots_url(url))
            except FetchFailed as error:  # noted, or each page of a site in trouble would ask it again, and at once
                self._robots[site] = f"its robots.txt cannot be read: {error}"
        robots = self._robots[site]
        if isinstance(robots, str):
            raise FetchFailed(robots)
        return robots

    async def _fetch_robots(self, url: str) -> Robots:
        """Fetch the rules of a site, once; they tell how long to wait, so they are not waited for themselves."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._request(url, MAX_ROBOTS_BYTES, cut=True)
            if answer.location is None:
                return robots_of_answer(answer.status, answer.text)
            url = _led_to(url, answer.location)
            if not is_web_address(url):
                break
        return Robots("")  # RFC 9309, 2.3.1.2: rules that are nowhere to be found are none

    async def _take_turn(self, url: str, interval_s: float) -> None:
        now = trio.current_time()
        start_at = self._pace.reserve(urlsplit(url).hostname or "", now, interval_s)
        if start_at > now:
            await self._sleep(start_at - now)

    async def _request(self, url: str, max_bytes: int, *, cut: bool = False) -> _Answer:
        """Make one request; of an answer that is too long, return the beginning (`cut`), or fail."""
        try:
            with trio.fail_after(TIMEOUT_S):
                async with self._client.stream("GET", url) as response:
                    body = await _read(response, max_bytes, cut=cut)
        except (httpx2.TimeoutException, trio.TooSlowError):
            raise FetchFailed("it does not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            raise FetchFailed("it cannot be reached") from None
        location = response.headers.get("location") if response.is_redirect else None
        charset = response.charset_encoding or "utf-8"
        try:
            text = body.decode(charset, "replace")
        except (LookupError, UnicodeError):  # a charset that nobody knows
            text = body.decode("utf-8", "replace")
        return _Answer(response.status_code, response.headers.get("content-type", "").lower(), location, text)


async def _read(response: httpx2.Response, max_bytes: int, *, cut: bool) -> bytes:
    body = bytearray()
    # Cancelled, not left: the generators that httpx2 stacks end in order only if something ends the innermost.
    with trio.CancelScope() as enough:
        async for part in response.aiter_bytes():
            body += part[: max_bytes + 1 - len(body)]
            if len(body) > max_bytes:
                enough.cancel()
    if len(body) > max_bytes and not cut:
        raise FetchFailed(f"it is longer than {max_bytes // 1024 // 1024} MiB")
    return bytes(body[:max_bytes])


def _led_to(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # brackets that do not match
        raise FetchFailed("it redirects to nowhere") from None


def is_web_address(url: str) -> bool:
    """Say whether `url` is one that pages are fetched from."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number
        return False


def open_client() -> httpx2.AsyncClient:
    """Return a client that says who asks. Close it with `async with`."""
    return httpx2.AsyncClient(headers={"User-Agent": USER_AGENT}, follow_redirects=False, timeout=TIMEOUT_S)
