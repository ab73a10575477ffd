"""What one message costs: one sender and one receiver in an otherwise empty server.

This file owns the work and puts its figures together. It must not know which server it drives.
"""

from typing import Final

from benchmarks.delivery.crowd import Crowd
from benchmarks.delivery.figures import PART
from benchmarks.delivery.flood import flood_rooms
from benchmarks.delivery.paced import pace_room
from benchmarks.delivery.process import running
from benchmarks.delivery.profile import sampled
from benchmarks.subjects import Subject

RATE: Final = 1_000.0


def measure_cost(subject: Subject, seconds: float, *, in_flight: int, text_bytes: int) -> dict[str, float]:
    """Measure at full speed and at 1,000 messages a second; then again, sampled, to see where the time goes."""
    with running(subject) as server, Crowd(server) as crowd:
        user, system = server.cpu_parts_s()
        full = flood_rooms(
            crowd, rooms=1, members=1, among=0, besides=1, window=in_flight, text_bytes=text_bytes, seconds=seconds
        ).values()
        user, system = (then - before for then, before in zip(server.cpu_parts_s(), (user, system), strict=True))
    with running(subject) as server, Crowd(server) as crowd:
        slow = pace_room(crowd, members=1, among=0, besides=1, rate=RATE, text_bytes=text_bytes, seconds=seconds)
    values = {
        "full_cpu_us_per_message": full["cpu_us_per_message"],
        "paced_cpu_us_per_message": slow.values()["cpu_us_per_message"],
        "paced_p50_us": slow.values()["p50_us"],
        "full_messages_per_s": full["messages_per_s"],
        "kernel_share": system / max(1e-9, user + system),
        "lost": full["lost"] + slow.lost,
    }
    for name, share in where_it_goes(subject, seconds, in_flight=in_flight, text_bytes=text_bytes).items():
        values[f"{PART}{name}"] = share * full["cpu_us_per_message"]
    return values


def where_it_goes(subject: Subject, seconds: float, *, in_flight: int, text_bytes: int) -> dict[str, float]:
    """Return the share of each part of the server at full speed; empty if it is no program in Python."""
    if not subject.NAME.startswith("trio_chat"):
        return {}
    with running(subject) as server, Crowd(server) as crowd, sampled(server.pid, seconds) as shares:
        flood_rooms(
            crowd, rooms=1, members=1, among=0, besides=1, window=in_flight, text_bytes=text_bytes, seconds=seconds
        )
    return shares
