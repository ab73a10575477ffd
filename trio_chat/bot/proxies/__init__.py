"""Proxies through which a bot reaches its provider: a pool that chooses by measured health, and lists of proxies.

Importing it imports none of the libraries that the extra `proxies` brings; `prepare` does. The adaptor for an HTTP
client is `trio_chat.bot.proxies.transport.PooledTransport`. `python -m trio_chat.bot.proxies` checks and gathers.
"""

from pathlib import Path

from trio_chat.bot.proxies.extras import need
from trio_chat.bot.proxies.health import Health
from trio_chat.bot.proxies.listing import read_proxies
from trio_chat.bot.proxies.pool import ProxyPool
from trio_chat.bot.proxies.proxy import ProxiesError, Proxy, parse_proxy

__all__ = ["Health", "ProxiesError", "Proxy", "ProxyPool", "parse_proxy", "prepare", "read_proxies"]


def prepare(path: Path) -> None:
    """Make sure that the proxies of a file can be used, and import what they need.

    Raises:
        ProxiesError: the file holds no list of proxies, or a library is missing; the message says what to do.
    """
    need("proxies", "Proxies need")
    read_proxies(path)
