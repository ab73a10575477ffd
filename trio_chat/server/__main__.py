"""`python -m trio_chat.server`: the command line, the first words, signals, and what else runs in the process.

This file owns what an operator types and reads. It must not know rooms or connections.
"""

import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import trio
from cyclopts import App, Parameter

from trio_chat.bot import BotConfig, BotConfigError, prepare, provider_from, read_bots
from trio_chat.client import ChatError
from trio_chat.command_line import fail, run_app
from trio_chat.server.app import CannotListen, Server, open_server
from trio_chat.server.companions import run_companions, with_provider
from trio_chat.server.config import DEFAULT_PORT, ConfigError, LogLevel, ServerConfig, load_config
from trio_chat.server.hooks import Hook, hook_table, new_token
from trio_chat.server.log import log, log_to_stderr
from trio_chat.store import StoreUnusable
from trio_chat.transport import CertificateUnusable

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

app = App(name="python -m trio_chat.server", help="Run a chat server.")


@app.default
def main(
    *,
    host: str | None = None,
    port: int | None = None,
    certificate: str | None = None,
    key: str | None = None,
    store: str | None = None,
    sync: Literal["full", "normal"] | None = None,
    rate_limit: float | Literal["off"] | None = None,
    console: Annotated[bool | None, Parameter(negative=())] = None,
    bot: Annotated[bool | None, Parameter(negative=())] = None,
    bots: Path | None = None,
    hops: int | None = None,
    config: Path | None = None,
    log_level: LogLevel | None = None,
    metrics: Literal["local", "any", "off"] | None = None,
    trusted_proxy: Annotated[list[str] | None, Parameter(negative=())] = None,
    origin: Annotated[list[str] | None, Parameter(negative=())] = None,
) -> None:
    """Run a chat server until SIGINT or SIGTERM.

    Parameters
    ----------
    host
        The address to listen on; "" for every address of the machine. [default: 127.0.0.1]
    port
        The port to listen on; 0 picks a free one. [default: 5002]
    certificate
        A file with the certificate (PEM) for TLS, which is offered on the same port: https, wss and chats.
    key
        A file with the private key of the certificate (PEM).
    store
        Where the rooms live: sqlite:PATH or memory: [default: sqlite:trio_chat.db]
    sync
        full: what is acknowledged is on the disk. normal: it survives the process, not the power. [default: full]
    rate_limit
        Posts a second that one person may make on average, or off. [default: 20]
    console
        Chat from this terminal as nick "server"; leaving the chat stops the server.
    bot
        Run a bot in the server; the [bot] table of the configuration file says which. Without a key or base URL
        it talks offline.
    bots
        A TOML file of bots to run in the server, [[bot]] for each.
    hops
        How many turns bots may have in a row until somebody else speaks; 0: none at all. [default: 3]
    config
        A TOML file with these settings; flags go before it.
    log_level
        The least important thing to log. [default: info]
    metrics
        Who may read /metrics: this machine (local), and nobody through a proxy; any; or nobody (off). [default: local]
    trusted_proxy
        The address or network of a reverse proxy, whose word is taken on where a request came from. May be repeated.
    origin
        The origin of a page on another site that may connect, as https://chat.example. May be repeated.
    """
    flags: dict[str, object] = {
        "host": host,
        "port": port,
        "certificate": certificate,
        "key": key,
        "store": store,
        "sync": sync,
        "rate_limit": rate_limit,
        "console": console,
        "log_level": log_level,
        "metrics": metrics,
        "trusted_proxies": trusted_proxy,
        "origins": origin,
    }
    try:
        settings = load_config(
            config, {name: value for name, value in flags.items() if value is not None}, bot=bot, hops=hops
        )
        fleet = [] if bots is None else _prepare_fleet(bots)
    except (ConfigError, BotConfigError) as error:
        fail(str(error))
    _raise_file_limit()
    _tune_interpreter()
    log_to_stderr(settings.log_level)
    if settings.bot is not None:
        settings = _prepare_bot(settings, settings.bot)
    # What `serve` hands back to when it has stopped: another Ctrl-C during the stop is no reason for a traceback.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        trio.run(serve, settings, fleet)
    except* ChatError as group:
        fail(f"the bot or the console cannot enter: {_first(group)}", 1)
    except* (StoreUnusable, CannotListen, CertificateUnusable) as group:
        fail(str(_first(group)))


@app.command
def new_hook(room: str, nick: str) -> None:
    """Make a hook: print the table that names it, for the configuration file; stderr says how to use it.

    Parameters
    ----------
    room
        The room that it speaks in.
    nick
        What it is called there.
    """
    try:
        hook = Hook(new_token(), room, nick)
    except ValueError as error:
        fail(str(error))
    print(hook_table(hook), end="")
    print(
        "Once this is in the file that the server's --config names, which nobody else should be able to read"
        " (chmod 600), and the server is started anew, this speaks, with your server's address:",
        file=sys.stderr,
    )
    print(f"curl -d 'Hello!' http://127.0.0.1:{DEFAULT_PORT}/hooks/{hook.token}", file=sys.stderr)


async def serve(config: ServerConfig, fleet: Sequence[BotConfig] = ()) -> None:
    """Run a server, and what the settings put beside it, until a signal says to stop."""
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        async with open_server(config) as server:
            _say_hello(server)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(run_companions, server, fleet, stop=nursery.cancel_scope))
                async for number in signals:
                    log.info("stopping", signal=signal.Signals(number).name)
                    break
                nursery.cancel_scope.cancel()


def _say_hello(server: Server) -> None:
    config = server.config
    elsewhere = "; from other machines, with this one's address in it" if server.is_everywhere else ""
    print(f"trio_chat listens on {', '.join(server.addresses)} with {config.store}")
    print(f"Open {server.page_url} in a browser{elsewhere}")
    # The interpreter as it was typed: another one may not have what the client needs.
    print(f"Join with: {sys.orig_argv[0]} -m trio_chat.client {server.url}", flush=True)


def _prepare_fleet(path: Path) -> list[BotConfig]:
    """Return the bots of a file, as `python -m trio_chat.bot --config` runs them: none falls back to another model.

    Raises:
        BotConfigError: one of them cannot run.
    """
    api_key, base_url = provider_from(os.environ)
    fleet = read_bots(path, BotConfig(api_key=api_key, base_url=base_url))
    for one in fleet:
        prepare(one)
    return fleet


def _prepare_bot(config: ServerConfig, bot: BotConfig) -> ServerConfig:
    try:
        bot = with_provider(bot)
        prepare(bot)
    except BotConfigError as error:
        fail(f"the bot cannot run: {error}")
    return msgspec.structs.replace(config, bot=bot)


def _raise_file_limit() -> None:
    """Allow as many open connections as the operator's limits do; the usual soft limit of 1,024 is for select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tune_interpreter() -> None:
    """Let the thread that commits have Python's lock soon, and the garbage collector come seldom.

    A busy event loop lets go of the lock so shortly that another thread waits out the switch interval, time and again:
    beside turns of 2 ms, a commit took up to 530 ms at the 5 ms that are usual, and 16 ms at these. What connections
    leave is freed without the collector, which looks at all that thousands of them hold, and keeps all waiting: with
    5,000 of them coming, it took a seventh of all time.
    """
    sys.setswitchinterval(0.000_5)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one of the errors in a group of the same kind."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    run_app(app)
