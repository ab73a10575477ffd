"""From a window of an IRC log to what each connection does, in order, and to what everybody must see.

This file decides who is one connection: whoever speaks, under whatever nicks the log gives him in turn. It does not
know sockets; a plan is made of values, and what the server must answer stands in it.
"""

from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

from benchmarks.irc_log import Arrived, Departed, Event, Remark, Renamed, Said, TopicChanged, Window, due_minutes
from benchmarks.replay_tally import Matter, Tally
from protocol import TEXT_CHARS, TOPIC_CHARS, MessageError, check_line, check_text
from trio_chat.names import NameRefused, NickName, nick_key


class Step(Struct, frozen=True, kw_only=True):
    """Something that a speaker does. `due_min` is when, in minutes of the log since the window's first stamp."""

    speaker: int
    line: int
    due_min: float


class Enter(Step, frozen=True, kw_only=True):
    """Join the room; connect before, if this is the speaker's first step and it was not there from the start."""


class Leave(Step, frozen=True, kw_only=True):
    """Leave the room and stay connected."""


class Rename(Step, frozen=True, kw_only=True):
    """Change the nick; `refused`: the server has to answer `nick_taken`."""

    nick: str
    refused: bool


class Say(Step, frozen=True, kw_only=True):
    """Post what becomes the room's entry `seq`."""

    seq: int


class Expected(Struct, frozen=True):
    """An entry as everybody has to see it; its seq is its place in the plan's list, counted from 1."""

    line: int
    speaker: int
    nick: str
    text: str
    kind: Literal["message", "action", "topic"] = "message"


class Speaker(Struct, frozen=True):
    """Somebody who is a connection: the first nick, and whether it is there before the first line."""

    nick: str
    from_start: bool


class Plan(Struct, frozen=True):
    """One window, ready to be replayed: `steps` in order, each done before the next begins."""

    number: int
    room: str
    speakers: list[Speaker]
    steps: list[Step]
    expected: list[Expected]
    tally: Tally


def plan_window(window: Window) -> Plan:
    """Return what is done and seen in a window.

    A speaker is there from the start, unless the log says when it arrives, or its nick was another's before. So who
    comes in the middle gets what was said before from the room's log, and has to end with the same transcript.
    """
    due = due_minutes(window.events)
    silent: set[int] = set()  # the places of the events that bring somebody who never speaks
    while True:
        planner = _Planner(silent)
        for place, event in enumerate(window.events):
            planner.take(place, event, due[place])
        found = {person.place for person in planner.people if not person.speaks}
        if not found:
            break
        silent |= found  # without these, nicks may be free that they had: decide anew
    speakers = [Speaker(person.first_nick, person.from_start) for person in planner.people]
    room = f"ubuntu-{window.number}"
    return Plan(window.number, room, speakers, planner.steps, planner.expected, planner.tally)


class _Person:
    def __init__(self, number: int, name: NickName, place: int, *, from_start: bool) -> None:
        self.number = number
        self.name = name
        self.first_nick = name.shown
        self.place = place  # of the event that brought it
        self.from_start = from_start
        self.inside = from_start
        self.speaks = False


class _Planner:
    """One pass over the events of a window."""

    def __init__(self, silent: set[int]) -> None:
        self.people: list[_Person] = []
        self.steps: list[Step] = []
        self.expected: list[Expected] = []
        self.tally = Tally()
        self._silent = silent
        self._holders: dict[str, _Person] = {}  # by the key of the nick
        self._held: set[str] = set()  # keys that somebody has or had
        self._substituted: set[str] = set()
        self._place = self._line = 0
        self._due_min = 0.0

    def take(self, place: int, event: Event, due_min: float) -> None:
        self._place, self._line, self._due_min = place, event.line, due_min
        match event:
            case Said():
                self._say(event)
            case TopicChanged():
                self._change_topic(event)
            case Renamed():
                self._rename(event)
            case Arrived():
                self._arrive(event)
            case Departed():
                self._depart(event)
            case Remark():
                self._note(_REMARKS[event.kind], event.raw)

    # --- what becomes an entry ------------------------------------------------------------------------

    def _say(self, said: Said) -> None:
        if matter := _unacceptable(said.text):
            self._note(matter, f"<{said.nick}> {said.text}")
            return
        if said.way in _OTHER_WAYS:
            self._note(_OTHER_WAYS[said.way], f"{said.nick} {said.text}")
        self._post(said.nick, said.text, "action" if said.action else "message")

    def _change_topic(self, topic: TopicChanged) -> None:
        try:
            check_line("topic", topic.text, TOPIC_CHARS)
        except MessageError:
            self._note(Matter.BAD_TOPIC, topic.text)
        else:
            self._post(topic.nick, topic.text, "topic")

    def _post(self, nick: str, text: str, kind: Literal["message", "action", "topic"]) -> None:
        name = self._name(nick)
        person = self._person(name)
        assert person is not None  # an event by which somebody speaks is never among the silent ones
        self._tell_substitute(nick, name)
        person.speaks = True
        if not person.inside:
            self._note(Matter.BACK_UNSEEN, nick)
            self._enter(person)
        if person.name.shown != name.shown:
            self._note(Matter.OTHER_CASE, f"{person.name.shown} and {name.shown}")
            self._give(person, name)
        self.expected.append(Expected(self._line, person.number, name.shown, text, kind))
        self.steps.append(Say(speaker=person.number, line=self._line, due_min=self._due_min, seq=len(self.expected)))

    # --- coming, going, and names ---------------------------------------------------------------------

    def _arrive(self, event: Arrived) -> None:
        name = self._name(event.nick)
        person = self._holders.get(name.key)
        if person is not None:
            self._enter(person)  # also if it is there: IRC logs do not show every loss of a connection
        elif self._person(name, arriving=True) is None:
            self._note(Matter.SILENT_ARRIVAL, event.nick)

    def _depart(self, event: Departed) -> None:
        person = self._holders.get(self._name(event.nick).key)
        if person is None:
            self._note(Matter.SILENT_DEPARTURE, event.nick)
        elif not person.inside:
            self._note(Matter.GONE_ALREADY, event.nick)
        else:
            person.inside = False
            self.steps.append(Leave(speaker=person.number, line=self._line, due_min=self._due_min))

    def _rename(self, event: Renamed) -> None:
        old, new = self._name(event.old), self._name(event.new)
        person = self._person(old)
        if person is None:
            self._note(Matter.SILENT_RENAME, f"{event.old} is now known as {event.new}")
        elif self._holders.get(new.key, person) is not person:
            self._note(Matter.NICK_IN_USE, f"{event.old} is now known as {event.new}")
            self._change_nick(person, new, refused=True)
        else:
            self._tell_substitute(event.new, new)
            self._give(person, new)

    def _person(self, name: NickName, *, arriving: bool = False) -> _Person | None:
        """Return who has a nick; if nobody does, somebody new, or None if that one will never speak."""
        person = self._holders.get(name.key)
        if person is None and self._place not in self._silent:
            from_start = not arriving and name.key not in self._held
            person = _Person(len(self.people), name, self._place, from_start=from_start)
            self.people.append(person)
            self._holders[name.key] = person
            self._held.add(name.key)
            if not from_start:
                self._enter(person)
        return person

    def _enter(self, person: _Person) -> None:
        person.inside = True
        self.steps.append(Enter(speaker=person.number, line=self._line, due_min=self._due_min))

    def _give(self, person: _Person, name: NickName) -> None:
        del self._holders[person.name.key]
        person.name = name
        self._holders[name.key] = person
        self._held.add(name.key)
        self._change_nick(person, name, refused=False)

    def _change_nick(self, person: _Person, name: NickName, *, refused: bool) -> None:
        self.steps.append(
            Rename(speaker=person.number, line=self._line, due_min=self._due_min, nick=name.shown, refused=refused)
        )

    def _name(self, nick: str) -> NickName:
        return nick_key(bearable(nick))

    def _tell_substitute(self, nick: str, name: NickName) -> None:
        if name.shown != nick and nick not in self._substituted:
            self._substituted.add(nick)
            self._note(Matter.SUBSTITUTE, f"{nick} -> {name.shown}")

    def _note(self, matter: Matter, what: str) -> None:
        self.tally.note(matter, self._line, what)


_OTHER_WAYS: Final = {"old action": Matter.OLD_ACTION, "notice": Matter.NOTICE}
_REMARKS: Final = {
    "logger": Matter.LOGGER,
    "empty": Matter.EMPTY_LINE,
    "not UTF-8": Matter.NOT_UTF8,
    "unknown": Matter.UNKNOWN_FORM,
}


def _unacceptable(text: str) -> Matter | None:
    """Say why the protocol cannot carry a text, if it cannot."""
    try:
        check_text(text)
    except MessageError:
        if not text:
            return Matter.EMPTY_TEXT
        return Matter.LONG_TEXT if len(text) > TEXT_CHARS else Matter.CONTROL_CHARACTER
    return None


def bearable(nick: str) -> str:
    """Return `nick`, or, where nobody may bear that, the same without its spaces, or else a made-up one.

    The same nick always gives the same.
    """
    for candidate in (nick, "".join(nick.split())):
        try:
            return nick_key(candidate).shown
        except NameRefused:
            continue
    return "speaker-" + sha256(nick.encode()).hexdigest()[:8]
