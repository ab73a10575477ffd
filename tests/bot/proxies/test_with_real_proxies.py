"""Real proxies: Debian's tinyproxy and microsocks, and the package proxy.py; skipped where one is not installed."""

from pathlib import Path

import httpx2
import openai
import pytest

from tests.bot.provider import fails, provider, says
from tests.bot.proxies.conftest import Certificates
from tests.bot.proxies.gates import REAL, RealProxy, free_port, real_proxy
from tests.bot.proxies.site import Reply, site
from trio_chat.bot.proxies import Proxy, ProxyPool
from trio_chat.bot.proxies.check import Checked, check_proxies
from trio_chat.bot.proxies.transport import PooledTransport


@pytest.fixture(params=REAL)
def run(request: pytest.FixtureRequest) -> RealProxy:
    return real_proxy(request.param)


async def ask(transport: PooledTransport, base_url: str) -> str | None:
    async with httpx2.AsyncClient(transport=transport) as http:
        client = openai.AsyncOpenAI(api_key="sk-secret", base_url=base_url, max_retries=0, http_client=http)
        completion = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return completion.choices[0].message.content


async def test_a_provider_is_reached_and_its_errors_are_its_own(run: RealProxy, tmp_path: Path) -> None:
    async with run(tmp_path) as proxy, provider(fails(503), says("Hello.")) as running:
        reports: list[str] = []
        pool = ProxyPool([proxy])
        with pytest.raises(openai.InternalServerError):
            await ask(PooledTransport(pool, reports.append), running.base_url)
        assert await ask(PooledTransport(pool, reports.append), running.base_url) == "Hello."
        assert reports == []
        assert pool.health(proxy).failures == 0


async def test_a_password_is_given_and_a_wrong_one_makes_way_for_the_next(
    run: RealProxy, tmp_path: Path, certificates: Certificates
) -> None:
    async with run(tmp_path, secured=True) as proxy, site({"/": Reply("here")}, certificates.server) as running:
        wrong = Proxy(proxy.scheme, proxy.host, proxy.port, "ann", "wrong")
        without = Proxy(proxy.scheme, proxy.host, proxy.port)
        reports: list[str] = []
        pool = ProxyPool([without, wrong, proxy])
        transport = PooledTransport(pool, reports.append, ssl_context=certificates.client)
        async with httpx2.AsyncClient(transport=transport) as http:
            assert (await http.get(running.url)).text == "here"
        assert [pool.health(one).failures for one in (without, wrong, proxy)] == [1, 1, 0]
        assert len(reports) == 2
        assert "wrong" not in " ".join(reports)


async def test_a_site_that_is_not_there_is_a_failure_of_the_way(
    run: RealProxy, tmp_path: Path, certificates: Certificates
) -> None:
    told: list[Checked] = []
    async with run(tmp_path) as proxy, site({"/": Reply("here")}) as running:
        await check_proxies([proxy], f"http://127.0.0.1:{free_port()}/", certificates.client, tell=told.append)
        await check_proxies([proxy], f"{running.url}/", certificates.client, tell=told.append)
    gone, there = told
    assert gone.available == 0
    assert gone.why_not is not None
    assert there.available == 1
    assert there.status == 200
