"""HTTP/1.1 on any stream of bytes, until the connection ends or turns into a WebSocket.

This file owns what is read and written by way of h11, and every limit of size and time. It must not know what is
served: the routes are handed in.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import h11
import trio
from msgspec import Struct

from trio_chat.transport.exchange import HttpRequest, HttpResponse, Routes
from trio_chat.transport.handshake import shake_hands
from trio_chat.transport.lull import Lull, end_and_linger
from trio_chat.transport.stream import ByteStream
from trio_chat.transport.websocket import WebSocketStream

WEBSOCKET_PATH: Final = "/ws"

MAX_HEAD_BYTES: Final = 16_384
"""The request line and the headers together; 431 otherwise. h11's own default, and more than browsers send."""

MAX_BODY_BYTES: Final = 262_144
"""The body of a request; 413 otherwise. A webhook carries a message, of 4,000 characters."""

REQUEST_S: Final = 10.0
"""From the first byte of a request to its last; 408 otherwise. As long as a peer has for its `hello`."""

IDLE_S: Final = 30.0
"""How long a connection may stay open between two requests. (nginx: 75 s; browsers open another one.)"""

ANSWER_S: Final = 30.0
"""How long an answer may take, and as long again to be read: the page comes through at 20 KB/s."""

_READ_BYTES: Final = 16_384

_REASONS: Final = {int(status): status.phrase.encode() for status in HTTPStatus}


class Site(Struct, frozen=True):
    """What is served by HTTP, and to whom.

    Attributes:
        routes: answers the requests.
        failed: is told of each request that made `routes` raise, while the exception is being handled.
        origins: the origins besides our own whose pages may open a WebSocket.
        peer_name: names whoever is behind a connection, from the name of its stream and the headers of a request (in
            lower case): for proxies that can be trusted.
    """

    routes: Routes
    failed: Callable[[HttpRequest], None]
    origins: Collection[str] = ()
    peer_name: Callable[[str, Mapping[str, str]], str] = lambda peer, headers: peer


class _Refused(Exception):
    """A request cannot be served, and after the answer neither can another one on its connection."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        self.sentence = sentence


async def serve_http(stream: ByteStream, site: Site, lull: Lull) -> WebSocketStream | None:
    """Answer the requests that come on `stream` until it ends, or return the WebSocket that it has become.

    The caller owns the stream, and closes it if there is no WebSocket. Nobody who does something wrong, or nothing, is
    waited for longer than the limits above.

    Args:
        stream: the connection; the first request has begun to come.
        site: what is served.
        lull: ends the waiting for another request when the server stops.
    """
    return await _Conversation(stream, site, lull).run()


class _Conversation:
    """One connection."""

    def __init__(self, stream: ByteStream, site: Site, lull: Lull) -> None:
        self._stream = stream
        self._site = site
        self._lull = lull
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._head_only = False  # the request under way is a HEAD, also where it is refused

    async def run(self) -> WebSocketStream | None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            try:
                while await self._has_begun():
                    if websocket := await self._exchange():
                        return websocket
                    if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
                        break  # somebody has said that the connection is to be closed
                    self._h11.start_next_cycle()
            except _Refused as refused:
                await self._send(_plain(refused.status, refused.sentence), close=True)
            await end_and_linger(self._stream)
        return None

    async def _has_begun(self) -> bool:
        """Wait for the first byte of a request; return False if none comes."""
        if self._h11.trailing_data[0]:
            return True  # it came together with the one before
        with self._lull.waiting(IDLE_S):
            data = await self._stream.receive_some(_READ_BYTES)
            self._h11.receive_data(data)
            return bool(data)
        return False

    async def _exchange(self) -> WebSocketStream | None:
        """Take in a request and answer it."""
        self._head_only = False
        head, body = await self._request_in_time()
        request = _as_request(head, body, self._stream.peer, self._site)
        if request.path == WEBSOCKET_PATH:
            response = self._handshake(head, request)
            if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return await self._switch(response, request)
        else:
            response = await self._answer(request)
        await self._send(response, close=self._lull.is_over)
        return None

    async def _request_in_time(self) -> tuple[h11.Request, bytes]:
        try:
            with trio.fail_after(REQUEST_S):
                return await self._request()
        except trio.TooSlowError:
            raise _Refused(408, f"The request was not complete within {REQUEST_S:g} s.") from None
        except h11.RemoteProtocolError as error:
            raise _Refused(error.error_status_hint, f"The request is not understood: {error}.") from error

    async def _request(self) -> tuple[h11.Request, bytes]:
        head = await self._event()
        if not isinstance(head, h11.Request):
            raise _Refused(400, "This is no request.")
        if head.method == b"CONNECT":  # to h11, any answer of success makes it a tunnel
            raise _Refused(501, "This server is no proxy.")
        self._head_only = head.method == b"HEAD"
        _check_length(head)
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                raise _too_long()
            await trio.lowlevel.checkpoint()  # a read may hold 2,700 chunks, each of which takes 20 µs
        return head, bytes(body)

    async def _event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            if self._h11.they_are_waiting_for_100_continue:
                await self._send_event(h11.InformationalResponse(status_code=100, headers=[]))
            self._h11.receive_data(await self._stream.receive_some(_READ_BYTES))
        return event

    # --- answering --------------------------------------------------------------------------------

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            with trio.fail_after(ANSWER_S):
                response = await self._site.routes(request)
            h11.Response(status_code=response.status, headers=list(response.headers.items()))
        except Exception:  # the border where a bug in a route costs its request alone
            self._site.failed(request)
            return _plain(500, "The server has failed to answer; its log says why.")
        return response

    def _handshake(self, head: h11.Request, request: HttpRequest) -> HttpResponse:
        if head.http_version != b"1.1":
            return _plain(505, "A WebSocket needs HTTP/1.1.")
        if request.body:
            return _plain(400, "A request for a WebSocket has no body.")
        target = head.target.decode("ascii")
        return shake_hands(request.method, target, request.headers, self._site.origins, self._stream.peer)

    async def _switch(self, response: HttpResponse, request: HttpRequest) -> WebSocketStream:
        await self._send_event(
            h11.InformationalResponse(
                status_code=101, headers=list(response.headers.items()), reason=_REASONS[response.status]
            )
        )
        early, _ = self._h11.trailing_data  # frames that came together with the request
        return WebSocketStream(self._stream, early, request.peer)

    async def _send(self, response: HttpResponse, *, close: bool = False) -> None:
        headers = [*response.headers.items(), ("Date", formatdate(usegmt=True))]
        has_body = response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if has_body:
            headers.append(("Content-Length", str(len(response.body))))
        if close:
            headers.append(("Connection", "close"))
        reason = _REASONS.get(response.status, b"")
        events: list[h11.Event] = [h11.Response(status_code=response.status, headers=headers, reason=reason)]
        if response.body and has_body and not self._head_only:
            events.append(h11.Data(data=response.body))
        await self._send_event(*events, h11.EndOfMessage())

    async def _send_event(self, *events: h11.Event) -> None:
        data = b"".join([self._h11.send(event) or b"" for event in events])
        with trio.fail_after(ANSWER_S):
            await self._stream.send_all(data)


def _check_length(head: h11.Request) -> None:
    """Refuse a body that is too long, before a client that expects 100 (Continue) begins to send it.

    Refused is one, too, whose length a proxy may have understood otherwise (RFC 9112, section 6.1): what is its body to
    one of us may be another request to the other, made up by whoever sent it.
    """
    headers = dict(head.headers)
    if b"transfer-encoding" in headers and (b"content-length" in headers or head.http_version != b"1.1"):
        raise _Refused(400, "The length of a body is told by Content-Length, or by chunks of HTTP/1.1.")
    if int(headers.get(b"content-length", 0)) > MAX_BODY_BYTES:
        raise _too_long()


def _too_long() -> _Refused:
    return _Refused(413, f"The body of a request may have {MAX_BODY_BYTES:,} bytes.")


def _as_request(head: h11.Request, body: bytes, peer: str, site: Site) -> HttpRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path, query = _split_target(head.target.decode("latin-1"))
    return HttpRequest(head.method.decode("ascii"), path, query, headers, body, site.peer_name(peer, headers))


def _split_target(target: str) -> tuple[str, str]:
    """Return path and query of a request's target, also of one in absolute form (RFC 9112, section 3.2)."""
    if target.lower().startswith(("http://", "https://")):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise _Refused(400, "The target of a request is a path, which begins with a slash.")
    return unquote(path), query


def _plain(status: int, sentence: str) -> HttpResponse:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(status, headers, f"{sentence}\n".encode())
