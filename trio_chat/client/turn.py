"""A bot's turn to speak, on the client's side: from its being granted to its end.

This file owns what a turn that we hold is, and how its end reaches whoever speaks in it: as a cancelled scope. It must
not know requests' fates across connections: a turn has none, for it ends with its connection.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from protocol import Granted, Posted, TurnChange

DONE: Final = "done"
LOST: Final = "gone"
MAX_TOKENS: Final = 2**31 - 1  # `Count` on the wire


class Turn:
    """Leave to speak in a room; made by `Client.turn`.

    Attributes:
        room: where.
        number: what names it on the wire.
        hops: how many turns of bots lead to it, itself included.
        within_s: how long it may take, from its beginning, in seconds.
        ended: why it is over (`done`, `stopped`, `deadline`, `gone`, `moved`, `asker left`); None while it goes on.
        by: the nick of who ended it, where somebody did.
        tokens: what the provider has counted for it so far, or is guessed to have; told with the end of the turn. What
            does not fit on the wire is taken for the nearest that does: the answer matters more than its bill.
    """

    def __init__(self, granted: Granted) -> None:
        self.room = granted.room
        self.number = granted.turn
        self.hops = granted.hops
        self.within_s = granted.within_ms / 1000
        self.ended: str | None = None
        self.by: str | None = None
        self._tokens = 0
        self.scope = trio.CancelScope()
        self._post: Callable[..., Awaitable[Posted]]
        self._show: Callable[[int, str, str], Awaitable[None]]

    @property
    def tokens(self) -> int:
        """See the attributes of the class."""
        return self._tokens

    @tokens.setter
    def tokens(self, count: int) -> None:
        self._tokens = min(max(0, count), MAX_TOKENS)

    def end(self, reason: str, by: str | None = None) -> None:
        """Note that it is over; unless we have ended it ourselves, cancel whatever is done in it."""
        if self.ended is None:
            self.ended, self.by = reason, by
            if reason != DONE:
                self.scope.cancel()

    def use(self, post: Callable[..., Awaitable[Posted]], show: Callable[[int, str, str], Awaitable[None]]) -> None:
        """Take the functions by which the client speaks."""
        self._post, self._show = post, show

    async def post(
        self,
        text: str,
        *,
        more: bool = False,
        reply_to: int | None = None,
        action: bool = False,
        key: str | None = None,
    ) -> Posted:
        """Say something, as `Client.post`; it ends the turn unless there is `more` to come.

        Args:
            text: 1 to 4,000 characters.
            more: whether other posts of this turn follow.
            reply_to: the seq of the message that it answers.
            action: whether it is what we do (`/me`).
            key: as for `Client.post`: under the same one, it is said once, in this turn or in another.

        Raises:
            TurnLost: the connection broke; whether it was said is not known.
            Refused: it was not said.
        """
        tokens = 0 if more else self.tokens
        posted = await self._post(
            self.room, text, reply_to=reply_to, action=action, key=key, turn=self.number, more=more, tokens=tokens
        )
        if not more:
            self.tokens = 0
            self.end(DONE)
        return posted

    async def show(self, text: str, doing: str = "") -> None:
        """Show what the next post is so far, 0 to 4,000 characters; returns once the server has it.

        Args:
            text: it replaces that of the draft before.
            doing: a line of at most 200 characters about what is done besides, such as a tool that is called.
        """
        await self._show(self.number, text, doing)


class Turns:
    """The turns that we hold."""

    def __init__(self) -> None:
        self._held: dict[int, Turn] = {}

    def __getitem__(self, number: int) -> Turn:
        """Return the turn with this number, which was granted."""
        return self._held[number]

    def granted(self, granted: Granted) -> None:
        """Hold one more."""
        self._held[granted.turn] = Turn(granted)

    def let_go(self, turn: Turn) -> None:
        """Hold a turn no more: its block is left."""
        if self._held.get(turn.number) is turn:  # or a server that has started anew has given its number to another
            del self._held[turn.number]

    def changed(self, event: TurnChange) -> None:
        """Take in what became of anybody's turn."""
        turn = self._held.get(event.turn)
        if turn is not None and event.change == "ended":
            turn.end(event.reason or DONE, event.by)

    def lost(self) -> None:
        """End all, for the connection is lost."""
        for turn in self._held.values():
            turn.end(LOST)
