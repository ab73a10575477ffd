"""What a bot says on an occasion: a model's answer, or what a function of its author's says; and what goes wrong there.

This file owns one occasion at a time, from the turn to its end. It must not know why the bot speaks, what a model is
made of, or how words reach the room.
"""

import dataclasses
from typing import Final

import msgspec
import trio

from trio_chat.bot.config import BotConfig
from trio_chat.bot.context import FOR_MODELS, Conversation, Line, Prompt, tokens_in
from trio_chat.bot.handlers import Handler, Handlers, Occasion
from trio_chat.bot.handling import Handling
from trio_chat.bot.models import Answer, Model, ModelFailed, Report
from trio_chat.bot.needs import RoomClient, TurnToSpeak
from trio_chat.bot.posts import posts_of
from trio_chat.bot.triggers import Cause, Reason
from trio_chat.bot.voice import Voice
from trio_chat.client import Refused, TurnLost

NOTHING: Final = "I have nothing to say to that."
"""What somebody hears whose question the model has no words for."""


class Speaker:
    """The bot speaking in one room.

    Args:
        client: through which it speaks.
        conversation: what was said in the room.
        voice: how it speaks.
        config: the persona and the limits.
        model: makes the answers; None: there are only functions.
        handlers: the functions.
        report: takes lines for the operator.
    """

    def __init__(
        self,
        client: RoomClient,
        conversation: Conversation,
        voice: Voice,
        config: BotConfig,
        model: Model | None,
        handlers: Handlers,
        report: Report,
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._voice = voice
        self._config = config
        self._model = model
        self._handlers = handlers
        self._report = report
        self._failing = False  # the room has been told, and no answer has come since

    def has_answer_to(self, cause: Cause) -> bool:
        """Return whether there is anybody to answer on such an occasion."""
        by_model = self._model is not None and cause.reason in FOR_MODELS
        return by_model or self._handlers.find(cause) is not None

    def as_heard(self, cause: Cause) -> Cause:
        """Return an occasion as what it is to this bot: without anybody for mentions, they are lines like any."""
        is_mention = cause.reason in (Reason.MENTION, Reason.PRIVATE)
        if is_mention and self._model is None and Reason.MENTION not in self._handlers.reasons:
            return Cause(Reason.MESSAGE, cause.entry)
        return cause

    async def answer(self, cause: Cause) -> bool:
        """Speak once.

        Returns:
            False if the connection was lost before all was said: then try again, for the same `cause`.
        """
        handler = self._handlers.find(cause)
        try:
            if self._voice.has_rest_of(cause):
                await self._voice.say_rest(cause)
            elif handler is not None:
                await self._answer_by_function(handler, cause)
            elif self._model is not None:
                async with self._voice.turn(cause) as turn:
                    await self._answer_by(self._model, turn, cause)
        except TurnLost:
            return False
        except Refused as refused:
            self._report(f"it may not speak: {refused}")
            return True
        return not self._voice.was_lost

    async def _answer_by_function(self, handler: Handler, cause: Cause) -> None:
        awaited, strict = self._handlers.are_awaited(cause), self._handlers.strict
        handling = Handling(self._voice, cause, self._config.answer_s, awaited=awaited, strict=strict)
        try:
            await handling.run(handler, Occasion(self._as_it_is(cause), self._conversation, self._client, handling))
        finally:
            if handling.fault is not None:
                self._report(handling.fault)

    async def _answer_by(self, model: Model, turn: TurnToSpeak, cause: Cause) -> None:
        prompt = self._prompt(cause)
        is_asked = cause.entry is not None
        try:
            answer = await self._ask(model, prompt)
        except trio.Cancelled:
            turn.tokens = tokens_in(prompt.system) + tokens_in(prompt.user)  # a guess; the provider has not told
            raise
        except ModelFailed as failure:
            self._report(f"no answer: {failure}")
            turn.tokens = failure.tokens.total if failure.tokens else 0
            posts = [f"I cannot answer just now: {failure}."] if is_asked or not self._failing else []
            self._failing = True
        else:
            self._failing = False
            turn.tokens = answer.tokens.total if answer.tokens else 0
            posts = posts_of(answer, self._voice.post_chars)
            if not posts:
                self._report("the model had nothing to say")
                posts = [NOTHING] if is_asked else []
        try:
            await self._voice.say(turn, posts, cause)
        except TurnLost:
            raise
        except Refused as refused:
            self._report(f"the room did not take a post: {refused}")

    def _as_it_is(self, cause: Cause) -> Cause:
        """Return the occasion with its message as it was edited while it waited."""
        line = None if cause.entry is None else self._conversation.line(cause.entry.seq)
        if line is None or cause.entry is None or cause.entry.command is not None:
            return cause
        return dataclasses.replace(cause, entry=msgspec.structs.replace(cause.entry, text=line.text))

    def _show(self, text: str, doing: str = "") -> None:
        self._voice.show(lambda: (text, doing))

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
            max_tokens=self._config.context_tokens,
        )

    async def _ask(self, model: Model, prompt: Prompt) -> Answer:
        """Return the model's answer; whatever it does wrong or too slowly comes out as `ModelFailed`."""
        with trio.move_on_after(self._config.answer_s):
            try:
                return await model.answer(prompt, show=self._show)
            except ModelFailed:
                raise
            except Exception as error:  # the border to code that is not ours: its faults end an answer, never the bot
                raise ModelFailed(f"the model broke down ({type(error).__name__})") from error
        raise ModelFailed(f"there was no answer within {self._config.answer_s:g} s")
