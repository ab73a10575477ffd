"""ngircd: an IRC server written in C.

Every limit that its configuration has is off or as high as it goes: connections, joins, penalties, pings; and there are
no look-ups of names. This file owns how it is run and what is said to it.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.subjects import Place
from benchmarks.subjects._version import printed

NAME: Final = "ngircd"
SETTINGS: Final = (
    "`MaxConnections`, `MaxConnectionsIP`, `MaxJoins`, `MaxPenaltyTime` 0 (none), DNS, Ident and PAM off; "
    "who speaks gets no copy, as always in IRC"
)
ECHOES: Final = False
IN_FLIGHT: Final = 0
LOGGED_IN: Final = b" 376 "
JOINED: Final = b" 366 "
ACK: Final = b""
CONFIGURATION: Final = """
[Global]
Name = irc.example.net
Info = benchmark
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = "hello"
ServerUID = root
ServerGID = root
[Limits]
ConnectRetry = 60
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
"""


def missing() -> str:
    return "" if shutil.which("ngircd") else "ngircd is not installed (Debian: ngircd)"


def version() -> str:
    return printed(["ngircd", "--version"])


def environment() -> Mapping[str, str]:
    return {}


def command(place: Place) -> Sequence[str]:
    file = place.directory / "ngircd.conf"
    file.write_text(CONFIGURATION.format(port=place.port))
    return ["ngircd", "-n", "-f", str(file)]


def prepare(rooms: Sequence[str]) -> bytes:
    return b""


def login(number: int) -> bytes:
    return b"NICK n%d\r\nUSER n%d 0 * :n\r\n" % (number, number)


def join(number: int, room: str) -> bytes:
    return b"JOIN #%s\r\n" % room.encode()


speak_only = join


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return b"PRIVMSG #%s :%s\r\n" % (room.encode(), text)
