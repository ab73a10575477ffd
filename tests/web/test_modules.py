"""Runs the tests of the page's modules, which are written in JavaScript, in node; and holds their types.

This file owns how they are run, and the server for those that talk to a real one. It must not know what they prove.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from benchmarks.server_process import running_server
from tests.npm import MODULES, missing

pytestmark = pytest.mark.browser

HERE: Final = Path(__file__).parent
TESTS: Final = sorted(HERE.glob("*.test.js"))
WITH_SERVER: Final = "real.test.js"

PATIENCE_S: Final = 150
"""After so long node hangs; on a busy machine the longest of them takes seconds."""

NO_FAST_CHECK: Final = missing("fast-check")
NO_TYPESCRIPT: Final = missing("typescript")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The WebSocket of a real server."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_server("--port", "0", "--store", "memory:", "--rate-limit", "off", log=log) as server:
        yield f"ws://{server.host}:{server.port}/ws"


def run_node(*arguments: str, **environment: str) -> None:
    """Run node, and show what it says if it fails."""
    run = subprocess.run(
        ["node", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "# pass 0\n" not in run.stdout, "nothing was tested"


@pytest.mark.skipif(NO_FAST_CHECK is not None, reason=NO_FAST_CHECK or "")
@pytest.mark.parametrize("path", [path for path in TESTS if path.name != WITH_SERVER], ids=lambda path: path.name)
def test_what_a_file_says_of_the_pages_modules_is_true(path: Path) -> None:
    run_node("--test", "--test-reporter=tap", str(path))


@pytest.mark.skipif(NO_FAST_CHECK is not None, reason=NO_FAST_CHECK or "")
def test_the_pages_client_and_the_server_understand_each_other(url: str) -> None:
    # Node 20 has a browser's WebSocket behind a flag; newer ones have it, and know the flag.
    options = f"{os.environ.get('NODE_OPTIONS', '')} --experimental-websocket".strip()
    run_node("--test", "--test-reporter=tap", str(HERE / WITH_SERVER), TRIO_CHAT_URL=url, NODE_OPTIONS=options)


@pytest.mark.skipif(NO_TYPESCRIPT is not None, reason=NO_TYPESCRIPT or "")
def test_the_types_that_the_pages_modules_say_they_have_are_right() -> None:
    run = subprocess.run(
        ["node", str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(HERE / "tsconfig.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (run.returncode, run.stdout) == (0, "")
