"""All that a full screen shows, as data: rooms with their timelines, who is there, drafts, and the connection.

This file owns what every event means for that, what counts as unread, and which room is looked at. It is pure: it must
not know tasks, clocks, keys, or how anything is drawn.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from protocol import (
    DraftShown,
    Edited,
    Gap,
    Joined,
    Live,
    Member,
    Members,
    Message,
    Notice,
    Presence,
    Redacted,
    TopicSet,
    TurnChange,
)
from trio_chat.client.cursor import Cursor
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.render import Lines
from trio_chat.client.screen.comings import Comings
from trio_chat.client.screen.room import Draft, Post, Room, names
from trio_chat.client.screen.timeline import Note

PENDING: Final = 100
"""Own posts of a room that are shown before the server has them; what is beyond waits unseen."""

COMINGS_MS: Final = 10 * 60_000
"""For so long a line goes on to tell who comes and goes; it bears the time of the first."""


class View(Protocol):
    """What is to be known of a room that one is in; the client library has it."""

    @property
    def topic(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def peer(self) -> str | None: ...

    @property
    def members(self) -> Mapping[str, Member]: ...

    @property
    def cursor(self) -> Cursor: ...


class Me(Protocol):
    """Who we are; a `Client` is one."""

    @property
    def nick(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def rooms(self) -> Mapping[str, View]: ...


class Model:
    """The whole screen as data.

    Attributes:
        me: who we are, and what is known of our rooms.
        rooms: those on the screen, in the order of coming into them.
        current: the name of the one that is looked at.
        outage: why there is no connection; None: there is one.
        retry_at_ms: when, in the former case, the next attempt begins.
        latency_s: how long the server took for the last ping.
        mentioned: the last message that was meant for us.
        revision: changes with everything that may have to be drawn.

    Args:
        me: who we are.
        words: the lines for an event that is not of the log, or an answer.
        now_ms: gives Unix milliseconds, for what bears no time of its own.
    """

    def __init__(self, me: Me, words: Callable[[object], Lines], now_ms: Callable[[], int]) -> None:
        self.me = me
        self.rooms: dict[str, Room] = {}
        self.current: str | None = None
        self.outage: Disconnected | None = None
        self.retry_at_ms = 0
        self.latency_s: float | None = None
        self.revision = 0
        self.mentioned: Message | None = None
        self._left: str | None = None  # the room looked at before the current one
        self._words = words
        self.now_ms = now_ms
        self._deeds: Mapping[type, Callable[[Any], None]] = {
            Message: self._entry,
            Edited: self._entry,
            Redacted: self._entry,
            TopicSet: self._entry,
            Live: self._live,
            Gap: self._gap,
            Joined: self._joined,
            TurnChange: self._turn,
            DraftShown: self._draft,
            Presence: self._presence,
            Members: lambda _: None,  # the list of members is drawn from the client's own
            Notice: lambda notice: self.tell(notice, notice.room),
            Connected: self._connected,
            Disconnected: self._disconnected,
        }

    @property
    def is_lagging(self) -> bool:
        """Whether entries of the current room wait to be fetched."""
        view = self.view()
        return view is not None and self.outage is None and view.cursor.lagging

    @property
    def room(self) -> Room | None:
        """The room that is looked at."""
        return self.rooms.get(self.current or "")

    def view(self, name: str | None = None) -> View | None:
        """Return what the client knows of a room, or of the current one."""
        return self.me.rooms.get(name or self.current or "")

    def label(self, name: str) -> str:
        """Return a room's name for people: ``#room``, and ``@nick`` for a private one."""
        view = self.me.rooms.get(name)
        if view is not None and view.peer is not None:
            return f"@{view.peer}"
        return name if name.startswith("~") else f"#{name}"

    # --- which room ---------------------------------------------------------------------------------------

    def look_at(self, name: str) -> None:
        """Look at a room, which is put on the screen if it is not there yet."""
        self.revision += 1
        if name == self.current:
            return
        if (before := self.room) is not None:
            before.line = None if before.anchor is not None else before.timeline.head
            self._left = before.name
        room = self.rooms.setdefault(name, Room(name))
        self.current = name
        room.unread = room.mentions = 0

    def neighbour(self, step: int) -> str | None:
        """Return the room so many places after the current one, around the ends."""
        names = list(self.rooms)
        if not names:
            return None
        return names[(names.index(self.current) + step) % len(names)] if self.current in self.rooms else names[0]

    def next_unread(self) -> str | None:
        """Return the room to read next: one in which we are mentioned, or any with something new; or the one before."""
        names = [*self.rooms]
        start = names.index(self.current) + 1 if self.current in self.rooms else 0
        ordered = names[start:] + names[:start]
        for name in sorted(ordered, key=lambda name: not self.rooms[name].mentions):
            if self.rooms[name].unread:
                return name
        return self._left if self._left in self.rooms else None

    def by_words(self, words: str) -> str | None:
        """Return the room that somebody means by its number, its name, or the beginning or a part of that."""
        words = words.strip()
        names = list(self.rooms)
        if words.isascii() and words.isdigit():
            return names[int(words) - 1] if 0 < int(words) <= len(names) else None
        labels = {name: self.label(name).casefold() for name in names}
        folded = words.casefold()
        bare = folded.lstrip("#@")
        shown = (folded,) if folded[:1] in ("#", "@") else (f"#{folded}", f"@{folded}")
        tests: tuple[Callable[[str], bool], ...] = (
            lambda label: label in shown,
            lambda label: label.startswith(shown),
            lambda label: bare in label,
        )
        for fits in tests:
            for name, label in labels.items():
                if bare and fits(label):
                    return name
        return None

    def close(self, name: str) -> None:
        """Take a room off the screen; look at the one before it."""
        self.revision += 1
        names = list(self.rooms)
        at = names.index(name)
        del self.rooms[name]
        if self.current == name:
            self.current = None
            rest = [other for other in names if other != name]
            if rest:
                self.look_at(rest[max(0, at - 1)])

    # --- what happens -------------------------------------------------------------------------------------

    def take(self, event: ClientEvent) -> None:
        """Take in an event of the client's stream."""
        self.revision += 1
        if isinstance(event, Notice | Connected | Disconnected) or event.room in self.me.rooms:
            self._deeds[type(event)](event)  # anything else is late news of a room that was left

    def tell(self, happening: object, room: str | None = None, *, warning: bool = False) -> None:
        """Put what is in no log into a room's timeline, or into that of the current room."""
        self.revision += 1
        where = self.rooms.get(room or "") or self.room
        if where is not None:
            warning = warning or (isinstance(happening, Notice) and happening.level == "warning")
            for line in self._words(happening):
                where.timeline.note(Note(self.now_ms(), line, warning))

    def say(self, sentence: str, *, warning: bool = False) -> None:
        """Put a sentence of the program's own into the current room."""
        self.tell(Notice(sentence, level="warning" if warning else "info"), warning=warning)

    def answer(self, sentence: str, *, warning: bool = False) -> None:
        """Say what somebody has just asked for: who has scrolled back is taken to where it stands."""
        if self.room is not None:
            self.room.follow()
        self.say(sentence, warning=warning)

    def _of(self, name: str) -> Room:
        return self.rooms.setdefault(name, Room(name))

    def _live(self, live: Live) -> None:
        room = self._of(live.room)
        room.timeline.reached(live.seq)
        room.seen(live.seq)
        if room.news_after is None:
            room.news_after = live.seq

    def _draft(self, draft: DraftShown) -> None:
        self._of(draft.room).drafts[draft.turn] = Draft(draft.author, draft.nick, draft.text, draft.doing)

    def _entry(self, entry: Message | Edited | Redacted | TopicSet) -> None:
        room = self._of(entry.room)
        room.timeline.happened(entry)
        room.seen(entry.seq)
        if isinstance(entry, Message):
            if entry.bot:
                for turn in [turn for turn, draft in room.drafts.items() if draft.author == entry.author]:
                    room.drafts[turn] = Draft(entry.author, entry.nick)
            self._count(room, entry)

    def _count(self, room: Room, message: Message) -> None:
        is_news = room.news_after is not None and message.seq > room.news_after
        if not is_news or message.author == self.me.author or message.redacted:
            return
        meant = self.is_meant(message)
        if meant:
            self.mentioned = message
        if room.name != self.current:
            if not room.unread and room.line is None:
                room.line = message.seq - 1
            room.unread += 1
            room.mentions += meant
        elif room.anchor is not None:
            room.below += 1

    def is_meant(self, message: Message) -> bool:
        """Tell whether a message of somebody else is for us: it names us, answers us, or is private."""
        if message.author == self.me.author:
            return False
        if message.room.startswith("~"):
            return True
        if message.reply_to is not None and (room := self.rooms.get(message.room)) is not None:
            said = room.timeline.find(message.reply_to)
            if said is not None and isinstance(said.what, Message) and said.what.author == self.me.author:
                return True
        return names(message.text, self.me.nick)

    def _gap(self, gap: Gap) -> None:
        room = self._of(gap.room)
        if gap.reason == "epoch":
            room.timeline.clear()
            room.line = None
            room.news_after = None if room.news_after is None else 0
            room.follow()
        room.timeline.reached(gap.next - 1)
        self.tell(gap, gap.room)

    def _joined(self, joined: Joined) -> None:
        is_new = joined.room not in self.rooms
        room = self._of(joined.room)
        if is_new and joined.id is None:  # somebody else has opened it, to say something
            room.news_after = joined.head
        if is_new and self.room is None:
            self.look_at(joined.room)

    def _presence(self, presence: Presence) -> None:
        """Tell who comes and goes, in the line that does so already if nothing has happened since."""
        if not Comings.fits(presence):
            self.tell(presence, presence.room)
            return
        timeline, now_ms = self._of(presence.room).timeline, self.now_ms()
        last = timeline.last_note
        told = last.tells_of if last is not None and now_ms - last.at < COMINGS_MS else None
        if last is not None and isinstance(told, Comings) and not told.is_full:
            told.add(presence)
            timeline.retell(msgspec.structs.replace(last, text=told.line()))
        else:
            told = Comings()
            told.add(presence)
            timeline.note(Note(now_ms, told.line(), tells_of=told))

    def _turn(self, turn: TurnChange) -> None:
        room = self._of(turn.room)
        if turn.change == "begun":
            room.drafts[turn.turn] = Draft(turn.author, turn.nick)
            return
        room.drafts.pop(turn.turn, None)
        if turn.reason != "done":
            self.tell(turn, turn.room)

    def _connected(self, event: Connected) -> None:
        self.outage = None
        if event.again:
            self.say(f"Back again, as {event.nick}.")

    def _disconnected(self, event: Disconnected) -> None:
        if self.outage is None:
            self.say(f"Cut off: {event.reason}", warning=True)
        self.outage = event
        self.retry_at_ms = self.now_ms() + int(event.retry_in_s * 1_000)
        self.latency_s = None
        for room in self.rooms.values():
            room.drafts.clear()

    # --- what we say --------------------------------------------------------------------------------------

    def posting(self, room: str, key: str, text: str) -> None:
        """Show what we say before the server has it."""
        self.revision += 1
        posts = self._of(room).posts
        if len(posts) < PENDING:
            posts[key] = Post(text)

    def posted(self, room: str, key: str, seq: int | None) -> None:
        """Note that the server has it, as the entry `seq`; or, with None, that it never will."""
        self.revision += 1
        where = self.rooms.get(room)
        if where is None or key not in where.posts:
            return
        if seq is None or seq <= where.timeline.head:
            del where.posts[key]
        else:
            where.posts[key].seq = seq
