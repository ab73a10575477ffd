"""Other people in the room, for tests that are not async: ordinary clients on an event loop in a thread beside.

This file owns that thread. It must not know what is said.
"""

import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import trio

from protocol import Answer, Posted
from trio_chat import Bot, Client, open_client

T = TypeVar("T")


class Person:
    """A client in a room; all calls block until they are done."""

    def __init__(self, people: "People", client: Client, room: str) -> None:
        self._people = people
        self.client = client
        self.room = room

    def say(self, text: str, *, reply_to: int | None = None) -> Posted:
        """Say something, and return once it is kept."""
        return self._people.run(partial(self.client.post, self.room, text, reply_to=reply_to))

    def say_all(self, texts: list[str]) -> None:
        """Say many things in order, without waiting in between."""

        async def say() -> None:
            # In batches: whoever sends all at once would have thousands of tasks wait for their answers.
            for start in range(0, len(texts), 500):
                async with trio.open_nursery() as nursery:
                    for text in texts[start : start + 500]:
                        nursery.start_soon(self.client.post, self.room, text)
                        await trio.lowlevel.cancel_shielded_checkpoint()

        self._people.run(say)

    def command(self, line: str) -> Answer:
        """Carry out a slash command."""
        return self._people.run(partial(self.client.command, line, room=self.room, key=secrets.token_hex()))

    def edit(self, seq: int, text: str) -> Posted:
        """Change what one has said."""
        return self._people.run(partial(self.client.edit, self.room, seq, text))


class People:
    """An event loop in a thread, with people and bots in it; made by `company`."""

    def __init__(self) -> None:
        self._ready: SimpleQueue[trio.lowlevel.TrioToken] = SimpleQueue()
        self._nursery: trio.Nursery
        self._thread = threading.Thread(target=trio.run, args=(self._main,))
        self._thread.start()
        self._token = self._ready.get()

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run an async function in the loop."""
        return trio.from_thread.run(function, trio_token=self._token)

    def enter(self, nick: str, room: str, url: str) -> Person:
        """Have somebody come into a room, and stay."""

        async def come() -> Client:
            client: Client = await self._nursery.start(self._stay, url, nick, room)
            return client

        return Person(self, self.run(come), room)

    def start(self, bot: Bot) -> None:
        """Have a bot come into its room."""

        async def come() -> None:
            await self._nursery.start(bot.serve)

        self.run(come)

    def close(self) -> None:
        """Have everybody leave, and end the thread."""
        trio.from_thread.run_sync(self._nursery.cancel_scope.cancel, trio_token=self._token)
        self._thread.join()

    async def _main(self) -> None:
        async with trio.open_nursery() as self._nursery:
            self._ready.put(trio.lowlevel.current_trio_token())
            await trio.sleep_forever()

    async def _stay(
        self, url: str, nick: str, room: str, *, task_status: trio.TaskStatus[Client] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with open_client(url, nick=nick) as client:
            await client.join(room, last=0)
            task_status.started(client)
            async for _ in client:
                pass


@contextmanager
def company() -> Iterator[People]:
    """Have other people for as long as the block lasts."""
    people = People()
    try:
        yield people
    finally:
        people.close()
