"""The works, as the table of docs/performance.md numbers them, and what is to be reached in each.

This file owns the sizes and the goals. It must not know how a work is done, or shown.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from benchmarks.delivery.arrivals import let_arrive
from benchmarks.delivery.cost import measure_cost
from benchmarks.delivery.crowd import Crowd
from benchmarks.delivery.flood import flood_rooms
from benchmarks.delivery.paced import pace_room
from benchmarks.delivery.process import running
from benchmarks.delivery.returning import come_back
from benchmarks.subjects import load

TEXT_BYTES: Final = 100
MEMBERS: Final = 50
RATE: Final = 1_000.0
IN_FLIGHT: Final = 2_000

MEMORY: Final = ("trio_chat", "nats", "redis", "ngircd", "asyncio_streams", "asyncio_uvloop")
MEMORY_AND_SLOW: Final = (*MEMORY, "websockets_broadcast", "threads", "select_loop")
DURABLE: Final = ("trio_chat_sqlite", "jetstream")

Values = dict[str, float]


class Goal(NamedTuple):
    """A figure of ours, held against a peer's in the same run, or against a bound where there is no peer.

    With a bound of 0 the ratio is shown, and nothing asked of it.
    """

    ours: str
    value: str
    sign: Literal[">=", "<="]
    bound: float
    peer: str = ""
    peer_work: str = ""  # where the other figure is another work's
    peer_value: str = ""


class Work(NamedTuple):
    """One kind of work.

    Attributes:
        title: what it is, in a line.
        subjects: who does it unless others are named, in the order of a table.
        measure: a name and seconds in, figures out; it starts the subject itself.
        shown: the figures that a table shows.
        goals: what is to be reached.
    """

    title: str
    subjects: tuple[str, ...]
    measure: Callable[[str, float], Values]
    shown: tuple[str, ...]
    goals: tuple[Goal, ...] = ()


def full_speed(name: str, seconds: float) -> Values:
    """One sender besides 50 receivers."""
    return flood(name, seconds, rooms=1, members=MEMBERS, among=0, besides=1)


def full_speed_in_many_rooms(name: str, seconds: float) -> Values:
    """100 rooms of 10, two of whom speak; as many messages on their way, in all, as with one room."""
    return flood(name, seconds, rooms=100, members=10, among=2, besides=0)


def steady(name: str, seconds: float) -> Values:
    """One sender besides 50 receivers, 1,000 messages a second."""
    return pace(name, seconds, members=MEMBERS, among=0, besides=1)


def steady_all_speak(name: str, seconds: float) -> Values:
    """50 members who speak in turn, 1,000 messages a second in all."""
    return pace(name, seconds, members=MEMBERS, among=MEMBERS, besides=0)


def flood(
    name: str,
    seconds: float,
    *,
    rooms: int,
    members: int,
    among: int,
    besides: int,
    text_bytes: int = TEXT_BYTES,
    in_flight: int = IN_FLIGHT,
) -> Values:
    """Start a subject and let it deliver at full speed."""
    with running(load(name)) as server, Crowd(server) as crowd:
        return flood_rooms(
            crowd,
            rooms=rooms,
            members=members,
            among=among,
            besides=besides,
            window=max(1, in_flight // rooms),
            text_bytes=text_bytes,
            seconds=seconds,
        ).values()


def pace(name: str, seconds: float, *, members: int, among: int, besides: int, rate: float = RATE) -> Values:
    """Start a subject and let it deliver at a given rate."""
    with running(load(name)) as server, Crowd(server) as crowd:
        return pace_room(
            crowd, members=members, among=among, besides=besides, rate=rate, text_bytes=TEXT_BYTES, seconds=seconds
        ).values()


def cost(name: str, seconds: float) -> Values:
    """One sender, one receiver, nobody else."""
    return measure_cost(load(name), seconds, in_flight=IN_FLIGHT, text_bytes=TEXT_BYTES)


def arrive(name: str, seconds: float) -> Values:
    """5,000 come, 500 a second, whatever `seconds` says, and stay idle in 50 rooms."""
    with running(load(name)) as server:
        return let_arrive(server, connections=5_000, rooms=50, rate=500.0)


def return_at_once(name: str, seconds: float) -> Values:
    """200 are cut at once, and come back when each is 10,000 entries behind."""
    with running(load(name)) as server:
        return come_back(server, clients=200, entries=10_000, text_bytes=TEXT_BYTES)


FLOW: Final = ("deliveries_per_s", "cpu_us_per_delivery", "server_cpu_share", "generator_cpu_share", "lost")
PACE: Final = ("p50_us", "p99_us", "max_us", "cpu_us_per_message", "late_p99_us", "lost")

WORKS: Final[Mapping[str, Work]] = {
    "W1": Work(
        "1 sender at full speed, 50 receivers, 2,000 messages in flight",
        MEMORY_AND_SLOW,
        full_speed,
        FLOW,
        (
            Goal("trio_chat", "deliveries_per_s", ">=", 1.5, "nats"),
            Goal("trio_chat", "deliveries_per_s", ">=", 1.5, "redis"),
        ),
    ),
    "W2": Work(
        "1 sender, 50 receivers, 1,000 messages/s",
        MEMORY_AND_SLOW,
        steady,
        PACE,
        (
            Goal("trio_chat", "p50_us", "<=", 1.1, "nats"),
            Goal("trio_chat", "cpu_us_per_message", "<=", 1.1, "nats"),
        ),
    ),
    "W3": Work(
        "50 members who all speak, 1,000 messages/s in all",
        MEMORY_AND_SLOW,
        steady_all_speak,
        PACE,
        (
            Goal("trio_chat", "p50_us", "<=", 1.0, "nats"),
            Goal("trio_chat", "p99_us", "<=", 1.0, "nats"),
            Goal("trio_chat", "cpu_us_per_message", "<=", 1.0, "nats"),
        ),
    ),
    "W4": Work(
        "100 rooms of 10, 200 senders at full speed, 2,000 messages in flight in all",
        MEMORY_AND_SLOW,
        full_speed_in_many_rooms,
        FLOW,
        (Goal("trio_chat", "deliveries_per_s", ">=", 1.2, "nats"),),
    ),
    "W5.1": Work(
        "as W1, on disk",
        DURABLE,
        full_speed,
        FLOW,
        (Goal("trio_chat_sqlite", "deliveries_per_s", ">=", 1.5, "jetstream"),),
    ),
    "W5.2": Work(
        "as W2, on disk",
        DURABLE,
        steady,
        PACE,
        (Goal("trio_chat_sqlite", "p50_us", "<=", 3.0, "jetstream"),),
    ),
    "W5.3": Work("as W3, on disk", DURABLE, steady_all_speak, PACE),
    "W5.4": Work("as W4, on disk", DURABLE, full_speed_in_many_rooms, FLOW),
    "W6": Work(
        "5,000 idle connections in 50 rooms, which came at 500 joins/s",
        ("trio_chat", "trio_chat_sqlite", "nats", "redis"),
        arrive,
        ("kib_per_connection", "join_p99_ms", "join_alone_p99_ms", "cpu_us_per_join", "late_p99_us", "joined", "lost"),
        tuple(
            goal
            for ours in ("trio_chat", "trio_chat_sqlite")
            for goal in (Goal(ours, "kib_per_connection", "<=", 20.0), Goal(ours, "join_p99_ms", "<=", 100.0))
        ),
    ),
    "W7": Work(
        "200 clients are cut at once, and come back when each is 10,000 entries behind",
        ("trio_chat", "trio_chat_sqlite"),
        return_at_once,
        ("deliveries_per_s", "all_live_s", "live_p50_s", "cpu_us_per_delivery", "live", "lost"),
        (
            Goal("trio_chat", "live", ">=", 200.0),
            Goal("trio_chat_sqlite", "live", ">=", 200.0),
            Goal("trio_chat", "deliveries_per_s", ">=", 0.0, "trio_chat", "W1"),
            Goal("trio_chat_sqlite", "deliveries_per_s", ">=", 0.0, "trio_chat_sqlite", "W5.1"),
        ),
    ),
    "W8": Work(
        "1 sender, 1 receiver, nobody else",
        ("trio_chat", "trio_chat_sqlite", "nats", "jetstream", "redis"),
        cost,
        ("full_cpu_us_per_message", "paced_cpu_us_per_message", "paced_p50_us", "kernel_share", "lost"),
    ),
    "W9": Work(
        "as W1, by WebSocket beside plain TCP",
        ("trio_chat", "trio_chat_websocket", "websockets_broadcast"),
        full_speed,
        FLOW,
        (
            Goal("trio_chat_websocket", "deliveries_per_s", ">=", 0.667, "trio_chat"),
            Goal("trio_chat_websocket", "cpu_us_per_delivery", "<=", 1.5, "trio_chat"),
            Goal("trio_chat_websocket", "deliveries_per_s", ">=", 0.0, "websockets_broadcast"),
        ),
    ),
}
