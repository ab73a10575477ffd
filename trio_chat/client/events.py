"""What comes out of a client's stream of events: the protocol's own, and two about the connection.

This file owns these types and must not know who makes or reads them.
"""

from msgspec import Struct

from protocol import DraftShown, Entry, Gap, Joined, Live, Members, Notice, Presence, TurnChange


class Connected(Struct, frozen=True):
    """The server said welcome. `again` is false the first time; `nick` is the name one goes by from here on."""

    again: bool
    nick: str


class Disconnected(Struct, frozen=True):
    """The connection is gone, or an attempt to restore it failed; the next one starts in `retry_in_s` seconds.

    `reason` is a sentence for a person.
    """

    reason: str
    retry_in_s: float


StreamEvent = Entry | Gap | Live
"""What the log of a room sends, in the order of the log."""

RoomEvent = StreamEvent | Joined | Presence | Members | TurnChange | DraftShown

ClientEvent = RoomEvent | Notice | Connected | Disconnected
