"""Posts on their way into the log: drafted together, appended together, and answered before anybody sees the entries.

This file owns which posts may be said, and what becomes of an outcome on the wire. It must not know how a store
appends, nor what is published.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import trio

from protocol import Error, Message, Post, Posted, Request, State
from trio_chat.names import NameRefused
from trio_chat.server.access import membership_in, too_fast
from trio_chat.server.errors import Refusal, refused
from trio_chat.server.log import log
from trio_chat.server.tally import Tally
from trio_chat.store import Commit, Draft, Duplicate, Outcome, Rejected, StoreUnavailable

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection


async def append_posts(c: "Connection", posts: Sequence[Post]) -> None:
    """Append posts that came together, together; one that is refused is answered in its turn."""
    while posts and c.machine.state is not State.CLOSED:  # or the last frame is out: what follows it means nothing
        drafts, refusal = draft_posts(c, posts, trio.current_time())
        said, posts = posts[: len(drafts)], posts[len(drafts) :]
        await append(c, drafts, said)
        if refusal is not None:
            await trio.lowlevel.checkpoint()  # many refusals in one piece must not hold up everybody else
            await c.wait_for_room()
            c.send(refused(posts[0].id, refusal))
            posts = posts[1:]


def draft_posts(
    c: "Connection", posts: Sequence[Post], now: float, command: str | None = None, asks: str | None = None
) -> tuple[list[Draft], Refusal | NameRefused | None]:
    """Return what posts append up to the first that may not be said at `now`, on Trio's clock; and why that may not.

    `command` is the slash command that they stand for, `asks` the author of the bot whose command it is.
    """
    drafts: list[Draft] = []  # one plain loop: this is done for every post
    refusal: Refusal | NameRefused | None = None
    bucket = c.person.bucket if c.person is not None else None
    left = len(posts) if bucket is None else bucket.left(now)
    now_ms, bot, name, hops = c.hub.wall_clock_ms(), c.bot, None, 0
    try:
        for post in posts:
            if post.room != name:
                membership = membership_in(c, post.room)
                name, room, person = post.room, membership.room, membership.person
                shown, author, nick = room.name, person.author, person.nick
            if post.reply_to is not None and not 1 <= post.reply_to <= room.head:
                raise Refusal("no_such_entry", "The message that this replies to is not in this room.")
            if len(drafts) == left or (bot and drafts and post.turn != posts[0].turn):
                break  # turns are posted in one by one
            if bot:
                hops = c.server.turns.speak(c, post.turn, shown).hops
            drafts.append(
                Draft(
                    shown,
                    author,
                    post.key,
                    now_ms,
                    nick,
                    "message",
                    post.text,
                    post.action,
                    bot,
                    post.reply_to,
                    command,
                    None,
                    hops,
                    False,
                    asks,
                )
            )
            if bot and not post.more:
                break  # what follows is in another turn, or in none
    except (Refusal, NameRefused) as error:
        refusal = error
    if bucket is not None:
        bucket.spend(len(drafts))
        if refusal is None and len(drafts) == left < len(posts):
            refusal = too_fast(bucket)
    return drafts, refusal


async def append(c: "Connection", drafts: Sequence[Draft], asked: Sequence[Request]) -> None:
    """Append the drafts of requests to the log; their answers are sent by `settle`, before anyone sees the entries."""
    if not drafts:
        return
    if not c.bot or not isinstance(asked[0], Post):
        await _append(c, drafts, asked)
        return
    last, kept = asked[-1], False
    turn = c.server.turns.begin_posting(c, asked[0].turn)
    try:
        kept = await _append(c, drafts, asked)
    finally:
        c.server.turns.end_posting(turn, last if kept and isinstance(last, Post) else None)


async def _append(c: "Connection", drafts: Sequence[Draft], asked: Sequence[Request]) -> bool:
    """Return whether they were appended."""
    await c.wait_for_room()
    ids = [request.id for request in asked]
    ticket = Ticket(c, ids)
    try:
        await c.hub.store.append(drafts, origin=ticket)
    except StoreUnavailable as error:
        # The store may find out later that it was kept after all; then nobody waits for the answer any more.
        ticket.withdraw()
        c.hub.tally.failed_appends += 1
        c.send(*[unavailable(number, error) for number in ids])
        return False
    return True


class Ticket:
    """Whose drafts an append carries, and under which ids they are to be answered."""

    __slots__ = ("_connection", "_handed_over", "_ids", "_withdrawn")

    def __init__(self, connection: "Connection", ids: Sequence[int]) -> None:
        self._connection = connection
        self._ids = ids
        self._handed_over = connection.hub.tally.clock()
        self._withdrawn = False

    def withdraw(self) -> None:
        """Send no answer any more: another one has been given."""
        self._withdrawn = True

    def settle(self, commit: Commit) -> None:
        """Answer each draft, in order."""
        tally = self._connection.hub.tally
        tally.commit_s.observe(tally.clock() - self._handed_over)
        if self._withdrawn or self._connection.machine.state is State.CLOSED:
            return  # the client is gone; it will send again, and hear that it is a duplicate
        answers = [
            Posted(number, draft.room, outcome.seq, draft.at)  # as below, without a call for what is usual
            if type(outcome) is Message
            else _answer(number, draft, outcome, tally)
            for number, draft, outcome in zip(self._ids, commit.drafts, commit.outcomes, strict=True)
        ]
        self._connection.hold(*answers)

    def published(self) -> None:
        """Send the answers that did not leave together with the first of the entries."""
        self._connection.delivery.release()


def _answer(number: int, draft: Draft, outcome: Outcome, tally: Tally) -> Posted | Error:
    if type(outcome) is Duplicate:
        return Posted(number, draft.room, outcome.seq, outcome.at, duplicate=True)
    if type(outcome) is Rejected:
        tally.refused[outcome.code] += 1
        return Error(number, outcome.code, _REJECTED[outcome.code])
    return Posted(number, draft.room, outcome.seq, draft.at)


_REJECTED: Final = {
    "key_reused": "This key names another entry already; take a new key for a new text.",
    "no_such_entry": "There is no such message in this room, or it was deleted.",
    "no_such_room": "There is no such room any more; join it anew.",
}


def unavailable(number: int, error: StoreUnavailable) -> Error:
    """Log why the store failed, and return the answer to the request with this id."""
    log.error("the storage failed", error=str(error))
    return Error(number, "unavailable", "The server's storage is down for the moment; send it again.", 1_000)
