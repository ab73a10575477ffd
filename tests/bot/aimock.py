"""The provider that nobody here wrote: the npm package `@copilotkit/aimock`, as a process of its own.

This file owns its life. It must not know the bot.
"""

import json
import re
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import trio

from tests.npm import MODULES, missing

_PROGRAM: Final = MODULES / ".bin" / "llmock"  # of the two programs, the one with flags

MISSING: Final = missing("@copilotkit/aimock")
needs_aimock = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


class AIMock:
    """A running aimock.

    Attributes:
        url: where it is; base_url: where its API is.
    """

    def __init__(self, url: str, process: trio.Process) -> None:
        self.url = url
        self.base_url = f"{url}/v1"
        self._process = process

    async def journal(self) -> list[dict[str, Any]]:
        """Return the requests that it has had, with what it did about each."""
        return [entry for entry in await self._get("/__aimock/journal") if entry["path"].endswith("/chat/completions")]

    def connections(self) -> int:
        """Return how many connections somebody has to it."""
        theirs = psutil.Process(self._process.pid).net_connections("tcp4")
        return sum(each.status == psutil.CONN_ESTABLISHED for each in theirs)

    async def _get(self, path: str) -> Any:
        def read() -> bytes:
            with urllib.request.urlopen(self.url + path, timeout=30) as response:
                content: bytes = response.read()
                return content

        return json.loads(await trio.to_thread.run_sync(read))


def replies(match: str, response: dict[str, Any], *, with_result: bool | None = None, **how: Any) -> dict[str, Any]:
    """Return a fixture: what is answered to a user's message that holds `match`.

    Args:
        match: a part of the user's message.
        response: as aimock's documentation has it: ``content``, ``toolCalls``, ``error`` …
        with_result: whether a tool has answered already; None: either.
        how: `latency` (ms between pieces), `chunkSize`, `truncateAfterChunks`, `disconnectAfterMs`, `chaos`.
    """
    gate = {} if with_result is None else {"hasToolResult": with_result}
    return {"match": {"userMessage": match, **gate}, "response": response, **how}


@asynccontextmanager
async def aimock(directory: Path, fixtures: Sequence[dict[str, Any]], *flags: str) -> AsyncIterator[AIMock]:
    """Run aimock for as long as the block lasts.

    Args:
        directory: where its fixtures may be written to.
        fixtures: what it answers, as `replies` makes them; the first one that matches counts.
        flags: `--latency`, `--chunk-size`, `--chaos-drop` and so on.
    """
    path = directory / "fixtures.json"
    await trio.Path(path).write_text(json.dumps({"fixtures": list(fixtures)}), encoding="utf-8")
    command = [str(_PROGRAM), "--port", "0", "--fixtures", str(path), "--validate-on-load", *flags]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        with trio.fail_after(30):
            said = b""
            while not (found := re.search(rb"listening on (http://[\d.:]+)", said)):
                data = await process.stdout.receive_some()
                assert data, f"aimock ended before it listened: {said.decode()}"
                said += data
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_drain, process.stdout)
            yield AIMock(found[1].decode(), process)
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):
            await process.wait()
            await process.stdout.aclose()


async def _drain(stream: trio.abc.ReceiveStream) -> None:
    async for _ in stream:
        pass
