"""What a client is to the server, from one connection to the next: its name, its rooms, its unanswered requests.

This file owns what each message of the server means for them. It is synchronous: it must not know tasks, streams or
clocks, nor when requests are sent (that is `asking`), and acts through the few functions of a `Shell`.
"""

from collections.abc import Callable

from protocol import (
    Answer,
    Bye,
    Command,
    Done,
    DraftShown,
    Edited,
    EndTurn,
    Error,
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
    Presence,
    Redacted,
    Request,
    SetNick,
    TopicSet,
    TurnChange,
    Welcome,
)
from trio_chat.client.asking import TRANSIENT, Asking, Shell
from trio_chat.client.cursor import DEFAULT_LAST
from trio_chat.client.errors import ChatError
from trio_chat.client.events import StreamEvent
from trio_chat.client.ledger import Pending
from trio_chat.client.lost import Lost, lost_by
from trio_chat.client.rooms import Rooms
from trio_chat.client.turn import Turns


class Session:
    """The state of a client. Tell it `welcomed`, then everything that is `received`, then `disconnected`.

    Attributes:
        nick: the name shown.
        author: the public id of this identity.
        rooms: those joined.
        ended: whether the server has answered our goodbye.
        turns: those that we hold.
    """

    def __init__(self, nick: str, shell: Shell) -> None:
        self.nick = nick
        self.author = ""
        self.rooms = Rooms()
        self.ended = False
        self.turns = Turns()
        self._shell = shell
        self._asking = Asking(self.rooms, shell)

    # --- asking ---------------------------------------------------------------------------------------

    def ask(self, pending: Pending) -> None:
        """Send a request, now or once there is a connection; it is settled when its answer is there."""
        self._asking.ask(pending)

    def give_up(self, error: Callable[[], ChatError]) -> None:
        """Settle all that is unanswered by an error: there will be no other connection."""
        self._asking.give_up(error)

    def catch_up(self) -> None:
        """Join the room again that has lagged for longest, if the user has taken all events."""
        self._asking.catch_up()

    # --- connections ----------------------------------------------------------------------------------

    def welcomed(self, welcome: Welcome) -> None:
        """Take note of who we are, come back into all rooms, and ask again what has no answer."""
        if self.author not in ("", welcome.author):
            text = (
                "The server has forgotten who you were: what was being sent when the connection broke may come twice."
            )
            self._shell.offer(Notice(text, level="warning"))
        self.nick, self.author = welcome.nick, welcome.author
        self._asking.connected()

    def disconnected(self) -> None:
        """Settle what ends with the connection, and stop sending."""
        self._asking.disconnected()
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
            view.leaving = self._asking.is_leaving(view)
        if generation is not None:
            self._asking.returned(joined.room)

    def _answered(self, answer: Answer) -> None:
        assert answer.id is not None
        pending = self._asking.take(answer.id)
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
            self._asking.ask_unasked(EndTurn(self._shell.new_id(), granted.turn))
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
                self._asking.offered = commands
            case Command(line=line) if line.lower().startswith("/nick "):
                self.nick = line[len("/nick ") :].strip()
            case _:
                pass

    def _refused(self, pending: Pending, error: Error) -> None:
        match pending.request:
            case Join(room=room) if (backoff := pending.backoff) and error.code in TRANSIENT:
                self._asking.rejoin_later(room, backoff, error.retry_after_ms)
            case Join(room=room) if pending.internal:
                self.rooms.left(room)
                self._shell.offer(Notice(f"You are no longer in #{room}: {error.message}", room, "warning"))
                self._asking.returned(room)
            case Offer() if pending.internal and error.code in TRANSIENT:
                self._asking.offer_later(error.retry_after_ms)
            case Offer() if pending.internal:
                self._shell.offer(Notice(f"Your commands are not added any more: {error.message}", level="warning"))
            case _:
                pass
