"""redis-server, pub/sub: channels without storage, written in C.

Nothing is saved, no receiver is cut as slow (`client-output-buffer-limit pubsub 0 0 0`), no I/O threads (there is one
core). Clients speak RESP3, so that one connection can both hear and speak; with `CLIENT REPLY OFF` who only speaks is
not answered, which is the least work. This file owns how it is run and what is said to it.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.subjects import Place
from benchmarks.subjects._version import printed

NAME: Final = "redis pub/sub"
SETTINGS: Final = (
    '`save ""`, `appendonly no`, `client-output-buffer-limit pubsub 0 0 0`, one I/O thread; RESP3; '
    "`CLIENT REPLY OFF` for who only speaks; a room is a channel"
)
ECHOES: Final = True
IN_FLIGHT: Final = 0
LOGGED_IN: Final = b"proto"
JOINED: Final = b"$9\r\nsubscribe\r\n"
ACK: Final = b""


def missing() -> str:
    return "" if shutil.which("redis-server") else "redis-server is not installed (Debian: redis-server)"


def version() -> str:
    return printed(["redis-server", "--version"])


def environment() -> Mapping[str, str]:
    return {}


def command(place: Place) -> Sequence[str]:
    file = place.directory / "redis.conf"
    file.write_text(f"""
bind 127.0.0.1
port {place.port}
dir {place.directory}
save ""
appendonly no
client-output-buffer-limit pubsub 0 0 0
client-query-buffer-limit 1gb
maxclients 15000
tcp-backlog 4096
io-threads 1
""")
    return ["redis-server", str(file)]


def prepare(rooms: Sequence[str]) -> bytes:
    return b""


def _say(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%s\r\n" % (len(word), word) for word in words])


def login(number: int) -> bytes:
    return _say(b"HELLO", b"3")


def join(number: int, room: str) -> bytes:
    return _say(b"SUBSCRIBE", room.encode())


def speak_only(number: int, room: str) -> bytes:
    return _say(b"PING", JOINED) + _say(b"CLIENT", b"REPLY", b"OFF")


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return _say(b"PUBLISH", room.encode(), text)
