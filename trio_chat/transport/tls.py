"""TLS on any stream of bytes, for both sides, and where certificates come from.

This file owns the records on their way in and out. What is in them is the business of the standard library's `ssl`, by
way of memory; `trio.SSLStream` has no end of one direction alone, and cannot close while somebody sends. It must not
know what the bytes mean.
"""

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from trio_chat.transport.listen import dial_tcp
from trio_chat.transport.stream import ByteStream

_PIECE_BYTES: Final = 65_536
"""So much is encrypted before it is sent: four records."""

_OWED_BYTES: Final = 16_384
"""What reading may give rise to before it is sent; an answer to new keys has 30 bytes, and replaces the one before."""


class CertificateUnusable(Exception):
    """TLS cannot be offered with these files; the message is one sentence for the operator."""


class TlsStream:
    """TLS on a stream, which belongs to it; a `Peekable`. `do_handshake` comes first.

    Only the sending task sends. What reading gives rise to (an answer to new keys) goes out with what is sent next.

    Args:
        stream: what the records travel on.
        context: of this side.
        server_name: what the peer's certificate has to be for, a name or an IP address; None: we are the server.
    """

    def __init__(self, stream: ByteStream, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self.peer = stream.peer
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._early = b""  # decrypted, and not taken yet
        self._cut = False  # in the midst of records; for ever, if that is cancelled
        self._ended = False  # nothing more is sent
        self._closed = False

    async def do_handshake(self) -> None:
        """Agree on keys. The caller sets the deadline, and closes the stream if this fails.

        Raises:
            ssl.SSLError: the two cannot agree, or (`ssl.SSLCertVerificationError`) the peer's certificate is not good.
            trio.BrokenResourceError: the connection was lost.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._read()
            except ssl.SSLEOFError as error:
                raise trio.BrokenResourceError(f"{self.peer} has closed during the handshake of TLS") from error
            except ssl.SSLError:
                self._flush_nowait()  # the alert that tells the peer
                raise
            else:
                await self._flush()
                return

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        has_waited = False
        while not self._early:
            if self._closed:
                raise trio.ClosedResourceError("this stream is closed")
            try:
                self._early = self._tls.read(max_bytes)
            except ssl.SSLWantReadError:
                await self._read()
                has_waited = True
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                pass  # also without a word: HTTP and frames tell by themselves whether they are whole
            except ssl.SSLError as error:
                self._flush_nowait()
                raise trio.BrokenResourceError(f"the TLS of {self.peer} is broken: {error.reason}") from error
            break
        if not has_waited:
            await trio.lowlevel.checkpoint()
        data, self._early = self._early[:max_bytes], self._early[max_bytes:]
        return data

    async def peek(self) -> bytes:
        data = await self.receive_some()
        self._early = data + self._early
        return data

    async def send_all(self, data: bytes | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError("this stream is closed")
        if self._ended or self._cut:
            raise trio.BrokenResourceError(f"the TLS of {self.peer} takes nothing any more")
        self._cut = True
        view = memoryview(data)
        while view:
            try:
                view = view[self._tls.write(view[:_PIECE_BYTES]) :]
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(f"the TLS of {self.peer} is broken: {error.reason}") from error
            await self._flush()
        self._cut = False

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0  # a record that is encrypted has to be sent, whether it is taken at once or not

    async def send_eof(self) -> None:
        if self._ended:
            await trio.lowlevel.checkpoint()
            return
        self._end()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._flush()
            await self._stream.send_eof()

    async def aclose(self) -> None:
        self._closed = True
        if not self._ended:
            self._end()
            self._flush_nowait()
        await self._stream.aclose()

    def _end(self) -> None:
        """Tell the end to TLS, unless records were cut."""
        self._ended = True
        if self._cut:
            return
        with suppress(ssl.SSLError):
            while data := self._tls.read(_PIECE_BYTES):  # OpenSSL gives up reading too if it finds data at the end
                self._early += data
        with suppress(ssl.SSLError):  # one that wants to read: the peer has not told its end yet
            self._tls.unwrap()

    async def _read(self) -> None:
        if self._outgoing.pending > _OWED_BYTES:  # a refusal for each ClientHello that asks for new keys (TLS 1.2)
            raise trio.BrokenResourceError(f"the TLS of {self.peer} asks for too much")
        data = await self._stream.receive_some()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        await self._stream.send_all(self._outgoing.read())

    def _flush_nowait(self) -> None:
        if not self._cut:
            self._stream.send_nowait(self._outgoing.read())


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS 1.2 and later. Blocking: it reads two files.

    Args:
        certificate: PEM, the server's own first, then those that lead to a root that clients trust.
        key: the private key of the first, PEM, without a password.

    Raises:
        CertificateUnusable: a file cannot be read, is no such thing, or the two do not belong together.
    """
    for what, path, mark in (("certificate", certificate, b"CERTIFICATE-----"), ("key", key, b"PRIVATE KEY-----")):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CertificateUnusable(f"cannot read the {what} {path}: {error.strerror}") from error
        if mark not in content:
            raise CertificateUnusable(f"{path} holds no {what} in PEM; give the file that does as --{what}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateUnusable(f"the key {key} does not belong to the certificate {certificate}") from error
        raise CertificateUnusable(f"cannot use {certificate} with {key}: {error.reason or error}") from error
    return context


def _no_password() -> str:
    raise CertificateUnusable("the key is protected by a password; give one that is not, readable by the server only")


async def dial_tls(host: str, port: int) -> ByteStream:
    """Connect to a server by TLS, whose certificate the system has to trust. The caller owns the stream.

    Raises:
        OSError: as `dial_tcp`; an `ssl.SSLError` (`ssl.SSLCertVerificationError`) where there is no TLS, or no
            trust in it.
        trio.BrokenResourceError: the connection was lost.
    """
    context = await trio.to_thread.run_sync(ssl.create_default_context)  # reads hundreds of certificates
    stream = TlsStream(await dial_tcp(host, port), context, host)
    try:
        await stream.do_handshake()
    except BaseException:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()
        raise
    return stream
