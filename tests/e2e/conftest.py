"""Server processes for the tests here: one for each test that ends or kills it, one for a module of bad input."""

import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from benchmarks.server_process import ServerProcess, running_server, start_server
from tests.e2e.meeting import Counted


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with its log in `tmp_path/chat.db` and no rate limit."""
    arguments = ["--port", "0", "--store", f"sqlite:{tmp_path / 'chat.db'}", "--rate-limit", "off"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    process = await trio.to_thread.run_sync(start)
    try:
        yield process
    finally:
        process.close()


COUNTED = """
port = 0
store = "sqlite:{directory}/chat.db"
rate_limit = "off"
hello_s = {hello_s}
"""


@pytest.fixture(scope="module")
def counted_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that says how many tasks it has, and is patient with who says no hello."""
    directory = tmp_path_factory.mktemp("counted")
    config = directory / "server.toml"
    config.write_text(COUNTED.format(directory=directory, hello_s=600))
    with running_server(str(config), log=directory / "server.log", module="tests.e2e.counted") as process:
        yield process
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.fixture
async def counted(counted_process: ServerProcess) -> AsyncIterator[Counted]:
    """That server; what a test did to it has to leave no file and no task behind, and nothing but log lines."""
    server = Counted(counted_process)
    await server.settle()
    yield server
    await server.is_as_before()
