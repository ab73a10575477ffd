"""Many bots in one process: each in a nursery of its own, started anew when it crashes, and no other notices.

This file owns reading a file of bots, and their lives side by side. It must not know what one bot does.
"""

import dataclasses
import tomllib
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import trio

from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import BotConfig, BotConfigError, read_key
from trio_chat.bot.models import Report
from trio_chat.client import ChatError, Dial
from trio_chat.client.backoff import Backoff
from trio_chat.names import NameRefused, nick_key, room_name
from trio_chat.settings import complaint

RunBot = Callable[..., Any]
"""What runs one bot; `run_bot`, or its like."""


def read_bots(path: Path, defaults: BotConfig) -> list[BotConfig]:
    """Return the bots of a TOML file; blocks.

    Each table of `[[bot]]` has the fields of `BotConfig`, and `api_key_file`; what stands outside of the tables holds
    for all of them, and `defaults` for what is nowhere.

    Raises:
        BotConfigError: the file cannot be read, or says something that makes no bot; a sentence for the operator.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BotConfigError(f"The file of bots cannot be read: {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BotConfigError(f"The file {path} is not valid TOML: {error}.") from None
    tables = settings.pop("bot", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise BotConfigError(f"There is no bot in {path}: write a table [[bot]] for each.")
    bots = [_bot({**dataclasses.asdict(defaults), **settings, **table}, path) for table in tables]
    seats = [(_key_of(bot, path), bot.url) for bot in bots]
    for bot, seat in zip(bots, seats, strict=True):
        if seats.count(seat) > 1:
            raise BotConfigError(f"Two bots in {path} are called {bot.nick}; give each a nick of its own.")
    return bots


def _key_of(bot: BotConfig, path: Path) -> str:
    """Return what the server tells the bot's nick apart by.

    Raises:
        BotConfigError: the server takes no such nick, or no such room.
    """
    try:
        room_name(bot.room)
        return nick_key(bot.nick).key
    except NameRefused as error:
        raise BotConfigError(f"The bot {bot.nick} in {path} cannot come in: {error}") from None


def _bot(settings: dict[str, Any], path: Path) -> BotConfig:
    if (file := settings.pop("api_key_file", None)) is not None:
        settings["api_key"] = read_key(str(file))
    known = {field.name for field in dataclasses.fields(BotConfig)}
    if unknown := sorted(settings.keys() - known):
        raise BotConfigError(f"A bot in {path} has a setting that there is not: {unknown[0]}.")
    try:
        return msgspec.convert(settings, BotConfig)
    except msgspec.ValidationError as error:
        raise BotConfigError(f"A setting of a bot in {path} is wrong: {complaint(error, BotConfig)}.") from None


async def run_bots(
    bots: Sequence[BotConfig], *, dial: Dial | None = None, report: Report, run: RunBot = run_bot
) -> None:
    """Run bots until cancelled, or until each has ended for good.

    One that crashes, or cannot get in, is started anew after a time that doubles up to 15 s; one that its settings keep
    from running is reported, and not. No other notices.

    Args:
        bots: each prepared (`prepare`).
        dial: as for `run_bot`.
        report: takes lines for the operator, each with the bot's nick in front.
        run: runs one bot.
    """
    async with trio.open_nursery() as nursery:
        for bot in bots:
            nursery.start_soon(_keep_running, bot, dial, report, run)


async def _keep_running(bot: BotConfig, dial: Dial | None, report: Report, run: RunBot) -> None:
    backoff = Backoff()

    def tell(line: str) -> None:
        report(f"{bot.nick}: {line}")

    while True:
        began = trio.current_time()
        try:
            await run(bot, dial=dial, report=tell)
        except BotConfigError as error:
            tell(f"it cannot run: {error}")
            return
        except ChatError as error:
            why = str(error)
        except Exception as error:  # the border where a bug in one bot costs that bot alone
            why = f"it crashed ({_fault(error)})"
        else:
            why = "its events ended"
        backoff.held(trio.current_time() - began)
        wait_s = backoff.failed(None)
        tell(f"{why.rstrip('.')}; starting it anew in {wait_s:.1f} s")
        await trio.sleep(wait_s)


def _fault(error: BaseException) -> str:
    """Return what kind of error was raised, and where, and no value of it: that may hold what nobody is to see.

    Of the errors in a group the first is told.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
