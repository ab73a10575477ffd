"""What a bot's turn costs: `python -m benchmarks.turns`.

Four figures, on a server in a process of its own with `memory:`, and a provider of our own that answers at once:

- how much later a question's first words are seen in the room than they would be by asking the provider alone;
- how soon after `/stop` the provider sees its connection closed;
- what one bot costs in memory, of many in one process;
- how many drafts reach the members of a room, and what that costs the server.

This file owns the measuring and the words. It must not know how bots work inside.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import trio

from benchmarks import need
from benchmarks.server_process import ServerProcess, running_server
from protocol import Cause, DraftShown
from trio_chat.bot import BotConfig, Prompt, Reason, prepare, run_bot
from trio_chat.bot.models import open_model
from trio_chat.client import Client, open_client

ROOM: Final = "lobby"
WORDS: Final = b'data: {"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
END: Final = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DRAFT_CHARS: Final = 400


class Provider:
    """A provider that says a word at once, and then talks on until its client goes, or ends there.

    Attributes:
        closed_at: when the last client had gone, by the clock of `time.perf_counter`.
    """

    def __init__(self, *, endless: bool) -> None:
        self.base_url = ""
        self.closed_at = 0.0
        self.closed = trio.Event()
        self._endless = endless

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request, and note when its connection is closed."""
        async with stream:
            asked = b""
            while b"\r\n\r\n" not in asked or len(asked.partition(b"\r\n\r\n")[2]) < _length(asked):
                data = await stream.receive_some()
                if not data:
                    return
                asked += data
            await stream.send_all(HEAD + WORDS + (b"" if self._endless else END))
            if self._endless:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._talk_on, stream)
                    with suppress(trio.BrokenResourceError):
                        while await stream.receive_some():
                            pass
                    self.closed_at = time.perf_counter()
                    self.closed.set()
                    nursery.cancel_scope.cancel()

    async def _talk_on(self, stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while True:
                await trio.sleep(0.01)
                await stream.send_all(WORDS)


def _length(asked: bytes) -> int:
    for line in asked.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@asynccontextmanager
async def provider(*, endless: bool = False) -> AsyncIterator[Provider]:
    """Run a provider for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        made = Provider(endless=endless)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        made.base_url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        nursery.start_soon(partial(trio.serve_listeners, made.serve, listeners))
        yield made
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def bot_in_room(server: ServerProcess, base_url: str) -> AsyncIterator[Client]:
    """Run a bot, and give a person beside it."""
    config = BotConfig(nick="sage", url=server.url, session="b" * 32, base_url=base_url)
    prepare(config)
    async with trio.open_nursery() as nursery, open_client(server.url, nick="ann", session="a" * 32) as ann:
        await ann.join(ROOM)
        await nursery.start(partial(run_bot, config))
        yield ann
        nursery.cancel_scope.cancel()


async def first_draft(client: Client) -> float:
    """Return when the next draft is seen."""
    async for event in client:
        if isinstance(event, DraftShown):
            return time.perf_counter()
    raise AssertionError("the events ended")


async def overhead(server: ServerProcess, times: int) -> str:
    """Ask the provider alone and through the room, in turns."""
    alone: list[float] = []
    in_room: list[float] = []
    async with provider(endless=True) as asked, bot_in_room(server, asked.base_url) as ann:
        config = BotConfig(base_url=asked.base_url)
        prompt = Prompt(reason=Reason.MENTION, nick="sage", persona="", room=ROOM, topic="", lines=())
        async with open_model(config, ann, ROOM, lambda line: None) as model:
            assert model is not None
            for _ in range(times):
                began = time.perf_counter()
                seen: list[float] = []
                with trio.CancelScope() as scope:
                    await model.answer(prompt, show=partial(_note, seen, scope))
                alone.append(seen[0] - began)
                began = time.perf_counter()
                await ann.post(ROOM, "sage?")
                in_room.append(await first_draft(ann) - began)
                await ann.command("/stop", room=ROOM)
                await trio.sleep(0.05)
    ours = median(in_room) - median(alone)
    return (
        f"first words, p50 of {times}: {median(alone) * 1e3:.2f} ms by asking the provider alone, "
        f"{median(in_room) * 1e3:.2f} ms from posting the question to seeing them in the room: {ours * 1e3:.2f} ms more"
    )


def _note(seen: list[float], scope: trio.CancelScope, text: str, doing: str = "") -> None:
    seen.append(time.perf_counter())
    scope.cancel()


async def stopping(server: ServerProcess, times: int) -> str:
    """Stop an answer in its middle, again and again."""
    took: list[float] = []
    async with provider(endless=True) as asked, bot_in_room(server, asked.base_url) as ann:
        for _ in range(times):
            await ann.post(ROOM, "sage?")
            await first_draft(ann)
            asked.closed = trio.Event()
            began = time.perf_counter()
            await ann.command("/stop", room=ROOM)
            await asked.closed.wait()
            took.append(asked.closed_at - began)
            await trio.sleep(0.05)
    return (
        f"from /stop to the provider's seeing its connection closed, {times} times: p50 {median(took) * 1e3:.2f} ms, "
        f"p99 {quantiles(took, n=100)[98] * 1e3:.2f} ms, at most {max(took) * 1e3:.2f} ms"
    )


async def crowd(server: ServerProcess, count: int) -> str:
    """Run many bots in this process, and have each answer once."""
    import psutil  # here, for `main` says it first if it is missing

    process = psutil.Process()
    async with provider() as asked:
        prepare(BotConfig(base_url=asked.base_url))
        async with trio.open_nursery() as nursery, open_client(server.url, nick="ann", session="a" * 32) as ann:
            await ann.join(ROOM)
            sizes = []
            for number in range(count + 1):  # the first one brings in what all share
                config = BotConfig(nick=f"b{number}", url=server.url, session=f"{number:032x}", base_url=asked.base_url)
                await nursery.start(partial(run_bot, config))
                await ann.post(ROOM, f"b{number}?")
                await first_draft(ann)
                sizes.append(process.memory_info().rss)
            nursery.cancel_scope.cancel()
    return (
        f"{count} bots in one process, each of which has answered: {(sizes[-1] - sizes[0]) / count / 1024:.0f} KiB each"
    )


async def drafting(server: ServerProcess, bots: int, members: int, seconds: float) -> str:
    """Have bots show drafts as fast as the server shows them, to a full room."""
    import psutil

    process, got = psutil.Process(server.pid), 0

    async def read(number: int, task_status: trio.TaskStatus[None]) -> None:
        nonlocal got
        async with open_client(server.url, nick=f"m{number}", session=f"{number + 1000:032x}") as client:
            await client.join(ROOM)
            task_status.started()
            async for event in client:
                got += isinstance(event, DraftShown)

    async def draft(number: int) -> None:
        async with (
            open_client(server.url, nick=f"d{number}", session=f"{number + 5000:032x}", bot=True) as client,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_drop_events, client)
            await client.join(ROOM)
            async with client.turn(ROOM, Cause("timer")) as turn:
                while True:
                    await turn.show("x" * DRAFT_CHARS)
                    await trio.sleep(0.02)

    async with trio.open_nursery() as nursery:
        for number in range(members):
            await nursery.start(read, number)
        for number in range(bots):
            nursery.start_soon(draft, number)
        await trio.sleep(1)
        got, before, began = 0, sum(process.cpu_times()[:2]), time.perf_counter()
        await trio.sleep(seconds)
        took, cpu = time.perf_counter() - began, sum(process.cpu_times()[:2]) - before
        rate = got / took
        nursery.cancel_scope.cancel()
    return (
        f"{bots} bots that draft at once, {members} members, {DRAFT_CHARS} characters: {rate:,.0f} drafts/s delivered, "
        f"{cpu / max(1, got) * 1e6:.1f} µs of the server's CPU each ({cpu / took:.0%} of a core)"
    )


async def _drop_events(client: Client) -> None:
    async for _ in client:
        pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description="What a bot's turn costs.")
    parser.add_argument("--times", type=int, default=200, help="how often each is tried [200]")
    parser.add_argument("--bots", type=int, default=50, help="bots in one process [50]")
    parser.add_argument("--members", type=int, default=100, help="members who see drafts [100]")
    chosen = parser.parse_args(arguments)
    need("psutil", "openai")
    works: list[Callable[[ServerProcess], object]] = [
        partial(overhead, times=chosen.times),
        partial(stopping, times=chosen.times),
        partial(crowd, count=chosen.bots),
        partial(drafting, bots=5, members=chosen.members, seconds=5.0),
    ]
    with tempfile.TemporaryDirectory() as directory:
        settings = Path(directory, "server.toml")
        settings.write_text("rate_limit = 1e6\n[bots]\nroom_turns = 100_000\nasker_turns = 100_000\n", encoding="utf-8")
        for number, work in enumerate(works):
            log = Path(directory, f"server-{number}.log")
            with running_server("--port", "0", "--store", "memory:", "--config", str(settings), log=log) as server:
                print(trio.run(work, server), flush=True)  # type: ignore[arg-type]  # partials of async functions
    return 0


if __name__ == "__main__":
    sys.exit(main())
