"""A function of a bot's author at work: its call, the turn that it speaks in, and what becomes of its faults.

This file owns one call. Two tasks share it: one holds the turn, the other is the function. So the turn may begin in the
midst of the function, and its end from outside cancels all that the function does. It must not know which function is
called for what.
"""

import contextlib
import inspect
import traceback
from contextlib import aclosing
from typing import Any, Final

import trio

from trio_chat.bot.handlers import Handler, Occasion, name_of
from trio_chat.bot.models import Answer
from trio_chat.bot.needs import TurnToSpeak
from trio_chat.bot.posts import posts_of
from trio_chat.bot.triggers import Cause
from trio_chat.bot.voice import Voice
from trio_chat.client import Refused, TurnLost
from trio_chat.client.turn import DONE

FAILED: Final = "I cannot answer just now: something in me has broken down."


class Handling:
    """One call of a function.

    Args:
        voice: how the bot speaks.
        cause: the occasion.
        within_s: how long the function may take, in seconds.
        awaited: whether somebody waits for an answer: then the turn begins before the function, and a fault is told.
        strict: whether a fault is raised.

    Attributes:
        fault: what the function has done wrong, in a line for the operator.
    """

    def __init__(self, voice: Voice, cause: Cause, within_s: float, *, awaited: bool, strict: bool = False) -> None:
        self.fault: str | None = None
        self._voice = voice
        self._cause = cause
        self._within_s = within_s
        self._awaited = awaited
        self._strict = strict
        self._turn: TurnToSpeak | None = None
        self._draft = ("", "")
        self._has_words = False  # the function has returned: all that is to be said is known
        self._wanted = trio.Event()
        self._given = trio.Event()
        self._over = trio.Event()  # nothing is said or shown any more

    async def run(self, handler: Handler, occasion: Occasion) -> None:
        """Call the function and wait for its end. Cancelled, or without a turn, so is the function.

        Raises:
            Refused: the bot may not speak now.
            TurnLost: the connection was lost on the way to the turn.
        """
        refusal: Refused | None = None
        self._voice.was_lost = False  # most functions say nothing
        if self._awaited:
            self._wanted.set()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._call, handler, occasion, nursery.cancel_scope)
                await self._wanted.wait()
                try:
                    async with self._voice.turn(self._cause) as turn:
                        self._begin(turn)
                        await self._over.wait()
                    if turn.ended == "gone" and not self._has_words:
                        self._voice.begin_anew()
                except Refused as refused:
                    refusal = refused
                nursery.cancel_scope.cancel()
        finally:
            self._over.set()
            self._given.set()  # a task that the function has left behind waits no more
        if refusal is not None:
            raise refusal

    async def reply(self, text: str) -> None:
        """Say something, with more to come; see `Occasion.reply`."""
        self._check_under_way()
        await self._say(text, is_last=False)

    def show(self, text: str, doing: str) -> None:
        """Show a draft; see `Occasion.show`."""
        self._check_under_way()
        self._draft = _text(text), _text(doing)
        self._wanted.set()
        if self._given.is_set():
            self._voice.show(lambda: (text, doing))

    def _begin(self, turn: TurnToSpeak) -> None:
        self._turn = turn
        self._given.set()
        if any(draft := self._draft):
            self._voice.show(lambda: draft)

    async def _call(self, handler: Handler, occasion: Occasion, all_of_it: trio.CancelScope) -> None:
        if self._awaited:
            await self._given.wait()
        await self._have_it_speak(handler, occasion)
        if self.fault is not None and self._awaited:
            with contextlib.suppress(Refused):
                await self._say(FAILED, is_last=True)
        self._over.set()
        if not self._wanted.is_set():
            all_of_it.cancel()  # nothing was to be said

    async def _have_it_speak(self, handler: Handler, occasion: Occasion) -> None:
        try:
            with trio.move_on_after(self._within_s) as patience:
                text = await self._words_of(handler, occasion)
                self._has_words = True
                if text:
                    await self._say(text, is_last=True)
            if patience.cancelled_caught:
                self.fault = f"its function {name_of(handler)} was given up after {self._within_s:g} s"
        except* TurnLost:
            pass  # what was being said is said in another turn
        except* Refused as refusals:
            if self._turn is None or self._turn.ended in (None, DONE):  # else it is the turn's end that it met
                self.fault = _described(handler, refusals)
        except* Exception as faults:  # the border to code that is not ours: its faults end a call, never the bot
            if self._strict:
                raise
            self.fault = _described(handler, faults)

    async def _words_of(self, handler: Handler, occasion: Occasion) -> str | None:
        result: Any = handler(occasion)
        if not inspect.isasyncgen(result):
            text = await result
            if not isinstance(text, str | None):
                raise TypeError(f"it returned {type(text).__name__}, which is neither a text nor None")
            return text
        said = ""
        async with aclosing(result) as pieces:
            async for piece in pieces:
                if not isinstance(piece, str):
                    raise TypeError(f"it yielded {type(piece).__name__}, which is no text")
                said += piece
                occasion.show(said)
        return said

    async def _say(self, text: str, *, is_last: bool) -> None:
        posts = posts_of(Answer(text), self._voice.post_chars)
        if not posts:
            return
        self._wanted.set()
        await self._given.wait()
        self._check_under_way()
        assert self._turn is not None
        await self._voice.say(self._turn, posts, self._cause, more=not is_last)

    def _check_under_way(self) -> None:
        if self._over.is_set():
            raise RuntimeError(
                "the function has ended, and its turn with it; what it still has to say comes before that"
            )


def _text(shown: object) -> str:
    if not isinstance(shown, str):
        raise TypeError(f"it showed {type(shown).__name__}, which is no text")
    return shown


def _described(handler: Handler, faults: BaseExceptionGroup[Exception]) -> str:
    """Say in a line what went wrong in a function, and where."""
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    file = getattr(getattr(handler, "__code__", None), "co_filename", None)
    every = [frame for frame in traceback.extract_tb(fault.__traceback__) if frame.filename != __file__]
    frames = [frame for frame in every if frame.filename == file] or every
    where = f", line {frames[-1].lineno} of {frames[-1].filename}" if frames else ""
    return f"its function {name_of(handler)} broke down: {type(fault).__name__}: {fault}{where}"
