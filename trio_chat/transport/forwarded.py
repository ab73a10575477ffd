"""Behind a proxy: which address a request came from, by what trusted proxies say.

This file owns reading `X-Forwarded-For` and `Forwarded` (RFC 7239), and whom they are believed from. It must not know
what an address is wanted for.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Trusted = tuple[IPv4Network | IPv6Network, ...]
"""The networks that trusted proxies are in."""

PROXY_HEADERS: Final = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)
"""Any of these shows that a request came by way of a proxy, whether it is trusted or not."""

HOPS_MAX: Final = 32
"""How many proxies in a row are looked at; nobody has so many, and a header is as long as its sender likes."""

_PARAMETER: Final = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";,]*)\s*')
_PORT: Final = re.compile(r":[0-9]{1,5}")


def trusted_networks(texts: Iterable[str]) -> Trusted:
    """Return the networks that an operator named: addresses, or networks as ``10.0.0.0/8``.

    Raises:
        ValueError: one is neither; the message is one sentence for the operator.
    """
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip()))
        except ValueError:
            raise ValueError(
                f"{text!r} is no address and no network; name a proxy as 127.0.0.1 or 10.0.0.0/8"
            ) from None
    return tuple(networks)


def client_address(peer: str, headers: Mapping[str, str], trusted: Trusted) -> str:
    """Return where a request came from first: the rightmost address that is no trusted proxy's.

    Each proxy appends whom it has heard from, so what stands to the right of an untrusted address was said by proxies
    that are trusted, and what stands to the left of it by anybody. `X-Forwarded-For` goes before `Forwarded`: most
    proxies write only the former, and hand on the latter as a client has made it up.

    Args:
        peer: who has connected, ``host:port``.
        headers: of the request, by name in lower case.
        trusted: whose word is taken; from all others both headers are ignored.

    Returns:
        `peer`, or the address of the client without a port, IPv6 in brackets.
    """
    address = _address(peer)
    if address is None or not _is_in(address, trusted):
        return peer
    first = None
    for hop in _hops(headers):
        found = _address(hop)
        if found is None:
            break  # "unknown", or a name that hides one: what stands to the left of it nobody vouches for
        first = found
        if not _is_in(found, trusted):
            break
    return peer if first is None else _text(first)


def is_loopback(peer: str) -> bool:
    """Return whether a peer, ``host:port``, is on this machine."""
    address = _address(peer)
    return address is not None and address.is_loopback


def is_address(host: str) -> bool:
    """Return whether a host is given by its address, IPv6 in brackets or not, and not by a name."""
    return _address(host) is not None


def _hops(headers: Mapping[str, str]) -> list[str]:
    """Return what the proxies say, the nearest first."""
    listed = headers.get("x-forwarded-for")
    if listed is None:
        return _nodes(headers.get("forwarded", ""))[::-1][:HOPS_MAX]
    return [hop.strip() for hop in listed.rsplit(",", HOPS_MAX)[::-1]][:HOPS_MAX]


def _nodes(forwarded: str) -> list[str]:
    """Return what `for` says in each element of a `Forwarded`; empty where it says nothing, or is malformed.

    Quotes may hide where an element ends, but only to the left of a malformed one, and there nobody looks.
    """
    nodes, at, node = list[str](), 0, ""
    while at < len(forwarded):
        found = _PARAMETER.match(forwarded, at)
        if found is None:
            end = at
        else:
            end = found.end()
            if found[1].lower() == "for":
                node = re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
        if end < len(forwarded) and forwarded[end] == ";":
            at = end + 1
        elif end == len(forwarded) or forwarded[end] == ",":
            nodes.append(node)
            at, node = end + 1, ""
        else:
            nodes.append("")
            at, node = _next_element(forwarded, end), ""
    return nodes


def _next_element(forwarded: str, at: int) -> int:
    comma = forwarded.find(",", at)
    return len(forwarded) if comma < 0 else comma + 1


def _address(node: str) -> IPv4Address | IPv6Address | None:
    """Return the address in ``192.0.2.1:80`` or ``[2001:db8::1]:80``, with or without the port and the brackets.

    One that is written as IPv6 only because the listener is, ``::ffff:192.0.2.1``, is that of IPv4.
    """
    if node.startswith("["):
        host, bracket, port = node[1:].partition("]")
        if not bracket or (port and not _PORT.fullmatch(port)):
            return None
    else:
        host = node
        if node.count(":") == 1:
            host, _, port = node.partition(":")
            if not _PORT.fullmatch(f":{port}"):
                return None
    host, _, zone = host.partition("%")  # of a link; it could hold anything, and is nobody's address elsewhere
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return None if zone else address


def _is_in(address: IPv4Address | IPv6Address, trusted: Trusted) -> bool:
    return any(address in network for network in trusted)


def _text(address: IPv4Address | IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
