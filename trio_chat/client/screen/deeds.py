"""What a person at a full screen has the server do: say, command, search; and what becomes of the answer.

This file owns these requests, and how their answers change the model. It must not know keys, nor how anything is drawn.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from protocol import (
    Bye,
    CommandHelp,
    Found,
    Joined,
    Notice,
    Posted,
    Rooms,
)
from trio_chat.client.client import CommandAnswer, new_key
from trio_chat.client.errors import Refused
from trio_chat.client.events import ClientEvent
from trio_chat.client.lines import NO_ROOM, asks_to_quit
from trio_chat.client.rooms import RoomView
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.reading import Log

LOCAL: Final = (
    CommandHelp("/buffer", "/buffer NAME|N", "go to a room on the screen by its number or the beginning of its name"),
    CommandHelp("/b", "/b NAME|N", "the same as /buffer"),
    CommandHelp("/keys", "/keys", "show what the keys do (F1)"),
)
"""Commands that no server needs to hear of."""

FIND: Final = "/find"
_GOING: Final = ("/join", "/leave", "/msg")


class ScreenClient(Log, Protocol):
    """What a full screen needs of a `Client`."""

    @property
    def nick(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def rooms(self) -> Mapping[str, RoomView]: ...

    async def join(self, room: str) -> Joined: ...

    async def post(self, room: str, text: str, *, key: str | None = None) -> Posted: ...

    async def command(self, line: str, *, room: str | None = None, key: str | None = None) -> CommandAnswer: ...

    async def commands(self, room: str | None = None) -> Sequence[CommandHelp]: ...

    async def list_rooms(self) -> Rooms: ...

    async def search(self, query: str, *, room: str | None = None, cursor: str | None = None) -> Found: ...

    async def ping(self) -> float | None: ...

    def __aiter__(self) -> AsyncIterator[ClientEvent]: ...


class Line(Struct, frozen=True):
    """Something typed: in which room, and the key under which it is said.

    `is_ahead`: it was typed behind a command that goes to another room and was not answered yet, and is for that one.
    """

    text: str
    room: str | None
    key: str
    is_ahead: bool = False


class Deeds:
    """See the head of this file.

    Args:
        client: an open client.
        model: what is on the screen.
        show_found: shows what a search has found: for which words, and in which room.
        show_keys: shows what the keys do.
        leave: ends the program.
    """

    def __init__(
        self,
        client: ScreenClient,
        model: Model,
        *,
        show_found: Callable[[Found, str, str | None], None],
        show_keys: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        self._client = client
        self._model = model
        self._show_found = show_found
        self._show_keys = show_keys
        self._leave = leave
        self._going = 0  # commands without an answer yet that go to another room
        self._follows = True  # whether what is typed is for where they lead
        self._led_to: str | None = None  # where the last one has led

    # --- what is typed ------------------------------------------------------------------------------------

    def done_at_once(self, text: str) -> bool:
        """Carry out a command that needs no server; return whether it was one."""
        name, words = _name(text), text.partition(" ")[2].strip()
        if name in ("/buffer", "/b"):
            self._switch(words)
        elif name == "/keys":
            self._show_keys()
        else:
            return False
        return True

    def typed(self, text: str) -> Line | None:
        """Take any other line in: show what is to be said, and return what is left to do."""
        line = Line(text, self._model.current, new_key(), is_ahead=self._going > 0 and self._follows)
        if _name(text) in _GOING:
            self._going += 1
            self._follows = True
        return line if line.is_ahead or self._show_posting(line) else None

    def stay(self) -> None:
        """Note that somebody has gone to a room by a key: what is typed from now on is for that one."""
        self._follows = False

    @staticmethod
    def finds(text: str) -> bool:
        """Tell whether a line asks for a search, whose hits are shown in place of what one looks at."""
        return _name(text) == FIND and bool(text.partition(" ")[2].strip())

    def _show_posting(self, line: Line) -> bool:
        """Show what is about to be said; return whether there is a room to say it in."""
        text = line.text
        if not text.startswith("/") or text.startswith("//"):
            if line.room is None:
                self._model.say(NO_ROOM, warning=True)
                return False
            self._model.posting(line.room, line.key, text.removeprefix("/"))
        return True

    def _switch(self, words: str) -> None:
        name = self._model.by_words(words)
        if name is not None:
            self.stay()
            self._model.look_at(name)
        else:
            self._model.answer(
                f"No room on the screen is called {words or 'nothing'}; /join ROOM opens one.", warning=True
            )

    async def carry_out(self, line: Line) -> None:
        """Post a line, or have the command carried out, and show the answer.

        Raises:
            ChatError: the client has ended.
        """
        if line.is_ahead:
            line = msgspec.structs.replace(line, room=self._led_to)
            if not self._show_posting(line):
                return
        is_going = _name(line.text) in _GOING
        if is_going:
            self._led_to = line.room  # if it leads nowhere
        try:
            if not line.text.startswith("/") or line.text.startswith("//"):
                await self._post(line)
            elif self.finds(line.text):
                await self.find(line.text.partition(" ")[2].strip(), line.room)
            else:
                await self._command(line)
        except Refused as error:
            self._model.say(str(error), warning=True)
        finally:
            self._going -= is_going

    async def _post(self, line: Line) -> None:
        assert line.room is not None
        text = line.text.removeprefix("/")
        seq: int | None = None
        try:
            seq = (await self._client.post(line.room, text, key=line.key)).seq
        finally:
            self._model.posted(line.room, line.key, seq)

    async def _command(self, line: Line) -> None:
        if asks_to_quit(line.text) and not self._client.connected:
            self._leave()
            return
        answer = await self._client.command(line.text, room=line.room, key=line.key)
        if isinstance(answer, Joined):
            self._show_joined(answer)
        elif isinstance(answer, Bye):
            self._leave()
        elif isinstance(answer, Notice):
            self._model.tell(answer)  # where one looks now
        else:
            self._model.tell(answer, line.room)
        self.close_left()

    async def enter(self, room: str) -> None:
        """Go into the first room; what is typed meanwhile is for that one.

        Raises:
            ChatError: that is refused, or the client has ended.
        """
        self._going += 1
        try:
            self._show_joined(await self._client.join(room))
        finally:
            self._going -= 1

    def _show_joined(self, joined: Joined) -> None:
        self._led_to = joined.room
        if self._follows:  # else somebody looks elsewhere by now, and may be typing there
            self._model.look_at(joined.room)

    def close_left(self) -> None:
        """Take the rooms off the screen that we are not in any more."""
        for name in [name for name in self._model.rooms if name not in self._client.rooms]:
            self._model.close(name)
            if name == self._led_to:
                self._led_to = self._model.current

    async def write_to(self, nick: str) -> None:
        """Open the private room with somebody."""
        self._going += 1
        self._follows = True
        await self.carry_out(Line(f"/msg {nick}", self._model.current, new_key()))

    async def stop(self, room: str) -> str | None:
        """Stop what bots are about to say in a room; return why that was refused, if it was.

        Raises:
            ChatError: the client has ended.
        """
        try:
            await self._client.command("/stop", room=room)
        except Refused as error:
            return str(error)
        return None

    async def find(self, words: str, room: str | None) -> None:
        """Search a room, or all, and show what is found."""
        found = await self._client.search(words, room=room)
        if found.entries:
            self._show_found(found, words, room)
        else:
            if room == self._model.current and self._model.room is not None:
                self._model.room.follow()
            self._model.tell(found, room)

    async def find_more(self, words: str, room: str | None, cursor: str | None) -> Found:
        """Return the page of a search that begins at `cursor`.

        Raises:
            ChatError: that is refused, or the client has ended.
        """
        return await self._client.search(words, room=room, cursor=cursor)


def _name(text: str) -> str:
    """Return the command that a line begins with, or its first word."""
    return text.partition(" ")[0].rstrip().lower()
