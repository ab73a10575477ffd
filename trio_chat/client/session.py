"""What a client is to the server, from one connection to the next: its name, its rooms, its unanswered requests.

This file owns what each message of the server means for them, and what to send when. It is synchronous: it
must not know tasks, streams or clocks, and acts through the few functions of a `Shell`.
"""

from collections.abc import Callable
from typing import Final, Protocol

from protocol import (
    Answer,
    Bye,
    Command,
    CommandOffer,
    Done,
    DraftShown,
    Edited,
    EndTurn,
    Error,
    FrameError,
    FromServer,
    Gap,
    Granted,
    Join,
    Joined,
    Live,
    Members,
    Message,
    Notice,
    Offer,
    Post,
    Presence,
    Redacted,
    Request,
    SetNick,
    TopicSet,
    TurnChange,
    Welcome,
)
from trio_chat.client.backoff import Backoff
from trio_chat.client.cursor import DEFAULT_LAST
from trio_chat.client.errors import ChatError
from trio_chat.client.events import ClientEvent, StreamEvent
from trio_chat.client.ledger import OF_TURNS, Ledger, Pending
from trio_chat.client.lost import Lost, lost_by
from trio_chat.client.rooms import Rooms, RoomView
from trio_chat.client.turn import Turns

TRANSIENT: Final = frozenset({"unavailable", "too_many", "internal"})
"""The refusals that may not come again another time."""


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


class Session:
    """The state of a client. Tell it `welcomed`, then everything that is `received`, then `disconnected`.

    Attributes:
        nick: the name shown.
        author: the public id of this identity.
        rooms: those joined.
        ended: whether the server has answered our goodbye.
        turns: those that we hold.
        offered: the slash commands that we add; every new connection hears of them again.
    """

    def __init__(self, nick: str, shell: Shell) -> None:
        self.nick = nick
        self.author = ""
        self.rooms = Rooms()
        self.ended = False
        self.turns = Turns()
        self.offered: list[CommandOffer] = []
        self._shell = shell
        self._ledger = Ledger()
        self._online = False
        self._returning: set[str] = set()  # rooms that must be joined again before anything else is asked

    # --- asking ---------------------------------------------------------------------------------------

    def ask(self, pending: Pending) -> None:
        """Send a request, now or once there is a connection; it is settled when its answer is there."""
        self._ledger.enter(pending)
        if pending.leaves is not None and (view := self.rooms.find(pending.leaves)):
            view.leaving = True
        if self._online and not self._returning:
            self._send(pending)

    def give_up(self, error: Callable[[], ChatError]) -> None:
        """Settle all that is unanswered by an error: there will be no other connection."""
        for pending in self._ledger:
            self._ledger.take(pending.request.id).settle(error())

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
        view = self.rooms.find(join.room)
        if view is None or (view.leaving and not pending.internal):
            pending.request, pending.generation = Join(join.id, join.room, last=pending.last), None
        else:
            pending.request = Join(join.id, join.room, after=view.cursor.position)
            pending.generation = view.cursor.generation

    def _ask_by_itself(self, request: Request, backoff: Backoff | None = None) -> None:
        """Ask what nobody waits for."""
        pending = Pending(request, 0, release=None)
        pending.backoff = backoff
        self._ledger.enter(pending)
        self._send(pending)

    def _rejoin(self, view: RoomView, backoff: Backoff | None = None) -> None:
        self._ask_by_itself(Join(self._shell.new_id(), view.name), backoff or Backoff())

    def catch_up(self) -> None:
        """Join the room again that has lagged for longest, if the user has taken all events."""
        ready = self.rooms.any_lagging and self._online and not self._returning and self._shell.is_drained()
        if ready and (view := self.rooms.next_lagging()) and not view.leaving:
            self._rejoin(view)

    # --- connections ----------------------------------------------------------------------------------

    def welcomed(self, welcome: Welcome) -> None:
        """Come back into all rooms, then ask again what has no answer, in the order in which it was asked.

        Requests wait for the rooms: a post that came before its room were refused with `not_a_member`.
        """
        if self.author not in ("", welcome.author):
            text = (
                "The server has forgotten who you were: what was being sent when the connection broke may come twice."
            )
            self._shell.offer(Notice(text, level="warning"))
        self.nick, self.author = welcome.nick, welcome.author
        self._online = True
        self._returning = set(self.rooms.views)
        if self.offered:
            self._ask_by_itself(Offer(self._shell.new_id(), self.offered))
        for view in self.rooms.views.values():
            self._rejoin(view)
        self._ask_again()

    def _ask_again(self) -> None:
        if not self._returning:
            for pending in self._ledger:
                self._send(pending)

    def disconnected(self) -> None:
        """Settle what ends with the connection, and stop sending."""
        self._online = False
        for pending in self._ledger:
            if pending.ends_with_connection:
                if pending.leaves is not None:
                    self.rooms.left(pending.leaves)
                self._ledger.take(pending.request.id).settle(_end_of(pending.request))
        self.turns.lost()
        self.rooms.disconnected()

    # --- what the server says -------------------------------------------------------------------------

    def received(self, message: FromServer) -> None:
        """Take in one message.

        Raises:
            Lost: the server said goodbye.
            BrokenPromise: the connection cannot be gone on with.
        """
        match message:
            case Message() | Edited() | Redacted() | TopicSet() | Live() | Gap():
                self._stream(message)
            case Presence() | Members(id=None):
                self._news(message)
            case Joined(id=None):
                self._joined(message, None)
            case TurnChange():
                self.turns.changed(message)
                self._offer_fleeting(message)
            case DraftShown():
                self._offer_fleeting(message)
            case Notice(id=None):
                self._shell.offer(message)
            case Error(id=None):
                self._shell.offer(Notice(message.message, level="warning"))
            case Bye(id=None):
                raise lost_by(message)
            case _:
                self._answered(message)  # type: ignore[arg-type]  # the machine lets nothing else through
        self.catch_up()

    def _stream(self, event: StreamEvent) -> None:
        view = self.rooms.views.get(event.room)
        if view is None:
            return
        view.arrived(event)
        if view.cursor.is_due(event):
            if self._shell.offer(event):
                view.cursor.advance(event)
            else:
                self.rooms.lag(view)

    def _news(self, event: Presence | Members) -> None:
        if isinstance(event, Presence) and event.author == self.author and event.to is not None:
            self.nick = event.to
        view = self.rooms.views.get(event.room or "")
        if view is None:
            return
        view.news(event)
        # A room that lags brings a fresh list when it is joined again.
        if not view.cursor.lagging and not self._shell.offer(event):
            self.rooms.lag(view)

    def _offer_fleeting(self, event: TurnChange | DraftShown) -> None:
        """Give out what is of interest now and never again, if there is room for it."""
        if event.room in self.rooms.views:
            self._shell.offer(event)

    def _joined(self, joined: Joined, pending: Pending | None) -> None:
        last, generation = (DEFAULT_LAST, None) if pending is None else (pending.last, pending.generation)
        is_new = joined.room not in self.rooms.views
        if self.rooms.joined(joined, last, generation) and not self._shell.offer(joined):
            self.rooms.lag(self.rooms.views[joined.room])
        if is_new:
            # A leave that was asked before the room was there counts too: or we would join again behind it.
            view = self.rooms.views[joined.room]
            view.leaving = any(self.rooms.find(asked.leaves or "") is view for asked in self._ledger)
        if generation is not None:
            self._returned(joined.room)

    def _returned(self, name: str) -> None:
        """Note that a room need not be waited for any more; after the last one, ask again."""
        if name in self._returning:
            self._returning.discard(name)
            self._ask_again()

    def _answered(self, answer: Answer) -> None:
        assert answer.id is not None
        pending = self._ledger.take(answer.id)
        if pending.leaves is not None:
            self._left_or_not(pending.leaves, answer)
        match answer:
            case Joined():
                self._joined(answer, pending)
            case Done():
                self._done(pending.request)
            case Error():
                self._refused(pending, answer)
            case Granted():
                self._granted(answer, pending)
            case Bye():
                self.ended = True
        pending.settle(answer)
        if self.ended:
            raise Lost("The server answered the goodbye.")

    def _granted(self, granted: Granted, pending: Pending) -> None:
        if pending.abandoned:
            self._ask_by_itself(EndTurn(self._shell.new_id(), granted.turn))
        else:
            self.turns.granted(granted)

    def _left_or_not(self, room: str, answer: Answer) -> None:
        view = self.rooms.find(room)
        if view is None:
            return
        if isinstance(answer, Done) or (isinstance(answer, Error) and answer.code == "not_a_member"):
            self.rooms.left(view.name)
            return
        view.leaving = False
        if view.cursor.lagging:
            self.rooms.lag(view)

    def _done(self, request: Request) -> None:
        match request:
            case SetNick(nick=nick):
                self.nick = nick
            case Offer(commands=commands):
                self.offered = commands
            case Command(line=line) if line.lower().startswith("/nick "):
                self.nick = line[len("/nick ") :].strip()
            case _:
                pass

    def _refused(self, pending: Pending, error: Error) -> None:
        match pending.request:
            case Join(room=room) if (backoff := pending.backoff) and error.code in TRANSIENT:
                wait_s = backoff.failed(error.retry_after_ms)
                self._shell.later(wait_s, lambda: self._try_rejoin(room, backoff))
            case Join(room=room) if pending.internal:
                self.rooms.left(room)
                self._shell.offer(Notice(f"You are no longer in #{room}: {error.message}", room, "warning"))
                self._returned(room)
            case _:
                pass

    def _try_rejoin(self, room: str, backoff: Backoff) -> None:
        view = self.rooms.views.get(room)
        # Whoever is about to leave a room joins it again only if all else waits for that.
        if view is not None and view.cursor.lagging and (not view.leaving or room in self._returning):
            self._rejoin(view, backoff)


def _end_of(request: Request) -> Done | Error:
    """Return the answer to what ends with its connection."""
    if isinstance(request, (*OF_TURNS, Post)):
        return Error(request.id, "no_turn", "The connection was lost, and the turn with it.")
    return Done(request.id)
