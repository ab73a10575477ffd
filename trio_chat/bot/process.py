"""A bot as a process: it runs until a signal ends it, and what keeps it from running is told in a sentence.

This file owns the signals, the exit codes (0 ended as asked, 1 no way into the room, 2 asked for wrongly) and the
sentences that go with them. It must not know what a bot does, or where its settings come from.
"""

import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import trio

from trio_chat.bot.config import BotConfigError
from trio_chat.client import ChatError, Refused
from trio_chat.client.harmless import harmless_line
from trio_chat.command_line import USAGE_ERROR, fail

NO_WAY_IN: Final = 1
"""The exit code where the server is not there, or does not let the bot in."""

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


def run_process(serve: Callable[[], Awaitable[None]], *, about_names: str = "") -> None:
    """Run an event loop with `serve` in it until it ends, or the process is told to stop by a signal.

    Args:
        serve: runs one bot, or many.
        about_names: what is said besides where a nick or room is not to be had.

    Raises:
        SystemExit: with code 1 or 2, after a sentence on stderr.
    """
    complaints: list[tuple[str, int]] = []
    try:
        trio.run(_run_until_signalled, serve)
    except* ChatError as group:
        complaints.append((_sentence(group, about_names), NO_WAY_IN))
    except* BotConfigError as group:
        complaints.append((_sentence(group, ""), USAGE_ERROR))
    except* KeyboardInterrupt:  # before the signals were listened for
        pass
    for complaint in complaints:
        fail(*complaint)
    tell("bye")


def tell(line: str) -> None:
    """Tell the operator something."""
    with contextlib.suppress(OSError):  # nobody reads it any more; the bot goes on
        print(harmless_line(line), flush=True)


async def _run_until_signalled(serve: Callable[[], Awaitable[None]]) -> None:
    with trio.open_signal_receiver(*_STOP_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at_signal, signals, nursery.cancel_scope)
            await serve()
            nursery.cancel_scope.cancel()


async def _cancel_at_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


def _sentence(group: BaseExceptionGroup[Exception], about_names: str) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Refused) and error.code in ("nick_taken", "bad_name"):
        return harmless_line(f"{error} {about_names}".rstrip())
    return harmless_line(str(error))
