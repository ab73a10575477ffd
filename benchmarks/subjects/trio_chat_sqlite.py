"""This project's server with its default store: SQLite, and an fsync before anything is acknowledged or delivered.

This file owns how it is run. The bytes are those of `_chat`.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.subjects import Place, trio_chat
from benchmarks.subjects._chat import (
    ACK,
    ECHOES,
    IN_FLIGHT,
    JOINED,
    LOGGED_IN,
    environment,
    join,
    login,
    prepare,
    publish,
    speak_only,
)

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "LOGGED_IN", "NAME", "SETTINGS", "command", "environment"]
__all__ += ["join", "login", "missing", "prepare", "publish", "speak_only", "version"]

NAME: Final = "trio_chat (sqlite)"
SETTINGS: Final = (
    "`--store sqlite:…` with the default `--sync full` (fsync before delivery) and the search index, otherwise as above"
)

missing = trio_chat.missing
version = trio_chat.version


def command(place: Place) -> Sequence[str]:
    return trio_chat.command(place, f"sqlite:{place.directory / 'chat.db'}")
