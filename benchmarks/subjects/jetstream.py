"""nats-server with JetStream: one stream over all rooms in a file store, which is NOT fsynced before delivery.

Publishing asks for an acknowledgement (a reply subject), as nothing is promised without one. Each room has one push
consumer, without acknowledgements, flow control or heartbeats, and all who hear the room subscribe to where it
delivers: each message is stored, read once, and fanned out by core NATS. Nobody can come back for what he missed in
this way; with a consumer for each receiver, who could, it delivers a fifth as much.
This file owns how it is run and what is said to it.
"""

import json
from collections.abc import Sequence
from typing import Final

from benchmarks.subjects import Place, nats
from benchmarks.subjects.nats import environment, login, missing, version

__all__ = ["environment", "login", "missing", "version"]

NAME: Final = "NATS JetStream"
SETTINGS: Final = (
    "as nats-server, file store, not fsynced; publishing with a reply subject for acknowledgements; one push consumer "
    "for each room, `ack_policy: none`, no flow control, and all receivers subscribe to where it delivers"
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


def _ask(subject: str, body: dict[str, object], reply: str = "_X") -> bytes:
    data = json.dumps(body).encode()
    return b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(data), data)


def prepare(rooms: Sequence[str]) -> bytes:
    stream = {"name": "R", "subjects": ["room.>"], "storage": "file", "retention": "limits", "num_replicas": 1}
    asked = [b"SUB _A 3\r\n", _ask("$JS.API.STREAM.CREATE.R", stream)]
    for room in rooms:
        consumer = {
            "durable_name": room,
            "deliver_subject": f"_D.{room}",
            "deliver_policy": "new",
            "ack_policy": "none",
            "filter_subject": f"room.{room}",
        }
        reply = "_A" if room is rooms[-1] else "_X"  # answered in order: the last answer is the one to wait for
        asked.append(_ask(f"$JS.API.CONSUMER.DURABLE.CREATE.R.{room}", {"stream_name": "R", "config": consumer}, reply))
    return b"".join(asked)


def join(number: int, room: str) -> bytes:
    return b"SUB _D.%s 1\r\n" % room.encode() + speak_only(number, room)


def speak_only(number: int, room: str) -> bytes:
    return b"SUB _I.%d 2\r\nPUB _I.%d %d\r\n%s\r\n" % (number, number, len(JOINED), JOINED)


def publish(number: int, room: str, text: bytes, ticket: bytes) -> bytes:
    return b"PUB room.%s _I.%d %d\r\n%s\r\n" % (room.encode(), number, len(text), text)
