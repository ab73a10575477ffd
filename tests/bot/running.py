"""A bot at work in a room in memory, for tests to watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from tests.bot.room import RoomInMemory, ScriptedModel
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import BotConfig
from trio_chat.bot.models import Answer


class Running:
    """A bot at work: its room, its model, and what it reported."""

    def __init__(self, room: RoomInMemory, model: ScriptedModel) -> None:
        self.room = room
        self.model = model
        self.reports: list[str] = []

    @property
    def posts(self) -> list[str]:
        return [message.text for message in self.room.said_by_bot]


@asynccontextmanager
async def bot(
    *answers: str | Answer | Exception | None, room: RoomInMemory | None = None, **settings: Any
) -> AsyncIterator[Running]:
    """Run a bot for as long as the block lasts; by default its model says "yes"."""
    running = Running(room or RoomInMemory(), ScriptedModel(*answers or ("yes",)))
    run = partial(
        run_bot, BotConfig(**settings), client=running.room, model=running.model, report=running.reports.append
    )
    async with trio.open_nursery() as nursery:
        assert await nursery.start(run) == "sage"
        await wait_all_tasks_blocked()
        yield running
        nursery.cancel_scope.cancel()
