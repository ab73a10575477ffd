"""A load finds what a bad server does, over TCP, and is due when it is due whatever the server does."""

from collections.abc import Iterator, Sequence

import pytest
import trio
from msgspec.structs import replace

from benchmarks.load_measurements import Kind
from benchmarks.load_run import Load, LoadRun, Outcome, Status
from benchmarks.load_schedule import Due
from benchmarks.server_process import ServerProcess, running_server
from protocol import (
    Bye,
    FromServer,
    Message,
    Posted,
)
from tests.benchmarks.bad_servers import Change, Deaf, lying, serving, to_the_second

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    log = tmp_path_factory.mktemp("server") / "log"
    with running_server("--port", "0", "--store", "memory:", "--rate-limit", "off", log=log) as process:
        yield process


def a_load(host: str, port: int, *, clients: int = 3, count: int = 20, measured: int | None = None) -> Load:
    """Return a load of messages that come two milliseconds apart, from each client in turn."""
    dues = [Due(number / 500, number % clients, 30) for number in range(count)]
    return Load(host, port, f"{host}:{port}", clients, 1, dues, count, count / 500, measured or clients, 2.0, 0)


def ignore(status: Status) -> None:
    pass


def test_more_deliveries_than_are_kept_are_measured_at_some_clients_and_checked_at_all(
    server: ServerProcess,
) -> None:
    outcome = trio.run(LoadRun(a_load(server.host, server.port, clients=6, count=30, measured=2), ignore).run)
    assert outcome.scene.faults.counts == {}
    assert outcome.scene.delivered == 30 * 6
    assert len(outcome.scene.measurements[Kind.DELIVERY]) == 30 * 2


async def run_against(server: ServerProcess, change: Change, *, count: int = 20) -> Outcome:
    async with lying(server, change) as port:
        with trio.fail_after(PATIENCE_S):
            return await LoadRun(a_load("127.0.0.1", port, count=count), ignore).run()


async def test_a_message_that_one_client_does_not_get_is_found(server: ServerProcess) -> None:
    outcome = await run_against(server, to_the_second(lambda message: [message] if message.seq != 7 else []))
    (sentence,) = outcome.scene.faults.sentences()
    assert sentence.startswith("Lost: 1 (load-")
    assert sentence.endswith(" never got seq 7).")


async def test_messages_that_change_places_are_found(server: ServerProcess) -> None:
    held: list[Message] = []

    def change(message: Message) -> Sequence[Message]:
        held.append(message)
        return [] if message.seq == 6 else [message, held[-2]] if message.seq == 7 else [message]

    assert (await run_against(server, to_the_second(change))).scene.faults.counts == {"out of order": 1}


async def test_a_message_that_comes_twice_is_found_though_it_be_the_last(server: ServerProcess) -> None:
    twice = to_the_second(lambda message: [message] * (2 if message.seq == 20 else 1))
    assert (await run_against(server, twice)).scene.faults.counts == {"doubled": 1}


async def test_an_answer_that_names_another_entry_is_found(server: ServerProcess) -> None:
    def change(_: int, message: FromServer) -> Sequence[FromServer]:
        return [replace(message, seq=4) if isinstance(message, Posted) and message.seq == 5 else message]

    assert (await run_against(server, change)).scene.faults.counts == {"changed": 1}


async def test_a_connection_that_is_lost_is_a_fault_with_its_reason_and_the_others_go_on(
    server: ServerProcess,
) -> None:
    def change(connection: int, message: FromServer) -> Sequence[FromServer]:
        cut = connection == 1 and isinstance(message, Message) and message.seq == 5
        return [Bye("the cleaner has pulled the plug")] if cut else [message]

    # The plug is pulled 10 ms from the beginning, and a busy machine may be late by some hundred.
    outcome = await run_against(server, change, count=500)
    assert outcome.scene.faults.counts["connections lost"] == 1
    assert outcome.unsent > 0
    assert "lost" not in outcome.scene.faults.counts
    assert "the server said bye: the cleaner has pulled the plug" in " ".join(outcome.scene.faults.sentences())


async def test_what_is_due_is_sent_when_it_is_due_whatever_the_server_does() -> None:
    deaf = Deaf(20)
    async with serving(deaf.serve) as port:
        with trio.fail_after(PATIENCE_S):
            load = a_load("127.0.0.1", port, clients=1)
            outcome = await LoadRun(load, ignore).run()
    assert outcome.scene.faults.counts == {}
    assert [post.text.split()[0] for post in deaf.posts] == [str(number) for number in range(20)]
    delivered = outcome.scene.measurements[Kind.DELIVERY]
    assert list(delivered.due_s) == [due.at_s for due in load.dues]
    # All came at once, after the last was due: so each waited for as long as the schedule was ahead of it.
    for due_s, latency_ms in zip(delivered.due_s, delivered.latency_ms, strict=True):
        assert due_s + latency_ms / 1_000 >= 19 / 500
