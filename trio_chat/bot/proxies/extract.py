"""Finding proxies in what a page or an API gives: HTML, JSON or plain text.

This file owns what counts as a proxy that is worth keeping: complete, valid, on the internet, without credentials.
It must not know where the text came from.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from trio_chat.bot.proxies.proxy import (
    Proxy,
    Scheme,
    authority,
    is_public,
    parse_address,
    parse_proxy,
    scheme_named,
)

# What stands before or after tells a proxy from a part of something else: of an address with credentials, of
# HOST:PORT:USER:PASSWORD, of a link to a page, of a longer number.
_PROXY: Final = re.compile(
    r"(?<![\w.@/:%-])"
    r"(?:(?P<scheme>[a-z][a-z0-9]{1,9})://)?"
    r"(?P<host>\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\]|(?<=//)[a-z0-9-]+(?:\.[a-z0-9-]+)+)"
    r":(?P<port>\d{1,5})"
    r"(?![\w:@%-]|\.\w|/\S)",
    re.IGNORECASE | re.ASCII,
)
_PORT: Final = re.compile(r"[0-9]{1,5}")

_HOST_KEYS: Final = ("ip", "host", "address", "ip_address", "ipaddress", "ipaddr", "addr", "hostname", "server")
_PORT_KEYS: Final = ("port",)
_SCHEME_KEYS: Final = ("protocols", "protocol", "scheme", "schemes", "types", "type", "proxy_type", "version")


def find_proxies(text: str, content_type: str = "", *, default: Scheme = "http") -> list[Proxy]:
    """Return the proxies that `text` names, each once, in their order.

    Args:
        text: what was fetched.
        content_type: what its sender calls it; where that says nothing, it is told by how the text begins.
        default: what a proxy speaks of which the text does not say it.
    """
    begins = text.lstrip("\ufeff \t\r\n")[:1]
    if "json" in content_type or ("html" not in content_type and begins in ("{", "[")):
        try:
            return _kept(_in_json(json.loads(text.lstrip("\ufeff")), default))
        except (ValueError, RecursionError):  # it is not JSON after all; JSON lines are read as text
            pass
    if "html" in content_type or begins == "<":
        return _kept(_in_html(text, default))
    return _kept(_in_text(text, default))


def _kept(found: Iterable[Proxy | None]) -> list[Proxy]:
    return list(dict.fromkeys(proxy for proxy in found if proxy is not None and is_public(proxy)))


def _proxy(host: str, port: str, scheme: Scheme) -> Proxy | None:
    try:
        found = parse_proxy(f"{scheme}://{authority(host.strip().strip('[]'), int(port))}")
    except ValueError:  # ProxiesError among them
        return None
    return found if found.username is None else None


# --- plain text ---------------------------------------------------------------------------------------------


def _in_text(text: str, default: Scheme) -> Iterator[Proxy | None]:
    for found in _PROXY.finditer(text):
        named = found["scheme"]
        scheme = default if named is None else scheme_named(named)
        if scheme is not None:
            yield _proxy(found["host"], found["port"], scheme)


# --- JSON ---------------------------------------------------------------------------------------------------


def _in_json(document: Any, default: Scheme) -> Iterator[Proxy | None]:
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield from _in_text(node, default)
        elif isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict):
            found = list(_in_object({str(key).lower(): value for key, value in node.items()}, default))
            yield from found
            # The strings beside a host and a port say the same again, perhaps without the scheme.
            waiting.extend(value for value in reversed(node.values()) if not (found and isinstance(value, str)))


def _in_object(fields: dict[str, Any], default: Scheme) -> Iterator[Proxy | None]:
    host = _first_of(fields, _HOST_KEYS, (str,))
    port = _first_of(fields, _PORT_KEYS, (str, int))
    if host is None or port is None or not _PORT.fullmatch(str(port).strip()):
        return
    named = _first_of(fields, _SCHEME_KEYS, (str, list))
    words = [named] if isinstance(named, str) else named or []
    schemes = [scheme for word in words if isinstance(word, str) and (scheme := scheme_named(word))]
    for scheme in schemes or [default]:
        yield _proxy(host, str(port), scheme)


def _first_of(fields: dict[str, Any], keys: tuple[str, ...], kinds: tuple[type, ...]) -> Any:
    return next((fields[key] for key in keys if isinstance(fields.get(key), kinds)), None)


# --- HTML ---------------------------------------------------------------------------------------------------


def _in_html(text: str, default: Scheme) -> Iterator[Proxy | None]:
    """Find proxies in the rows of tables, and then in all text that is shown."""
    document = LexborHTMLParser(text)
    document.strip_tags(["script", "style", "noscript", "template"])
    if document.body is not None:
        yield from _in_tables(document.body, default)
        yield from _in_text(document.body.text(separator="\n"), default)


def _in_tables(body: LexborNode, default: Scheme) -> Iterator[Proxy | None]:
    port_at: dict[int, int] = {}
    for table, cells in _rows(body):
        titles = [] if table in port_at else [cell.lower() for cell in cells]
        if "port" in titles:
            port_at[table] = titles.index("port")
        else:
            yield _in_row(cells, port_at.get(table), default)


def _rows(body: LexborNode) -> Iterator[tuple[int, list[str]]]:
    """Give what the cells of each row say, and whose row it is; a table in a cell has rows of its own."""
    # Those that are open, the innermost last. Rows and cells are elsewhere too, in SVG and MathML: for these the first.
    tables: list[int] = [0]
    rows: list[list[str]] = [[]]
    cells: list[list[str]] = []
    for node, opens in _walk(body):
        if node.tag == "-text" and opens and cells:
            cells[-1].append(node.text())
        elif node.tag == "table":
            tables.append(node.mem_id) if opens else tables.pop()
        elif node.tag == "tr" and opens:
            rows.append([])
        elif node.tag == "tr":
            yield tables[-1], rows.pop()
        elif node.tag in ("th", "td") and opens:
            cells.append([])
        elif node.tag in ("th", "td"):
            rows[-1].append(" ".join(" ".join(cells.pop()).split()))


def _walk(top: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Give each node below `top` when it opens and when it closes, in time that grows with their number alone.

    Asking each table for its rows would take the cube of how deep they stand in each other.
    """
    node, opens = top.child, True
    while node is not None and node.mem_id != top.mem_id:  # `==` would compare all that they hold
        yield node, opens
        if opens and node.child is not None:
            node = node.child
        elif opens:
            opens = False
        elif node.next is not None:
            node, opens = node.next, True
        else:
            node = node.parent


def _in_row(cells: list[str], port_at: int | None, default: Scheme) -> Proxy | None:
    host_at = next((at for at, cell in enumerate(cells) if parse_address(cell) is not None), None)
    if host_at is None:
        return None
    after = cells[host_at + 1 :] if port_at is None else cells[port_at : port_at + 1]
    port = next((cell for cell in after if _PORT.fullmatch(cell)), None)
    if port is None:
        return None
    words = (word for cell in cells for word in cell.replace(",", " ").split()[:3])
    scheme = next((scheme for word in words if (scheme := scheme_named(word))), default)
    return _proxy(cells[host_at], port, scheme)
