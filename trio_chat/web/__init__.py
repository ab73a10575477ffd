"""The web page: its files, read once, and how each is answered.

This file owns names, types, caching and the headers that bind a browser. It must not know rooms, nor what the page's
scripts do. Nothing is looked up on the disk for a request: a file that was not there at the start has no name here.
"""

import gzip
import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from msgspec import Struct

from trio_chat.transport.exchange import HttpRequest, HttpResponse

INDEX: Final = "index.html"
"""The file that is the page itself; it is answered at the root only, for its links to the others start there."""

CONTENT_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What is served, by the end of its name; the system's own table would make it hang on the machine. Other files, such
as package.json, are for other readers than browsers."""

GZIP_MIN_BYTES: Final = 512
"""Below this a packet is one packet either way."""

HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""What every answer says to a browser, besides its Content-Security-Policy."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{sockets}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
"""What `Host` may hold to be repeated in a policy; anything else could end the directive and begin another."""


def headers_for(host: str) -> dict[str, str]:
    """Return the headers of every answer to a request with this `Host` header; empty: it has none.

    Older browsers (Safari before 15.4) do not take ``'self'`` for the WebSocket of the same host, so it is named.
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return {"Content-Security-Policy": _POLICY.format(sockets=sockets), **HEADERS}


class PageFile(Struct, frozen=True):
    """One file of the page.

    Attributes:
        content_type: what it is.
        body: as it is.
        etag: of that, strong.
        packed: the same by gzip, where that is smaller.
        packed_etag: of that; other bytes need another one (RFC 9110, section 8.8.3.3).
    """

    content_type: str
    body: bytes
    etag: str
    packed: bytes | None = None
    packed_etag: str = ""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the file, packed if the client takes that; or 304 if the client has it already."""
        is_packed = self.packed is not None and takes_gzip(request.headers.get("accept-encoding", ""))
        etag = self.packed_etag if is_packed else self.etag
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if self.packed is not None:
            headers["Vary"] = "Accept-Encoding"
        if _holds(request.headers.get("if-none-match", ""), etag):
            return HttpResponse(304, headers)
        headers["Content-Type"] = self.content_type
        if is_packed:
            assert self.packed is not None
            return HttpResponse(200, {**headers, "Content-Encoding": "gzip"}, self.packed)
        return HttpResponse(200, headers, self.body)


class Pages:
    """The page's files by name, as they were when they were loaded.

    Args:
        files: by name.
    """

    def __init__(self, files: Mapping[str, PageFile]) -> None:
        self._files = {name: file for name, file in files.items() if name != INDEX}
        self.index = files.get(INDEX)

    def find(self, name: str) -> PageFile | None:
        """Return the file with exactly this name. It is a name and no path: there is nothing that one could lead to."""
        return self._files.get(name)


def load_pages(directory: Traversable | None = None) -> Pages:
    """Read all files that browsers are served; blocking, once at the start.

    Args:
        directory: where they lie; by default the package's own, also in a wheel or a zip. Folders in it are left out.
    """
    directory = files(__name__).joinpath("page") if directory is None else directory
    found: dict[str, PageFile] = {}
    for entry in directory.iterdir() if directory.is_dir() else ():
        _, dot, ending = entry.name.rpartition(".")
        content_type = CONTENT_TYPES.get(dot + ending.lower())
        if content_type is not None and not entry.name.startswith(".") and entry.is_file():
            found[entry.name] = page_file(content_type, entry.read_bytes())
    return Pages(found)


def page_file(content_type: str, body: bytes) -> PageFile:
    """Return a file of this type and content; the same content gives the same tags and bytes, on every machine."""
    digest = sha256(body).hexdigest()[:32]
    if len(body) >= GZIP_MIN_BYTES:
        packed = gzip.compress(body, mtime=0)
        if len(packed) < len(body):
            return PageFile(content_type, body, f'"{digest}"', packed, f'"{digest}-gzip"')
    return PageFile(content_type, body, f'"{digest}"')


def takes_gzip(accept_encoding: str) -> bool:
    """Return whether a client with this `Accept-Encoding` takes gzip (RFC 9110, section 12.5.3)."""
    wanted: dict[str, bool] = {}
    for item in accept_encoding.lower().split(","):
        coding, _, parameters = item.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", parameters)
        wanted[coding.strip()] = not parameters.strip() or (weight is not None and float(weight[1]) > 0)
    return wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", False)))


def _holds(if_none_match: str, etag: str) -> bool:
    """Return whether a client has this one already; compared weakly, for proxies that pack make strong tags weak."""
    if if_none_match.strip() == "*":
        return True
    return etag in {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
