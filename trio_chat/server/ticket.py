"""The answers to what was appended: given by the store's feed, before anybody sees the entries.

This file owns what becomes of an outcome on the wire. It must not know how appending works, nor what is published.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from protocol import Error, Message, Posted, State
from trio_chat.store import Commit, Draft, Duplicate, Outcome, Rejected

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection


class Ticket:
    """Whose drafts an append carries, and under which ids they are to be answered."""

    __slots__ = ("_connection", "_ids", "_withdrawn")

    def __init__(self, connection: "Connection", ids: Sequence[int]) -> None:
        self._connection = connection
        self._ids = ids
        self._withdrawn = False

    def withdraw(self) -> None:
        """Send no answer any more: another one has been given."""
        self._withdrawn = True

    def settle(self, commit: Commit) -> None:
        """Answer each draft, in order."""
        if self._withdrawn or self._connection.machine.state is State.CLOSED:
            return  # the client is gone; it will send again, and hear that it is a duplicate
        answers = [
            Posted(number, draft.room, outcome.seq, draft.at)  # as below, without a call for what is usual
            if type(outcome) is Message
            else _answer(number, draft, outcome)
            for number, draft, outcome in zip(self._ids, commit.drafts, commit.outcomes, strict=True)
        ]
        self._connection.hold(*answers)

    def published(self) -> None:
        """Send the answers that did not leave together with the first of the entries."""
        self._connection.delivery.release()


def _answer(number: int, draft: Draft, outcome: Outcome) -> Posted | Error:
    if type(outcome) is Duplicate:
        return Posted(number, draft.room, outcome.seq, outcome.at, duplicate=True)
    if type(outcome) is Rejected:
        return Error(number, outcome.code, _REJECTED[outcome.code])
    return Posted(number, draft.room, outcome.seq, draft.at)


_REJECTED: Final = {
    "key_reused": "This key names another entry already; take a new key for a new text.",
    "no_such_entry": "There is no such message in this room, or it was deleted.",
    "no_such_room": "There is no such room any more; join it anew.",
}
