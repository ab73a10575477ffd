"""nats-server, core NATS: subjects without storage, written in Go.

Pinned to one core before it starts, so that Go's runtime sees one processor: GOMAXPROCS=1 by itself; with 2
threads that share the core it is no faster. Its publisher asks for no acknowledgements (`verbose: false`); no consumer
is cut as slow (`max_pending`, `write_deadline`); it pings too rarely to matter. This file owns how it is run and what
is said to it.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.subjects import Place
from benchmarks.subjects._version import printed

NAME: Final = "nats-server"
SETTINGS: Final = (
    "GOMAXPROCS=1, `verbose: false` (no acknowledgements), `max_pending: 1GB` and `write_deadline: 60s` so that no "
    "consumer is cut as slow, pings off; a room is a subject"
)
ECHOES: Final = True
IN_FLIGHT: Final = 0
LOGGED_IN: Final = b"PONG\r\n"
JOINED: Final = b"PONG\r\n"
ACK: Final = b""
CONFIGURATION: Final = """
listen: 127.0.0.1:{port}
max_connections: 64K
max_pending: 1GB
write_deadline: "60s"
ping_interval: "1h"
logfile: "{directory}/nats.log"
"""


def missing() -> str:
    return "" if shutil.which("nats-server") else "nats-server is not installed (Debian: nats-server)"


def version() -> str:
    return printed(["nats-server", "--version"])


def environment() -> Mapping[str, str]:
    return {"GOMAXPROCS": "1"}


def command(place: Place, more: str = "") -> Sequence[str]:
    file = place.directory / "nats.conf"
    file.write_text(CONFIGURATION.format(port=place.port, directory=place.directory) + more)
    return ["nats-server", "-c", str(file)]


def prepare(rooms: Sequence[str]) -> bytes:
    return b""


def login(number: int) -> bytes:
    return b'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":false}\r\nPING\r\n'


def join(number: int, room: str) -> bytes:
    return b"SUB %s 1\r\nPING\r\n" % room.encode()


def speak_only(number: int, room: str) -> bytes:
    return b"PING\r\n"


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return b"PUB %s %d\r\n%s\r\n" % (room.encode(), len(text), text)
