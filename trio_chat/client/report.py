"""What line mode writes for events and answers: lines for people, or JSON for programs.

This file owns the choice between the two and the words about the connection. It must not know where the
output goes, nor what was typed.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from protocol import Answer, Joined, Live, Members, TurnChange, encode
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.harmless import harmless_json
from trio_chat.client.ink import Painter
from trio_chat.client.render import Renderer


class Report(Protocol):
    """Makes text to write, whole lines or nothing, of what happens.

    Attributes:
        shows_rejoining: whether a room is reported each time it is joined, and not the first time only.
    """

    shows_rejoining: bool

    def event(self, event: ClientEvent) -> str:
        """Return what is written for an event of the client's stream."""
        ...

    def answer(self, answer: Answer) -> str:
        """Return what is written for the answer to something typed. (`Joined` comes as an event too.)"""
        ...

    def refusal(self, answer: Answer) -> str:
        """Return what is written for an answer that refuses what was typed; a person is told otherwise."""
        ...

    def say(self, sentence: str, *, warning: bool = False) -> str:
        """Return what is written when the program itself has something to tell a person."""
        ...

    def enter(self, room: str | None) -> None:
        """Take note of the current room."""
        ...


class ForPeople:
    """Lines to read, with times of day. A `Report`.

    Args:
        renderer: makes the lines.
        painter: makes them into characters.
        server: what the server is called in the line that says one is connected.
        clock: Unix time in seconds.
    """

    shows_rejoining = False

    def __init__(
        self, renderer: Renderer, painter: Painter, server: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._renderer = renderer
        self._painter = painter
        self._server = server
        self._clock = clock
        self._cut_off_for: str | None = None
        self._held: dict[str, list[TurnChange]] = {}  # of rooms whose stored entries are on their way

    def event(self, event: ClientEvent) -> str:
        if isinstance(event, Connected):
            self._cut_off_for = None
            return self.say(f"Back again, as {event.nick}." if event.again else self._first(event))
        if isinstance(event, Disconnected):
            return self._cut_off(event)
        if isinstance(event, Joined):
            self._held[event.room] = []
        elif isinstance(event, Live):
            return "".join(self._lines(turn) for turn in self._held.pop(event.room, ()))
        elif isinstance(event, TurnChange) and event.room in self._held:
            return self._hold(event)
        # Members as an event only refresh what one has been told by arrivals and departures.
        return "" if isinstance(event, Members) else self._lines(event)

    def answer(self, answer: Answer) -> str:
        return self._lines(answer)

    def refusal(self, answer: Answer) -> str:
        return ""

    def say(self, sentence: str, *, warning: bool = False) -> str:
        return self._painter.paint(self._renderer.say(sentence, self._clock(), warning=warning))

    def enter(self, room: str | None) -> None:
        self._renderer.room = room

    def _hold(self, turn: TurnChange) -> str:
        """Tell that a bot is writing behind what it has said before, which is still to come."""
        held = self._held[turn.room]
        if turn.change == "begun":
            held.append(turn)
            return ""
        held[:] = [begun for begun in held if begun.turn != turn.turn]
        return self._lines(turn)

    def _cut_off(self, event: Disconnected) -> str:
        if event.reason == self._cut_off_for:  # an attempt to come back that failed as the one before
            return ""
        self._cut_off_for = event.reason
        reason = event.reason.rstrip().rstrip(".")
        return self.say(f"Cut off: {reason}. Trying again {_in(event.retry_in_s)}.", warning=True)

    def _first(self, event: Connected) -> str:
        return f"Connected to {self._server} as {event.nick}. /help lists what you can do, /quit leaves."

    def _lines(self, happening: ClientEvent | Answer) -> str:
        return self._painter.paint(self._renderer.lines(happening, self._clock()))


def _in(seconds: float) -> str:
    return f"in {seconds:.0f} s" if seconds >= 1 else "at once"


class ForPrograms:
    """One JSON object a line: the protocol's messages, ``connected`` and ``disconnected``. A `Report`."""

    shows_rejoining = True

    def event(self, event: ClientEvent) -> str:
        if isinstance(event, Connected):
            return _json({"type": "connected", "again": event.again, "nick": event.nick})
        if isinstance(event, Disconnected):
            return _json({"type": "disconnected", "reason": event.reason, "retry_in_s": event.retry_in_s})
        return _line(encode(event))

    def answer(self, answer: Answer) -> str:
        return _line(encode(answer))

    def refusal(self, answer: Answer) -> str:
        return self.answer(answer)

    def say(self, sentence: str, *, warning: bool = False) -> str:
        return ""

    def enter(self, room: str | None) -> None:
        pass


def _json(fields: Mapping[str, object]) -> str:
    return _line(msgspec.json.encode(fields))


def _line(encoded: bytes) -> str:
    return harmless_json(encoded.decode()) + "\n"
