"""Tunnels through proxies, and why there is none."""

import ssl

import httpx2
import pytest
import trio

from tests.bot.proxies.conftest import Certificates
from tests.bot.proxies.gates import (
    PASSWORD,
    USER,
    Serve,
    answers,
    breaks,
    closes,
    gate,
    nobody,
    opens,
    refuses,
    speaks_socks4,
)
from tests.bot.proxies.site import Reply, site
from trio_chat.bot.proxies import Proxy
from trio_chat.bot.proxies.tunnel import MAX_REPLY_BYTES, ProxyFailed, open_tunnel


async def read_through(
    proxy: Proxy, port: int, ssl_context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> bytes:
    """Ask a site for a page through a tunnel, and return all that comes."""
    stream = await open_tunnel(proxy, host, port, ssl_context)
    async with stream:
        await stream.send_all(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        return b"".join([data async for data in stream])


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_tunnel_leads_to_the_site_however_the_proxys_answer_is_cut() -> None:
    async with site({"/page": Reply("here")}) as running, gate(opens) as through:
        answer = await read_through(through.proxy, port_of(running.url))
        assert answer.endswith(b"here")
        (head,) = through.heads
        assert head.startswith(b"CONNECT %s HTTP/1.1\r\n" % running.url.partition("//")[2].encode())
        assert b"uthorization" not in head


async def test_the_password_is_sent_to_a_proxy_that_has_one() -> None:
    async with site({}) as running, gate(opens) as through:
        proxy = Proxy("http", through.proxy.host, through.proxy.port, "ann", "p@ss:word")
        await read_through(proxy, port_of(running.url))
        assert b"\r\nProxy-Authorization: Basic YW5uOnBAc3M6d29yZA==\r\n" in through.heads[0]


async def test_an_ipv6_host_stands_in_brackets() -> None:
    async with gate(refuses(403)) as through:
        with pytest.raises(ProxyFailed):
            await open_tunnel(through.proxy, "2606:4700::1", 443, None)
        assert through.heads[0].startswith(b"CONNECT [2606:4700::1]:443 ")


async def test_tls_is_spoken_with_the_site_and_not_with_the_proxy(certificates: Certificates) -> None:
    async with site({"/page": Reply("here")}, certificates.server) as running, gate(opens) as through:
        answer = await read_through(through.proxy, port_of(running.url), certificates.client)
    assert answer.endswith(b"here")


async def test_who_cannot_prove_to_be_the_site_is_not_spoken_to(certificates: Certificates) -> None:
    async with site({"/page": Reply("here")}, certificates.server) as running, gate(opens) as through:
        with pytest.raises(ProxyFailed, match=r"cannot prove to be 127\.0\.0\.1"):
            await read_through(through.proxy, port_of(running.url), httpx2.create_ssl_context())
        assert running.asked == []


async def test_a_certificate_for_another_name_proves_nothing() -> None:
    others = Certificates("other.example")
    async with site({"/page": Reply("here")}, others.server) as running, gate(opens) as through:
        with pytest.raises(ProxyFailed, match=r"cannot prove to be 127\.0\.0\.1"):
            await read_through(through.proxy, port_of(running.url), others.client)
        assert running.asked == []


async def test_socks4_leaves_the_name_to_the_proxy() -> None:
    async with site({"/page": Reply("here")}) as running, gate(speaks_socks4, "socks4") as through:
        answer = await read_through(through.proxy, port_of(running.url), host="localhost")
        assert answer.endswith(b"here")
        assert b"localhost" in through.heads[0]


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (refuses(407), "it wants a user name and a password"),
        (refuses(403), r"it refuses the tunnel \(status 403\)"),
        (refuses(502), r"it refuses the tunnel \(status 502\)"),
        (refuses(503), r"it refuses the tunnel \(status 503\)"),
        (closes, "it closed the connection"),
        (answers(b""), "it closed the connection"),
        (answers(b"HTTP/1.1 200 OK\r\nHalf: "), "it closed the connection"),
        (answers(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "it does not speak HTTP"),
        (answers(b"HTTP/1.1 200 OK\r\n\r\n<html>Buy more</html>"), "it does not speak HTTP"),
        (answers(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * MAX_REPLY_BYTES), "it does not speak HTTP"),
    ],
)
async def test_a_proxy_that_makes_no_tunnel_fails_in_our_words(serve: Serve, why: str) -> None:
    async with gate(serve) as through:
        with pytest.raises(ProxyFailed, match=why) as failed:
            await open_tunnel(through.proxy, "127.0.0.1", 80, None)
    assert "secret" not in str(failed.value)


async def test_a_password_that_is_not_taken_is_told_as_that() -> None:
    async with gate(refuses(407)) as through:
        proxy = Proxy("http", through.proxy.host, through.proxy.port, USER, PASSWORD)
        with pytest.raises(ProxyFailed, match="does not take the password") as failed:
            await open_tunnel(proxy, "127.0.0.1", 80, None)
    assert PASSWORD not in str(failed.value)


async def test_a_proxy_that_breaks_off_behind_its_yes_has_failed(certificates: Certificates) -> None:
    async with gate(breaks) as through:
        with pytest.raises(ProxyFailed, match="no TLS could be spoken"):
            await open_tunnel(through.proxy, "127.0.0.1", 443, certificates.client)


@pytest.mark.parametrize("scheme", ["http", "socks4", "socks5"])
async def test_a_proxy_that_is_not_there_has_failed(scheme: str) -> None:
    proxy = Proxy(scheme, "127.0.0.1", nobody().port)  # type: ignore[arg-type]  # one of three literals
    with pytest.raises(ProxyFailed, match="nobody listens there"):
        await open_tunnel(proxy, "127.0.0.1", 80, None)


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
@pytest.mark.parametrize("reply", [b"", b"\x05", b"\x05\xff", b"\x00\x5b" + bytes(6), b"HTTP/1.1 400 Bad\r\n\r\n"])
async def test_what_speaks_no_socks_has_failed(scheme: str, reply: bytes) -> None:
    async def serve(running: object, stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(reply)

    async with gate(serve) as through:
        proxy = Proxy(scheme, "127.0.0.1", through.proxy.port)  # type: ignore[arg-type]  # one of three literals
        with pytest.raises(ProxyFailed, match=r"refuses the tunnel|closed the connection"):
            await open_tunnel(proxy, "127.0.0.1", 80, None)


@pytest.mark.parametrize(
    ("username", "host"), [("\u00fc", "127.0.0.1"), ("ann", "a..example"), ("ann", "\u00fc" * 70 + ".example")]
)
async def test_what_socks_cannot_say_is_told(username: str, host: str) -> None:
    async def wants_a_password(running: object, stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"\x05\x02")
        await stream.receive_some()
        await stream.send_all(b"\x01\x00")
        await stream.receive_some()

    async with gate(wants_a_password) as through:
        proxy = Proxy("socks5", "127.0.0.1", through.proxy.port, username, "x")
        with pytest.raises(ProxyFailed, match="SOCKS cannot say"):
            await open_tunnel(proxy, host, 80, None)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_cancelling_closes_the_connection(scheme: str) -> None:
    async def serve(running: object, stream: trio.SocketStream) -> None:
        await stream.receive_some()
        asked.set()
        await stream.receive_some()
        left.set()

    asked, left = trio.Event(), trio.Event()
    async with gate(serve) as through, trio.open_nursery() as nursery:
        proxy = Proxy(scheme, "127.0.0.1", through.proxy.port)  # type: ignore[arg-type]  # one of three literals
        nursery.start_soon(open_tunnel, proxy, "127.0.0.1", 80, None)
        await asked.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            await left.wait()
    assert left.is_set()
