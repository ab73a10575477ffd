"""The file of bookmarks, beside the session secret of the same server and nick.

This file owns its place, its modes, and that it is whole at any moment, whoever writes or is killed. It must not know
what bookmarks mean, nor Trio: its functions may block, and are for threads.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trio_chat.client.screen.bookmarks import MAX_BYTES, NOTHING, Bookmarks, Damaged, encode, merged, parse
from trio_chat.client.secret import secret_path
from trio_chat.client.url import Address

SUFFIX: Final = ".rooms"


def shelf_path(address: Address, nick: str) -> Path:
    """Return the file for one server and one nick."""
    secret = secret_path(address, nick)
    return secret.with_name(secret.name + SUFFIX)


class Shelf:
    """See the head of this file.

    Attributes:
        path: the file. It has mode 600, in a directory of mode 700.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Bookmarks:
        """Return what is kept; nothing, if there is no file yet.

        Raises:
            OSError: it cannot be read.
            Damaged: it holds something else.
        """
        try:
            found = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)  # whatever lies there, nobody waits for it
        except FileNotFoundError:
            return NOTHING
        with open(found, "rb") as file:
            return parse(file.read(MAX_BYTES + 1) or b"")

    def keep(self, ours: Bookmarks, left: Collection[str]) -> None:
        """Put what is on the screen to what is kept, as `merged` does.

        Raises:
            OSError: it cannot be written; what was kept before still is.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        with _alone(self.path.parent):
            try:
                kept = self.load()
            except Damaged:
                kept = NOTHING
            wanted = merged(kept, ours, left)
            if wanted != kept:
                self._write(encode(wanted))

    def _write(self, data: bytes) -> None:
        """Write beside the place, and put it there: whoever reads, and whatever happens, it is whole."""
        draft = self.path.with_name(f".{secrets.token_hex(8)}")
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let no other program read and write in between; where file systems know no locks, that is left to luck."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
