"""This project's server with the store `memory:`, and everything else as it is by default.

The rate limit is not switched off but so high that nobody reaches it: what it costs is in the figures.
This file owns how it is run. The bytes are those of `_chat`.
"""

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.subjects import Place
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
from benchmarks.subjects._version import installed

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "LOGGED_IN", "NAME", "SETTINGS", "command", "environment"]
__all__ += ["join", "login", "missing", "prepare", "publish", "speak_only", "version"]

NAME: Final = "trio_chat (memory)"
SETTINGS: Final = "`--store memory:`, a rate limit that nobody reaches, everything else as it is by default"


def missing() -> str:
    return ""


def version() -> str:
    return installed("trio-chat")


def command(place: Place, store: str = "memory:") -> Sequence[str]:
    settings = ["--port", str(place.port), "--store", store, "--rate-limit", "1e9", "--log-level", "warning"]
    return [sys.executable, "-m", "trio_chat.server", *settings]
