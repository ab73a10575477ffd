"""A tunnel through a proxy: a byte stream to a host that the proxy has connected us to.

This file owns the handshake with each kind of proxy, TLS inside the tunnel, and the reasons why there is no tunnel,
in our own words. It must not know what is sent through. Every site is reached by a tunnel, a plain HTTP one too: so
what comes through it is the site's answer, and whatever goes wrong before is the proxy's failure.
"""

import base64
import ssl
from typing import Final

import h11
import trio
from python_socks import ProxyError, ProxyType
from python_socks.async_.trio.v2 import Proxy as SocksProxy

from trio_chat.bot.proxies.proxy import Proxy, authority

MAX_REPLY_BYTES: Final = 16 * 1024
_READ_BYTES: Final = 4096
_SOCKS: Final = {"socks4": ProxyType.SOCKS4, "socks5": ProxyType.SOCKS5}


class ProxyFailed(Exception):
    """A proxy did not do its work; `str()` is a clause that says why, without any word of the proxy's."""


async def open_tunnel(proxy: Proxy, host: str, port: int, ssl_context: ssl.SSLContext | None) -> trio.abc.Stream:
    """Connect to a host through a proxy, which also looks up the host's name.

    Args:
        proxy: through which.
        host, port: to where.
        ssl_context: whom to trust; with it, TLS is spoken in the tunnel and the host has to prove who it is.

    Returns:
        a stream that the caller closes.

    Raises:
        ProxyFailed: there is no tunnel.

    It sets no time limit of its own. Cancelling it closes what was opened.
    """
    try:
        if proxy.scheme == "http":
            stream: trio.abc.Stream = await _connect_http(proxy, host, port)
        else:
            stream = await _connect_socks(proxy, host, port)
    except OSError:
        raise ProxyFailed("nobody listens there") from None
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise ProxyFailed("it closed the connection") from None
    return stream if ssl_context is None else await _secure(stream, host, ssl_context)


async def _secure(stream: trio.abc.Stream, host: str, ssl_context: ssl.SSLContext) -> trio.abc.Stream:
    """Speak TLS on a stream, which is closed if that does not go well."""
    secured = trio.SSLStream(stream, ssl_context, server_hostname=host, https_compatible=True)
    try:
        await secured.do_handshake()
    except BaseException as error:
        await trio.aclose_forcefully(stream)
        if not isinstance(error, trio.BrokenResourceError):
            raise
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise ProxyFailed(f"who answers behind it cannot prove to be {host}") from None
        raise ProxyFailed("no TLS could be spoken behind it") from None
    return secured


async def _connect_socks(proxy: Proxy, host: str, port: int) -> trio.abc.Stream:
    socks = SocksProxy(_SOCKS[proxy.scheme], proxy.host, proxy.port, proxy.username, proxy.password, rdns=True)
    try:
        connected = await socks.connect(host, port, timeout=float("inf"))
    except ProxyError as error:
        code = "" if error.error_code is None else f" (SOCKS code {int(error.error_code)})"
        raise ProxyFailed(f"it refuses the tunnel{code}") from None
    except UnicodeError:  # a name that no address has, or credentials beyond ASCII
        raise ProxyFailed("SOCKS cannot say this name or these credentials") from None
    return connected.trio_stream


async def _connect_http(proxy: Proxy, host: str, port: int) -> trio.abc.Stream:
    # Not by python_socks, which takes the first packet of the answer for all of it.
    stream = await trio.open_tcp_stream(proxy.host, proxy.port)
    try:
        await _ask_for_tunnel(stream, proxy, authority(host, port))
    except h11.ProtocolError:
        await trio.aclose_forcefully(stream)
        raise ProxyFailed("it does not speak HTTP") from None
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def _ask_for_tunnel(stream: trio.abc.Stream, proxy: Proxy, target: str) -> None:
    """Send a CONNECT (RFC 9110, 9.3.6) and return once it is granted."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_REPLY_BYTES)
    request = h11.Request(method="CONNECT", target=target, headers=[("Host", target), *_authorization(proxy)])
    asked = (connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b"")
    await stream.send_all(asked)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.receive_some(_READ_BYTES)
            if not data:
                raise ProxyFailed("it closed the connection")
            connection.receive_data(bytes(data))
        elif isinstance(event, h11.Response):
            break
    if not 200 <= event.status_code < 300:
        raise ProxyFailed(_refusal(event.status_code, proxy))
    if connection.trailing_data[0]:  # behind the tunnel waits a server, which does not speak before it is spoken to
        raise ProxyFailed("it does not speak HTTP")


def _authorization(proxy: Proxy) -> list[tuple[str, str]]:
    if proxy.username is None:
        return []
    secret = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
    return [("Proxy-Authorization", f"Basic {secret}")]


def _refusal(status: int, proxy: Proxy) -> str:
    if status == 407:
        return "it wants a user name and a password" if proxy.username is None else "it does not take the password"
    return f"it refuses the tunnel (status {status})"
