"""A bot of one's own: functions, by decorators, and how it is run.

This file owns which decorator stands for which occasion, and what is wrong with a function before the bot runs. It must
not know how the bot lives, or when it speaks.
"""

import dataclasses
import inspect
import math
import os
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from protocol import CommandOffer, MessageError, Offer, check
from trio_chat.bot.bot import offers_of, run_bot
from trio_chat.bot.config import MARKOV, BotConfig, BotConfigError, provider_from
from trio_chat.bot.handlers import Handler, Handlers, name_of
from trio_chat.bot.models import Report, prepare
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.process import run_process, tell
from trio_chat.bot.tools import Toolbox
from trio_chat.bot.triggers import Reason
from trio_chat.client import Dial
from trio_chat.command_line import fail

_Handler = TypeVar("_Handler", bound=Handler)
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Bot:
    """A bot of one's own: decorate functions, then `run` it, or `serve` in a nursery.

    A function is `async def`, takes the `Occasion`, and returns what the bot is to say, or None; or it is an
    asynchronous generator, whose pieces people see as they come. One runs at a time in each room. An exception in it is
    reported in a line, and ends that call alone. Of several functions that fit, the most particular is called: a
    command's, then the one for mentions, then the one for messages; the model, if there is one, answers mentions that
    no function is for.

    Args:
        bot: its nick, for a bot without a model; or all of its settings.
        room: the room it sits in, in place of that of the settings.
        url: its server, ``chat://HOST:PORT``, in place of that of the settings.
        model: the model that answers what no function does; the provider's key and base URL are those of the
            environment (`provider_from`), unless the settings have some.

    Raises:
        BotConfigError: a setting is wrong; one sentence says what to do.
    """

    def __init__(
        self, bot: str | BotConfig, *, room: str | None = None, url: str | None = None, model: str | None = None
    ) -> None:
        config = BotConfig(nick=bot, model=None) if isinstance(bot, str) else bot
        config = dataclasses.replace(
            config, room=room or config.room, url=url or config.url, model=model or config.model
        )
        if config.model not in (None, MARKOV) and config.api_key is None:
            api_key, base_url = provider_from(os.environ, config.base_url)
            config = dataclasses.replace(config, api_key=api_key, base_url=base_url)
        self.config = config
        self._handlers = Handlers()
        self._toolbox = Toolbox()

    # --- what it does -----------------------------------------------------------------------------------

    def on_message(self, function: _Handler) -> _Handler:
        """Call `function` for every line that people say (bots too with `answer_bots`), unless another one is for it.

        Nothing it does not say is seen by anybody: its turn begins with the first thing that it says or shows.
        """
        return self._for(Reason.MESSAGE, function)

    def on_mention(self, function: _Handler) -> _Handler:
        """Call `function` when somebody says the bot's nick, or writes to it in private."""
        return self._for(Reason.MENTION, function)

    def on_arrival(self, function: _Handler) -> _Handler:
        """Call `function` when a person comes into the room."""
        return self._for(Reason.ARRIVAL, function)

    def every(self, seconds: float) -> Callable[[_Handler], _Handler]:
        """Call a function so often, in seconds above 0, while the bot is connected.

        Raises:
            ValueError: it is not above 0.
        """
        if not isinstance(seconds, int | float):
            raise TypeError("Write @bot.every(60): how often, in seconds.")
        if not 0 < seconds < math.inf:
            raise ValueError(f"A function cannot be called every {seconds:g} seconds: give a number above 0.")
        self.config = dataclasses.replace(self.config, every_seconds=seconds)

        def decorate(function: _Handler) -> _Handler:
            return self._for(Reason.TIMER, function)

        return decorate

    def command(self, name: str, *, usage: str | None = None) -> Callable[[_Handler], _Handler]:
        """Add a slash command, which everybody in the bot's rooms finds in ``/help`` and by completion.

        The first line of the function's docstring says there what it is for.

        Args:
            name: a slash, a letter, then up to 30 of a to z, 0 to 9, - and _. ``/search`` takes the place of the
                model's answers to questions.
            usage: what to type; None: `name` alone.

        Raises:
            ValueError: no command can be called so, or one is already.
        """

        if not isinstance(name, str):
            raise TypeError('Write @bot.command("/name").')

        def decorate(function: _Handler) -> _Handler:
            if usage is not None and usage.split()[:1] != [name]:
                raise ValueError(f"The usage of {name} begins with {name}, as in {name!r} or '{name} WORDS'.")
            explained = (inspect.getdoc(function) or "").partition("\n")[0].strip()
            offer = CommandOffer(name, usage or name, explained)
            try:
                check(Offer(1, [*self._handlers.offers, offer]))
            except MessageError as error:
                raise ValueError(f"The command {name!r} cannot be added: {error}") from None
            if name.removeprefix("/") in self._handlers.commands:
                raise ValueError(f"There is a command {name} already; give the other one another name.")
            self._handlers.commands[name.removeprefix("/")] = _checked(function)
            self._handlers.offers.append(offer)
            return function

        return decorate

    def tool(self, function: _Function) -> _Function:
        """Let the model call `function`; its name, docstring and type hints tell the model what it is (`tool_from`).

        Raises:
            ValueError: it cannot be a tool; the message says why.
        """
        return self._toolbox.tool(function)

    def _for(self, reason: Reason, function: _Handler) -> _Handler:
        if reason in self._handlers.reasons:
            raise ValueError(f"The bot has a function for this already: {name_of(self._handlers.reasons[reason])}.")
        self._handlers.reasons[reason] = _checked(function)
        return function

    # --- running ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run the bot until Ctrl-C, and print what it does; for a program that does nothing else.

        Raises:
            SystemExit: the bot cannot run, or not get into its room; one sentence on stderr says why.
        """
        try:
            prepare(self._complete())
        except BotConfigError as error:
            fail(str(error))
        run_process(self.serve)

    async def serve(
        self,
        *,
        client: RoomClient | None = None,
        dial: Dial | None = None,
        report: Report = tell,
        strict: bool = False,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the bot until cancelled, in a nursery of the caller's; `nursery.start` returns once it is in its room.

        Args:
            client: as for `run_bot`.
            dial: as for `run_bot`; `Server.dial` for a server in the same process.
            report: takes lines for the operator; by default they are printed.
            strict: whether an exception in a function ends the bot and is raised here, and not that call alone.

        Raises:
            BotConfigError: it cannot be run as it is set up.
            ChatError: as `run_bot`.
        """
        await run_bot(
            self._complete(),
            client=client,
            dial=dial,
            tools=self._toolbox.tools,
            handlers=dataclasses.replace(self._handlers, strict=strict),
            report=report,
            task_status=task_status,
        )

    def _complete(self) -> BotConfig:
        if self._toolbox.tools and self.config.model is None:
            raise BotConfigError("A tool is called by a model, and this bot has none: give it one, as Bot(…, model=…).")
        if self.config.model is None and not (self._handlers.reasons or self._handlers.commands):
            raise BotConfigError("This bot does nothing: decorate a function, or give it a model.")
        try:
            check(Offer(1, offers_of(self._handlers, has_model=self.config.model is not None)))
        except MessageError as error:
            raise BotConfigError(f"{error} A model's /search is one of them.") from None
        return self.config


def _checked(function: _Handler) -> _Handler:
    """Return a function that can be called for an occasion.

    Raises:
        ValueError: it cannot.
    """
    name = name_of(function)
    if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
        raise ValueError(f"Write `async def {name}`: a bot's functions run beside each other.")
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise ValueError(f"The function {name} has to take one argument, the occasion.") from None
    return function
