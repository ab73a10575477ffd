"""A bot's voice in one room: its turn to speak, the drafts of what it is about to say, and its posts.

This file owns how these reach the room, and that what the bot says is part of the conversation. It must not know where
the words come from, or why the bot speaks.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio

from protocol import DOING_CHARS, TEXT_CHARS
from protocol import Cause as TurnCause
from trio_chat.bot.context import Conversation, Line
from trio_chat.bot.models import Report
from trio_chat.bot.needs import RoomClient, TurnToSpeak
from trio_chat.bot.posts import clean
from trio_chat.bot.triggers import Cause, Reason
from trio_chat.client import Refused, TurnLost
from trio_chat.client.client import new_key

DRAFT_S: Final = 0.1
"""How long a draft stands before the next one replaces it: as fast as people read along."""

DRAFT_CHARS: Final = TEXT_CHARS
"""What a draft shows of a longer answer: its beginning."""

Draft = Callable[[], tuple[str, str]]
"""Gives what a post is so far, and what is done besides; called only if it is shown."""


def _nothing() -> tuple[str, str]:
    return "", ""


class _Post(NamedTuple):
    cause: Cause
    text: str
    key: str
    is_last: bool


class Voice:
    """One bot's voice in one room; run `run` beside it.

    Args:
        client: through which it speaks.
        conversation: what was said in the room; what the bot says is noted there.
        report: takes lines for the operator.

    Attributes:
        was_lost: whether the connection was lost in the last turn, or on the way to it, before all was said; what is
            left of it waits for `say_rest`.
    """

    def __init__(self, client: RoomClient, conversation: Conversation, report: Report) -> None:
        self._client = client
        self._conversation = conversation
        self._report = report
        self.was_lost = False
        self._turn: TurnToSpeak | None = None
        self._said = False  # something, in this turn
        self._unsaid: deque[_Post] = deque()
        self._cause: Cause | None = None  # of the last turn
        self._keys: list[str] = []  # of what was said on this occasion, over all its turns
        self._nth = 0  # what is said next, in this turn
        self._draft: Draft = _nothing
        self._standing = trio.CancelScope()  # while the last draft stands
        # Holds one: a signal that is there already says all that a second one would.
        self._grown, self._to_show = trio.open_memory_channel[None](1)

    @property
    def post_chars(self) -> int:
        """How many characters one post may hold."""
        return min(TEXT_CHARS, self._client.limits.text_chars)

    async def run(self) -> None:
        """Show what is said next as it grows, until cancelled: the newest text once the last one has arrived."""
        async for _ in self._to_show:
            turn, (text, doing) = self._turn, self._draft()
            text, doing = clean(text)[:DRAFT_CHARS].rstrip(), " ".join(clean(doing).split())[:DOING_CHARS]
            if turn is not None and (text or doing):
                with contextlib.suppress(Refused):  # the turn is over
                    await turn.show(text, doing)
                with trio.move_on_after(DRAFT_S) as self._standing:
                    await trio.sleep_forever()

    @asynccontextmanager
    async def turn(self, cause: Cause) -> AsyncIterator[TurnToSpeak]:
        """Speak for as long as the block lasts and the server lets us; if it ends the turn, the block is cancelled.

        Raises:
            Refused: the bot may not speak now.
            TurnLost: the connection was lost on the way to the turn.
        """
        self.was_lost = True  # until the turn is there
        if cause is not self._cause:
            self._cause, self._keys = cause, []
            self._unsaid.clear()
        self._nth = 0
        async with self._client.turn(self._conversation.room, self._on_the_wire(cause)) as turn:
            self._turn, self._draft, self._said = turn, _nothing, False
            self._standing.cancel()
            try:
                with contextlib.suppress(TurnLost):
                    yield turn
            finally:
                self._turn = None
        self.was_lost = turn.ended == "gone" and (bool(self._unsaid) or not self._said)
        if not self.was_lost:
            self._unsaid.clear()
        if turn.ended not in (None, "done"):
            self._report(f"its turn was ended: {turn.ended}" + (f", by {turn.by}" if turn.by else ""))

    def show(self, draft: Draft) -> None:
        """Show what the turn's next post is so far, in place of what was to be shown before; never waits."""
        self._draft = draft
        with contextlib.suppress(trio.WouldBlock):
            self._grown.send_nowait(None)

    async def say(self, turn: TurnToSpeak, texts: Sequence[str], cause: Cause, *, more: bool = False) -> None:
        """Say something in a turn, in reply to what it is caused by; the turn ends unless there is `more` to come.

        What was to be shown is not shown any more: it has been said.

        Raises:
            Refused: the room does not take it; the rest of it is not said.
            TurnLost: the connection was lost.
        """
        if not texts:
            return
        self._draft = _nothing
        ends = [False] * (len(texts) - 1) + [not more]
        self._unsaid.extend(_Post(cause, text, self._next_key(), end) for text, end in zip(texts, ends, strict=True))
        await self._say_unsaid(turn)

    def _next_key(self) -> str:
        """Return the key of what is said next: the same as in the turn before, if that was lost."""
        if self._nth == len(self._keys):
            self._keys.append(new_key())
        self._nth += 1
        return self._keys[self._nth - 1]

    def begin_anew(self) -> None:
        """Let the occasion be answered from the beginning, once more: it was lost in the midst of finding the words.

        What is said then in the place of what was said before is not said again, even if it is in other words.
        """
        self._unsaid.clear()
        self.was_lost = True

    def has_rest_of(self, cause: Cause) -> bool:
        """Return whether something that was to be said on this occasion has not been, for the connection was lost."""
        return bool(self._unsaid) and self._unsaid[0].cause is cause

    async def say_rest(self, cause: Cause) -> None:
        """Say that, in another turn. What had been said after all is not said twice.

        Raises:
            Refused: the bot may not speak now.
            TurnLost: the connection was lost on the way to the turn.
        """
        async with self.turn(cause) as turn:
            await self._say_unsaid(turn)

    async def _say_unsaid(self, turn: TurnToSpeak) -> None:
        try:
            while self._unsaid:
                post = self._unsaid[0]
                await self._post(turn, post.text, post.cause, key=post.key, more=not post.is_last)
                self._unsaid.popleft()
                self._said = True
        except TurnLost:
            raise
        except Refused as refused:
            if refused.code == "key_reused":  # it was said, in other words, before the connection was lost
                self._unsaid.popleft()
                await self._say_unsaid(turn)
                return
            self._unsaid.clear()
            raise

    async def _post(self, turn: TurnToSpeak, text: str, cause: Cause, *, key: str, more: bool) -> None:
        reply_to = None if cause.entry is None else cause.entry.seq
        posted = await turn.post(text, more=more, reply_to=reply_to, key=key)
        own = Line(posted.seq, posted.at, self._client.nick, text, own=True, bot=True, reply_to=reply_to)
        self._conversation.note(own)

    async def add(self, text: str, cause: Cause) -> bool:
        """Say something besides, in the turn under way; returns whether there is one, and the room takes it."""
        if self._turn is None:
            return False
        draft = self._draft
        try:
            await self._post(self._turn, text, cause, key=new_key(), more=True)
        except Refused as refused:
            self._report(f"the room did not take a post: {refused}")
            return False
        if self._draft is draft:
            self.show(draft)  # a post takes the place of the draft before it; this one is of another
        return True

    def _on_the_wire(self, cause: Cause) -> TurnCause:
        if cause.entry is not None:
            is_command = cause.reason in (Reason.SEARCH, Reason.COMMAND)
            return TurnCause("command" if is_command else "entry", seq=cause.entry.seq)
        if cause.arrived is not None:
            return TurnCause("arrival", author=cause.arrived.author)
        if cause.after is not None:
            return TurnCause("lines", seq=cause.after.seq)
        return TurnCause("timer")
