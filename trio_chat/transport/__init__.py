"""Bytes on a stream: listening, dialling, and a pair in memory. It knows nothing of what the bytes mean."""

from trio_chat.transport.listen import accept_forever, address_text, dial_tcp, open_listeners
from trio_chat.transport.memory import MemoryStream, memory_stream_pair
from trio_chat.transport.stream import ByteStream, SocketStream

__all__ = [
    "ByteStream",
    "MemoryStream",
    "SocketStream",
    "accept_forever",
    "address_text",
    "dial_tcp",
    "memory_stream_pair",
    "open_listeners",
]
