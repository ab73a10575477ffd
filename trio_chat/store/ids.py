"""The names that stores make and the marks that they give out: public ids, private rooms, cursors of a search.

This file owns their form. It must not know where they are kept.
"""

import re
from base64 import b32encode
from collections.abc import Callable, Container
from typing import Final

TokenHex = Callable[[int], str]
"""Returns that many random bytes as hexadecimal digits, as `secrets.token_hex` does."""

_CURSOR: Final = re.compile("[0-9]{1,18}")


def fresh_id(token_hex: TokenHex) -> str:
    """Return a random public id: 13 characters of base32 in lower case, 64 random bits."""
    return b32encode(bytes.fromhex(token_hex(8))).decode().rstrip("=").lower()


def fresh_id_not_in(taken: Container[str], token_hex: TokenHex, prefix: str = "") -> str:
    """Return `prefix` and a random public id that is not taken."""
    while (name := prefix + fresh_id(token_hex)) in taken:
        pass
    return name


def check_public(name: str) -> None:
    """Accept the name of a public room.

    Raises:
        ValueError: it is of the form of a private room's.
    """
    if name.startswith("~"):
        raise ValueError(f"{name!r} is the name of a private room, which private_room() opens")


def private_pair(one: str, other: str) -> tuple[str, str]:
    """Return two authors in the one order in which a private room keeps them."""
    return (one, other) if one <= other else (other, one)


def parse_cursor(cursor: str) -> int:
    """Return the place in the log that a search's cursor stands for.

    Raises:
        ValueError: it is none.
    """
    if not _CURSOR.fullmatch(cursor):
        raise ValueError(f"{cursor!r} is not a cursor that a search gave")
    return int(cursor)
