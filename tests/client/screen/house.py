"""A chat for tests of the full screen: the real server in memory, people in it, and one of them at a real terminal."""

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from tests.client.pty_screen import PtyScreen, pty_screen
from trio_chat import Bot
from trio_chat.client import Client, open_client
from trio_chat.client.screen.program import FullScreen
from trio_chat.client.screen.shelf import Shelf
from trio_chat.client.screen.terminal import ScreenTerminal
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.governor import Allowance

CONFIG = ServerConfig(port=None, store="memory:", rate_limit=None, bots=Allowance(room_turns=None, asker_turns=None))


class House:
    """A server, and the nursery in which people read what they get."""

    def __init__(self, server: Server, nursery: trio.Nursery) -> None:
        self.server = server
        self.nursery = nursery

    async def enter(self, nick: str, *rooms: str, bot: bool = False) -> Client:
        """Let somebody come in, and into rooms: the lobby, unless others are named."""
        client: Client = await self.nursery.start(self._be, nick, bot)
        for room in rooms or ("lobby",):
            await client.join(room, last=0)
        return client

    async def seat(self, bot: Bot) -> None:
        """Let a bot come into its room."""
        await self.nursery.start(self._run, bot)

    async def _run(self, bot: Bot, task_status: trio.TaskStatus[str]) -> None:
        session = secrets.token_hex(16)
        async with open_client(nick=bot.config.nick, bot=True, session=session, dial=self.server.dial) as client:
            await bot.serve(client=client, strict=True, task_status=task_status)

    async def _be(self, nick: str, bot: bool, task_status: trio.TaskStatus[Client]) -> None:
        session = secrets.token_hex(16)
        async with open_client(nick=nick, bot=bot, session=session, dial=self.server.dial) as client:
            task_status.started(client)
            async for _ in client:
                pass


@asynccontextmanager
async def open_house(config: ServerConfig = CONFIG) -> AsyncIterator[House]:
    """Run a server in memory for as long as the block lasts."""
    async with open_server(config) as server, trio.open_nursery() as nursery:
        yield House(server, nursery)
        nursery.cancel_scope.cancel()


class Person:
    """Ann at a terminal.

    Attributes:
        pty: hers.
        screen: the program that she runs.
        client: hers.
        left: is set when the program has ended.
    """

    def __init__(self, pty: PtyScreen, screen: FullScreen, client: Client) -> None:
        self.pty = pty
        self.screen = screen
        self.client = client
        self.left = trio.Event()
        self.is_gone = False

    def hang_up(self) -> None:
        """Take the terminal away."""
        self.is_gone = True
        os.close(self.pty.master)

    @property
    def lines(self) -> list[str]:
        return self.pty.lines

    def type(self, text: str) -> None:
        self.pty.type(text)

    async def sees(self, *texts: str) -> None:
        """Wait until all of `texts` are on the screen."""
        await self.pty.until(lambda: all(any(text in line for line in self.lines) for text in texts))

    async def sees_no(self, *texts: str) -> None:
        """Wait until none of `texts` is on the screen."""
        await self.pty.until(lambda: not any(text in line for line in self.lines for text in texts))

    async def sees_that(self, seen: Callable[[list[str]], object]) -> None:
        """Wait until `seen` is true of the rows."""
        await self.pty.until(lambda: seen(self.lines))

    def row_of(self, text: str) -> int:
        return next(number for number, line in enumerate(self.lines) if text in line)


@asynccontextmanager
async def ann_at(
    house: House,
    columns: int = 120,
    rows: int = 24,
    *,
    notify: bool = False,
    shelf: Shelf | None = None,
    room: str = "",
) -> AsyncIterator[Person]:
    """Ann for as long as the block lasts; then her terminal is as it was.

    She is in the lobby, unless she asks for a room, or has a shelf that says where she was.
    """
    with pty_screen(columns, rows) as pty:
        found = pty.modes
        session = "a" * 32
        async with open_client(nick="ann", session=session, dial=house.server.dial) as client:
            terminal = ScreenTerminal(pty.slave, pty.slave, titled=notify)
            person = Person(pty, FullScreen(terminal, client, "home", shelf, notify=notify), client)
            async with trio.open_nursery() as nursery:

                async def run() -> None:
                    await person.screen.run(room or "lobby", asked=bool(room))
                    person.left.set()

                nursery.start_soon(run)
                await person.sees("connected", "home as")
                yield person
                person.screen.leave()
        if not person.is_gone:
            assert pty.modes == found
