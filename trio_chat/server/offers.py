"""The slash commands that bots add: which there are in a room, and whose they are.

This file owns that choice: of two bots that add the same command, it belongs to the one who came first. It must not
know how a command is carried out, nor which ones the server has itself.
"""

from collections.abc import Container
from typing import TYPE_CHECKING, Final, NamedTuple

from protocol import CommandHelp, Offer
from trio_chat.server.access import maybe_membership_in, me
from trio_chat.server.errors import Refusal
from trio_chat.server.people import Person

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
            if person is not c.person:
                for offer in person.offers.values():
                    if len(found) >= COMMANDS_MAX:
                        return found
                    shown = CommandHelp(offer.name, offer.usage, offer.help, person.nick)
                    found.setdefault(offer.name, Offered(person, shown))
    return found


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
    me(c).offers = {command.name: command for command in offer.commands}
