"""The command puts a load on a real server, writes what it measured, and tells in a sentence what went wrong."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import trio

from benchmarks.load_file import read_recording
from benchmarks.load_measurements import Kind
from benchmarks.server_process import ServerProcess, free_port, running_server
from protocol import (
    FromServer,
    Message,
)
from tests.benchmarks.bad_servers import Deaf, lying, serving, to_the_second

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
LOG = "# 2004-12-25\n" + "".join(f"[11:58] <ann> {'x' * length}\n" for length in range(1, 61))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.load", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run_load(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=directory, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )


# --- a real server ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    log = tmp_path_factory.mktemp("server") / "log"
    with running_server("--port", "0", "--store", "memory:", "--rate-limit", "off", log=log) as process:
        yield process


def test_a_load_is_delivered_whole_and_measured(server: ServerProcess, tmp_path: Path) -> None:
    load = ["--clients", "12", "--rooms", "3", "--rate", "150", "--seconds", "1", "--even"]
    done = run_load(tmp_path, server.url, *load)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sent                           150" in done.stdout
    assert "acknowledged                   150" in done.stdout
    assert "delivered                      600" in done.stdout
    assert "Nothing was lost, doubled or out of order: each of 12 clients got every message" in done.stdout
    recording = read_recording(tmp_path / "latency_data.txt")
    assert recording.command == f"python -m benchmarks.load {server.url} {' '.join(load)}"
    assert {kind: len(recording.measurements[kind]) for kind in Kind} == {
        Kind.DELIVERY: 600,
        Kind.POSTED: 150,
        Kind.LATENESS: 150,
    }
    assert list(recording.measurements[Kind.LATENESS].due_s) == pytest.approx([n / 150 for n in range(150)], abs=1e-6)
    assert (tmp_path / "latency_plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_saved_file_is_drawn_again(server: ServerProcess, tmp_path: Path) -> None:
    load = ["--clients", "2", "--rooms", "1", "--rate", "40", "--seconds", "1", "--data", "monday.txt"]
    assert run_load(tmp_path, server.url, *load).returncode == 0
    first = (tmp_path / "monday_plot.png").read_bytes()
    again = run_load(tmp_path, "--plot", "monday.txt", "--out", "again.png")
    assert (again.returncode, again.stdout) == (0, "Drawn: again.png\n")
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "monday_plot.png").unlink()
    assert run_load(tmp_path, "--plot", "monday.txt").stdout == "Drawn: monday_plot.png\n"
    assert (tmp_path / "monday_plot.png").read_bytes()[:100] == first[:100]


def test_a_log_is_replayed_in_its_rhythm(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "irc.txt").write_text(LOG)
    done = run_load(tmp_path, server.url, "--replay", "irc.txt", "--speed", "100", "--clients", "4", "--rooms", "1")
    assert done.returncode == 0
    assert "4 clients in 1 room: what was said in irc.txt, 100 times as fast" in done.stdout
    assert "sent                            60" in done.stdout
    series = read_recording(tmp_path / "latency_data.txt").measurements[Kind.LATENESS]
    assert list(series.due_s) == pytest.approx([number / 100 for number in range(60)], abs=1e-6)


def test_a_rate_limit_is_told_and_is_no_fault(tmp_path: Path) -> None:
    with running_server("--port", "0", "--store", "memory:", "--rate-limit", "2", log=tmp_path / "log") as server:
        done = run_load(tmp_path, server.url, "--clients", "2", "--rooms", "1", "--rate", "100", "--seconds", "1")
    assert done.returncode == 0
    assert "The server has a rate limit, and refused " in done.stdout
    assert "Start it with --rate-limit off" in done.stdout
    assert "Nothing was lost" in done.stdout


# --- ending badly, or early, or not beginning ---------------------------------------------------------


async def test_the_command_exits_1_and_says_what_was_lost(server: ServerProcess, tmp_path: Path) -> None:
    change = to_the_second(lambda message: [message] if message.seq != 7 else [])
    load = ["--clients", "3", "--rooms", "1", "--rate", "40", "--seconds", "1", "--patience", "2"]
    async with lying(server, change) as port:
        done = await trio.run_process(
            command(f"chat://127.0.0.1:{port}", *load), cwd=tmp_path, env=environment(), capture_stdout=True,
            capture_stderr=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"\nLost: 1 (load-" in done.stdout
    assert (tmp_path / "latency_data.txt").exists()
    assert (tmp_path / "latency_plot.png").exists()


async def test_ctrl_c_ends_a_load_early_and_what_was_measured_is_written(server: ServerProcess, tmp_path: Path) -> None:
    under_way = trio.Event()

    def watch(_: int, message: FromServer) -> Sequence[FromServer]:
        if isinstance(message, Message) and message.seq == 20:
            under_way.set()
        return [message]

    arguments = ["--clients", "3", "--rooms", "1", "--rate", "100", "--seconds", "600"]
    async with lying(server, watch) as port, trio.open_nursery() as nursery:
        pipe = subprocess.PIPE
        start = partial(
            trio.run_process, command(f"chat://127.0.0.1:{port}", *arguments), cwd=tmp_path, env=environment(),
            stdout=pipe, stderr=pipe, check=False,
        )  # fmt: skip
        process: trio.Process = await nursery.start(start)
        with trio.fail_after(PATIENCE_S):
            await under_way.wait()
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            assert process.stderr is not None
            printed = b"".join([data async for data in process.stdout])
            complaint = b"".join([data async for data in process.stderr])
            assert await process.wait() == 130
    assert complaint == b""
    assert b"It was ended early." in printed
    assert b"Nothing was lost" in printed
    assert len(read_recording(tmp_path / "latency_data.txt").measurements[Kind.DELIVERY]) >= 60
    assert (tmp_path / "latency_plot.png").exists()


async def test_a_second_ctrl_c_waits_for_no_server_and_what_was_measured_is_written(tmp_path: Path) -> None:
    deaf = Deaf(math.inf)
    arguments = ["--clients", "1", "--rooms", "1", "--rate", "100", "--patience", "3600"]
    async with serving(deaf.serve) as port, trio.open_nursery() as nursery:
        start = partial(
            trio.run_process, command(f"chat://127.0.0.1:{port}", *arguments), cwd=tmp_path, env=environment(),
            capture_stdout=False, stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        process: trio.Process = await nursery.start(start)
        assert process.stdout is not None
        printed = b""
        with trio.fail_after(PATIENCE_S):
            await deaf.asked.wait()
            while not printed:  # two signals that come together may be one
                process.send_signal(signal.SIGINT)
                with trio.move_on_after(0.5):
                    printed = bytes(await process.stdout.receive_some())
            printed += b"".join([data async for data in process.stdout])
            assert await process.wait() == 130
    assert b"It was ended at once: what was under way then is not counted as lost." in printed
    assert len(read_recording(tmp_path / "latency_data.txt").measurements[Kind.LATENESS]) >= 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chat://127.0.0.1:{port}"], "127.0.0.1:{port} cannot be reached: nobody listens there. Start a server with"),
        (["http://127.0.0.1"], "The address 'http://127.0.0.1' does not start with chat://"),
        (["--clients", "2", "--rooms", "3"], "3 rooms are more than 2 clients can be in"),
        (["--clients", "0"], 'Invalid value "0" for --clients.'),
        (["--rate", "inf"], 'Invalid value "inf" for --rate.'),
        (["--chars", "4001"], "A message has at most 4,000 characters; --chars is 4001."),
        (["--speed", "2"], "--speed is for --replay; give a --rate instead."),
        (["--replay", "nothing", "--rate", "2"], "With --replay the log says how many messages"),
        (["--replay", "nothing"], "cannot read nothing: No such file or directory"),
        (["--replay", "empty"], "empty holds nothing that was said"),
        (["--plot", "nothing"], "cannot read nothing: No such file or directory."),
        (["--plot", "empty"], "empty is empty."),
        (["--data", "no/where"], "no/where cannot be written: choose a file in a directory that exists"),
        (["--frob"], "Unknown option: --frob."),
    ],
)
def test_a_mistake_or_an_unreachable_server_is_told_in_one_line_and_exits_2(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    port = str(free_port())
    done = run_load(tmp_path, *[argument.format(port=port) for argument in arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("trio_chat: " + sentence.format(port=port))
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


async def test_one_who_is_no_chat_server_is_told_in_a_sentence(tmp_path: Path) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    async with serving(hang_up) as port:
        done = await trio.run_process(
            command(f"chat://127.0.0.1:{port}"), cwd=tmp_path, env=environment(), capture_stderr=True, check=False
        )
    assert done.returncode == 2
    assert b"does not let client 1 in: the server closed it" in done.stderr
    assert done.stderr.count(b"\n") == 1
