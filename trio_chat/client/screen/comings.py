"""Comings and goings that follow each other, told in one line: a line each would push what is said off the screen.

This file owns whom such a line names and in which words. It must not know where it stands.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.text import Text

from protocol import Presence
from trio_chat.client.ink import add_name, add_nick

NAMED: Final = 6
"""So many are named of those who did the same; of the others it is told how many they are."""

MOST: Final = 1_000
"""People that one line tells of: it knows each of them, and a room may be flooded."""

_WORDS: Final = {  # of one, and of several
    "joined": ("has joined", "have joined"),
    "back": ("is back", "are back"),
    "left": ("has left", "have left"),
    "lost": ("has lost the connection", "have lost the connection"),
    "gone": ("has come and gone", "have come and gone"),
}


class _Person(Struct):
    """Somebody who came or went; `came` tells whether they were not here before that."""

    nick: str
    bot: bool
    came: bool
    change: str

    @property
    def deed(self) -> str:
        """What has become of all their comings and goings."""
        if self.change == "joined":
            return "joined" if self.came else "back"
        return "gone" if self.came else self.change


class Comings:
    """See the head of this file."""

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}

    @property
    def is_full(self) -> bool:
        """Whether another line is to go on."""
        return len(self._people) >= MOST

    @staticmethod
    def fits(presence: Presence) -> bool:
        """Tell whether this is news of somebody who comes or goes, and not of a new name."""
        return presence.change in _WORDS

    def add(self, presence: Presence) -> None:
        """Tell this one too."""
        person = self._people.get(presence.author)
        if person is None:
            came = presence.change == "joined"
            person = self._people[presence.author] = _Person(presence.nick, presence.bot, came, presence.change)
        person.nick, person.change = presence.nick, presence.change

    def line(self) -> Text:
        """Return the line."""
        groups: dict[str, list[_Person]] = {deed: [] for deed in _WORDS}
        for person in self._people.values():
            groups[person.deed].append(person)
        line = Text()
        for deed, who in groups.items():
            if who:
                line.append("; " if line else "")
                _add_people(line, who)
                add_name(line, " " + _WORDS[deed][len(who) > 1])
        return line


def _add_people(line: Text, people: Sequence[_Person]) -> None:
    named = people if len(people) <= NAMED else people[: NAMED - 1]
    others = len(people) - len(named)
    for number, person in enumerate(named):
        is_last = number == len(people) - 1
        line.append("" if number == 0 else " and " if is_last else ", ")
        add_nick(line, person.nick, person.bot and person.deed == "joined")
    if others:
        line.append(f" and {others} others")
