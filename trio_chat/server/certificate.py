"""The certificate that the server offers: that of its files, also once they have been renewed.

This file owns the looking after the files. What a certificate is good for is `trio_chat.transport`'s to know.
"""

import os
import ssl
from pathlib import Path
from typing import Final, NamedTuple

import trio

from trio_chat.server.config import ServerConfig
from trio_chat.server.log import log
from trio_chat.transport import CertificateUnusable, server_context

LOOK_EVERY_S: Final = 60.0
"""How often the files are looked at: a renewal comes weeks before the old certificate ends."""


class _File(NamedTuple):
    """What tells a file from the one that took its place, links followed."""

    number: int
    changed_ns: int
    size: int


class Certificate:
    """Two files in PEM, which whoever renews certificates writes anew. Made by `load_certificate`.

    Attributes:
        context: for connections that begin now.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._paths = (certificate, key)
        self._loaded = _seen(*self._paths)  # before they are read: what is written meanwhile is read again
        self._complaint = ""
        self.context: ssl.SSLContext = server_context(certificate, key)

    async def watch(self) -> None:
        """Look at the files now and then, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Offer what the files hold now, if they have changed; what cannot be used is told once, and passed over."""
        found = await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        if found is None:
            return
        seen, read = found
        # Not told in the thread: the log may lead to the operator's own connection.
        if isinstance(read, ssl.SSLContext):
            self.context, self._loaded, self._complaint = read, seen, ""
            log.info("offering the renewed certificate", file=str(self._paths[0]))
        elif str(read) != self._complaint:  # half written, maybe: the next look finds the other half
            self._complaint = str(read)
            log.warning("the certificate has changed and cannot be used; the old one stays", reason=str(read))

    def _read(self) -> tuple[list[_File | None], ssl.SSLContext | CertificateUnusable] | None:
        """Return what the files look like and hold, or None if they are as they were."""
        seen = _seen(*self._paths)
        if seen == self._loaded:
            return None
        try:
            return seen, server_context(*self._paths)
        except CertificateUnusable as error:
            return seen, error


def load_certificate(config: ServerConfig) -> Certificate:
    """Return the certificate that the settings name. Blocking.

    Raises:
        CertificateUnusable: TLS cannot be offered as they want; the message is for the operator.
    """
    if config.certificate is None or config.key is None:
        raise CertificateUnusable("TLS needs a certificate and its key; give both --certificate and --key")
    return Certificate(Path(config.certificate), Path(config.key))


def _seen(*paths: Path) -> list[_File | None]:
    return [_file(path) for path in paths]


def _file(path: Path) -> _File | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _File(status.st_ino, status.st_mtime_ns, status.st_size)
