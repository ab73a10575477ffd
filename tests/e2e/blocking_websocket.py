"""A WebSocket of the `websockets` library, as programs may hold one: its protocol on a blocking socket, in one thread.

The library's own blocking client reads in a thread of its own while another writes. In TLS that is a race: what OpenSSL
reads besides data (session tickets) lets the reader wait inside, and a request that is written then may be lost. Here
nothing runs at once. This file owns the socket; what is said over it is the tests'.
"""

import socket
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from benchmarks.server_process import PATIENCE_S


class Closed(Exception):
    """The other side has ended the connection; `close_code` says how."""


class BlockingWebSocket:
    """An open WebSocket; close it, or use it as a context manager.

    Args:
        url: `ws://` or `wss://`.
        tls: whom to trust.
        source: the address of this machine to come from.
        headers: of the request, besides those of the handshake.

    Raises:
        InvalidStatus: the server has refused it; has `response`.
        TimeoutError: nothing came for `PATIENCE_S`.
    """

    def __init__(
        self, url: str, *, tls: ssl.SSLContext | None = None, source: str | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        where = urlsplit(url)
        assert where.hostname is not None
        assert where.port is not None
        came_from = None if source is None else (source, 0)
        sock = socket.create_connection((where.hostname, where.port), PATIENCE_S, source_address=came_from)
        self._sock = sock if tls is None else tls.wrap_socket(sock, server_hostname=where.hostname)
        self._protocol = ClientProtocol(parse_uri(url), extensions=[ClientPerMessageDeflateFactory()])
        self._frames = deque[Frame]()
        self.pongs: list[bytes] = []
        try:
            request = self._protocol.connect()
            request.headers.update(headers)
            self._protocol.send_request(request)
            self.response = self._receive_response()
        except BaseException:
            self.close()
            raise

    @property
    def close_code(self) -> int | None:
        return self._protocol.close_code

    def send(self, *pieces: bytes | str) -> None:
        """Send a message, in as many fragments as there are pieces."""
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            data = piece.encode() if isinstance(piece, str) else piece
            if number:
                self._protocol.send_continuation(data, fin=last)
            elif isinstance(piece, str):
                self._protocol.send_text(data, fin=last)
            else:
                self._protocol.send_binary(data, fin=last)
        self._flush()

    def ping(self, payload: bytes) -> None:
        """Ping, and wait for the pong; messages that come before it are kept."""
        self._protocol.send_ping(payload)
        self._flush()
        while payload not in self.pongs:
            self._read()

    def receive(self) -> bytes:
        """Return the payload of the next frame of data.

        Raises:
            Closed: there is none any more.
        """
        while not self._frames:
            self._read()
        return bytes(self._frames.popleft().data)

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> "BlockingWebSocket":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _receive_response(self) -> Response:
        self._flush()
        while not (events := self._read()):
            pass
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc
        assert isinstance(events[0], Response)
        return events[0]

    def _read(self) -> Sequence[object]:
        data = self._sock.recv(65_536)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        events = self._protocol.events_received()
        self._flush()
        self._sort(events)
        if not data and not events:
            raise Closed
        return events

    def _sort(self, events: Sequence[object]) -> None:
        for event in events:
            if isinstance(event, Frame):
                if event.opcode is Opcode.PONG:
                    self.pongs.append(bytes(event.data))
                elif event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                    self._frames.append(event)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._sock.sendall(data)
