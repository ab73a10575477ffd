"""What a bot needs of a client: a small part of `trio_chat.client.Client`.

This file owns that list and nothing else. Anything that offers it will do: the client library, or a room in
memory for tests.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from protocol import Cause, CommandHelp, CommandOffer, Found, History, Joined, Limits, Members, Posted
from trio_chat.client import ClientEvent


class RoomPlace(Protocol):
    """What a bot asks about a room that it is in."""

    @property
    def epoch(self) -> str: ...

    @property
    def topic(self) -> str: ...


class TurnToSpeak(Protocol):
    """A turn as the bot sees it; `trio_chat.client.Turn` says what each part does."""

    ended: str | None
    by: str | None
    tokens: int

    async def post(
        self, text: str, *, more: bool = False, reply_to: int | None = None, key: str | None = None
    ) -> Posted: ...

    async def show(self, text: str, doing: str = "") -> None: ...


class RoomClient(Protocol):
    """A client as the bot sees it; `trio_chat.client.Client` says what each part does."""

    @property
    def nick(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def rooms(self) -> Mapping[str, RoomPlace]: ...

    async def join(self, room: str, *, last: int = 50) -> Joined: ...

    async def commands(self, room: str | None = None) -> Sequence[CommandHelp]: ...

    async def leave(self, room: str) -> None: ...

    async def offer(self, commands: Sequence[CommandOffer]) -> None: ...

    def turn(self, room: str, cause: Cause) -> AbstractAsyncContextManager[TurnToSpeak]: ...

    async def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> History: ...

    async def search(
        self, query: str, *, room: str | None = None, nick: str | None = None, limit: int | None = None
    ) -> Found: ...

    async def members(self, room: str | None = None, *, limit: int | None = None) -> Members: ...

    def __aiter__(self) -> AsyncIterator[ClientEvent]: ...
