"""What TLS makes of a client that does what no library would do for it: records made by hand."""

import hmac
import ssl
import struct
from pathlib import Path
from typing import Final

import pytest
import trio
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.transport.pairs import authority, tls_contexts
from trio_chat.transport import MemoryStream, TlsStream, memory_stream_pair

pytestmark = pytest.mark.autojump

HANDSHAKE: Final = 22
CLIENT_HELLO: Final = b"\x01\0\0\0"
RANDOM: Final = slice(11, 43)
"""Where the server's first record has its random bytes (RFC 5246, section 7.4.1.3)."""


class Records:
    """Makes the records that a client sends by TLS 1.2 with AES-128-GCM, once its handshake is over.

    Args:
        log: of the client's secrets, as `ssl.SSLContext.keylog_filename` writes it.
        server_random: from the server's first record.
    """

    def __init__(self, log: str, server_random: bytes) -> None:
        _, client_random, secret = log.split()[-3:]
        seed = b"key expansion" + server_random + bytes.fromhex(client_random)
        keys, link = b"", seed
        while len(keys) < 40:  # RFC 5246, section 5
            link = hmac.digest(bytes.fromhex(secret), link, "sha256")
            keys += hmac.digest(bytes.fromhex(secret), link + seed, "sha256")
        self._cipher, self._salt = AESGCM(keys[:16]), keys[32:36]
        self._count = 1  # the first was its Finished

    def record(self, kind: int, data: bytes) -> bytes:
        number = struct.pack("!Q", self._count)
        self._count += 1
        header = bytes((kind, 3, 3))
        sealed = self._cipher.encrypt(self._salt + number, data, number + header + struct.pack("!H", len(data)))
        return header + struct.pack("!H", len(number + sealed)) + number + sealed


async def shaken(stream: MemoryStream, keys: Path) -> Records:
    """Shake hands with a server as a client of TLS 1.2 does; what it sends from then on is made by hand."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    context.keylog_filename = str(keys)
    incoming, outgoing, received = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            await stream.send_all(outgoing.read())
            data = await stream.receive_some()
            incoming.write(data)
            received += data
        else:
            return Records(keys.read_text(), received[RANDOM])


async def test_who_asks_for_new_keys_without_end_and_reads_no_answer_is_cut(tmp_path: Path) -> None:
    ours, theirs = memory_stream_pair()

    async def ask() -> None:
        by_hand = await shaken(theirs, tmp_path / "keys")
        for _ in range(1_000):
            await theirs.send_all(by_hand.record(HANDSHAKE, CLIENT_HELLO))
        await theirs.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        server = TlsStream(ours, tls_contexts()[0])
        await server.do_handshake()
        with pytest.raises(trio.BrokenResourceError, match="asks for too much"):
            await server.receive_some()
        nursery.cancel_scope.cancel()
