"""A server process that also answers, on its stdin, how many tasks it has: `python -m tests.e2e.counted CONFIG`.

Everything else is what `python -m trio_chat.server --config CONFIG` does. This file owns the counting; it must not
know what the server does.
"""

import os
import sys
from pathlib import Path

import trio
import trio.testing

from trio_chat.server import ServerConfig, load_config
from trio_chat.server.__main__ import serve
from trio_chat.server.log import log_to_stderr


async def main(config: ServerConfig) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await serve(config)
        nursery.cancel_scope.cancel()


async def count() -> None:
    """Answer each line with the number of tasks, once every one of them waits for something."""
    stdin = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    while await stdin.receive_some():
        await trio.testing.wait_all_tasks_blocked(0.01)
        print(trio.lowlevel.current_statistics().tasks_living, flush=True)


if __name__ == "__main__":
    settings = load_config(Path(sys.argv[1]), {})
    log_to_stderr(settings.log_level)
    trio.run(main, settings)
