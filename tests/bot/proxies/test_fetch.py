"""Fetching pages politely, from a real server."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import trio

from tests.bot.proxies.gates import free_port
from tests.bot.proxies.site import Reply, Site, site
from trio_chat.bot.proxies import fetch
from trio_chat.bot.proxies.fetch import Fetcher, FetchFailed, Page, open_client
from trio_chat.bot.proxies.robots import INTERVAL_S, USER_AGENT

OPEN = Reply("User-agent: *\nDisallow: /private")


class Fetching:
    """A fetcher under test, its site, and how long it would have waited."""

    def __init__(self, running: Site, client: httpx2.AsyncClient) -> None:
        self.site = running
        self.waits: list[float] = []
        self.fetcher = Fetcher(client, sleep=self._note_the_wait)

    async def _note_the_wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def fetching(**pages: Reply) -> AsyncIterator[Fetching]:
    named = {"/" + name.replace("_", "/").replace("robots/txt", "robots.txt"): page for name, page in pages.items()}
    async with site(named) as running, open_client() as client:
        yield Fetching(running, client)


async def test_a_page_is_fetched_after_the_rules_by_someone_with_a_name() -> None:
    async with fetching(robots_txt=OPEN, list=Reply("1.2.3.4:80", "text/plain; charset=utf-8")) as here:
        page = await here.fetcher.fetch(f"{here.site.url}/list?page=1")
        assert page == Page(f"{here.site.url}/list?page=1", "text/plain; charset=utf-8", "1.2.3.4:80")
        assert here.site.asked == [("/robots.txt", USER_AGENT), ("/list?page=1", USER_AGENT)]
    assert USER_AGENT.startswith("trio_chat/")


async def test_a_page_that_robots_txt_forbids_is_never_asked_for() -> None:
    async with fetching(robots_txt=OPEN, private=Reply("1.2.3.4:80")) as here:
        with pytest.raises(FetchFailed, match=r"robots\.txt"):
            await here.fetcher.fetch(f"{here.site.url}/private")
        assert here.site.paths == ["/robots.txt"]


async def test_without_rules_all_is_allowed_and_with_broken_ones_nothing() -> None:
    async with fetching(list=Reply("x")) as here:
        assert (await here.fetcher.fetch(f"{here.site.url}/list")).text == "x"
    async with fetching(robots_txt=Reply(status=503), list=Reply("x")) as here:
        with pytest.raises(FetchFailed, match=r"robots\.txt"):
            await here.fetcher.fetch(f"{here.site.url}/list")
        assert here.site.paths == ["/robots.txt"]


async def test_rules_are_fetched_once_and_every_page_waits_its_turn() -> None:
    async with fetching(robots_txt=OPEN, a=Reply("a"), b=Reply("b"), c=Reply("c")) as here:
        for name in "abc":
            await here.fetcher.fetch(f"{here.site.url}/{name}")
        assert here.site.paths == ["/robots.txt", "/a", "/b", "/c"]
    first, second = here.waits  # the fetcher did not really wait, so the second adds to the first
    assert INTERVAL_S - 1 < first <= INTERVAL_S
    assert 2 * INTERVAL_S - 1 < second <= 2 * INTERVAL_S


async def test_a_site_gets_the_time_that_it_wants() -> None:
    async with fetching(robots_txt=Reply("User-agent: *\nCrawl-delay: 50"), a=Reply("a")) as here:
        for _ in range(2):
            await here.fetcher.fetch(f"{here.site.url}/a")
    assert 45 < here.waits[0] <= 50


async def test_a_site_that_wants_too_much_time_is_asked_for_one_page_only() -> None:
    async with fetching(robots_txt=Reply("User-agent: *\nCrawl-delay: 86400"), a=Reply("a"), b=Reply("b")) as here:
        await here.fetcher.fetch(f"{here.site.url}/a")
        with pytest.raises(FetchFailed, match="wants 86400 seconds"):
            await here.fetcher.fetch(f"{here.site.url}/b")
        assert here.site.paths == ["/robots.txt", "/a"]


def leads_to(location: str) -> Reply:
    return Reply(status=302, headers={"Location": location})


async def test_a_redirect_is_followed_where_it_is_allowed() -> None:
    async with fetching(robots_txt=OPEN, a=leads_to("/b"), b=Reply("b")) as here:
        assert (await here.fetcher.fetch(f"{here.site.url}/a")).text == "b"
    async with fetching(robots_txt=OPEN, a=leads_to("/private"), private=Reply("b")) as here:
        with pytest.raises(FetchFailed, match=r"robots\.txt"):
            await here.fetcher.fetch(f"{here.site.url}/a")
        assert here.site.paths == ["/robots.txt", "/a"]


async def test_a_redirect_to_another_site_asks_for_that_ones_rules() -> None:
    async with site({"/robots.txt": Reply("User-agent: *\nDisallow: /"), "/b": Reply("b")}) as other:
        async with fetching(a=leads_to(f"{other.url}/b")) as here:
            with pytest.raises(FetchFailed, match=r"robots\.txt"):
                await here.fetcher.fetch(f"{here.site.url}/a")
        assert other.paths == ["/robots.txt"]


async def test_a_site_whose_rules_cannot_be_read_is_asked_for_them_once() -> None:
    async with fetching(robots_txt=leads_to("http://["), a=Reply("a"), b=Reply("b")) as here:
        for name in "ab":
            with pytest.raises(FetchFailed, match=r"robots\.txt cannot be read: it redirects to nowhere"):
                await here.fetcher.fetch(f"{here.site.url}/{name}")
        assert here.site.paths == ["/robots.txt"]


async def test_rules_may_be_elsewhere() -> None:
    async with fetching(robots_txt=leads_to("/rules"), rules=OPEN, private=Reply("x")) as here:
        with pytest.raises(FetchFailed, match=r"robots\.txt asks"):
            await here.fetcher.fetch(f"{here.site.url}/private")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(status=404), "status 404"),
        (Reply(status=500), "status 500"),
        (leads_to("/list"), "redirects more than"),
        (leads_to("file:///etc/passwd"), "no address of a web page"),
        (leads_to("http://["), "redirects to nowhere"),
        (Reply("x" * 2_000_000), "longer than 1 MiB"),
        (Reply(gzip.compress(b"x" * 2_000_000), headers={"Content-Encoding": "gzip"}), "longer than 1 MiB"),
    ],
)
async def test_a_page_that_cannot_be_had_says_why(monkeypatch: pytest.MonkeyPatch, reply: Reply, why: str) -> None:
    monkeypatch.setattr(fetch, "MAX_PAGE_BYTES", 1024 * 1024)
    async with fetching(robots_txt=OPEN, list=reply) as here:
        with pytest.raises(FetchFailed, match=why):
            await here.fetcher.fetch(f"{here.site.url}/list")


async def test_a_site_that_is_not_there_says_so() -> None:
    async with fetching() as here:
        with pytest.raises(FetchFailed, match="cannot be reached"):
            await here.fetcher.fetch(f"http://127.0.0.1:{free_port()}/list")


@pytest.mark.parametrize("content_type", ["text/plain; charset=latin-1", "text/plain; charset=klingon", "", "text/x"])
async def test_a_page_in_any_encoding_is_read(content_type: str) -> None:
    async with fetching(list=Reply(b"caf\xe9 1.2.3.4:80", content_type)) as here:
        assert "1.2.3.4:80" in (await here.fetcher.fetch(f"{here.site.url}/list")).text


async def test_what_a_browser_was_led_to_is_not_taken_where_it_is_forbidden() -> None:
    async with site({"/robots.txt": Reply("User-agent: *\nDisallow: /")}) as other, fetching(robots_txt=OPEN) as here:

        async def load(url: str) -> Page:
            await trio.lowlevel.checkpoint()
            led = {"led": f"{other.url}/b", "within": f"{here.site.url}/private", "open": f"{here.site.url}/b"}
            return Page(led.get(url.rpartition("/")[2], url), "text/html", "x")

        async with open_client() as client:
            fetcher = Fetcher(client, load=load, sleep=here.fetcher._sleep)
            assert (await fetcher.fetch(f"{here.site.url}/list")).text == "x"
            assert (await fetcher.fetch(f"{here.site.url}/open")).text == "x"
            for name in ("led", "within"):
                with pytest.raises(FetchFailed, match="redirects to where"):
                    await fetcher.fetch(f"{here.site.url}/{name}")
            with pytest.raises(FetchFailed, match=r"robots\.txt asks"):
                await fetcher.fetch(f"{here.site.url}/private")
