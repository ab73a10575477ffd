"""What happens in the rooms, as lines for a person to read.

This file owns the words of line mode: times, names of rooms, sentences. It must not know where the lines go,
nor what asked for them, and has no clock. Whatever others wrote goes into a line through `add_name`,
`add_text` and `add_nick`, which make it harmless.
"""

import datetime
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.text import Text

from protocol import (
    Edited,
    Entry,
    Found,
    Gap,
    History,
    Joined,
    Members,
    Message,
    Notice,
    Presence,
    Redacted,
    Rooms,
    TopicSet,
    TurnChange,
)
from trio_chat.client.ink import QUIET, add_name, add_nick, add_text

REMEMBERED_MESSAGES: Final = 1_000
"""How many messages are remembered by who said them and when, to name one when it is deleted."""

REMEMBERED_TURNS: Final = 100
"""How many turns of bots are remembered as begun, to tell so once of each."""

_NO_TIME: Final = "--:--"

Lines = list[Text]


class Renderer:
    """Makes lines of events and answers. It remembers the day of the last line, and who said what was last said.

    Attributes:
        room: the current room, whose lines bear no name of a room.

    Args:
        label: gives a room's name for people: ``#room``, or ``@nick`` for a private one.
        zone: the time zone of the times shown; None for the local one.
    """

    def __init__(self, label: Callable[[str], str], zone: datetime.tzinfo | None = None) -> None:
        self.room: str | None = None
        self._label = label
        self._zone = zone
        self._day: datetime.date | None = None
        self._begun: OrderedDict[tuple[str, int, str], None] = OrderedDict()
        self._said: OrderedDict[tuple[str, int], tuple[str, int]] = OrderedDict()
        self._renderers: Mapping[type, Callable[[Any, float], Lines]] = {
            Message: lambda message, _: self._message(message),
            Edited: lambda edited, _: self._edited(edited),
            Redacted: lambda redacted, _: self._redacted(redacted),
            TopicSet: lambda topic, _: self._topic_set(topic),
            Presence: self._presence,
            TurnChange: self._turn,
            Gap: self._gap,
            Joined: self._joined,
            Members: self._members,
            Rooms: self._rooms,
            History: self._history,
            Found: self._found,
            Notice: self._notice,
        }

    def lines(self, happening: object, now_s: float) -> Lines:
        """Return the lines for an event or an answer, without line ends; none for what a person need not see.

        Args:
            happening: one of the protocol's structs.
            now_s: Unix time in seconds, for what bears no time of its own.
        """
        if self._day is None and (now := self._moment(now_s)):
            self._day = now.date()
        renderer = self._renderers.get(type(happening))
        return renderer(happening, now_s) if renderer else []

    def say(self, sentence: str, now_s: float, *, warning: bool = False) -> Lines:
        """Return the lines for a sentence of the program itself; it may quote what others wrote."""
        return self.lines(Notice(sentence, level="warning" if warning else "info"), now_s)

    # --- entries of a log ---------------------------------------------------------------------------------

    def _message(self, message: Message) -> Lines:
        self._said[message.room, message.seq] = message.nick, message.at
        if len(self._said) > REMEMBERED_MESSAGES:
            self._said.popitem(last=False)
        stamp, day = self._stamp(message.at / 1000)
        return [*day, self._say(stamp, message)]

    def _say(self, stamp: str, message: Message) -> Text:
        line = self._begin(stamp, message.room)
        if message.action:
            line.append(" * ")
            add_nick(line, message.nick, message.bot)
        else:
            line.append("<", QUIET)
            add_nick(line, message.nick, message.bot)
            line.append(">", QUIET)
        line.append(" ")
        if message.redacted:
            return line.append("(deleted)", QUIET)
        if message.command is not None:
            add_name(line, f"/{message.command} ", "bold")
        add_text(line, message.text)
        if message.stopped:
            line.append(" … (stopped)", QUIET)
        return line.append(" (edited)", QUIET) if message.edited_at is not None else line

    def _edited(self, edited: Edited) -> Lines:
        stamp, day = self._stamp(edited.at / 1000)
        line = self._begin(stamp, edited.room).append("<", QUIET)
        add_nick(line, edited.nick)
        line.append("> ", QUIET)
        add_text(line, edited.text)
        return [*day, line.append(" (edited)", QUIET)]

    def _redacted(self, redacted: Redacted) -> Lines:
        line, day = self._news(redacted.at / 1000, redacted.room)
        add_nick(line, redacted.nick)
        line.append(" deleted a message")
        if said := self._said.get((redacted.room, redacted.target)):
            nick, at = said
            line.append(" of ")
            add_nick(line, nick)
            line.append(f" ({self._clock(at / 1000)})")
        if redacted.reason:
            line.append(": ")
            add_text(line, redacted.reason)
        return [*day, line]

    def _topic_set(self, topic: TopicSet) -> Lines:
        line, day = self._news(topic.at / 1000, topic.room)
        add_nick(line, topic.nick)
        line.append(" set the topic: " if topic.text else " took the topic away")
        add_text(line, topic.text, "bold")
        return [*day, line]

    # --- events -------------------------------------------------------------------------------------------

    def _presence(self, presence: Presence, now_s: float) -> Lines:
        line, day = self._news(now_s, presence.room)
        add_nick(line, presence.nick, presence.bot)
        if presence.change == "renamed":
            line.append(" is now ")
            add_nick(line, presence.to or "?")
        else:
            deed = {"joined": "has joined", "left": "has left", "lost": "has lost the connection"}
            add_name(line, " " + deed.get(presence.change, presence.change))
        return [*day, line]

    def _turn(self, turn: TurnChange, now_s: float) -> Lines:
        """Say that a bot is at work, and what has kept it from finishing; that it has finished, its post shows.

        Whoever comes into a room, or back, is told of each turn that is open: also of those known already.
        """
        key = (turn.room, turn.turn, turn.author)
        was_begun = key in self._begun
        if turn.change == "begun":
            self._begun[key] = None
            if len(self._begun) > REMEMBERED_TURNS:
                self._begun.popitem(last=False)
        else:
            self._begun.pop(key, None)
        if turn.reason == "done" or (turn.change == "begun" and was_begun):
            return []
        line, day = self._news(now_s, turn.room)
        add_nick(line, turn.nick, bot=True)
        if turn.change == "begun":
            return [*day, line.append(" is writing …", QUIET)]
        ends = {
            "stopped": " was stopped",
            "deadline": " took too long",
            "gone": " has gone in the middle of an answer",
            "asker left": " stops, for who asked has left",
        }
        add_name(line, ends.get(turn.reason or "", " has ended"))
        if turn.by is not None and turn.reason == "stopped":
            line.append(" by ")
            add_nick(line, turn.by)
        return [*day, line]

    def _gap(self, gap: Gap, now_s: float) -> Lines:
        line, day = self._news(now_s, gap.room)
        if gap.reason == "epoch":
            line.append("The server has begun a new log; what was said before may be missing here.")
        else:
            missing = max(gap.next - gap.after - 1, 1)
            line.append(f"{missing} {_entries(missing)} missing here: no longer kept by the server.")
        return [*day, line]

    def _joined(self, joined: Joined, now_s: float) -> Lines:
        line, day = self._news(now_s, None)
        if joined.peer is not None:
            line.append("Between you and ")
            add_nick(line, joined.peer)
            line.append(" alone: ")
        else:
            line.append("You are in ")
        add_name(line, self._label(joined.room), "bold")
        if joined.topic:
            line.append(": ")
            add_text(line, joined.topic)
        people = Members(joined.members, joined.count, more=joined.count > len(joined.members), room=joined.room)
        return [*day, line, *(() if joined.peer else self._members(people, now_s))]

    def _notice(self, notice: Notice, now_s: float) -> Lines:
        line, day = self._news(now_s, notice.room)
        # Its lines stand below each other, for they may be a table, as the answer to /help is.
        add_text(line, notice.text, "yellow" if notice.level == "warning" else "", " " * line.cell_len)
        return [*day, line]

    # --- answers ------------------------------------------------------------------------------------------

    def _members(self, members: Members, now_s: float) -> Lines:
        line, day = self._news(now_s, None)
        if members.room is None:
            line.append("Online")
        else:
            line.append("In ")
            add_name(line, self._label(members.room))
        line.append(f" ({members.count}): ")
        for number, member in enumerate(members.members):
            line.append(", " if number else "")
            add_nick(line, member.nick, member.bot)
        return [*day, line.append(", …" if members.more else "")]

    def _rooms(self, rooms: Rooms, now_s: float) -> Lines:
        if not rooms.rooms:
            return self.say("There are no rooms yet.", now_s)
        result: Lines = []
        for room in rooms.rooms:
            line, day = self._news(now_s, None)
            add_name(line, f"#{room.name}", "bold")
            line.append(f" ({room.count})")
            if room.topic:
                line.append(": ")
                add_text(line, room.topic)
            result += [*day, line]
        return result + (self.say("There are more rooms.", now_s) if rooms.more else [])

    def _history(self, history: History, now_s: float) -> Lines:
        if not history.entries:
            return self.say("There is nothing to show.", now_s)
        earlier = self.say("There is more before this.", now_s) if history.more else []
        return earlier + [line for entry in history.entries for line in self.lines(entry, now_s)]

    def _found(self, found: Found, now_s: float) -> Lines:
        if not found.entries:
            return self.say("Nothing was found.", now_s)
        more = self.say("There is more; search for more words to find less.", now_s) if found.next else []
        return [line for entry in found.entries for line in self._hit(entry, now_s)] + more

    def _hit(self, entry: Entry, now_s: float) -> Lines:
        # Hits come from any day, newest first: each bears its own date.
        if not isinstance(entry, Message):
            return self.lines(entry, now_s)
        moment = self._moment(entry.at / 1000)
        return [self._say(f"{moment:%Y-%m-%d %H:%M}" if moment else _NO_TIME, entry)]

    # --- parts of lines -----------------------------------------------------------------------------------

    def _moment(self, seconds: float) -> datetime.datetime | None:
        try:
            return datetime.datetime.fromtimestamp(seconds, self._zone)
        except (ValueError, OverflowError, OSError):  # a time that no calendar holds
            return None

    def _clock(self, seconds: float) -> str:
        moment = self._moment(seconds)
        return f"{moment:%H:%M}" if moment else _NO_TIME

    def _stamp(self, seconds: float) -> tuple[str, Sequence[Text]]:
        """Return the time, and the line that names the day where it is another than that of the line before."""
        moment = self._moment(seconds)
        if moment is None or moment.date() == self._day:
            return self._clock(seconds), ()
        self._day = moment.date()
        return self._clock(seconds), (Text(f"--- {moment:%A, %d %B %Y}", QUIET),)

    def _begin(self, stamp: str, room: str | None) -> Text:
        line = Text().append(f"[{stamp}] ", QUIET)
        if room is not None:
            label = self._label(room)
            if room != self.room or not label.startswith("#"):
                add_name(line, label + " ", "bold")
        return line

    def _news(self, seconds: float, room: str | None) -> tuple[Text, Sequence[Text]]:
        stamp, day = self._stamp(seconds)
        return self._begin(stamp, room).append("-!- ", QUIET), day


def _entries(count: int) -> str:
    return "entry is" if count == 1 else "entries are"
