"""The address of a server, as people write it: ``chat://HOST[:PORT]``, or ``chats://`` for TLS.

This file owns its syntax. It must not know how a connection is made.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from trio_chat.client.errors import BadUrl

DEFAULT_PORT: Final = 5002
DEFAULT_URL: Final = f"chat://127.0.0.1:{DEFAULT_PORT}"
_SCHEMES: Final = {"chat": "chat", "chats": "chats", "http": "chat", "https": "chats", "ws": "chat", "wss": "chats"}
"""What somebody may write, and what it means here."""
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+")  # a name or an address: what else there may be is not worth repeating


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: `host` is a name or an IP address without brackets, in lower case.

    `secure` says that it is reached by TLS.
    """

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_url(url: str) -> Address:
    """Return the address that `url` names.

    Args:
        url: ``chat://HOST:PORT``, ``chat://HOST`` (port 5002) or ``chat://[IPv6]:PORT``; a final slash is allowed;
            ``chats://`` likewise, for TLS.

    Raises:
        BadUrl: it is none of these; the message says what is wrong and shows a good one.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad(url, f"is not understood ({error})") from error
    if parts.scheme not in ("chat", "chats"):
        raise _bad(url, "does not start with chat:// or chats:// as it should")
    if not host:
        raise _bad(url, "names no host")
    if port == 0:
        raise _bad(url, "has port 0, where nobody can listen")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _bad(url, "has more than a host and a port")
    return Address(host, DEFAULT_PORT if port is None else port, parts.scheme == "chats")


def _bad(url: str, why: str) -> BadUrl:
    return BadUrl(f"The address {url!r} {why}: write it as {_meant(url.strip())}.")


def _meant(url: str) -> str:
    """Return the address that somebody may have meant: the same host and port, if they can be made out."""
    scheme, found, rest = url.rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        return DEFAULT_URL
    if not host or not _HOST.fullmatch(host):
        return DEFAULT_URL
    return f"{_SCHEMES.get(scheme.lower(), 'chat') if found else 'chat'}://{Address(host, port)}"
