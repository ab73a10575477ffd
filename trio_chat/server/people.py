"""Who is connected, and whose a nick is.

This file owns nicks: which identity has one, and until when it stays its own after the connection was lost.
It decides synchronously on a given `now`. It must not know sockets, rooms or the store.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from trio_chat.names import NickName, nick_key
from trio_chat.server.errors import Refusal
from trio_chat.server.limits import TokenBucket

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

NICK_HELD_S: Final = 600.0
"""How long a nick stays with its identity after a lost connection."""


class NickTaken(Refusal):
    """The nick belongs to somebody else."""

    def __init__(self, nick: str) -> None:
        super().__init__("nick_taken", f"The nick {nick} belongs to somebody else here; choose another one.")


class Person:
    """An identity that is connected, or was a moment ago.

    Attributes:
        author: the public id.
        nick: the name shown.
        bot: whether its newest connection said that it is a bot.
        connections: its connections, in order of arrival.
        held_until: with no connection, when its nick becomes free.
        bucket: what limits how fast it posts; None: nothing does.
    """

    __slots__ = ("_name", "author", "bot", "bucket", "connections", "held_until")

    def __init__(self, author: str, name: NickName) -> None:
        self.author = author
        self._name = name
        self.bot = False
        self.connections: dict[Connection, None] = {}
        self.bucket: TokenBucket | None = None
        self.held_until = 0.0

    @property
    def nick(self) -> str:
        return self._name.shown

    @property
    def key(self) -> str:
        """What makes its nick the same as another's."""
        return self._name.key


class People:
    """Everybody who has a nick here."""

    def __init__(self) -> None:
        self._by_author: dict[str, Person] = {}
        self._by_key: dict[str, Person] = {}

    def arrive(self, author: str, nick: str, connection: "Connection", now: float) -> tuple[Person, str | None]:
        """Add a connection of `author` under `nick`.

        Returns:
            The person, and the nick it had until now if another connection of it is here under another one.

        Raises:
            NickTaken: another identity has it.
            NameRefused: it is no acceptable nick.
        """
        name = nick_key(nick)
        self._claimable(author, name, now)
        person = self._by_author.get(author)
        before = None
        if person is None:
            person = self._by_author[author] = Person(author, name)
        elif person.connections and person.nick != name.shown:
            before = person.nick
        self._give(person, name)
        person.connections[connection] = None
        return person, before

    def rename(self, person: Person, nick: str, now: float) -> str:
        """Give `person` another nick, freeing the old one, and return the old one.

        Raises:
            NickTaken: another identity has it.
            NameRefused: it is no acceptable nick.
        """
        name = nick_key(nick)
        self._claimable(person.author, name, now)
        before = person.nick
        self._give(person, name)
        return before

    def depart(self, person: Person, connection: "Connection", now: float, *, polite: bool) -> None:
        """Remove a connection. After the last one, the nick is free at once if it said bye."""
        person.connections.pop(connection, None)
        if person.connections:
            return
        person.held_until = now + NICK_HELD_S
        if polite:
            self._forget(person)

    def find(self, nick: str) -> Person | None:
        """Return who has `nick`: connected, or lost a moment ago.

        Raises:
            NameRefused: it is no acceptable nick.
        """
        return self._by_key.get(nick_key(nick).key)

    def known(self, author: str) -> Person | None:
        """Return the person with this id, if it has a nick here."""
        return self._by_author.get(author)

    def online(self) -> Iterator[Person]:
        """Everybody with a connection, in order of arrival."""
        return (person for person in self._by_author.values() if person.connections)

    def sweep(self, now: float) -> None:
        """Forget who was lost too long ago."""
        for person in [p for p in self._by_author.values() if not p.connections and p.held_until <= now]:
            self._forget(person)

    def _claimable(self, author: str, name: NickName, now: float) -> None:
        owner = self._by_key.get(name.key)
        if owner is None or owner.author == author:
            return
        if owner.connections or owner.held_until > now:
            raise NickTaken(name.shown)
        self._forget(owner)

    def _give(self, person: Person, name: NickName) -> None:
        if self._by_key.get(person.key) is person:
            del self._by_key[person.key]
        person._name = name
        self._by_key[name.key] = person

    def _forget(self, person: Person) -> None:
        del self._by_author[person.author]
        del self._by_key[person.key]
