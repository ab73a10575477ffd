"""A thread for each client, blocking sockets: a plain chat server with our frames, one `sendall` for each delivery.

One lock holds the rooms and the order of messages. This file owns its I/O, and how it is run.
"""

import contextlib
import platform
import socket
import sys
import threading
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

NAME: Final = "a thread per client"
SETTINGS: Final = "a plain server with our frames: encoded once for all, TCP_NODELAY, `sendall` for each receiver"

READ_BYTES: Final = 65_536


def missing() -> str:
    return ""


def version() -> str:
    return "Python " + platform.python_version()


def command(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", __name__, "--port", str(place.port)]


def serve(port: int) -> None:
    """Serve until killed."""
    rooms, lock = Rooms(), threading.Lock()

    def handle(sock: socket.socket) -> None:
        def write(data: bytes) -> None:
            with contextlib.suppress(OSError):  # one who has left is no concern of who speaks
                sock.sendall(data)

        peer = Peer(rooms, write)
        with sock, contextlib.suppress(ConnectionError):
            while data := sock.recv(READ_BYTES):
                with lock:
                    peer.feed(data)
        with lock:
            peer.leave()

    with socket.create_server(("127.0.0.1", port), backlog=4_096) as listener:
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    serve(asked_port())
