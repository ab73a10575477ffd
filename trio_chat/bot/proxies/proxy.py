"""What a proxy is: how it is reached, how it is written, and how it is shown without its credentials.

This file owns the address of a proxy and the one error of this package. It must not know networks, files or health.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, unquote, urlsplit

Scheme = Literal["http", "socks4", "socks5"]

# The `a` and `h` ask for names to be resolved by the proxy; that is how it is done here in any case.
SCHEMES: Final[dict[str, Scheme]] = {
    "http": "http",
    "socks4": "socks4",
    "socks4a": "socks4",
    "socks5": "socks5",
    "socks5h": "socks5",
}
"""What may stand before `://` in a proxy's URL, and what it means."""

MASK: Final = "***"
"""What is shown in the place of a user name and a password."""

_HOW: Final = "write one as http://HOST:PORT, socks5://HOST:PORT or socks4://HOST:PORT, with USER:PASSWORD@ if it wants"
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_MAX_HOST_CHARS: Final = 253  # RFC 1035, 2.3.4, without the last dot
_MAX_SECRET_BYTES: Final = 255  # RFC 1929: one byte holds the length


class ProxiesError(ValueError):
    """Proxies cannot be used as asked; `str()` is one sentence that says what to change, and holds no credentials."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. `str()` and `repr()` leave its credentials out; `url` has them.

    Args:
        scheme: what it speaks.
        host: a name, or an IP address without brackets, in lower case.
        port: from 1 to 65,535.
        username, password: what it wants to know; None: nothing. SOCKS 4 knows a user name only.
    """

    scheme: Scheme
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The host and the port, an IPv6 address in brackets."""
        return authority(self.host, self.port)

    @property
    def url(self) -> str:
        """The proxy as a URL, with its credentials: for a file that its owner alone reads, and for nothing else."""
        if self.username is None:
            return f"{self.scheme}://{self.address}"
        secret = quote(self.username, safe="") + ("" if self.password is None else f":{quote(self.password, safe='')}")
        return f"{self.scheme}://{secret}@{self.address}"

    def __str__(self) -> str:
        masked = "" if self.username is None else f"{MASK}@"
        return f"{self.scheme}://{masked}{self.address}"


def authority(host: str, port: int) -> str:
    """Return a host and a port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_proxy(text: str, default: Scheme = "http") -> Proxy:
    """Read a proxy as people write it: a URL, or HOST:PORT.

    Args:
        text: what is written.
        default: what a proxy speaks of which only HOST:PORT is said.

    Raises:
        ProxiesError: it is none.
    """
    text = text.strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ProxiesError(_HOW)
    try:
        parts = urlsplit(text if "://" in text else f"{default}://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that do not match, or a port that is no number
        raise ProxiesError(_HOW) from None
    scheme = SCHEMES.get(parts.scheme)
    if scheme is None or not host or not port or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ProxiesError(_HOW)
    return Proxy(scheme, parse_host(host), port, *_credentials(parts.username, parts.password))


def _credentials(username: str | None, password: str | None) -> tuple[str | None, str | None]:
    if not username and not password:
        return None, None
    if MASK in (username, password):
        raise ProxiesError("the user name and password are masked here; take them from where the proxy came from")
    decoded = (unquote(username or ""), None if password is None else unquote(password))
    if any(len((secret or "").encode()) > _MAX_SECRET_BYTES for secret in decoded):
        raise ProxiesError(f"a user name or password is longer than {_MAX_SECRET_BYTES} bytes, which no proxy takes")
    return decoded


def parse_host(text: str) -> str:
    """Return a host name or an IP address as it is compared: in lower case, an address in its shortest form.

    Raises:
        ProxiesError: it is neither.
    """
    address = parse_address(text)
    if address is not None:
        return str(address)
    name = text.lower().removesuffix(".")
    # What ends in a number is an address or nothing: 1.2.3 and 010.1.1.1 mean another host to each program.
    if len(name) > _MAX_HOST_CHARS or not _NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise ProxiesError(_HOW)
    return name


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that `text` is, or None. One with a zone (`fe80::1%eth0`) is none: it holds here only."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def is_public(proxy: Proxy) -> bool:
    """Say whether a proxy may be one on the internet: its host is a full name, or a global address of one machine."""
    address = parse_address(proxy.host)
    if address is not None:
        return address.is_global and not address.is_multicast
    top = proxy.host.rpartition(".")
    return bool(top[0]) and top[2] not in ("local", "localhost", "internal", "lan", "home", "test", "invalid")


def scheme_named(word: str) -> Scheme | None:
    """Return what a list means by a word such as `SOCKS5` or `https`, or None.

    Lists say `https` of an HTTP proxy that makes tunnels to HTTPS sites, so it is an HTTP proxy.
    """
    return "http" if (word := word.strip().lower()) == "https" else SCHEMES.get(word)
