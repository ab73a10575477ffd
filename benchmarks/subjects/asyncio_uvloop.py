"""The same asyncio server on uvloop, the event loop in Cython over libuv.

This file owns how it is run. The server is that of `asyncio_streams`.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
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
from benchmarks.subjects._peer import asked_port
from benchmarks.subjects._version import installed
from benchmarks.subjects.asyncio_streams import serve

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "LOGGED_IN", "NAME", "SETTINGS", "command", "environment"]
__all__ += ["join", "login", "missing", "prepare", "publish", "speak_only", "version"]

NAME: Final = "asyncio on uvloop"
SETTINGS: Final = "the same server on uvloop"


def missing() -> str:
    return "" if find_spec("uvloop") else "uvloop is not installed"


def version() -> str:
    return installed("uvloop")


def command(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", __name__, "--port", str(place.port)]


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(asked_port()))
