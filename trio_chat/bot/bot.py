"""Running one bot: an ordinary client that sits in a room and speaks by its rules.

This file owns the bot's life from the connection to its end: one nursery, one consumer of events, one scope that
cancels all of it. It must not know when the bot speaks or what it says.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Final

import trio

from protocol import CommandOffer
from trio_chat.bot.config import MARKOV, BotConfig, BotConfigError
from trio_chat.bot.handlers import Handlers
from trio_chat.bot.models import Model, Report, open_model, prepare
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.private import OpenModel, PrivateSeats
from trio_chat.bot.seat import Seat
from trio_chat.bot.tools import Tool
from trio_chat.bot.triggers import Reason
from trio_chat.client import ChatError, ClientEvent, Connected, Dial, Disconnected, open_client

AGENT = "trio_chat.bot"
NO_FUNCTIONS: Final = Handlers()
SEARCH: Final = CommandOffer("/search", "/search QUESTION", "ask the AI; the room sees question and answer")
"""What every bot with a model answers."""
LEAVE_S: Final = 1.0
"""How long a bot that ends may take to say that its commands are gone."""


def _say_nothing(line: str) -> None:
    """Report nothing."""


async def run_bot(
    config: BotConfig,
    *,
    client: RoomClient | None = None,
    dial: Dial | None = None,
    model: Model | None = None,
    tools: Iterable[Tool] = (),
    handlers: Handlers = NO_FUNCTIONS,
    report: Report = _say_nothing,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a bot until it is cancelled, or until `client`'s events end.

    Started with `nursery.start`, it returns the bot's nick once it has joined the room. Cancelling it abandons the
    answer under way, says goodbye to the server if the connection is its own, and leaves nothing running.

    Args:
        config: the bot.
        client: a client that the caller owns and that nobody else reads events from; None: the bot connects itself.
        dial: makes the connection, as `open_client` wants it; a server passes a stream in memory. None: TCP.
        model: makes the answers, and stays the caller's; None: the one that `config` asks for, if it asks for one.
        tools: what the model may call besides the tools about the room (see `tool_from`), if it is one that calls any.
        handlers: functions that answer in place of a model or besides it, and the commands that they add.
        report: takes one line for the operator at a time: what the bot does, retries, failures.

    Raises:
        BotConfigError: the model cannot be used as asked (see `prepare` and `open_model`).
        ChatError: `CannotConnect`, `BadUrl` or `Refused` on the way in; later `Refused` if the server will not have
            the bot back, `ClientClosed` if the client was closed under it.

    Neither comes wrapped in a group.
    """
    if model is None:
        prepare(config)
    try:
        async with AsyncExitStack() as stack:
            is_ours = client is None
            if client is None:
                client = await stack.enter_async_context(_connect(config, dial))
            offers = offers_of(handlers, has_model=model is not None or config.model is not None)
            await client.offer(offers)
            if not is_ours:
                await stack.enter_async_context(_taking_back(client))
            joined = await client.join(config.room_name, last=config.catch_up)
            open_it = partial(_open_model, config, client, report, tools, model)
            model = await stack.enter_async_context(open_it(joined.room))
            report(f"joined #{joined.room} as {client.nick}; {describe(config, handlers)}")
            await _tell_of_others(client, joined.room, offers, report)
            seat = Seat(client, joined, config, model, handlers, report)
            await _live(client, seat, config, open_it, handlers, report, task_status)
    except BaseExceptionGroup as group:
        raise _alone(group) from None


@asynccontextmanager
async def _taking_back(client: RoomClient) -> AsyncIterator[None]:
    """Add no commands any more after the block: the client is the caller's, and goes on without the bot."""
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LEAVE_S), suppress(ChatError):
            await client.offer([])


def offers_of(handlers: Handlers, *, has_model: bool) -> list[CommandOffer]:
    """Return the commands that a bot adds: those of its functions, and `/search` of its model's."""
    by_model = [SEARCH] if has_model and SEARCH.name not in {offer.name for offer in handlers.offers} else []
    return [*by_model, *handlers.offers]


async def _tell_of_others(client: RoomClient, room: str, offers: Sequence[CommandOffer], report: Report) -> None:
    """Report which of our commands belong to a bot that was there before."""
    ours = {offer.name for offer in offers}
    for other in await client.commands(room) if ours else ():
        if other.name in ours and other.by is not None:
            report(f"{other.name} is asked of {other.by} in #{room}, who came first")


def _connect(config: BotConfig, dial: Dial | None) -> AbstractAsyncContextManager[RoomClient]:
    return open_client(config.url, nick=config.nick, bot=True, agent=AGENT, session=config.session, dial=dial)


def _open_model(
    config: BotConfig, client: RoomClient, report: Report, tools: Iterable[Tool], model: Model | None, room: str
) -> AbstractAsyncContextManager[Model | None]:
    return nullcontext(model) if model is not None else open_model(config, client, room, report, tools=tools)


async def _live(
    client: RoomClient,
    seat: Seat,
    config: BotConfig,
    open_it: OpenModel,
    handlers: Handlers,
    report: Report,
    task_status: trio.TaskStatus[str],
) -> None:
    """Hand the events of the client to the seats until they end."""
    async with trio.open_nursery() as nursery:
        private = PrivateSeats(client, config, open_it, handlers, report, nursery)
        nursery.start_soon(seat.run)
        task_status.started(client.nick)
        async for event in client:
            _report_connection(event, report)
            if getattr(event, "room", None) in (seat.room, None):
                seat.observe(event)
            private.observe(event)
        nursery.cancel_scope.cancel()


def describe(config: BotConfig, handlers: Handlers = NO_FUNCTIONS) -> str:
    """Say in one clause when the bot speaks, and by which model."""
    does = handlers.reasons.keys()
    modes = [
        *([f"every {config.every_lines} lines"] if config.every_lines else []),
        *([f"every {config.every_seconds:g} seconds"] if config.every_seconds else []),
        *(["when somebody comes"] if config.greet or Reason.ARRIVAL in does else []),
        *(["whenever its functions say something"] if Reason.MESSAGE in does else []),
        *(["when called by name", "in private"] if config.model is not None or Reason.MENTION in does else []),
        *(["to /search"] if config.model is not None else []),
        *(f"to {offer.name}" for offer in handlers.offers),
    ]
    when = f"{', '.join(modes[:-1])} and {modes[-1]}" if len(modes) > 1 else "".join(modes) or "never"
    if config.model is None:
        return f"it speaks {when}, without a model"
    where = f" at {config.base_url}" if config.base_url and config.model != MARKOV else ""
    return f"it speaks {when}, by the model {config.model}{where}"


def _report_connection(event: ClientEvent, report: Report) -> None:
    match event:
        case Connected(again=True):
            report(f"connected again, as {event.nick}")
        case Disconnected():
            report(f"cut off: {event.reason}")


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that a caller expects if the group holds nothing else; or the group, if it holds more."""
    chat, rest = group.split((ChatError, BotConfigError))
    if chat is None or rest is not None:
        return group
    error: BaseException = chat
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
