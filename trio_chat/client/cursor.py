"""Where a client stands in the log of one room: what of the stream is due, what comes twice, what is missing.

This file owns the rules that make every entry come out exactly once and in order. It is synchronous and pure:
it must not know connections, requests, or who takes the events. Use: ask `is_due(event)`; if so, hand the event
over, then `advance(event)`; if it could not be handed over, `lag()`, and join the room again with `position`.
"""

from typing import Final

from protocol import Gap, Joined, Live, Position
from trio_chat.client.events import StreamEvent

DEFAULT_LAST: Final = 50
"""How many entries a `join` brings that names no number, as docs/protocol.md has it."""


class BrokenPromise(Exception):
    """The server left a hole in the log without a `gap`. Connect again: joining after the position mends it."""


class Cursor:
    """One client's place in one room's log.

    Args:
        joined: the answer by which the client came into the room.
        last: the number of stored entries that were asked for.

    Attributes:
        epoch: the life of the log that `seq` belongs to.
        seq: the last entry that was handed over, or that came before all that was asked for.
        lagging: whether the stream is being ignored until the room is joined again.
        generation: changes with every gap of reason `epoch`. Note it when asking to join after `position`.
    """

    __slots__ = ("_arriving", "_ceiling", "_gap_due", "_loose", "epoch", "generation", "lagging", "seq")

    def __init__(self, joined: Joined, last: int) -> None:
        self.epoch = joined.epoch
        # A cut before the first entry must lose none of those that were asked for, nor any newer one.
        self.seq = max(0, joined.head - last)
        self.lagging = False
        self.generation = 0
        self._loose = True  # the server decides where the stream starts: at the latest behind the head
        self._ceiling = joined.head
        self._arriving = joined.epoch  # the epoch of what the server sends
        self._gap_due = False

    @property
    def position(self) -> Position:
        """What to join after."""
        return Position(self.epoch, self.seq)

    def lag(self) -> None:
        """Ignore the stream until `resumed`."""
        self.lagging = True

    def resumed(self, joined: Joined, generation: int) -> None:
        """Note the answer to a join after the `position` of that `generation`.

        A position of an older generation may have been asked for twice before the first answer came. The server
        then tells of the new epoch twice. The second time it is no news, unless more has expired meanwhile, and
        entries that come again are known.
        """
        self.lagging = self._loose = False
        self._arriving = joined.epoch
        self._gap_due = generation == self.generation

    def is_due(self, event: StreamEvent) -> bool:
        """Say whether `event` comes next; False for what is known already and for all while lagging.

        Raises:
            BrokenPromise: something is missing before it.
        """
        if self.lagging:
            return False
        if isinstance(event, Gap):
            return self._starts_anew(event) or event.next - 1 > self.seq
        if self._arriving != self.epoch:
            raise BrokenPromise(f"the log of {event.room} has another epoch, and no gap said so")
        reached = event.seq if isinstance(event, Live) else event.seq - 1  # what must have come before it
        if self._loose:
            if reached > self._ceiling:
                raise BrokenPromise(f"the log of {event.room} starts at {event.seq}, after {self._ceiling}")
            return True
        if reached > self.seq:
            raise BrokenPromise(f"the log of {event.room} goes on at {event.seq}, after {self.seq}")
        return reached == self.seq

    def advance(self, event: StreamEvent) -> None:
        """Note that `event`, which was due, has been handed over."""
        self._loose = False
        if not isinstance(event, Gap):
            self.seq = event.seq
            return
        self.seq = event.next - 1
        if self._starts_anew(event):
            self.epoch = self._arriving
            self.generation += 1
            self._gap_due = False

    def _starts_anew(self, gap: Gap) -> bool:
        return gap.reason == "epoch" and self._gap_due
