"""One thread that waits in select(): a plain chat server with our frames, one `send` for each delivery.

What a socket does not take waits in a list of its own. select() itself carries 1,023 descriptors at most, so works with
more connections cannot run on it. This file owns its I/O, and how it is run.
"""

import platform
import select
import socket
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
from benchmarks.subjects._peer import Peer, Rooms, asked_port

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "LOGGED_IN", "NAME", "SETTINGS", "command", "environment"]
__all__ += ["join", "login", "missing", "prepare", "publish", "speak_only", "version"]

NAME: Final = "select()"
SETTINGS: Final = "a plain server with our frames: encoded once for all, TCP_NODELAY, `send` for each receiver"

READ_BYTES: Final = 65_536


def missing() -> str:
    return ""


def version() -> str:
    return "Python " + platform.python_version()


def command(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", __name__, "--port", str(place.port)]


class Client:
    """One socket, and what it has not taken yet."""

    def __init__(self, sock: socket.socket, rooms: Rooms, full: "set[Client]") -> None:
        self.sock = sock
        self.peer = Peer(rooms, self.write)
        self._full = full
        self._waiting: list[bytes] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def write(self, data: bytes) -> None:
        if self._waiting:
            self._waiting.append(data)
        else:
            self._send(data)

    def flush(self) -> None:
        data, self._waiting = b"".join(self._waiting), []
        self._full.discard(self)
        self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._waiting = [data[sent:]]
            self._full.add(self)


def serve(port: int) -> None:
    """Serve until killed."""
    rooms = Rooms()
    clients: set[Client] = set()
    full: set[Client] = set()
    with socket.create_server(("127.0.0.1", port), backlog=4_096) as listener:
        while True:
            watched: list[socket.socket | Client] = [listener, *clients]
            readable, writable, _ = select.select(watched, full, [])
            for client in writable:
                client.flush()
            for ready in readable:
                if isinstance(ready, Client):
                    if not (data := _read(ready)):
                        ready.peer.leave()
                        clients.discard(ready)
                        full.discard(ready)
                        ready.sock.close()
                    else:
                        ready.peer.feed(data)
                else:
                    sock, _ = listener.accept()
                    sock.setblocking(False)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    clients.add(Client(sock, rooms, full))


def _read(client: Client) -> bytes:
    try:
        return client.sock.recv(READ_BYTES)
    except OSError:
        return b""


if __name__ == "__main__":
    serve(asked_port())
