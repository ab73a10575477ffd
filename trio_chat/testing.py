"""A chat in memory, for tests of bots: a real server without a socket, and people who say and hear things.

This file owns what a test of a bot needs, and nothing that runs in earnest. Nothing here sleeps: on a clock that jumps
(`trio.testing.MockClock`), waiting takes no time.
"""

import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from protocol import DraftShown, Message
from trio_chat.bot import Bot, Report
from trio_chat.bot.process import tell
from trio_chat.client import Client, open_client
from trio_chat.client.client import CommandAnswer
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.governor import Allowance

HEAR_S: Final = 5.0
"""How long to wait for an answer, by default."""

UNLIMITED: Final = ServerConfig(rate_limit=None, bots=Allowance(room_turns=None, asker_turns=None))

HEARD_MAX: Final = 1_000
"""What somebody has heard and the test has not asked for."""


class Guest:
    """Somebody in the room; made by `ChatRoom.enter`.

    Attributes:
        client: theirs, for what the methods here do not do; the guest reads its events.
        drafts: what bots were about to say when it was shown, the newest last.
    """

    def __init__(self, client: Client, room: str) -> None:
        self.client = client
        self.drafts: deque[DraftShown] = deque(maxlen=HEARD_MAX)
        self._room = room
        self._hear, self._heard = trio.open_memory_channel[Message](HEARD_MAX)

    async def say(self, line: str) -> CommandAnswer:
        """Say something, or carry out a slash command, as it would be typed; returns the server's answer.

        Raises:
            Refused: the server does not take it.
        """
        if line.startswith("/"):
            return await self.client.command(line, room=self._room)
        return await self.client.post(self._room, line)

    async def hear(self, within_s: float = HEAR_S) -> Message:
        """Return the next message that somebody else says.

        Raises:
            AssertionError: nobody has said anything within so many seconds.
        """
        with trio.move_on_after(within_s):
            return await self._heard.receive()
        raise AssertionError(f"Nobody has said anything to {self.client.nick} within {within_s:g} s.")

    async def hear_nothing(self) -> None:
        """Wait until every task waits for something; whatever is to be said by then has been said.

        Raises:
            AssertionError: somebody has said something.
        """
        await wait_all_tasks_blocked()
        try:
            said = self._heard.receive_nowait()
        except trio.WouldBlock:
            return
        raise AssertionError(f"{said.nick} has said {said.text!r}.")

    async def listen(self) -> None:
        """Take in the events of the client, until they end."""
        async for event in self.client:
            if isinstance(event, DraftShown):
                self.drafts.append(event)
            elif isinstance(event, Message) and event.author != self.client.author:
                await self._hear.send(event)


class ChatRoom:
    """A room in memory; made by `open_room`.

    Attributes:
        name: of the room, without the ``#``.
        server: the server that it is on.
    """

    def __init__(self, name: str, server: Server, nursery: trio.Nursery) -> None:
        self.name = name
        self.server = server
        self._nursery = nursery

    async def enter(self, nick: str = "ann") -> Guest:
        """Let somebody come into the room, who stays until the block of `open_room` ends."""
        guest: Guest = await self._nursery.start(self._be_there, nick)
        return guest

    async def seat(self, bot: Bot, report: Report = tell, *, strict: bool = True) -> None:
        """Let a bot come into the room that its settings name, and stay likewise.

        Args:
            bot: the bot.
            report: takes what it tells its operator; by default that is printed.
            strict: whether an exception in one of its functions comes out of the block of `open_room`; or it ends that
                call alone, as in earnest.
        """
        await self._nursery.start(partial(self._run, bot, report, strict))

    async def _be_there(self, nick: str, task_status: trio.TaskStatus[Guest]) -> None:
        async with open_client(nick=nick, session=secrets.token_hex(16), dial=self.server.dial) as client:
            await client.join(self.name, last=0)
            guest = Guest(client, self.name)
            task_status.started(guest)
            await guest.listen()

    async def _run(self, bot: Bot, report: Report, strict: bool, task_status: trio.TaskStatus[str]) -> None:
        session = secrets.token_hex(16)
        async with open_client(nick=bot.config.nick, bot=True, session=session, dial=self.server.dial) as client:
            await bot.serve(client=client, report=report, strict=strict, task_status=task_status)


@asynccontextmanager
async def open_room(*bots: Bot, config: ServerConfig | None = None) -> AsyncIterator[ChatRoom]:
    """Give a room in memory, in which `bots` are, for as long as the block lasts.

    The server in it is the real one, with its turns, without a socket and with nothing on disk. What bots and people
    may do in a minute has no limit, unless `config` gives one; how often bots may answer each other has.

    Args:
        bots: they come into the rooms that their settings name; the first one's is the one that is given. Without bots
            it is the lobby.
        config: the server's settings, in place of the defaults; its `store` and `port` are not used.

    Raises:
        BotConfigError, ChatError: as `Bot.serve`.

    What the block raises comes out as it is, in no group; what the bots' functions raise, in groups.
    """
    settings = msgspec.structs.replace(config or UNLIMITED, store="memory:", port=None)
    name = bots[0].config.room_name if bots else "lobby"
    failure: BaseException | None = None
    async with open_server(settings) as server, trio.open_nursery() as nursery:
        room = ChatRoom(name, server, nursery)
        try:
            for bot in bots:
                await room.seat(bot)
            yield room
        except trio.Cancelled:
            raise
        except BaseException as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
