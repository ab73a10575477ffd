"""A certificate that is renewed while the server runs."""

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trustme

from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.certificate import LOOK_EVERY_S, Certificate, load_certificate
from trio_chat.server.log import capture_log
from trio_chat.transport import CertificateUnusable

AUTHORITY = trustme.CA()


class Files:
    """A certificate and its key as files, and those that renew it."""

    def __init__(self, directory: Path) -> None:
        self.certificate, self.key = directory / "fullchain.pem", directory / "privkey.pem"
        self.renew()

    def renew(self) -> None:
        """Put new files in the place of the old ones, as a rename does."""
        self.made = AUTHORITY.issue_cert("localhost")
        self.put(self.certificate, self.made.cert_chain_pems[0].bytes())
        self.put(self.key, self.made.private_key_pem.bytes())

    def put(self, path: Path, content: bytes) -> None:
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)

    @property
    def offered(self) -> bytes:
        """What a client is shown of the certificate in the files."""
        return ssl.PEM_cert_to_DER_cert(self.made.cert_chain_pems[0].bytes().decode())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
async def server(files: Files) -> AsyncIterator[Server]:
    settings = ServerConfig(port=0, store="memory:", certificate=str(files.certificate), key=str(files.key))
    async with open_server(settings) as opened:
        yield opened


async def connect(server: Server) -> trio.SSLStream[trio.SocketStream]:
    trust = ssl.create_default_context()
    AUTHORITY.configure_trust(trust)
    host, _, port = server.addresses[0].rpartition(":")
    stream = trio.SSLStream(await trio.open_tcp_stream(host, int(port)), trust, server_hostname="localhost")
    await stream.do_handshake()
    return stream


async def shown(server: Server) -> bytes:
    async with await connect(server) as stream:
        certificate = stream.getpeercert(binary_form=True)
    assert isinstance(certificate, bytes)
    return certificate


def certificate_of(server: Server) -> Certificate:
    assert server.certificate is not None
    return server.certificate


async def test_a_renewed_certificate_is_offered_and_whoever_is_there_stays(server: Server, files: Files) -> None:
    assert await shown(server) == files.offered
    async with await connect(server) as before:
        files.renew()
        await certificate_of(server).look()
        assert await shown(server) == files.offered
        await before.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await before.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_files_that_are_as_they_were_are_not_read_again(server: Server) -> None:
    before = certificate_of(server).context
    await certificate_of(server).look()
    assert certificate_of(server).context is before


async def test_what_cannot_be_used_is_told_once_and_the_old_one_stays_until_it_can(
    server: Server, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    old = files.offered
    key = AUTHORITY.issue_cert("localhost").private_key_pem.bytes()
    files.put(files.key, key)  # half of a renewal
    with caplog.at_level(logging.WARNING):
        await certificate_of(server).look()
        await certificate_of(server).look()
    (told,) = caplog.messages
    assert "the old one stays" in told
    assert "does not belong to the certificate" in told
    assert await shown(server) == old
    files.key.unlink()
    await certificate_of(server).look()
    assert await shown(server) == old
    files.renew()
    await certificate_of(server).look()
    assert await shown(server) == files.offered


async def test_the_operator_at_the_console_is_told(
    server: Server, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    class Console(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            trio.lowlevel.current_task()  # fails in a thread; nothing that comes to a connection may come from one
            told.append(record.getMessage())

    told: list[str] = []
    with caplog.at_level(logging.INFO, "trio_chat.server"), capture_log(Console()):
        files.certificate.unlink()
        await certificate_of(server).look()
        files.renew()
        await certificate_of(server).look()
    assert [line.split(";")[0].split(" file=")[0] for line in told] == [
        "the certificate has changed and cannot be used",
        "offering the renewed certificate",
    ]


class Watched(Certificate):
    """A certificate that notes when its files are to be looked at; a thread would let the clock jump meanwhile."""

    def __init__(self, files: Files) -> None:
        super().__init__(files.certificate, files.key)
        self.looked: list[float] = []

    async def look(self) -> None:
        self.looked.append(trio.current_time())


async def test_the_files_are_looked_at_every_minute(files: Files, autojump_clock: trio.abc.Clock) -> None:
    certificate, began = Watched(files), trio.current_time()
    with trio.move_on_after(3.5 * LOOK_EVERY_S):
        await certificate.watch()
    assert [at - began for at in certificate.looked] == [LOOK_EVERY_S, 2 * LOOK_EVERY_S, 3 * LOOK_EVERY_S]


@pytest.mark.parametrize("given", [{"certificate": "x.pem"}, {"key": "x.pem"}])
def test_one_of_the_two_files_alone_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(CertificateUnusable, match="give both --certificate and --key"):
        load_certificate(ServerConfig(**given))  # type: ignore[arg-type]
