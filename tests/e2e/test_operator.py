"""What an operator sees: where the server listens, who comes and goes, and one sentence for a mistake of theirs."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from benchmarks.server_process import PATIENCE_S, ServerProcess, running_server
from tests.e2e.meeting import dialled, say_bye, strange_lines
from tests.server.peer import Peer
from tests.transport.test_listen import has_ipv6
from trio_chat.transport import dial_tcp


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is not to start."""
    command = [sys.executable, "-m", "trio_chat.server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def assert_refused(*arguments: str, because: Sequence[str]) -> None:
    """See that a server with these arguments says one sentence, which holds all of `because`, and exits with 2."""
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"trio_chat: .+\n", ended.stderr), ended.stderr
    assert [word for word in because if word not in ended.stderr] == []


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        ("--flavour vanilla", ["--flavour"]),
        ("--port many", ["--port", "many"]),
        ("--port 65536", ["port", "65535"]),
        ("--port", ["--port"]),
        ("--port 0 --sync maybe", ["--sync", "maybe"]),
        ("--port 0 --rate-limit nan", ["rate_limit"]),
        ("--port 0 --store paper:", ["paper:"]),
        ("--port 0 --store sqlite:", ["sqlite:"]),
        ("--port 0 --store memory: --host no.such.host.invalid", ["no.such.host.invalid"]),
        ("--port 0 --store memory: --host 192.0.2.1", ["192.0.2.1"]),
        ("--port 0 --metrics some", ["--metrics", "some"]),
        ("--port 0 --trusted-proxy 10.0.0.0/40", ["10.0.0.0/40", "127.0.0.1"]),
        ("--port 0 --origin www.example", ["www.example", "https://"]),
        ("--port 0 --store memory: --certificate none.pem --key none.pem", ["certificate", "none.pem", "No such file"]),
        ("--port 0 --store memory: --certificate none.pem", ["--certificate", "--key"]),
        ("--port 0 --store memory: --key none.pem", ["--certificate", "--key"]),
        ("surplus", ["surplus"]),
    ],
)
def test_a_wrong_flag_is_told_in_one_sentence(arguments: str, because: list[str]) -> None:
    assert_refused(*arguments.split(), because=because)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("port = 'many'", "port"),
        ("flavour = 'vanilla'", "flavour"),
        ("ping_s = 0", "ping_s"),
        ("[bot]\nevery_lines = 0", "0 lines"),
        ("this is no TOML", "TOML"),
        ("nick = '\udcff'", "TOML"),
    ],
)
def test_a_wrong_setting_is_told_with_the_file_it_stands_in(tmp_path: Path, text: str, because: str) -> None:
    config = tmp_path / "server.toml"
    config.write_text(text, errors="surrogateescape")
    assert_refused("--config", str(config), because=[str(config), because])


def test_a_config_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert_refused("--config", str(tmp_path / "none.toml"), because=["none.toml"])
    assert_refused("--config", str(tmp_path), because=[str(tmp_path)])


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("Milk, bread, butter.\n" * 1_000)
    for path, because in (("nowhere/chat.db", "nowhere"), (".", "directory"), ("notes.txt", "notes.txt")):
        assert_refused("--port", "0", "--store", f"sqlite:{tmp_path / path}", because=[because])
    assert other.read_text().startswith("Milk")


def test_a_database_in_a_directory_that_may_not_be_written_is_told() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc, where even root cannot make a file")
    assert_refused("--port", "0", "--store", "sqlite:/proc/chat.db", because=["/proc"])


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused("--port", port, "--store", f"sqlite:{tmp_path / 'chat.db'}", because=[port])


async def test_a_second_server_on_the_same_database_is_told_and_the_first_goes_on(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with dialled(server, "ann") as ann:
        await ann.join()
        await trio.to_thread.run_sync(second_server, tmp_path / "chat.db")
        assert (await ann.post("still here")).seq == 1


def second_server(database: Path) -> None:
    assert_refused("--port", "0", "--store", f"sqlite:{database}", because=["in use by another server"])


async def test_the_same_database_is_free_again_after_a_kill(server: ServerProcess, tmp_path: Path) -> None:
    await trio.to_thread.run_sync(server.kill)
    await trio.to_thread.run_sync(second_start, tmp_path)


def second_start(directory: Path) -> None:
    with running_server("--port", "0", "--store", f"sqlite:{directory / 'chat.db'}", log=directory / "second.log"):
        pass


async def test_arrivals_and_departures_are_logged_with_address_and_reason(server: ServerProcess) -> None:
    async with dialled(server, "ann") as ann:
        address = ann.stream._sock.getsockname()  # type: ignore[attr-defined]  # a socket stream has one
        await ann.join()
        await say_bye(ann)
    server.signal(signal.SIGTERM)
    await trio.to_thread.run_sync(server.wait)
    log = server.log.read_text()
    where = f"{address[0]}:{address[1]}"
    assert re.search(rf"INFO +arrived .*'ann'.*{where}", log)
    assert re.search(rf"INFO +departed .*'ann'.*{where}.*bye", log)
    assert strange_lines(server.log) == []


async def test_a_server_on_many_addresses_is_reached_by_each(tmp_path: Path) -> None:
    arguments = ["--host", "", "--port", "0", "--store", "memory:"]
    with running_server(*arguments, log=tmp_path / "server.log") as server:
        assert server.host in ("127.0.0.1", "[::1]")  # what it says to join with works on this machine
        for host in ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",):
            stream = await dial_tcp(host, server.port)
            await Peer(stream).hello("ann")
            await stream.aclose()
