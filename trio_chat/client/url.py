"""The address of a server, as people write it: ``chat://HOST[:PORT]``, or ``chats://`` for TLS.

This file owns its syntax. It must not know how a connection is made.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from trio_chat.client.errors import BadUrl

DEFAULT_PORT: Final = 5002
DEFAULT_URL: Final = f"chat://127.0.0.1:{DEFAULT_PORT}"
_EXAMPLE: Final = f"write it as {DEFAULT_URL}"


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
        raise BadUrl(f"The address {url!r} is not understood ({error}): {_EXAMPLE}.") from error
    if parts.scheme not in ("chat", "chats"):
        raise BadUrl(f"The address {url!r} does not start with chat:// or chats:// as it should: {_EXAMPLE}.")
    if not host:
        raise BadUrl(f"The address {url!r} names no host: {_EXAMPLE}.")
    if port == 0:
        raise BadUrl(f"The address {url!r} has port 0, where nobody can listen: {_EXAMPLE}.")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadUrl(f"The address {url!r} has more than a host and a port: {_EXAMPLE}.")
    return Address(host, DEFAULT_PORT if port is None else port, parts.scheme == "chats")
