"""nats-server with JetStream: one stream over all rooms in a file store, which is NOT fsynced before delivery.

Publishing asks for an acknowledgement (a reply subject), as nothing is promised without one. Who hears a room has a
push consumer of its own without acknowledgements, flow control or heartbeats, starting with new messages: the fastest
there is, what an ordered consumer is made of. This file owns how it is run and what is said to it.
"""

import json
from collections.abc import Sequence
from typing import Final

from benchmarks.subjects import Place, nats
from benchmarks.subjects.nats import environment, login, missing

__all__ = ["environment", "login", "missing"]

NAME: Final = "NATS JetStream"
SETTINGS: Final = (
    "as nats-server, file store, not fsynced; publishing with a reply subject for acknowledgements; a push consumer "
    "for each receiver, `ack_policy: none`, no flow control"
)
ECHOES: Final = True
IN_FLIGHT: Final = 0
LOGGED_IN: Final = b"PONG\r\n"
JOINED: Final = b"_create_response"
ACK: Final = b'"stream":"R'
CONFIGURATION: Final = """
jetstream {{ store_dir: "{directory}/jetstream", max_memory_store: 1GB, max_file_store: 20GB }}
"""


def command(place: Place) -> Sequence[str]:
    return nats.command(place, CONFIGURATION.format(directory=place.directory))


def _ask(number: int, subject: str, body: dict[str, object]) -> bytes:
    data = json.dumps(body).encode()
    return b"SUB _A.%d 3\r\nPUB %s _A.%d %d\r\n%s\r\n" % (number, subject.encode(), number, len(data), data)


def prepare(rooms: Sequence[str]) -> bytes:
    stream = {"name": "R", "subjects": ["room.>"], "storage": "file", "retention": "limits", "num_replicas": 1}
    return _ask(999_999, "$JS.API.STREAM.CREATE.R", stream)


def join(number: int, room: str) -> bytes:
    consumer = {
        "deliver_subject": f"_D.{number}",
        "deliver_policy": "new",
        "ack_policy": "none",
        "filter_subject": f"room.{room}",
        "max_deliver": 1,
        "mem_storage": True,
        "inactive_threshold": 3_600_000_000_000,
    }
    asked = _ask(number, "$JS.API.CONSUMER.CREATE.R", {"stream_name": "R", "config": consumer})
    return b"SUB _D.%d 1\r\nSUB _I.%d 2\r\n" % (number, number) + asked


def speak_only(number: int, room: str) -> bytes:
    return b"SUB _I.%d 2\r\nPUB _I.%d %d\r\n%s\r\n" % (number, number, len(JOINED), JOINED)


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return b"PUB room.%s _I.%d %d\r\n%s\r\n" % (room.encode(), number, len(text), text)
