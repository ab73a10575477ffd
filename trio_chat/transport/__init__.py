"""Bytes on a stream: listening, dialling, and a pair in memory; TCP, TLS and WebSocket on one port.

It knows nothing of what the bytes mean.
"""

from trio_chat.transport.exchange import HttpRequest, HttpResponse, Routes
from trio_chat.transport.front import Front
from trio_chat.transport.http import Site
from trio_chat.transport.listen import accept_forever, address_text, dial_tcp, open_listeners
from trio_chat.transport.memory import MemoryStream, memory_stream_pair
from trio_chat.transport.stream import ByteStream, Peekable, SocketStream
from trio_chat.transport.tls import CertificateUnusable, TlsStream, dial_tls, server_context
from trio_chat.transport.websocket import WebSocketStream

__all__ = [
    "ByteStream",
    "CertificateUnusable",
    "Front",
    "HttpRequest",
    "HttpResponse",
    "MemoryStream",
    "Peekable",
    "Routes",
    "Site",
    "SocketStream",
    "TlsStream",
    "WebSocketStream",
    "accept_forever",
    "address_text",
    "dial_tcp",
    "dial_tls",
    "memory_stream_pair",
    "open_listeners",
    "server_context",
]
