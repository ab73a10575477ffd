"""How a server is to run: the settings, their defaults, and reading them from a TOML file.

This file owns names, units and limits of settings. It must not know the command line or what a setting does.
"""

import dataclasses
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from trio_chat.bot import BotConfig
from trio_chat.server.governor import Allowance
from trio_chat.server.hooks import Hook
from trio_chat.settings import complaint
from trio_chat.transport.forwarded import trusted_networks
from trio_chat.transport.handshake import known_origins

DEFAULT_PORT = 5002

LogLevel = Literal["debug", "info", "warning", "error"]


class ConfigError(Exception):
    """The settings cannot be used; the message is one sentence for the operator."""


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a server.

    Attributes:
        host: the address to listen on; empty: every address of the machine.
        port: 0 picks a free one; None: nowhere is listened, and the server is reached by `Server.dial`.
        certificate: a file, PEM: TLS is offered besides; with `key` only.
        key: the file with its private key, PEM.
        store: `memory:` or `sqlite:PATH`.
        sync: `full`: acknowledged is on the disk; `normal`: it survives the process, not the power.
        rate_limit: posts a second that one person may make on average; None: any number.
        console: the operator chats from the server's own terminal.
        bot: the bot to run inside the server; None: none.
        log_level: the least important thing to log.
        ping_s: after how many seconds of silence a peer is pinged; after twice as many it is cut.
        hello_s: within how many seconds a peer says hello.
        name: what the server calls itself in `welcome`.
        bots: how much bots may speak.
        hooks: addresses under which scripts speak; each is a table `[[hook]]`.
        metrics: who may read `/metrics`: `local`: this machine, and nobody through a proxy; `any`; or nobody: `off`.
        trusted_proxies: addresses and networks of proxies whose word is taken on where a request came from.
        origins: of pages on other sites that may connect, as ``https://chat.example``.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] | None = DEFAULT_PORT
    certificate: str | None = None
    key: str | None = None
    store: str = "sqlite:trio_chat.db"
    sync: Literal["full", "normal"] = "full"
    rate_limit: Annotated[float, Meta(gt=0)] | None = 20.0
    console: bool = False
    bot: BotConfig | None = None
    log_level: LogLevel = "info"
    ping_s: Annotated[float, Meta(gt=0)] = 30.0
    hello_s: Annotated[float, Meta(gt=0)] = 10.0
    name: str = "trio_chat"
    bots: Allowance = Allowance()
    hooks: tuple[Hook, ...] = field(default=(), name="hook")
    metrics: Literal["local", "any", "off"] = "local"
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        trusted_networks(self.trusted_proxies)
        known_origins(self.origins)
        if len({hook.token for hook in self.hooks}) < len(self.hooks):
            raise ValueError("two hooks have the same token; `python -m trio_chat.server new-hook` makes another")


def load_config(
    path: Path | None, overrides: dict[str, object], *, bot: bool | None = None, hops: int | None = None
) -> ServerConfig:
    """Return the settings of a TOML file, with `overrides` on top; `rate_limit = "off"` is None.

    A `[bot]` table asks for a bot; `bot=True` asks for one as the table says, or as usual. `hops` is put into the table
    `[bots]`, which holds the limits of an `Allowance`.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or holds a setting that is unknown or out of its limits.
    """
    settings: dict[str, object] = {}
    where = "the command line"
    if path is not None:
        where = str(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from None
    settings.update(overrides)
    if bot:
        settings.setdefault("bot", {})
    if hops is not None:
        allowance = settings.get("bots")
        settings["bots"] = {**(allowance if isinstance(allowance, dict) else {}), "hops": hops}
    _know_all(settings.get("bot"), where)
    if settings.get("rate_limit") == "off":
        settings["rate_limit"] = None
    try:
        return msgspec.convert(settings, ServerConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"a setting in {where} is wrong: {complaint(error, ServerConfig)}") from None


def _know_all(table: object, where: str) -> None:
    """Refuse what is no setting of a bot; msgspec does so for its own structs only."""
    known = {field.name for field in dataclasses.fields(BotConfig)}
    for name in table if isinstance(table, dict) else ():
        if name not in known:
            raise ConfigError(f"a setting in {where} is wrong: there is no setting bot.{name}")
