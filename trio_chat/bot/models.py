"""What a model is to a bot, and which one a bot's settings ask for.

This file owns the interface, its one error, and the choice. It must not know rooms or triggers; the libraries
that models stand on are imported only where one is asked for.
"""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from trio_chat.bot import proxies
from trio_chat.bot.config import MARKOV, BotConfig, BotConfigError
from trio_chat.bot.context import Prompt
from trio_chat.bot.needs import RoomClient

Report = Callable[[str], None]
"""Takes one line for the operator. It must not block and must not raise."""


class ModelFailed(Exception):
    """A model has no answer, and all retries that make sense were made. Go on without: the next may succeed.

    `str()` is a clause for people, as in "the provider cannot be reached"; it never holds a provider's own words,
    for those may quote the key.
    """


class Model(Protocol):
    """Whatever makes an answer."""

    async def answer(self, prompt: Prompt) -> str:
        """Return the answer to `prompt`, as the model wrote it; empty if it has nothing to say.

        Cancelling it abandons the answer and leaves nothing running. One call at a time.

        Raises:
            ModelFailed: there will be no answer.
        """
        ...


def prepare(config: BotConfig) -> None:
    """Make sure that the model of `config` can be used, and import what it stands on (0.5 s for openai, once).

    Call it before the event loop runs, so that nothing waits for the import.

    Raises:
        BotConfigError: no key and no endpoint, a library that is not installed, or a list of proxies that cannot be
            used; the message says what to do.
    """
    library = "markovify" if config.model == MARKOV else "openai"
    if library == "openai" and not (config.api_key or config.base_url):
        raise BotConfigError(
            "No way to reach a model: set OPENAI_API_KEY, or give --base-url an OpenAI-compatible endpoint, or use "
            f"--model {MARKOV}, which needs neither."
        )
    try:
        importlib.import_module(library)
    except ImportError:
        raise BotConfigError(
            f"The model {config.model!r} needs the package {library}: pip install 'trio_chat[bot]'"
        ) from None
    if library == "openai" and config.proxies is not None:
        try:
            proxies.prepare(Path(config.proxies))
        except proxies.ProxiesError as error:
            raise BotConfigError(str(error)) from None


@asynccontextmanager
async def open_model(config: BotConfig, client: RoomClient, room: str, report: Report) -> AsyncIterator[Model]:
    """Open the model that `config` asks for, for one room, and close it in the end.

    Args:
        config: prepared (`prepare`).
        client: through which a model reads the room's history.
        room: the room as the server names it.
        report: is told of every retry.

    Raises:
        BotConfigError: the provider cannot be reached in the way that the settings and the environment ask for.
    """
    if config.model == MARKOV:
        from trio_chat.bot.markov_model import MarkovModel

        yield MarkovModel(client, room)
        return
    from trio_chat.bot.openai_model import open_openai_model

    async with open_openai_model(config, report) as model:
        yield model
