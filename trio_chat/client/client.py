"""The client library as its users see it: a `Client` with one method for each request.

This file owns how a request is written in Python. It must not know how it is sent, or what becomes of it when
the connection breaks: that is `engine` and what lies below.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

import trio

from protocol import (
    Answer,
    Bye,
    Cause,
    Command,
    CommandHelp,
    CommandOffer,
    Commands,
    Direct,
    Done,
    Edit,
    EndTurn,
    Found,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Granted,
    History,
    Join,
    Joined,
    Leave,
    Limits,
    Members,
    Notice,
    Offer,
    Post,
    Posted,
    Redact,
    Request,
    Rooms,
    Search,
    SetNick,
    SetTopic,
    ShowDraft,
    TakeTurn,
)
from trio_chat.client.backoff import Backoff
from trio_chat.client.cursor import DEFAULT_LAST
from trio_chat.client.engine import Engine
from trio_chat.client.errors import ChatError, Refused
from trio_chat.client.events import ClientEvent
from trio_chat.client.rooms import RoomView
from trio_chat.client.turn import DONE, LOST, Turn

END_S: Final = 1.0
"""How long leaving a turn may take that nobody has ended."""

CommandAnswer = Joined | Done | Posted | History | Found | Rooms | Members | Notice | Bye
"""What a slash command may be answered with: the answer of the request it stands for, or a `Notice`."""

_Kind = TypeVar("_Kind", bound=Answer)


class Client:
    """One person or bot on a chat server, for as long as the block of `open_client` lasts.

    Iterate over it (`async for event in client`) in **one** task to read its events. Every entry of a joined room
    comes once and in order, whatever the network does; a `Gap` says so when some are gone. Events that nobody
    reads wait, 1,000 of them; what comes on top is fetched again later, so that nothing is lost and nothing blocks.
    The iteration ends after the server has answered a `/quit`, or raises `Refused` if the server turned us away
    when we came back.

    All requests wait for a connection if there is none, and are sent again if it breaks before the answer came.
    Bound them with a cancel scope. Cancelled, a request may have been carried out all the same, or be so still:
    repeat a post under the same `key` to be sure. They raise `Refused` for what the server (or a rule of the
    protocol) refuses, and `ClientClosed` after the end. Any task may call them, many at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def nick(self) -> str:
        """The name that we go by."""
        return self._engine.session.nick

    @property
    def author(self) -> str:
        """Our public id: the `author` of what we post."""
        return self._engine.session.author

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._engine.connected

    @property
    def limits(self) -> Limits:
        """What the server accepts."""
        return self._engine.welcome.limits

    @property
    def rooms(self) -> Mapping[str, RoomView]:
        """The rooms joined, by name. It changes as we join and leave."""
        return self._engine.session.rooms.views

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        """Read the events, in one task only."""
        return self

    async def __anext__(self) -> ClientEvent:
        """Return the next event. Cancelled, it takes none."""
        return await self._engine.next_event()

    # --- rooms ----------------------------------------------------------------------------------------

    async def join(self, room: str, *, last: int = DEFAULT_LAST) -> Joined:
        """Come into a room, which is made if it is new; its entries and then `Live` follow as events.

        Args:
            room: its name, without the `#`.
            last: how many stored entries to be sent first. In a room that we are in already, those that we
                have had do not come again.
        """
        return await self._ask(Join(self._id(), room, last=last), Joined, last)

    async def direct(self, nick: str) -> Joined:
        """Open the private room with whoever has `nick`; the answer's `room` is what to post to."""
        return await self._ask(Direct(self._id(), nick), Joined)

    async def leave(self, room: str) -> None:
        """Leave a room; events of it that wait to be read still come."""
        await self._ask(Leave(self._id(), room), Done)

    # --- writing --------------------------------------------------------------------------------------

    async def post(
        self,
        room: str,
        text: str,
        *,
        action: bool = False,
        reply_to: int | None = None,
        key: str | None = None,
        turn: int | None = None,
        more: bool = False,
        tokens: int = 0,
    ) -> Posted:
        """Say something, and return once it is on stable storage.

        What the server could not do just now (`unavailable`), or finds too fast (`too_many`), is sent again by
        itself, under the same key, until it is done or this is cancelled.

        Args:
            room: one that we are in.
            text: 1 to 4,000 characters, newlines and tabs among them.
            action: whether it is what we do, not what we say (`/me`).
            reply_to: the seq of the message that it answers.
            key: 1 to 64 printable ASCII characters, new for every message of ours: sent twice under one key, it
                is said once. None makes one.
            turn: for a bot, the turn in which it speaks; `Turn.post` gives it.
            more: whether other posts of the turn follow.
            tokens: what the turn has used.
        """
        made = key or new_key()
        return await self._write(lambda: Post(self._id(), room, made, text, action, reply_to, turn, more, tokens))

    async def edit(self, room: str, target: int, text: str) -> Posted:
        """Give our message with the seq `target` a new text; repeated by itself like a post."""
        key = new_key()
        return await self._write(lambda: Edit(self._id(), room, key, target, text))

    async def redact(self, room: str, target: int, reason: str = "") -> Posted:
        """Take back our message with the seq `target`; repeated by itself like a post."""
        key = new_key()
        return await self._write(lambda: Redact(self._id(), room, key, target, reason))

    async def set_topic(self, room: str, text: str) -> Posted:
        """Set the topic of a room, one line of 0 to 500 characters; repeated by itself like a post."""
        key = new_key()
        return await self._write(lambda: SetTopic(self._id(), room, key, text))

    # --- turns ----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def turn(self, room: str, cause: Cause) -> AsyncIterator[Turn]:
        """Speak in a room as a bot, for as long as the block lasts and the server lets us.

        When the turn is ended from outside (somebody stops it, it takes too long, the connection is lost), the block is
        cancelled and left without an exception: `ended` of the turn says why.

        Raises:
            Refused: `no_turn`: we may not speak now; its message says why, `retry_after_ms` when.
            TurnLost: the connection broke before there was an answer.
        """
        granted = await self._ask(TakeTurn(self._id(), room, cause), Granted)
        turns = self._engine.session.turns
        turn = turns[granted.turn]
        turn.use(self.post, self._show)
        try:
            with turn.scope:
                yield turn
        finally:
            turns.let_go(turn)
            is_ours_to_end = turn.ended is None
            turn.end(DONE)
            if is_ours_to_end or (turn.tokens and turn.ended != LOST):
                with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S), suppress(ChatError):
                    await self._ask(EndTurn(self._id(), turn.number, turn.tokens), Done)

    async def _show(self, number: int, text: str, doing: str) -> None:
        await self._ask(ShowDraft(self._id(), number, text, doing), Done)

    # --- reading --------------------------------------------------------------------------------------

    async def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> History:
        """Return a page of the log, in ascending order, in its present state.

        Args:
            room: one that we may join.
            before: the newest ones below this seq. With neither: the newest of all.
            after: the oldest ones above this seq.
            limit: how many at most, 1 to 500; None is 50. `more` says whether there are more.
        """
        return await self._ask(GetHistory(self._id(), room, before, after, limit), History)

    async def search(
        self,
        query: str,
        *,
        room: str | None = None,
        nick: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Found:
        """Return messages that hold all words of `query`, newest first; `next` of the answer is the next `cursor`."""
        return await self._ask(Search(self._id(), query, room, nick, cursor, limit), Found)

    async def list_rooms(self, *, after: str | None = None, limit: int | None = None) -> Rooms:
        """Return public rooms by name, from behind the name `after`."""
        return await self._ask(GetRooms(self._id(), after, limit), Rooms)

    async def members(self, room: str | None = None, *, after: str | None = None, limit: int | None = None) -> Members:
        """Return who is in a room, or online at all, by nick, from behind the nick `after`."""
        return await self._ask(GetMembers(self._id(), room, after, limit), Members)

    # --- ourselves, and commands ----------------------------------------------------------------------

    async def set_nick(self, nick: str) -> None:
        """Go by another name."""
        await self._ask(SetNick(self._id(), nick), Done)

    async def commands(self, room: str | None = None) -> list[CommandHelp]:
        """Return the slash commands that can be typed in `room`, or somewhere: the server's and those of bots."""
        return (await self._ask(GetCommands(self._id(), room), Commands)).commands

    async def offer(self, commands: Sequence[CommandOffer]) -> None:
        """Add slash commands, as a bot, to the rooms that we are in, in place of those that we have added before.

        Raises:
            Refused: `forbidden`: we are no bot, or the server has a command of that name; `bad_name` or `bad_text`:
                names are a slash, a letter, then up to 30 of a to z, 0 to 9, - and _; there may be 20.
        """
        await self._ask(Offer(self._id(), list(commands)), Done)

    async def command(self, line: str, *, room: str | None = None, key: str | None = None) -> CommandAnswer:
        """Have the server carry out a slash command, and return the answer of the request that it stands for.

        Args:
            line: as typed, `/` first. A line that starts with `//` is no command: it is posted with one slash.
            room: where it was typed.
            key: for a command that posts, as in `post`.
        """
        if line.startswith("//") and room is not None:
            return await self.post(room, line[1:], key=key)
        answer = await self._engine.ask(Command(self._id(), line, room, key or new_key()), DEFAULT_LAST)
        assert isinstance(answer, CommandAnswer), "the machine has let no other kind through"
        return answer

    async def ping(self) -> float | None:
        """Return how many seconds a message takes to the server and back; None if there is no connection, or no more.

        The server answers it ahead of all else that it has not begun. Cancelled, the answer is passed over.
        """
        return await self._engine.ping()

    # --- asking ---------------------------------------------------------------------------------------

    def _id(self) -> int:
        return self._engine.new_id()

    async def _ask(self, request: Request, kind: type[_Kind], last: int = DEFAULT_LAST) -> _Kind:
        answer = await self._engine.ask(request, last)
        assert isinstance(answer, kind), "the machine has let no other kind through"
        return answer

    async def _write(self, make: Callable[[], Request]) -> Posted:
        """Send what has a key until it is done, or refused for a reason that waiting does not mend."""
        backoff = Backoff()
        while True:
            try:
                return await self._ask(make(), Posted)
            except Refused as error:
                worth_waiting = error.code == "too_many" and error.retry_after_ms is not None
                if error.code != "unavailable" and not worth_waiting:
                    raise
                wait_s = backoff.failed(error.retry_after_ms)
            await trio.sleep(wait_s)


def new_key() -> str:
    """Return a key that no other message has."""
    return secrets.token_hex(16)
