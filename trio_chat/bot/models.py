"""What a model is to a bot, and which one a bot's settings ask for.

This file owns the interface, what an answer is, its one error, and the choice. It must not know rooms or triggers;
the libraries that models stand on are imported only where one is asked for.
"""

import importlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trio_chat.bot import proxies
from trio_chat.bot.config import MARKOV, BotConfig, BotConfigError
from trio_chat.bot.context import Prompt
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.tools import Tool, Toolbox

Report = Callable[[str], None]
"""Takes one line for the operator. It must not block and must not raise."""


class Show(Protocol):
    """Takes the whole text so far, again and again as it grows: the newest one replaces all before it."""

    def __call__(self, text: str, doing: str = "") -> None:
        """Show people something. It must not block and must not raise: it is called perhaps for every word.

        Args:
            text: what would be said if it were stopped now, as the model wrote it; it is cleaned and cut where it is
                shown.
            doing: a line about what is done besides, such as the tools that are called. It is never part of what is
                said: whatever a model writes stays in `text`, and what is told of its calls stays out.
        """


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer has cost, as the provider counts it: read and written, all its requests together."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Source:
    """A page that an answer rests on, as a web search names it; `title` may be empty."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model has to say.

    Args:
        text: as the model wrote it; empty if it has nothing to say.
        sources: pages that it rests on, each once.
        tokens: what it cost; None where the provider does not tell.
        unfinished: why the text ends in the middle, as a clause for people; None: it is whole.
    """

    text: str
    sources: tuple[Source, ...] = ()
    tokens: Tokens | None = None
    unfinished: str | None = None


class ModelFailed(Exception):
    """A model has no answer, and all retries that make sense were made. Go on without: the next may succeed.

    `str()` is a clause for people, as in "the provider cannot be reached"; it never holds a provider's own words,
    for those may quote the key.

    Attributes:
        tokens: what the attempt cost all the same; None where that is not known.
    """

    def __init__(self, why: str, tokens: Tokens | None = None) -> None:
        super().__init__(why)
        self.tokens = tokens


class Model(Protocol):
    """Whatever makes an answer."""

    async def answer(self, prompt: Prompt, *, show: Show) -> Answer:
        """Return the answer to `prompt`, and show it while it grows.

        Cancelling it abandons the answer and leaves nothing running: a connection to a provider is closed before
        this returns. How long it may take is the caller's to bound. One call at a time.

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
    if config.model is None:
        return
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
async def open_model(
    config: BotConfig, client: RoomClient, room: str, report: Report, *, tools: Iterable[Tool] = ()
) -> AsyncIterator[Model | None]:
    """Open the model that `config` asks for, if it asks for one, for one room, and close it in the end.

    Args:
        config: prepared (`prepare`).
        client: through which a model, or a tool of its, reads the room.
        room: the room as the server names it.
        report: is told of every retry.
        tools: what the model may call besides the tools about the room; the offline model calls none.

    Raises:
        BotConfigError: the provider cannot be reached in the way that the settings and the environment ask for.
        ValueError: two tools have the same name.
    """
    if config.model is None:
        yield None
        return
    if config.model == MARKOV:
        from trio_chat.bot.markov_model import MarkovModel

        yield MarkovModel(client, room)
        return
    from trio_chat.bot.openai_model import open_openai_model
    from trio_chat.bot.room_tools import room_tools

    toolbox = Toolbox([*room_tools(client, room), *tools], report=report)
    async with open_openai_model(config, report, toolbox) as model:
        yield model
