"""What a client asks, and when it is sent: now, once there is a connection, or once its rooms are joined again.

This file owns the requests under way, and the order in which a new connection hears them. It is synchronous, and must
not know what an answer means; `session` does.
"""

from collections.abc import Callable
from typing import Final, Protocol

from protocol import CommandOffer, Done, Error, FrameError, Join, Offer, Post, Request
from trio_chat.client.backoff import Backoff
from trio_chat.client.errors import ChatError, TurnLost
from trio_chat.client.events import ClientEvent
from trio_chat.client.ledger import OF_TURNS, Ledger, Pending
from trio_chat.client.rooms import Rooms, RoomView, folded

TRANSIENT: Final = frozenset({"unavailable", "too_many", "internal"})
"""The refusals that may not come again another time."""


OFFER_AGAIN_S: Final = 1.0
"""How long to wait before commands are added again that the server could not take just now."""


class Shell(Protocol):
    """What a session needs of the world around it."""

    def offer(self, event: ClientEvent) -> bool:
        """Put `event` into the stream that the user reads; False if that is full."""
        ...

    def is_drained(self) -> bool:
        """Say whether the user has taken all events."""
        ...

    def transmit(self, request: Request) -> None:
        """Send on the present connection.

        Raises:
            FrameError: it is too large for the server.
            UnicodeEncodeError: a string in it is no Unicode text.
        """
        ...

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Call `act` after that time, if the present connection still holds then."""
        ...

    def new_id(self) -> int:
        """Return a number for a request."""
        ...


class Asking:
    """The requests of a client.

    Args:
        rooms: those joined, in which a join starts where we stand.
        shell: the world around.

    Attributes:
        offered: the slash commands that we add; every new connection hears of them again.
    """

    def __init__(self, rooms: Rooms, shell: Shell) -> None:
        self.offered: list[CommandOffer] = []
        self._rooms = rooms
        self._shell = shell
        self._ledger = Ledger()
        self._online = False
        self._returning: set[str] = set()  # rooms that must be joined again before anything else is asked

    def ask(self, pending: Pending) -> None:
        """Send a request, now or once there is a connection; it is settled when its answer is there."""
        self._ledger.enter(pending)
        if pending.leaves is not None and (view := self._rooms.find(pending.leaves)):
            view.leaving = True
        if self._online and not self._returning:
            self._send(pending)

    def ask_unasked(self, request: Request, backoff: Backoff | None = None) -> None:
        """Send what nobody waits for, on the present connection and no other."""
        pending = Pending(request, 0, release=None)
        pending.backoff = backoff
        self._ledger.enter(pending)
        self._send(pending)

    def take(self, number: int) -> Pending:
        """Take out what this is the answer to; the caller settles it."""
        return self._ledger.take(number)

    def is_leaving(self, view: RoomView) -> bool:
        """Return whether it was asked to leave a room, by any of its names."""
        return any(self._rooms.find(asked.leaves or "") is view for asked in self._ledger)

    def give_up(self, error: Callable[[], ChatError]) -> None:
        """Settle all that is unanswered by an error: there will be no other connection."""
        for pending in self._ledger:
            self._ledger.take(pending.request.id).settle(error())

    # --- from one connection to the next --------------------------------------------------------------

    def connected(self) -> None:
        """Add our commands and come back into all rooms; then ask again what has no answer, in the order of asking.

        Requests wait for the rooms: a post that came before its room were refused with `not_a_member`.
        """
        self._online = True
        self._returning = set(self._rooms.views)
        self._offer()
        for view in self._rooms.views.values():
            self._rejoin(view)
        self._ask_again()

    def disconnected(self) -> None:
        """Settle what ends with the connection, and stop sending.

        To leave a room ends with it too: not to join again is to have left. But not behind what is still to be carried
        out in that room, which has to be joined again for that, nor behind what may still lead into it.
        """
        self._online = False
        needed: set[str] = set()
        may_need_any = False
        for pending in self._ledger:
            room = pending.leaves
            is_needed = room is None or may_need_any or folded(room) in needed
            if pending.ends_with_connection or not is_needed:
                if room is not None:
                    self._rooms.left(room)
                self._ledger.take(pending.request.id).settle(_end_of(pending.request))
                continue
            may_need_any = may_need_any or pending.may_lead_anywhere
            if (room := getattr(pending.request, "room", None)) is not None:
                needed.add(folded(room))

    def returned(self, name: str) -> None:
        """Note that a room need not be waited for any more; after the last one, ask again."""
        if name in self._returning:
            self._returning.discard(name)
            self._ask_again()

    def catch_up(self) -> None:
        """Join the room again that has lagged for longest, if the user has taken all events."""
        ready = self._rooms.any_lagging and self._online and not self._returning and self._shell.is_drained()
        if ready and (view := self._rooms.next_lagging()) and not view.leaving:
            self._rejoin(view)

    def offer_later(self, retry_after_ms: int | None) -> None:
        """Try once more, after a while, to add our commands."""
        self._shell.later(OFFER_AGAIN_S if retry_after_ms is None else retry_after_ms / 1000, self._offer)

    def _offer(self) -> None:
        if self.offered:
            self.ask_unasked(Offer(self._shell.new_id(), self.offered))

    def rejoin_later(self, room: str, backoff: Backoff, retry_after_ms: int | None) -> None:
        """Try once more, after a while, to join a room again."""
        self._shell.later(backoff.failed(retry_after_ms), lambda: self._try_rejoin(room, backoff))

    def _try_rejoin(self, room: str, backoff: Backoff) -> None:
        view = self._rooms.views.get(room)
        # Whoever is about to leave a room joins it again only if all else waits for that.
        if view is not None and view.cursor.lagging and (not view.leaving or room in self._returning):
            self._rejoin(view, backoff)

    def _rejoin(self, view: RoomView, backoff: Backoff | None = None) -> None:
        self.ask_unasked(Join(self._shell.new_id(), view.name), backoff or Backoff())

    def _ask_again(self) -> None:
        if not self._returning:
            for pending in self._ledger:
                if not pending.internal:
                    self._send(pending)

    # --- sending --------------------------------------------------------------------------------------

    def _send(self, pending: Pending) -> None:
        if isinstance(pending.request, Join):
            self._place(pending, pending.request)
        try:
            self._shell.transmit(pending.request)
        except (FrameError, UnicodeEncodeError) as error:
            refusal = Error(pending.request.id, "bad_message", f"That cannot be sent: {error}.")
            self._ledger.take(pending.request.id).settle(refusal)

    def _place(self, pending: Pending, join: Join) -> None:
        """Let a join start where our cursor stands at the time of sending."""
        view = self._rooms.find(join.room)
        if view is None or (view.leaving and not pending.internal):
            pending.request, pending.generation = Join(join.id, join.room, last=pending.last), None
        else:
            pending.request = Join(join.id, join.room, after=view.cursor.position)
            pending.generation = view.cursor.generation


def _end_of(request: Request) -> Done | TurnLost:
    """Return the answer to what ends with its connection."""
    return TurnLost() if isinstance(request, (*OF_TURNS, Post)) else Done(request.id)
