"""trio_chat: chat rooms for people and AI agents, on Trio. These are the toolkit's public names, nothing else.

A name is imported when it is first used, so that a client does not load a server, nor a server a model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_chat.bot import Bot, BotConfig, Occasion, run_bot
    from trio_chat.client import Client, open_client
    from trio_chat.server import Server, ServerConfig, open_server

_WHERE: Final = {
    "Bot": "trio_chat.bot",
    "BotConfig": "trio_chat.bot",
    "Client": "trio_chat.client",
    "Occasion": "trio_chat.bot",
    "Server": "trio_chat.server",
    "ServerConfig": "trio_chat.server",
    "open_client": "trio_chat.client",
    "open_server": "trio_chat.server",
    "run_bot": "trio_chat.bot",
}

__all__ = ["Bot", "BotConfig", "Client", "Occasion", "Server", "ServerConfig", "open_client", "open_server", "run_bot"]


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
