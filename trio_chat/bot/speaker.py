"""How a bot speaks: a turn for each occasion, drafts while the answer grows, posts, and silence when the turn is ended.

This file owns one turn at a time, and what goes wrong in it. It must not know why the bot speaks, or what a model is
made of.
"""

import contextlib
from typing import Final

import trio

from protocol import TEXT_CHARS
from protocol import Cause as TurnCause
from trio_chat.bot.config import BotConfig
from trio_chat.bot.context import Conversation, Line, Prompt
from trio_chat.bot.models import Answer, Model, ModelFailed, Report
from trio_chat.bot.needs import RoomClient, TurnToSpeak
from trio_chat.bot.posts import clean, posts_of
from trio_chat.bot.tools import now_doing, without_labels
from trio_chat.bot.triggers import Cause, Reason
from trio_chat.client import Refused

DRAFT_S: Final = 0.1
"""How long a draft stands before the next one replaces it: as fast as people read along."""

DRAFT_CHARS: Final = TEXT_CHARS
"""What a draft shows of a longer answer: its beginning."""


class Speaker:
    """The bot's voice in one room; run `run` beside it.

    Args:
        client: through which it speaks.
        conversation: what was said in the room; what the bot says is noted there.
        config: the persona and the limits.
        model: makes the answers.
        report: takes lines for the operator.
    """

    def __init__(
        self, client: RoomClient, conversation: Conversation, config: BotConfig, model: Model, report: Report
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._config = config
        self._model = model
        self._report = report
        self._failing = False  # the room has been told, and no answer has come since
        self._turn: TurnToSpeak | None = None
        self._draft = ""
        self._standing = trio.CancelScope()  # while the last draft stands
        # Holds one: a signal that is there already says all that a second one would.
        self._grown, self._to_show = trio.open_memory_channel[None](1)

    async def run(self) -> None:
        """Show the answer under way as it grows, until cancelled: the newest text once the last one has arrived."""
        async for _ in self._to_show:
            turn, text = self._turn, clean(without_labels(self._draft))[:DRAFT_CHARS].rstrip()
            doing = now_doing(self._draft)
            if turn is not None and (text or doing):
                with contextlib.suppress(Refused):  # the turn is over
                    await turn.show(text, doing)
                with trio.move_on_after(DRAFT_S) as self._standing:
                    await trio.sleep_forever()

    async def answer(self, cause: Cause) -> bool:
        """Speak once.

        Returns:
            False if the connection was lost before anything was said: then it makes sense to try again.
        """
        turn: TurnToSpeak | None = None
        said = False
        try:
            async with self._client.turn(self._conversation.room, self._on_the_wire(cause)) as turn:
                self._turn, self._draft = turn, ""
                self._standing.cancel()
                said = await self._speak(turn, cause)
        except Refused as refused:
            self._report(f"it may not speak: {refused}")
            return True
        finally:
            self._turn = None
        if turn.ended not in (None, "done"):
            self._report(f"its turn was ended: {turn.ended}" + (f", by {turn.by}" if turn.by else ""))
        return said or turn.ended != "gone"

    async def add(self, text: str, cause: Cause) -> None:
        """Say something besides, in the turn under way, if there is one."""
        if self._turn is not None:
            await self._post(self._turn, text, cause, more=True)

    def _show(self, text: str) -> None:
        self._draft = text
        with contextlib.suppress(trio.WouldBlock):
            self._grown.send_nowait(None)

    async def _speak(self, turn: TurnToSpeak, cause: Cause) -> bool:
        try:
            answer = await self._ask(self._prompt(cause))
        except ModelFailed as failure:
            self._report(f"no answer: {failure}")
            tokens = failure.tokens.total if failure.tokens else 0
            if not self._failing:
                self._failing = True
                await self._post(turn, f"I cannot answer just now: {failure}.", cause, tokens=tokens)
            return True
        self._failing = False
        posts = posts_of(answer, min(TEXT_CHARS, self._client.limits.text_chars))
        if not posts:
            self._report("the model had nothing to say")
        for left, post in zip(reversed(range(len(posts))), posts, strict=True):
            tokens = 0 if left or answer.tokens is None else answer.tokens.total
            await self._post(turn, post, cause, more=left > 0, tokens=tokens)
        return True

    def _on_the_wire(self, cause: Cause) -> TurnCause:
        if cause.entry is not None:
            return TurnCause("command" if cause.reason is Reason.SEARCH else "entry", seq=cause.entry.seq)
        if cause.arrived is not None:
            return TurnCause("arrival", author=cause.arrived.author)
        heard = [line.seq for line in self._conversation.lines if not line.own]
        if cause.reason is Reason.LINES and heard:
            return TurnCause("entry", seq=heard[-1])
        return TurnCause("timer")

    def _prompt(self, cause: Cause) -> Prompt:
        question = None
        if cause.entry is not None:  # by now it may have been edited, or have gone out of the window
            question = self._conversation.line(cause.entry.seq) or Line.of(cause.entry, self._client.author)
        return Prompt(
            reason=cause.reason,
            nick=self._client.nick,
            persona=self._config.persona,
            room=self._conversation.room,
            topic=self._conversation.topic,
            lines=self._conversation.lines,
            question=question,
            arrived=None if cause.arrived is None else cause.arrived.nick,
        )

    async def _ask(self, prompt: Prompt) -> Answer:
        """Return the model's answer; whatever it does wrong or too slowly comes out as `ModelFailed`."""
        with trio.move_on_after(self._config.answer_s):
            try:
                return await self._model.answer(prompt, show=self._show)
            except ModelFailed:
                raise
            except Exception as error:  # the border to code that is not ours: its faults end an answer, never the bot
                raise ModelFailed(f"the model broke down ({type(error).__name__})") from error
        raise ModelFailed(f"there was no answer within {self._config.answer_s:g} s")

    async def _post(self, turn: TurnToSpeak, text: str, cause: Cause, *, more: bool = False, tokens: int = 0) -> None:
        reply_to = None if cause.entry is None else cause.entry.seq
        try:
            posted = await turn.post(text, more=more, reply_to=reply_to, tokens=tokens)
        except Refused as refused:
            self._report(f"the room did not take a post: {refused}")
        else:
            own = Line(posted.seq, posted.at, self._client.nick, text, own=True, bot=True, reply_to=reply_to)
            self._conversation.note(own)
