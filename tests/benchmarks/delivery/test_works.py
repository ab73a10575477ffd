"""Each kind of work once, tiny, against the real server: nothing is lost, and every figure is there."""

from collections.abc import Iterator

import pytest

from benchmarks.delivery.arrivals import let_arrive
from benchmarks.delivery.crowd import Crowd
from benchmarks.delivery.flood import flood_rooms
from benchmarks.delivery.paced import pace_room
from benchmarks.delivery.process import Running, running
from benchmarks.delivery.returning import come_back
from benchmarks.subjects import load


@pytest.fixture(params=["trio_chat", "trio_chat_sqlite", "select_loop"])
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(load(request.param)) as process:
        yield process


def test_full_speed_loses_nothing(server: Running) -> None:
    with Crowd(server) as crowd:
        flow = flood_rooms(
            crowd, rooms=1, members=12, among=0, besides=1, window=100, text_bytes=100, seconds=0.1, warm_up_s=0.05
        )
    assert flow.lost == 0
    assert flow.deliveries > 0
    assert flow.server_cpu_s > 0


def test_full_speed_in_many_rooms_loses_nothing(server: Running) -> None:
    with Crowd(server) as crowd:
        flow = flood_rooms(
            crowd, rooms=3, members=4, among=2, besides=0, window=10, text_bytes=10, seconds=0.1, warm_up_s=0.05
        )
    assert flow.lost == 0
    assert flow.deliveries > 0


def test_a_given_rate_has_a_latency_for_every_delivery(server: Running) -> None:
    with Crowd(server) as crowd:
        pace = pace_room(crowd, members=5, among=5, besides=0, rate=200.0, text_bytes=100, seconds=0.1)
    assert (pace.lost, pace.messages, len(pace.latencies_us)) == (0, 20, 100)
    assert pace.latencies_us[0] > 0


def test_everyone_who_arrives_comes_in() -> None:
    with running(load("trio_chat")) as server:
        values = let_arrive(server, connections=20, rooms=3, rate=200.0, rest_s=0.0)
    assert (values["joined"], values["lost"]) == (20, 0)
    assert values["join_p99_ms"] >= values["join_p50_ms"] > 0


def test_everyone_who_comes_back_gets_what_was_missed() -> None:
    with running(load("trio_chat")) as server:
        values = come_back(server, clients=5, entries=600, text_bytes=100)
    assert (values["live"], values["lost"]) == (5, 0)
