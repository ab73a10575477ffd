"""All that a full screen shows, as data: rooms with their timelines, who is there, drafts, and the connection.

This file owns what every event means for that, and what counts as unread. It is pure: it must not know tasks, clocks,
keys, or how anything is drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol import (
    DraftShown,
    Edited,
    Gap,
    Joined,
    Live,
    Members,
    Message,
    Notice,
    Presence,
    Redacted,
    TopicSet,
    TurnChange,
)
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.render import Lines
from trio_chat.client.screen.comings import Comings
from trio_chat.client.screen.places import Me, Places
from trio_chat.client.screen.room import Draft, Post, Room, names
from trio_chat.client.screen.timeline import Note

PENDING: Final = 100
"""Own posts of a room that are shown before the server has them; what is beyond waits unseen."""

COMINGS_MS: Final = 10 * 60_000
"""For so long a line goes on to tell who comes and goes; it bears the time of the first."""


class Model(Places):
    """The whole screen as data.

    Attributes:
        outage: why there is no connection; None: there is one.
        retry_at_ms: when, in the former case, the next attempt begins.
        latency_s: how long the server took for the last ping.
        mentioned: the last message that was meant for us; None once somebody has taken note.

    Args:
        me: who we are.
        words: the lines for an event that is not of the log, or an answer.
        now_ms: gives Unix milliseconds, for what bears no time of its own.
    """

    def __init__(self, me: Me, words: Callable[[object], Lines], now_ms: Callable[[], int]) -> None:
        super().__init__(me)
        self.outage: Disconnected | None = None
        self.retry_at_ms = 0
        self.latency_s: float | None = None
        self.mentioned: Message | None = None
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

    # --- what happens -------------------------------------------------------------------------------------

    def take(self, event: ClientEvent) -> None:
        """Take in an event of the client's stream."""
        if isinstance(event, Notice | Connected | Disconnected) or event.room in self.me.rooms:
            self._deeds[type(event)](event)  # anything else is late news of a room that was left

    def tell(self, happening: object, room: str | None = None, *, warning: bool = False) -> None:
        """Put what is in no log into a room's timeline, or into that of the current room."""
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

    def _live(self, live: Live) -> None:
        room = self.put(live.room)
        room.note_read()
        room.timeline.reached(live.seq)
        room.seen(live.seq)
        if room.news_after is None:
            room.news_after = live.seq

    def _draft(self, draft: DraftShown) -> None:
        self.put(draft.room).drafts[draft.turn] = Draft(draft.author, draft.nick, draft.text, draft.doing)

    def _entry(self, entry: Message | Edited | Redacted | TopicSet) -> None:
        room = self.put(entry.room)
        room.note_read()
        if not room.timeline.head:
            self._count_missed(room, entry.seq)
        room.timeline.happened(entry)
        room.seen(entry.seq)
        if isinstance(entry, Message):
            if entry.bot and entry.seq > room.came_at:
                for turn in [turn for turn, draft in room.drafts.items() if draft.author == entry.author]:
                    room.drafts[turn] = Draft(entry.author, entry.nick)
            self._count(room, entry)

    def _count_missed(self, room: Room, first: int) -> None:
        """Count what was said since one was here the last time, and lies before the first entry that has come: each
        entry as one that is unread, for nobody knows better without fetching them."""
        if room.news_after is None or first - 1 <= room.news_after:
            return
        room.line = room.news_after
        if room.name != self.current:
            missed = first - 1 - room.news_after
            room.unread += missed
            room.mentions += missed if room.is_private else 0

    def mention_missed(self, name: str, messages: Sequence[Message]) -> None:
        """Count those among messages that are meant for us, which count as unread already, or will: the room's own
        events may still wait to be taken in behind those of others."""
        if name in self.me.rooms and name != self.current:
            self.put(name).mentions += sum(map(self.is_meant, messages))

    def _count(self, room: Room, message: Message) -> None:
        is_news = room.news_after is not None and message.seq > room.news_after
        if not is_news or message.author == self.me.author or message.redacted:
            return
        meant = self.is_meant(message)
        if meant:
            self.mentioned = message
        is_here = room.name == self.current
        if room.line is None and (message.seq <= room.came_at if is_here else not room.unread):
            room.line = message.seq - 1
        if not is_here:
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
        room = self.put(gap.room)
        if gap.reason == "epoch":
            room.timeline.clear()
            room.line = None
            room.read = 0
            if (view := self.view(gap.room)) is not None:
                room.epoch = view.cursor.epoch
            room.news_after = None if room.news_after is None else 0
            room.follow()
        room.timeline.reached(gap.next - 1)
        self.tell(gap, gap.room)

    def _joined(self, joined: Joined) -> None:
        is_new = joined.room not in self.rooms
        room = self.put(joined.room)
        room.came_at = joined.head
        room.drafts.clear()  # the server tells of all turns that are open, and of no others, right behind this
        if not room.epoch:
            self._begun(room, joined)
        if is_new and self.room is None:
            self.look_at(joined.room)

    def _begun(self, room: Room, joined: Joined) -> None:
        """Take in where a room stands that one has come into."""
        room.epoch, room.read = joined.epoch, joined.head
        mark = self._marks.pop(room.name, None)
        if mark is not None:
            room.news_after = room.read = min(mark.seq, joined.head) if mark.epoch == joined.epoch else 0
        elif joined.id is None:  # somebody else has opened it, to say something
            room.news_after = joined.head

    def _presence(self, presence: Presence) -> None:
        """Tell who comes and goes, in the line that does so already if nothing has happened since."""
        if not Comings.fits(presence):
            self.tell(presence, presence.room)
            return
        timeline, now_ms = self.put(presence.room).timeline, self.now_ms()
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
        room = self.put(turn.room)
        if turn.change == "begun":
            room.drafts.setdefault(turn.turn, Draft(turn.author, turn.nick))
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
        posts = self.put(room).posts
        if len(posts) < PENDING:
            posts[key] = Post(text)

    def posted(self, room: str, key: str, seq: int | None) -> None:
        """Note that the server has it, as the entry `seq`; or, with None, that it never will."""
        where = self.rooms.get(room)
        if where is None or key not in where.posts:
            return
        if seq is None or seq <= where.timeline.head:
            del where.posts[key]
        else:
            where.posts[key].seq = seq
