"""The session secret, kept on disk: who this user is to a server, also after a restart.

This file owns where it lies, its modes and its creation, which two programs may try at once. It must not
know the protocol beyond the secret's form, nor Trio.
"""

import contextlib
import hashlib
import os
import re
import secrets
import unicodedata
from pathlib import Path
from typing import Final, NamedTuple

import platformdirs

from trio_chat.client.url import Address

_FORM: Final = re.compile("[0-9a-f]{32}")
_UNSAFE: Final = re.compile("[^0-9A-Za-z.-]")


class Secret(NamedTuple):
    """32 hexadecimal digits, and what the user should know if they could not be kept."""

    session: str
    warning: str | None = None


def new_secret() -> str:
    """Return a fresh secret: 128 random bits."""
    return secrets.token_hex(16)


def secret_path(address: Address, nick: str, *, bot: bool = False) -> Path:
    """Return the file for one server and one nick; nicks that differ in case only share it, as they are one nick.

    A bot has one of its own: started under the nick of its operator, it is not to become them.
    """
    folded = unicodedata.normalize("NFKC", nick).casefold() + ("\0bot" if bot else "")
    # The nick goes into the name as a digest: it may hold slashes, and file systems disagree about Unicode.
    digest = hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    name = f"{_UNSAFE.sub('_', address.host)}_{address.port}_{digest}"
    return Path(platformdirs.user_state_dir("trio_chat", appauthor=False)) / "sessions" / name


def load_secret(address: Address, nick: str, *, bot: bool = False) -> Secret:
    """Return the secret for this server and nick, making and keeping one if there is none.

    The file has mode 600 in a directory of mode 700. Programs that call this at the same time get the same
    secret, and so are one person to the server, as two tabs of a browser are. Whatever hinders keeping it
    yields a secret for this run only, with a warning that says so; nothing is raised.
    """
    path = secret_path(address, nick, bot=bot)
    try:
        found = _read(path)
        session = _create(path) if found is None else found
    except OSError as error:
        reason = error.strerror or str(error)
        return Secret(new_secret(), f"Your identity lasts for this run only, for {path} cannot be kept: {reason}.")
    if not _FORM.fullmatch(session):
        warning = f"Your identity lasts for this run only, for {path} is damaged: delete that file to get a new one."
        return Secret(new_secret(), warning)
    return Secret(session)


def _read(path: Path) -> str | None:
    try:
        found = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with open(found, "rb") as file:
        if os.name == "posix" and os.fstat(found).st_mode & 0o077:
            os.fchmod(found, 0o600)
        return file.read(64).decode("ascii", "replace").strip()


def _create(path: Path) -> str:
    """Write the secret beside its place and link it there: it appears whole, and the first to do so wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    draft = path.with_name(f".{secrets.token_hex(8)}")
    made = new_secret()
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{made}\n".encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    found = _read(path)
    return made if found is None else found
