"""Line mode: what the server sends is written, what is typed is carried out, both at the same time.

This file owns the current room, which answers a line gets, and how a conversation ends. It must not know
whether anybody edits the lines, who reads the output, nor how the client reaches the server.
"""

import errno
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import trio

from protocol import (
    Answer,
    Bye,
    CommandHelp,
    Edited,
    Joined,
    Live,
    Member,
    Message,
    Notice,
    Posted,
    Redacted,
    Rooms,
    TopicSet,
)
from trio_chat.client.errors import ChatError, Refused
from trio_chat.client.events import ClientEvent, Disconnected
from trio_chat.client.output import Output
from trio_chat.client.report import Report

SETTLE_S: Final = 5.0
"""How long the end of the input waits for the next of the entries that it still expects to see."""

HURRY_S: Final = 1.0
"""How long what is still to be written may take when somebody interrupts."""

NO_ROOM: Final = "You are in no room; go to one with /join ROOM."
_QUITS: Final = ("/quit", "/exit")
# What a write says when whoever read the output has gone: no error of ours or theirs, only the end.
_NOBODY_READS: Final = (errno.EPIPE, errno.EIO)


class RoomView(Protocol):
    """What line mode wants to know of a room that one is in."""

    @property
    def peer(self) -> str | None: ...

    @property
    def members(self) -> Mapping[str, Member]: ...


class LineClient(Protocol):
    """What line mode needs of a `Client`."""

    @property
    def connected(self) -> bool: ...

    @property
    def rooms(self) -> Mapping[str, RoomView]: ...

    async def join(self, room: str) -> Joined: ...

    async def post(self, room: str, text: str) -> Posted: ...

    async def command(self, line: str, *, room: str | None = None, key: str | None = None) -> Answer: ...

    async def commands(self, room: str | None = None) -> Sequence[CommandHelp]: ...

    async def list_rooms(self) -> Rooms: ...

    def __aiter__(self) -> AsyncIterator[ClientEvent]: ...


def room_name(client: LineClient, room: str) -> str:
    """Return a room's name for people: ``#room``, and ``@nick`` for a private one."""
    view = client.rooms.get(room)
    if view is not None and view.peer is not None:
        return f"@{view.peer}"
    return room if room.startswith("~") else f"#{room}"


def asks_to_quit(line: str) -> bool:
    """Tell whether a line is the command to leave."""
    return line.partition(" ")[0].rstrip().lower() in _QUITS


class Talk:
    """One conversation in line mode, from the first room to the end.

    Attributes:
        room: where lines are posted; None while one is in no room.
        unanswered: lines handed over for which the server has not answered yet.
        code: the exit status so far.
        last_words: sentences for standard error, once the terminal is as it was.
        unfinished: whether there is input left that should be carried out before the end.

    Args:
        client: an open client, whose events nobody else reads.
        report: makes what is written.
        output: where it goes. The talk runs it.
    """

    def __init__(self, client: LineClient, report: Report, output: Output) -> None:
        self.client = client
        self.report = report
        self.output = output
        self.room: str | None = None
        self.unanswered = 0
        self.code = 0
        self.last_words: list[str] = []
        self.unfinished = False
        self._announced: set[str] = set()
        self._quitting = False
        self._owed: dict[str, int] = {}  # by room, the seq up to which entries are to be seen
        self._seen: dict[str, int] = {}
        self._progress = trio.lowlevel.ParkingLot()
        self._work = trio.CancelScope()
        self._closing = trio.CancelScope()

    async def run(self, room: str, source: Callable[["Talk"], Awaitable[None]]) -> None:
        """Join `room`, show what happens, and carry out what `source` brings, until any of them ends.

        Args:
            room: the first room.
            source: takes lines from wherever they come and hands them to `carry_out`; its end is the end. It
                is cancelled when the conversation ends otherwise.

        Cancelled from outside, it ends without writing what waits; see `leave` for the polite way.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._print)
            with self._work:
                await self._talk(room, source)
            with self._closing:
                await self.output.put(self.report.say("Finished."))
                await self.output.drain()
            nursery.cancel_scope.cancel()

    def leave(self) -> None:
        """End soon: nothing more is read or carried out, and what waits to be written gets a second."""
        self._work.cancel()
        self._closing.deadline = trio.current_time() + HURRY_S

    def finish(self, code: int, sentence: str | None = None) -> None:
        """End, with an exit status and why; what waits is written."""
        self.code = self.code or code
        if sentence is not None:
            self.last_words.append(sentence)
        self._work.cancel()

    async def carry_out(self, line: str) -> str | None:
        """Post a line, or carry out the command that it is, and show the answer.

        Returns:
            Why it was refused, in a sentence; None if it was not.

        Raises:
            ChatError: the client has ended.
        """
        self.unanswered += 1
        try:
            complaint = await self._ask(line)
        except Refused as error:
            complaint = str(error)
        self.unanswered -= 1
        return complaint

    async def settle(self) -> None:
        """Return when all that was in the first room, and all that was posted, has come by as events.

        It gives up when none comes for `SETTLE_S`, other than because the output is not read.
        """
        while any(self._seen.get(room, 0) < seq for room, seq in self._owed.items() if room in self.client.rooms):
            with trio.move_on_after(SETTLE_S) as waiting:
                await self._progress.park()
            if waiting.cancelled_caught and self.output.idle:
                break

    async def say(self, sentence: str, *, warning: bool = False) -> None:
        """Have a sentence of the program itself written."""
        await self.output.put(self.report.say(sentence, warning=warning))

    # --- tasks --------------------------------------------------------------------------------------------

    async def _talk(self, room: str, source: Callable[["Talk"], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            try:
                joined = await self.client.join(room)
                self._owed[joined.room] = joined.head
                await source(self)
            except ChatError as error:
                self.finish(1, str(error))
            nursery.cancel_scope.cancel()

    async def _watch(self) -> None:
        try:
            async for event in self.client:
                await self._show(event)
            self.finish(0)
        except ChatError as error:
            self.finish(1, str(error))

    async def _print(self) -> None:
        await self.output.run()
        error = self.output.error
        if error is not None and error.errno not in _NOBODY_READS:
            self.finish(1, f"The output cannot be written: {error.strerror}.")
        self.finish(0)

    # --- what happens -------------------------------------------------------------------------------------

    async def _show(self, event: ClientEvent) -> None:
        if isinstance(event, Joined):
            await self._show_joined(event)
        else:
            await self.output.put(self.report.event(event))
        if isinstance(event, Message | Edited | Redacted | TopicSet | Live):
            self._seen[event.room] = event.seq
            self._progress.unpark_all()
        elif isinstance(event, Disconnected) and self._quitting:
            self.finish(0)

    async def _show_joined(self, joined: Joined) -> None:
        again = joined.room in self._announced
        self._announced.add(joined.room)
        if joined.id is not None and not again:
            self._enter(joined.room)
        if not again or self.report.shows_rejoining:
            await self.output.put(self.report.event(joined))

    def _enter(self, room: str | None) -> None:
        self.room = room
        self.report.enter(room)
        self.output.refresh()

    # --- what is typed ------------------------------------------------------------------------------------

    async def _ask(self, line: str) -> str | None:
        if line.startswith("/") and not line.startswith("//"):
            return await self._command(line)
        if self.room is None:
            return NO_ROOM
        return await self._answered(await self.client.post(self.room, line.removeprefix("/")))

    async def _command(self, line: str) -> str | None:
        names = {room: room_name(self.client, room) for room in self.client.rooms}
        if asks_to_quit(line):
            self._quitting = True
            if not self.client.connected:
                self.finish(0)
                return None
        complaint = await self._answered(
            # The key makes a command that posts safe to send again after a cut.
            await self.client.command(line, room=self.room, key=secrets.token_hex(16))
        )
        for room, name in names.items():
            if room not in self.client.rooms and not self._quitting:
                await self._left(room, name)
        return complaint

    async def _answered(self, answer: Answer) -> str | None:
        if isinstance(answer, Joined):
            await self._switch(answer.room)
        elif isinstance(answer, Bye):
            self.finish(0)
        elif isinstance(answer, Notice) and answer.level == "warning":
            await self.output.put(self.report.refusal(answer))
            return answer.text
        else:
            if isinstance(answer, Posted):
                self._owed[answer.room] = max(answer.seq, self._owed.get(answer.room, 0))
            await self.output.put(self.report.answer(answer))
        return None

    async def _switch(self, room: str) -> None:
        if room in self._announced and room != self.room:
            await self.say(f"You are talking in {room_name(self.client, room)} now.")
        self._enter(room)

    async def _left(self, room: str, name: str) -> None:
        self._announced.discard(room)
        await self.say(f"You have left {name}.")
        if room == self.room:
            now = next(iter(self.client.rooms), None)
            self._enter(now)
            await self.say(NO_ROOM if now is None else f"You are talking in {room_name(self.client, now)} now.")
