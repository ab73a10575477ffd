"""The slash commands that bots add: which there are in a room, and whose they are. They belong to a connection.

This file owns that choice: of two bots that add the same command, it belongs to the one who came first. It must not
know how a command is carried out, nor which ones the server has itself.
"""

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from protocol import CommandHelp, CommandOffer, Offer
from trio_chat.server.access import maybe_membership_in
from trio_chat.server.errors import Refusal
from trio_chat.server.people import People, Person
from trio_chat.server.rooms import Room

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

COMMANDS_MAX: Final = 200
"""Commands of bots that somebody has at once: ten bots' worth, more than anybody reads. The longest of them fill 0.3 MB
of a frame's 1 MiB, and a mistyped name is held against them all: 16 ms at worst."""


class Offered(NamedTuple):
    """A command that a bot adds."""

    bot: Person
    help: CommandHelp


def offered(c: "Connection", room: str | None) -> dict[str, Offered]:
    """Return what other bots add in `room` (None: in all rooms of `c`), by name, as far as `c` is in there.

    Of more than `COMMANDS_MAX`, those of the bots that came first.
    """
    memberships = c.memberships.values() if room is None else [maybe_membership_in(c, room)]
    found: dict[str, Offered] = {}
    for membership in memberships:
        for person in membership.room.people if membership is not None else ():
            for offer in _offers(person, membership.room) if membership and person is not c.person else ():
                if len(found) >= COMMANDS_MAX:
                    return found
                shown = CommandHelp(offer.name, offer.usage, offer.help, person.nick)
                found.setdefault(offer.name, Offered(person, shown))
    return found


def _offers(person: Person, room: Room) -> Iterable[CommandOffer]:
    """Yield what those connections of a person add that are in a room."""
    return (offer for c in person.connections if room.name in c.memberships for offer in c.offers)


def somewhere(people: People, command: str) -> tuple[str, str] | None:
    """Return a bot that adds a command in some public room, and that room; None: nobody does."""
    for person in people.online():
        for connection in person.connections:
            public = [name for name in connection.memberships if not name.startswith("~")]
            if public and command in [offer.name for offer in connection.offers]:
                return person.nick, public[0]
    return None


def take(c: "Connection", offer: Offer, reserved: Container[str]) -> None:
    """Note what a bot adds, in place of what it has added before.

    Raises:
        Refusal: it is no bot, or a name is `reserved`.
    """
    if not c.bot:
        raise Refusal("forbidden", "Only bots add commands.")
    for command in offer.commands:
        if command.name in reserved:
            raise Refusal("forbidden", f"{command.name} is a command of the server's; choose another name.")
    c.offers = offer.commands
