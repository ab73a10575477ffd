"""The running of a client: one connection after another, the waiting for answers, the stream of events.

This file carries out what `session` and `backoff` decide. It must not know what a request means, how the user
of the library writes it (that is `client`), nor bytes (that is `link`).
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import trio

from protocol import NICK_CHARS, VERSION, Answer, Error, Hello, MessageError, Notice, Request, Welcome, check
from trio_chat.client.asking import TRANSIENT
from trio_chat.client.backoff import Backoff
from trio_chat.client.errors import CannotConnect, ChatError, ClientClosed, Refused
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.ledger import Pending
from trio_chat.client.link import Link
from trio_chat.client.lost import Lost
from trio_chat.client.reach import Dial, open_link
from trio_chat.client.session import Session

EVENTS_WAITING: Final = 1_000
"""Events that wait for their reader before rooms begin to lag; two pages of a log."""

REQUESTS_WAITING: Final = 256
"""Requests without an answer; one more waits for its turn. They are what memory a client needs for sending."""

OTHER_NICKS: Final = 4
"""How many underscores a nick may grow on the way back, when somebody has taken it meanwhile."""


class Who(NamedTuple):
    """What a client says of itself in every `hello`, besides its nick."""

    session: str
    agent: str
    bot: bool


class Engine:
    """Keeps a client connected and carries out what its session decides. `run` is its one task.

    Args:
        dial: makes one connection.
        where: what to call the other end, in sentences for people.
        who: what to say of oneself.
        nick: the name to go by, as long as nobody else has it.
    """

    def __init__(self, dial: Dial, where: str, who: Who, nick: str) -> None:
        self.session = Session(nick, self)
        self.welcome: Welcome
        self._dial, self._where, self._who = dial, where, who
        self._link: Link | None = None
        self._nursery: trio.Nursery | None = None  # of the present connection
        self._ids = itertools.count(1)
        self._slots = trio.Semaphore(REQUESTS_WAITING)
        self._put, self._events = trio.open_memory_channel[ClientEvent](EVENTS_WAITING)
        self._held: list[Connected | Disconnected] = []  # what the stream had no room for, two at most
        self._ended = False
        self._turned_away: Refused | None = None

    # --- connections ----------------------------------------------------------------------------------

    async def connect(self) -> Link:
        """Make the first connection; the caller hands it to `run`.

        Raises:
            CannotConnect: nobody could be reached, or it is no chat server.
            Refused: the server refuses the hello.
        """
        try:
            return await open_link(self._dial, self._hello, [self.session.nick], self._where)
        except Lost as error:
            raise CannotConnect(str(error)) from error

    async def run(self, link: Link, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be connected, again and again, until the server has answered a goodbye or refuses us for good.

        It takes over `link`, and has started once the session knows of it. Cancelled, it says goodbye (for a second
        at most).
        """
        backoff = Backoff()
        following: Link | None = link
        try:
            while following is not None:
                lost = await self._serve(following, task_status)
                if self.session.ended:
                    return
                backoff.held(following.lived_s)
                task_status = trio.TASK_STATUS_IGNORED
                following = await self._reconnect(backoff, lost)
        finally:
            self._finish()

    async def _serve(self, link: Link, task_status: trio.TaskStatus[None]) -> Lost:
        """Run one connection to its end."""
        try:
            async with trio.open_nursery() as nursery:
                self._link, self._nursery = link, nursery
                self.welcome = link.welcome
                self._tell(Connected(again=self.session.author != "", nick=link.welcome.nick))
                self.session.welcomed(link.welcome)
                task_status.started()
                lost = await link.run(self.session.received)
                nursery.cancel_scope.cancel()
        finally:
            self._link = self._nursery = None
            self.session.disconnected()
        return lost

    async def _reconnect(self, backoff: Backoff, lost: Lost) -> Link | None:
        """Try until there is a connection; None when the server refuses us for good."""
        while True:
            wait_s = backoff.failed(lost.retry_after_ms)
            self._tell(Disconnected(str(lost), wait_s))
            await trio.sleep(wait_s)
            try:
                return await open_link(self._dial, self._hello, other_nicks(self.session.nick), self._where)
            except Lost as error:
                lost = error
            except Refused as error:
                if error.code not in TRANSIENT | {"nick_taken"}:
                    self._turned_away = error
                    return None
                lost = Lost(error.message, error.retry_after_ms)

    def _hello(self, nick: str) -> Hello:
        return Hello(self.new_id(), VERSION, self._who.session, nick, self._who.agent, self._who.bot)

    def _finish(self) -> None:
        """Let nobody wait any more."""
        self._ended = True
        self.session.give_up(self._why_ended)
        self._put.close()

    def _why_ended(self) -> ChatError:
        """Return a new error each time, for each is raised in another task."""
        if self._turned_away is not None:
            return Refused(self._turned_away.code, self._turned_away.message)
        return ClientClosed("This client has ended; open a new one with open_client().")

    # --- asking ---------------------------------------------------------------------------------------

    async def ask(self, request: Request, last: int) -> Answer:
        """Send a request, again on every new connection, and return its answer.

        Cancelled while it waits for its turn, nothing is sent; later, the request goes its way without us.

        Raises:
            Refused: the server answered `error`, or the request breaks a rule and is not sent.
            ClientClosed: the client has ended.
        """
        try:
            check(request)
        except MessageError as error:
            raise Refused(error.code, str(error)) from error
        await self._slots.acquire()
        if self._ended:
            self._slots.release()
            raise self._why_ended()
        pending = Pending(request, last, self._slots.release)
        self.session.ask(pending)
        answer = await pending.wait()
        if isinstance(answer, Error):
            raise Refused(answer.code, answer.message, answer.retry_after_ms)
        return answer

    async def ping(self) -> float | None:
        """Return how long the present connection takes to the server and back; None without one, or if it is lost."""
        await trio.lowlevel.checkpoint()
        return await self._link.ping() if self._link is not None and self.connected else None

    @property
    def connected(self) -> bool:
        """Whether there is a connection on which the server said welcome."""
        return self._link is not None and self._link.lost is None

    # --- events ---------------------------------------------------------------------------------------

    async def next_event(self) -> ClientEvent:
        """Return the next event.

        Raises:
            StopAsyncIteration: the client has ended.
            Refused: it has ended because the server refused it when it came back.
        """
        try:
            event = await self._events.receive()
        except trio.EndOfChannel:
            if self._turned_away is not None:
                raise self._why_ended() from None
            raise StopAsyncIteration from None
        if self._held and not self._waiting():
            held, self._held = self._held, []
            for status in held:
                self._put.send_nowait(status)
        self.session.catch_up()
        return event

    def notice(self, text: str) -> None:
        """Warn the user, in the stream of events."""
        self.offer(Notice(text, level="warning"))

    def _tell(self, status: Connected | Disconnected) -> None:
        """Put news of the connection into the stream, or hold the last of it until there is room."""
        if not self.offer(status):
            if isinstance(status, Disconnected):
                self._held.clear()
            self._held.append(status)

    def _waiting(self) -> int:
        return self._put.statistics().current_buffer_used

    # --- what the session needs -----------------------------------------------------------------------

    def offer(self, event: ClientEvent) -> bool:
        """Put `event` into the stream; False if that is full, or if something is held that comes before it."""
        if self._held:
            return False
        try:
            self._put.send_nowait(event)
        except trio.WouldBlock:
            return False
        return True

    def is_drained(self) -> bool:
        """Say whether the user has taken all events."""
        return not self._held and not self._waiting()

    def transmit(self, request: Request) -> None:
        """Send on the present connection."""
        assert self._link is not None
        self._link.send(request)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Call `act` after that time, if the present connection still holds then."""
        assert self._nursery is not None
        self._nursery.start_soon(_after, delay_s, act)

    def new_id(self) -> int:
        """Return a number for a request; the last one of all is the goodbye's."""
        return next(self._ids) % (2**31 - 2) + 1


async def _after(delay_s: float, act: Callable[[], None]) -> None:
    await trio.sleep(delay_s)
    act()


def other_nicks(nick: str) -> Iterator[str]:
    """Yield `nick`, and what to be called if somebody has taken it meanwhile."""
    for count in range(OTHER_NICKS + 1):
        yield nick[: NICK_CHARS - count] + "_" * count
