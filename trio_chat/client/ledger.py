"""The requests that have no answer yet, in the order in which they were asked.

This file owns what is kept of a request until its answer comes, also across connections. It must not know
connections or rooms.
"""

from collections.abc import Callable, Iterator
from typing import Final

import trio

from protocol import (
    Answer,
    Command,
    Direct,
    EndTurn,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Leave,
    Post,
    Request,
    Search,
    ShowDraft,
    TakeTurn,
)
from trio_chat.client.backoff import Backoff
from trio_chat.client.errors import ChatError

OF_TURNS: Final = (ShowDraft, EndTurn)
"""What means nothing on another connection."""

_WANTED_NO_MORE: Final = (GetCommands, GetHistory, GetMembers, GetRooms, Search, TakeTurn)
"""What changes nothing, or nothing that lasts, if nobody waits for its answer."""


class Pending:
    """One request until its answer comes.

    Args:
        request: what is asked.
        last: how many stored entries are wanted, should the answer be `joined`.
        release: called once, when the answer is there, whether or not anybody waits for it; None for a request
            that the library makes by itself.

    Attributes:
        generation: for a join that was sent after a position, the cursor's generation at that time.
        backoff: for a join that the library makes, how long to wait before the next one if it is refused.
    """

    __slots__ = ("_abandoned", "_answer", "_release", "_settled", "backoff", "generation", "last", "request")

    def __init__(self, request: Request, last: int, release: Callable[[], None] | None) -> None:
        self.request = request
        self.last = last
        self.generation: int | None = None
        self.backoff: Backoff | None = None
        self._release = release
        self._answer: Answer | ChatError | None = None
        self._settled = trio.Event()
        self._abandoned = False

    @property
    def internal(self) -> bool:
        """Whether the library asks for itself, to come back into a room."""
        return self._release is None

    @property
    def ends_with_connection(self) -> bool:
        """Whether it need not be asked again on the next connection.

        So it is with what belongs to a turn, with what the library asked for the sake of the old one, and with what
        nobody waits for and changes nothing. A turn itself is asked for again: if it was granted, the server has ended
        it with the connection.
        """
        unwanted = self._abandoned and isinstance(self.request, _WANTED_NO_MORE)
        return self.internal or unwanted or self._of_turn

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._abandoned

    @property
    def _of_turn(self) -> bool:
        request = self.request
        return isinstance(request, OF_TURNS) or (isinstance(request, Post) and request.turn is not None)

    @property
    def leaves(self) -> str | None:
        """The room that this leaves, by request or by slash command."""
        if isinstance(self.request, Leave):
            return self.request.room
        if isinstance(self.request, Command):
            # Neither the request nor its answer says what it stands for, so the words must.
            name, _, words = self.request.line.partition(" ")
            if name.lower() == "/leave":
                return words.strip() or self.request.room
        return None

    @property
    def may_lead_anywhere(self) -> bool:
        """Whether it may bring us into a room that it does not name as its own."""
        return isinstance(self.request, Direct) or (isinstance(self.request, Command) and self.leaves is None)

    def settle(self, answer: Answer | ChatError) -> None:
        """Hand over the answer, or the error by which there will be none."""
        self._answer = answer
        self._settled.set()
        if self._release is not None:
            self._release()

    async def wait(self) -> Answer:
        """Return the answer once it is there. Cancelled, it abandons the waiting; the request goes its way.

        Raises:
            ChatError: there will be no answer.
        """
        try:
            await self._settled.wait()
        finally:
            self._abandoned = True
        assert self._answer is not None
        if isinstance(self._answer, ChatError):
            raise self._answer
        return self._answer


class Ledger:
    """All pending requests. How many there may be is for those who ask to limit."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}

    def __iter__(self) -> Iterator[Pending]:
        """Go through them in the order in which they were asked; they may be settled meanwhile."""
        return iter(list(self._pending.values()))

    def enter(self, pending: Pending) -> None:
        """Keep a request until it is taken out."""
        self._pending[pending.request.id] = pending

    def take(self, number: int) -> Pending:
        """Take out the request with this id; the caller settles it."""
        return self._pending.pop(number)
