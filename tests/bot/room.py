"""A room in memory as a bot's client sees it, and a model that says what a test wants.

`RoomInMemory` offers what `trio_chat.bot.needs.RoomClient` asks for. It must not know what a bot does with it.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from protocol import (
    PAGE_ENTRIES,
    Cause,
    CommandHelp,
    CommandOffer,
    Edited,
    Entry,
    Found,
    Gap,
    Granted,
    History,
    Joined,
    Limits,
    Live,
    Member,
    Members,
    Message,
    Posted,
    Redacted,
)
from tests.bot.events import ME, said
from trio_chat.bot.context import Prompt
from trio_chat.bot.models import Answer, Show
from trio_chat.bot.needs import RoomPlace
from trio_chat.client import ChatError, ClientEvent, Refused, Turn, TurnLost

LIMITS = Limits(65_536, 4_000, 32, 64, 500, PAGE_ENTRIES, 262_144)


class Place:
    """What a client knows of a room."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.topic = ""


class RoomInMemory:
    """A client in one room, and the people in it. What is said before `join` is history.

    Attributes:
        log: the entries of the room.
        refusals: what the next requests are answered with, one each; `no_turns` the same for turns.
    """

    def __init__(self, room: str = "lobby", *, page_entries: int = PAGE_ENTRIES) -> None:
        self.nick = "sage"
        self.author = ME
        self.limits = LIMITS
        self.room = room
        self.place = Place()
        self.log: list[Entry] = []
        self.refusals: deque[ChatError] = deque()
        self.no_turns: deque[ChatError] = deque()
        self.pages_read = 0
        self.causes: list[Cause] = []  # of all turns
        self.left: list[str] = []
        self.keys: dict[str, int] = {}
        self.cuts = 0  # how many posts are the last thing that the connection carries
        self.offers: list[CommandOffer] = []
        self.speaking: Turn | None = None
        self.drafts: list[tuple[int, str, str]] = []  # with the number of their turn, and what it did
        self.tokens = 0
        self._page_entries = page_entries
        self._joined = False
        self._to_bot, self._events = trio.open_memory_channel[ClientEvent](1_000)

    @property
    def rooms(self) -> Mapping[str, RoomPlace]:
        return {self.room: self.place}

    @property
    def said_by_bot(self) -> list[Message]:
        """What the bot posted, oldest first."""
        return [entry for entry in self.log if isinstance(entry, Message) and entry.author == ME]

    async def join(self, room: str, *, last: int = 50) -> Joined:
        await self._be_asked()
        assert room == self.room
        joined = Joined(room, self.place.epoch, len(self.log), "", [], 1)
        self._joined = True
        for event in (joined, *(self.log[-last:] if last else ()), Live(room, len(self.log))):
            self.deliver(event)
        return joined

    async def commands(self, room: str | None = None) -> list[CommandHelp]:
        await self._be_asked()
        return []

    async def leave(self, room: str) -> None:
        await self._be_asked()
        self.left.append(room)

    async def offer(self, commands: Sequence[CommandOffer]) -> None:
        await self._be_asked()
        assert not (self._joined and commands), "whoever sees the bot come finds its commands"
        self.offers = list(commands)

    @asynccontextmanager
    async def turn(self, room: str, cause: Cause) -> AsyncIterator[Turn]:
        """Give a turn, as the server does when nothing is in its way; `stop` ends it."""
        await trio.lowlevel.checkpoint()
        if self.no_turns:
            raise self.no_turns.popleft()
        assert room == self.room
        assert self.speaking is None
        self.causes.append(cause)
        turn = self.speaking = Turn(Granted(1, room, len(self.causes), 1, 300_000))
        turn.use(self._post, self._show)
        try:
            with turn.scope:
                yield turn
        finally:
            self.speaking = None

    async def _post(
        self,
        room: str,
        text: str,
        *,
        reply_to: int | None = None,
        action: bool = False,
        key: str | None,
        turn: int,
        more: bool = False,
        tokens: int = 0,
    ) -> Posted:
        await self._be_asked()
        assert self.speaking is not None
        assert self.speaking.number == turn
        self.tokens += tokens
        if key is not None and key in self.keys:
            said_before = self.log[self.keys[key] - 1]
            assert isinstance(said_before, Message)
            if said_before.text != text:
                raise Refused("key_reused", "This key names another entry already.")
            if not self.cuts:
                return Posted(1, room, self.keys[key], 0, duplicate=True)
        seq = self.keys.get(key or "", len(self.log) + 1)
        if seq > len(self.log):
            if key is not None:
                self.keys[key] = seq
            self._enter(said(seq, text, self.nick, author=ME, bot=True, reply_to=reply_to, room=room))
        if self.cuts:
            self.cuts -= 1
            self.speaking.end("gone")
            raise TurnLost  # it is in the log, and nobody knows
        return Posted(1, room, seq, 0)

    async def _show(self, turn: int, text: str, doing: str) -> None:
        await trio.lowlevel.checkpoint()
        self.drafts.append((turn, text, doing))

    def stop(self, reason: str = "stopped", by: str | None = "ann") -> None:
        """End the turn under way from outside."""
        assert self.speaking is not None
        self.speaking.end(reason, by)

    async def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> History:
        await self._be_asked()
        assert room == self.room
        self.pages_read += 1
        count = min(self._page_entries, limit or PAGE_ENTRIES)
        if after is not None:
            later = self.log[after:]
            return History(1, room, later[:count], len(later) > count)
        earlier = self.log[: len(self.log) if before is None else before - 1]
        return History(1, room, earlier[-count:], len(earlier) > count)

    async def search(
        self, query: str, *, room: str | None = None, nick: str | None = None, limit: int | None = None
    ) -> Found:
        await self._be_asked()
        assert room == self.room
        words = query.casefold().split()
        said = [entry for entry in reversed(self.log) if isinstance(entry, Message) and not entry.redacted]
        found = [entry for entry in said if all(word in entry.text.casefold() for word in words)]
        entries: list[Entry] = [entry for entry in found if nick in (None, entry.nick)]
        return Found(1, entries[:limit])

    async def members(self, room: str | None = None, *, limit: int | None = None) -> Members:
        await self._be_asked()
        assert room == self.room
        said = {entry.nick: entry for entry in self.log if isinstance(entry, Message)}
        present = {ME: Member(ME, self.nick, True)} | {
            entry.author: Member(entry.author, entry.nick, entry.bot) for entry in said.values()
        }
        listed = sorted(present.values(), key=lambda member: member.nick)
        return Members(listed[:limit], len(listed), len(listed) > (limit or len(listed)), room, 1)

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        return self._events

    async def _be_asked(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusals:
            raise self.refusals.popleft()

    # --- what the people and the server do ---

    def say(self, text: str, nick: str = "ann", *, bot: bool = False, command: str | None = None) -> int:
        """Say something; returns its seq."""
        return self._enter(said(len(self.log) + 1, text, nick, bot=bot, command=command, room=self.room))

    def edit(self, target: int, text: str) -> int:
        """Change what was said, in its place and as an entry."""
        old = self.log[target - 1]
        assert isinstance(old, Message)
        self.log[target - 1] = said(target, text, old.nick, room=self.room)
        return self._enter(Edited(self.room, len(self.log) + 1, 0, old.author, old.nick, target, text))

    def redact(self, target: int) -> int:
        """Take back what was said."""
        old = self.log[target - 1]
        assert isinstance(old, Message)
        self.log[target - 1] = said(target, "", old.nick, redacted=True, room=self.room)
        return self._enter(Redacted(self.room, len(self.log) + 1, 0, old.author, old.nick, target))

    def begin_anew(self) -> None:
        """Lose the log."""
        self.place.epoch += "+"
        self.deliver(Gap(self.room, len(self.log), 1, "epoch"))
        self.log.clear()

    def deliver(self, event: ClientEvent) -> None:
        """Put any event into the client's stream."""
        self._to_bot.send_nowait(event)

    def end(self) -> None:
        """End the client's stream, as after a goodbye."""
        self._to_bot.close()

    def _enter(self, entry: Entry) -> int:
        self.log.append(entry)
        if self._joined:
            self.deliver(entry)
        return entry.seq


class ScriptedModel:
    """A model that notes what it is asked and answers when it is told to.

    Attributes:
        prompts: what it was asked.
        answers: what it says next: a text or all of an answer, an error to raise, or None to show `first_shown` until
            `release` is set. The last one stands for all that follow.
    """

    def __init__(self, *answers: str | Answer | Exception | None) -> None:
        self.prompts: list[Prompt] = []
        self.answers = deque(answers)
        self.release = trio.Event()
        self.first_shown = ("at", "")  # and what it does besides

    async def answer(self, prompt: Prompt, *, show: Show) -> Answer:
        self.prompts.append(prompt)
        await trio.lowlevel.checkpoint()
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            show(*self.first_shown)
            await self.release.wait()
            answer = "at last"
        if isinstance(answer, Exception):
            raise answer
        answer = Answer(answer) if isinstance(answer, str) else answer
        show(answer.text)
        return answer
