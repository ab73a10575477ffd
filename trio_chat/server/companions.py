"""What an operator may run beside the server in its own process: a bot, and the console.

This file owns how the two are started; both are ordinary clients on streams in memory. It must not know how a
bot thinks or how lines are edited.
"""

import dataclasses
import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import Final

import trio

from protocol import Notice, encode, encode_frame
from trio_chat.bot import MARKOV, BotConfig, provider_from, run_bot, run_bots
from trio_chat.client import ChatError, open_client
from trio_chat.client.program import Interruption, Options, talk
from trio_chat.server.app import Server
from trio_chat.server.hub import OPERATOR
from trio_chat.server.log import capture_log, log

STDIN: Final = 0
STDOUT: Final = 1


def with_provider(config: BotConfig) -> BotConfig:
    """Complete a bot's settings from the environment; without a way to a provider, it talks offline.

    A command-line bot refuses to start then. Here somebody asked for a server in which `/search` works with
    nothing else started, so the bot says what it lacks and does what it can.
    """
    api_key, base_url = provider_from(os.environ, config.base_url)
    if config.model != MARKOV and not (api_key or config.api_key or base_url):
        return dataclasses.replace(config, model=MARKOV)
    return dataclasses.replace(config, api_key=config.api_key or api_key, base_url=base_url)


async def run_server_bot(server: Server, config: BotConfig) -> None:
    """Run a bot in the server's process until cancelled; if it cannot enter, the log says so, and the server goes on.

    Whoever has its nick keeps it: the bot tries the same with an underscore more, twice.
    """
    if config.model == MARKOV:
        log.info("the bot talks offline; set OPENAI_API_KEY or base_url for a model that answers", model=MARKOV)
    config = dataclasses.replace(config, url=server.url)
    for nick in (config.nick, f"{config.nick}_", f"{config.nick}__"):
        try:
            await run_bot(
                dataclasses.replace(config, nick=nick),
                dial=server.dial,
                report=_log_bot,
            )
        except ChatError as error:
            log.error("the bot cannot enter", nick=nick, error=str(error))


async def run_console(server: Server) -> None:
    """Let the operator chat from this terminal, until they leave.

    The server's log comes as notices, through the same line mode, so that it tears no typed line.
    """
    interruption = Interruption(lambda: None)
    settings = Options(server.url, server.addresses[0], OPERATOR, "lobby", plain=True)
    async with open_client(
        server.url, nick=OPERATOR, agent="console", dial=partial(server.dial, operator=True)
    ) as client:
        with capture_log(_Notices(server, client.author)):
            await talk(client, settings, STDIN, STDOUT, interruption)


class _Notices(logging.Handler):
    """Sends log lines to the operator's own connections; a line that finds no room there is dropped."""

    def __init__(self, server: Server, author: str) -> None:
        super().__init__()
        self._server = server
        self._author = author

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "info"
        block = encode_frame(encode(Notice(self.format(record), level=level)))
        person = self._server.hub.people.known(self._author)
        for connection in person.connections if person else ():
            connection.delivery.offer(block)


def _log_bot(line: str) -> None:
    log.info("bot", says=line)


async def run_companions(server: Server, fleet: Sequence[BotConfig] = (), *, stop: trio.CancelScope) -> None:
    """Run what the settings ask for, and the bots of a file; when the operator leaves the console, cancel `stop`."""
    async with trio.open_nursery() as nursery:
        if server.config.bot is not None:
            nursery.start_soon(run_server_bot, server, server.config.bot)
        if fleet:
            bots = [dataclasses.replace(bot, url=server.url) for bot in fleet]
            nursery.start_soon(partial(run_bots, bots, dial=server.dial, report=_log_bot))
        if server.config.console:
            await run_console(server)
            stop.cancel()
