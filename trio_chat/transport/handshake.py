"""The opening handshake of a WebSocket: whether a request for one is granted, and what is answered.

This file owns the decision (RFC 6455, section 4.2; the checks are those of the library `websockets`), and who may
ask: a page of our own origin, or a program. It must not know how the request came nor how the answer leaves.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from trio_chat.transport.exchange import HttpResponse
from trio_chat.transport.forwarded import PROXY_HEADERS, is_address, is_loopback

VERSION: Final = "13"

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

_PORT: Final = re.compile(r":[0-9]*$")

_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
"""As browsers write one (RFC 6454, section 6.2): no slash behind it, and a name in ASCII."""


def known_origins(texts: Iterable[str]) -> frozenset[str]:
    """Return the origins that an operator named, as browsers write them.

    Raises:
        ValueError: one is no origin; the message is one sentence for the operator.
    """
    origins = set()
    for text in texts:
        found = _ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
        if found is None:
            raise ValueError(
                f"{text!r} is no origin; name a page's as https://chat.example, with its port if it has one"
            )
        scheme, host, port = found.groups()
        origins.add(f"{scheme}://{host}{port if port and port != _DEFAULT_PORTS.get(scheme) else ''}")
    return frozenset(origins)


def shake_hands(
    method: str, target: str, headers: Mapping[str, str], origins: Collection[str], peer: str
) -> HttpResponse:
    """Return the answer to a request for a WebSocket: 101, or a refusal in a sentence.

    No extension is ever accepted: compression would need the blocks of each receiver to be its own.

    Args:
        method: of the request.
        target: its path, and the query if there is one.
        headers: by name in lower case; one that came several times is joined by ``, ``.
        origins: the origins besides our own whose pages may ask, as ``https://chat.example``.
        peer: who has connected, ``host:port``, be it a proxy.
    """
    if method != "GET":
        return _refusal(405, "A WebSocket is asked for with GET.", {"Allow": "GET"})
    if "upgrade" in headers and headers.get("sec-websocket-version", VERSION) != VERSION:
        return _refusal(
            426,
            f"This server speaks version {VERSION} of WebSocket.",
            {"Sec-WebSocket-Version": VERSION, "Upgrade": "websocket", "Connection": "Upgrade"},
        )
    origin, host = headers.get("origin"), headers.get("host", "")
    if not is_origin_allowed(origin, host, origins) or (origin not in origins and is_rebound(peer, headers)):
        return _refusal(
            403, f"A page of {headers['origin']} may not connect; the server's operator can allow it by --origin."
        )
    try:
        request = Request(target, Headers(headers))
    except InvalidHeader as error:  # most of these h11 lets pass
        return _refusal(400, f"The header {error.name} has a control character in it.")
    return _response(ServerProtocol().accept(request))


def is_origin_allowed(origin: str | None, host: str, origins: Collection[str]) -> bool:
    """Whether a page of `origin` may connect to a server that was asked for as `host` (RFC 6455, section 10.2).

    Programs send no origin. A browser always does: without this check any page on the web could speak in the name of
    whoever looks at it.
    """
    if origin is None or origin in origins:
        return True
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and bool(place) and place.removesuffix(port) == host.lower().removesuffix(port)


def is_rebound(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser on this machine may have come here by a name that is somebody else's.

    Whoever owns a domain can give it the address 127.0.0.1 while a page of theirs is looked at (DNS rebinding): the
    browser then takes us for the origin of that page. A web server on this machine, which may ask by any name, tells
    that it is one. Nobody can take over an address, nor a name without a dot, nor one in ``.localhost`` (RFC 6761).
    """
    if "origin" not in headers or not is_loopback(peer) or any(header in headers for header in PROXY_HEADERS):
        return False
    name = _PORT.sub("", headers.get("host", "")).lower()
    return "." in name and not name.endswith(".localhost") and not is_address(name)


def _response(answer: Response) -> HttpResponse:
    """Return an answer of the library as one of ours; what every answer has is added on its way out."""
    headers = {
        name: value
        for name, value in answer.headers.raw_items()
        if name not in ("Date", "Connection", "Content-Length")
    }
    if "Upgrade" in headers:
        headers["Connection"] = "Upgrade"
    return HttpResponse(answer.status_code, headers, bytes(answer.body or b""))


def _refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, f"{sentence}\n".encode()
    )
