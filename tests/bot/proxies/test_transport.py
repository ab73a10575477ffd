"""Requests through a pool: who is tried, who is blamed, and that a client of httpx2 or openai notices nothing."""

import logging
from collections.abc import Sequence
from functools import partial

import httpx2
import openai
import pytest
import trio

from tests.bot.provider import Provider, Reply, fails, provider, says
from tests.bot.proxies import site as sites
from tests.bot.proxies.conftest import Certificates
from tests.bot.proxies.gates import (
    Gate,
    Serve,
    answers,
    closes,
    gate,
    keeps_silent,
    nobody,
    opens,
    refuses,
)
from trio_chat.bot.proxies import Proxy, ProxyPool
from trio_chat.bot.proxies.transport import PooledTransport


class Asking:
    """A client under test, with its pool, and what it reported."""

    def __init__(self, proxies: Sequence[Proxy], timeout: httpx2.Timeout | None = None, **options: object) -> None:
        self.reports: list[str] = []
        self.pool = ProxyPool(proxies, uniform=lambda low, high: high)
        transport = PooledTransport(self.pool, self.reports.append, **options)  # type: ignore[arg-type]
        self.http = httpx2.AsyncClient(transport=transport, timeout=timeout or httpx2.Timeout(30.0))

    def failures(self) -> list[int]:
        return [self.pool.health(proxy).failures for proxy in self.pool._health]

    async def ask(self, running: Provider) -> str | None:
        client = openai.AsyncOpenAI(
            api_key="sk-secret", base_url=running.base_url, max_retries=0, http_client=self.http
        )
        completion = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        return completion.choices[0].message.content


async def test_an_answer_comes_through_a_proxy() -> None:
    async with provider(says("Hello.")) as running, gate(opens) as through:
        asking = Asking([through.proxy])
        async with asking.http:
            assert await asking.ask(running) == "Hello."
        assert len(through.heads) == 1
        assert asking.pool.health(through.proxy).latency_s is not None
    assert asking.reports == []


@pytest.mark.parametrize("serve", [refuses(407), refuses(502), refuses(503), closes, answers(b"hello\r\n\r\n")])
async def test_where_a_proxy_fails_the_request_goes_through_the_next_and_is_sent_once(serve: Serve) -> None:
    async with provider(says("Hello.")) as running, gate(serve) as broken, gate(opens) as through:
        asking = Asking([nobody(), broken.proxy, through.proxy])
        async with asking.http:
            assert await asking.ask(running) == "Hello."
            assert len(running.requests) == 1
            assert asking.failures() == [1, 1, 0]
            assert len(asking.reports) == 2
            assert asking.reports[0].endswith("failed (nobody listens there); it is left alone for 1.0 s")
            # The next request goes straight through the one that works.
            assert await asking.ask(running) == "Hello."
        assert len(asking.reports) == 2
        assert len(broken.heads) == 1


async def test_a_proxy_that_keeps_one_waiting_is_given_up() -> None:
    async with provider(says("Hello.")) as running, gate(keeps_silent) as silent, gate(opens) as through:
        asking = Asking([silent.proxy, through.proxy], httpx2.Timeout(30.0, connect=2.0))
        async with asking.http:
            assert await asking.ask(running) == "Hello."
        with trio.fail_after(60):
            await silent.left.wait()
    assert asking.failures() == [1, 0]
    assert "no tunnel within 2 s" in asking.reports[0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 429, 500, 502, 503, 504])
async def test_an_answer_of_the_provider_is_handed_on_and_never_counted_against_the_proxy(status: int) -> None:
    async with provider(fails(status)) as running, gate(opens) as through, gate(opens) as other:
        asking = Asking([through.proxy, other.proxy])
        async with asking.http:
            with pytest.raises(openai.APIStatusError) as failed:
                await asking.ask(running)
        assert failed.value.status_code == status
        assert len(running.requests) == 1
        assert other.heads == []
    assert asking.failures() == [0, 0]
    assert asking.reports == []


@pytest.mark.parametrize("cut_after", [0, 20, 200])
async def test_a_connection_that_breaks_later_counts_but_is_not_asked_again_by_us(cut_after: int) -> None:
    reply = Reply(200, b"x" * 1000, cut_after=cut_after)
    async with provider(reply) as running, gate(opens) as through, gate(opens) as other:
        asking = Asking([through.proxy, other.proxy])
        async with asking.http:
            with pytest.raises(openai.APIConnectionError):
                await asking.ask(running)
        assert len(running.requests) == 1
    assert asking.failures() == [1, 0]
    assert "the connection through it broke" in asking.reports[0]


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 20"])
async def test_a_proxy_that_grants_a_tunnel_into_a_hole_makes_way_for_the_next(begins: bytes) -> None:
    async def swallows(running: Gate, stream: trio.SocketStream) -> None:
        while b"\r\n\r\n" not in await stream.receive_some():
            pass
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        await stream.receive_some()
        await stream.send_all(begins)
        async for _ in stream:
            pass

    async with provider(says("Hello.")) as running, gate(swallows) as hole, gate(opens) as through:
        asking = Asking([hole.proxy, through.proxy], httpx2.Timeout(30.0, read=0.2))
        async with asking.http:
            with pytest.raises(openai.APITimeoutError):
                await asking.ask(running)
            assert await asking.ask(running) == "Hello."
    assert asking.failures() == [1, 0]
    assert "no answer came through it in time" in asking.reports[0]


async def test_a_provider_that_falls_silent_in_mid_answer_is_not_the_proxys_fault() -> None:
    async with provider(Reply(body=b"data: ", held=True)) as running, gate(opens) as through:
        asking = Asking([through.proxy], httpx2.Timeout(30.0, read=0.2))
        async with asking.http:
            with pytest.raises(openai.APITimeoutError):
                await asking.ask(running)
        with trio.fail_after(60):
            await running.left.wait()
    assert asking.failures() == [0]


async def test_without_a_proxy_that_works_nothing_is_sent_and_the_error_is_one_of_the_connection() -> None:
    async with provider(says("x")) as running, gate(refuses(407)) as through:
        asking = Asking([nobody(), through.proxy])
        async with asking.http:
            with pytest.raises(openai.APIConnectionError) as failed:
                await asking.ask(running)
            assert str(failed.value.__cause__).startswith("No proxy gets through: 2 of 2 were tried")
            assert asking.failures() == [1, 1]
            # Until their time has come one alone is tried, to see whether there is a way again.
            with pytest.raises(openai.APIConnectionError):
                await asking.ask(running)
        assert asking.failures() == [2, 1]
        assert running.requests == []


async def test_a_request_tries_each_proxy_once_even_if_it_might_be_tried_again_by_then() -> None:
    async with provider(says("x")) as running, gate(refuses(407)) as one, gate(refuses(407)) as other:
        asking = Asking([one.proxy, other.proxy])
        asking.pool._uniform = lambda low, high: 0.0
        async with asking.http:
            with trio.fail_after(60), pytest.raises(openai.APIConnectionError):
                await asking.ask(running)
    assert asking.failures() == [1, 1]


async def test_a_provider_that_was_down_is_found_again_at_once() -> None:
    async with provider(says("Back.")) as running, gate(opens) as through:
        asking = Asking([through.proxy])
        for _ in range(30):
            asking.pool.failed(through.proxy, trio.current_time())
        async with asking.http:
            assert await asking.ask(running) == "Back."
    assert asking.failures() == [0]


async def test_who_pretends_to_be_the_site_gets_nothing_and_the_next_is_tried(certificates: Certificates) -> None:
    page = {"/": sites.Reply("here")}
    impostor = Certificates("127.0.0.1")
    async with sites.site(page, certificates.server) as real, sites.site(page, impostor.server) as false:

        async def diverts(running: object, stream: trio.SocketStream) -> None:
            await _divert(stream, int(false.url.rpartition(":")[2]))

        async with gate(diverts) as diverting, gate(opens) as through:
            asking = Asking([diverting.proxy, through.proxy], ssl_context=certificates.client)
            async with asking.http:
                assert (await asking.http.get(real.url)).text == "here"
    assert false.asked == []
    assert asking.failures() == [1, 0]


async def _divert(stream: trio.SocketStream, port: int) -> None:
    """Grant a tunnel, and lead to another site than was asked for."""
    while b"\r\n\r\n" not in await stream.receive_some():
        pass
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    site = await trio.open_tcp_stream("127.0.0.1", port)
    async with site, trio.open_nursery() as nursery:
        nursery.start_soon(_copy, stream, site, nursery.cancel_scope)
        nursery.start_soon(_copy, site, stream, nursery.cancel_scope)


async def _copy(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        async for data in source:
            await sink.send_all(data)
    except trio.BrokenResourceError:
        pass
    scope.cancel()


async def test_cancelling_a_request_closes_the_connection_and_blames_nobody() -> None:
    async with provider(Reply(silent=True)) as running, gate(opens) as through:
        asking = Asking([through.proxy])
        async with asking.http, trio.open_nursery() as nursery:
            nursery.start_soon(asking.ask, running)
            await running.asked.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(60):
            await running.left.wait()
    assert asking.failures() == [0]


@pytest.mark.parametrize("close_early", [False, True])
async def test_a_streamed_answer_comes_as_it_is_sent_and_may_be_left(close_early: bool) -> None:
    events = b"".join(b"data: %d\n\n" % number for number in range(1000))
    async with sites.site({"/": sites.Reply(events)}) as running, gate(opens) as through:
        asking = Asking([through.proxy])
        async with asking.http, asking.http.stream("GET", running.url) as response:
            if close_early:
                assert response.status_code == 200
            else:
                assert b"".join([part async for part in response.aiter_raw()]) == events
    assert asking.failures() == [0]


async def test_cancelling_in_the_middle_of_an_answer_closes_the_connection() -> None:
    begun, left = trio.Event(), trio.Event()

    async def begin(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nWell, ")
            await stream.receive_some()
            left.set()

    async def listen(asking: Asking, url: str) -> None:
        async with asking.http.stream("GET", url) as response:
            async for _ in response.aiter_text():
                begun.set()

    async with gate(opens) as through, trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, begin, 0, host="127.0.0.1"))
        asking = Asking([through.proxy])
        async with asking.http, trio.open_nursery() as asked:
            asked.start_soon(listen, asking, f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/")
            await begun.wait()
            asked.cancel_scope.cancel()
        with trio.fail_after(60):
            await left.wait()
        nursery.cancel_scope.cancel()
    assert asking.failures() == [0]


async def test_credentials_are_neither_reported_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with provider(says("x")) as running, gate(refuses(407)) as closed, gate(opens) as through:
            proxies = [Proxy("http", "127.0.0.1", one.proxy.port, "annxyz", "p@ss:word") for one in (closed, through)]
            asking = Asking(proxies)
            async with asking.http:
                await asking.ask(running)
    told = "\n".join(asking.reports) + caplog.text
    assert "***@127.0.0.1" in told
    for secret in ("annxyz", "p@ss:word", "p%40ss", "YW5ueHl6"):
        assert secret not in told


async def test_only_web_addresses_are_asked() -> None:
    asking = Asking([nobody()])
    async with asking.http:
        with pytest.raises(httpx2.UnsupportedProtocol):
            await asking.http.get("gopher://127.0.0.1/")
