"""Gathering proxies from many pages at once."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.bot.proxies.site import Reply, site
from trio_chat.bot.proxies.collect import Gathered, collect, each_once, shown_source
from trio_chat.bot.proxies.fetch import Fetcher, FetchFailed, Page, open_client
from trio_chat.bot.proxies.proxy import Proxy

ONE, TWO, THREE = (Proxy("http", "1.2.3.4", port) for port in (1, 2, 3))


async def no_wait(seconds: float) -> None:
    await trio.lowlevel.checkpoint()


async def test_every_page_gives_what_it_names_or_says_why_not() -> None:
    pages = {
        "/text": Reply("1.2.3.4:1 1.2.3.4:2"),
        "/json": Reply('[{"ip": "1.2.3.4", "port": 2}, {"ip": "1.2.3.4", "port": 3}]', "application/json"),
        "/html": Reply("<table><tr><td>1.2.3.4<td>3<td>socks5</table>", "text/html"),
    }
    told: list[Gathered] = []
    async with site(pages) as running, open_client() as client:
        urls = [f"{running.url}/{name}" for name in ("text", "gone", "json", "html", "text")]
        gathered = await collect(urls, Fetcher(client, sleep=no_wait), tell=told.append)
        assert running.paths == ["/robots.txt", "/text", "/gone", "/json", "/html"]
    assert gathered == told
    assert gathered == [
        Gathered(urls[0], (ONE, TWO)),
        Gathered(urls[1], why_not="the site answers with status 404"),
        Gathered(urls[2], (TWO, THREE)),
        Gathered(urls[3], (Proxy("socks5", "1.2.3.4", 3),)),
    ]
    assert list(each_once(gathered)) == [
        (ONE, urls[0]), (TWO, urls[0]), (THREE, urls[2]), (Proxy("socks5", "1.2.3.4", 3), urls[3]),
    ]  # fmt: skip


class Loading:
    """Fetches pages that end when they are told to, and sees which are under way."""

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.done = trio.Event()

    async def load(self, url: str) -> Page:
        self.under_way.append(url)
        await self.done.wait()
        self.under_way.remove(url)
        return Page(url, "text/plain", "1.2.3.4:1")


class Polite(Fetcher):
    """A fetcher whose pages are all allowed."""

    def __init__(self, load: Callable[[str], Awaitable[Page]]) -> None:
        self._load_only = load

    async def fetch(self, url: str) -> Page:
        return await self._load_only(url)


async def test_pages_of_one_host_are_fetched_one_by_one_and_hosts_beside_each_other_up_to_a_limit() -> None:
    urls = [f"http://h{host}.example/{page}" for host in range(20) for page in "ab"]
    loading = Loading()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect, urls, Polite(loading.load))
        await wait_all_tasks_blocked()
        hosts = [url.rpartition("/")[0] for url in loading.under_way]
        assert len(hosts) == len(set(hosts)) == 8
        loading.done.set()


async def test_cancelling_abandons_what_is_under_way_and_what_was_told_stays() -> None:
    told: list[Gathered] = []
    stuck = trio.Event()

    async def load(url: str) -> Page:
        if url.endswith("stuck"):
            stuck.set()
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        if url.endswith("broken"):
            raise FetchFailed("it is broken")
        return Page(url, "text/plain", "1.2.3.4:1")

    async def run() -> None:
        await collect(["http://a/ok", "http://a/broken", "http://a/stuck"], Polite(load), tell=told.append)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await stuck.wait()
        nursery.cancel_scope.cancel()
    assert [page.why_not for page in told] == [None, "it is broken"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@a.example:8443/list?key=secret#x", "https://a.example:8443/list"),
        ("http://a.example", "http://a.example"),
    ],
)
def test_what_may_be_secret_in_an_address_is_not_shown(url: str, shown: str) -> None:
    assert shown_source(url) == shown
