"""A bot's place in one room: what it heard there, what it still has to answer, and the tasks that do it.

This file carries out what triggers.py and agenda.py decide. Events are taken in without waiting for anything;
one task answers, one keeps the time, one speaks up when there are too many questions. How the bot speaks is in
speaker.py. It must not know how the connection comes about, or what a model is.
"""

import contextlib
from typing import Final

import trio

from protocol import Gap, Joined, Redacted
from trio_chat.bot.agenda import Agenda, Verdict
from trio_chat.bot.config import BotConfig
from trio_chat.bot.context import Conversation
from trio_chat.bot.handlers import Handlers
from trio_chat.bot.models import Model, Report
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.speaker import Speaker
from trio_chat.bot.triggers import Cause, Me, Reason, Triggers
from trio_chat.bot.voice import Voice
from trio_chat.client import ClientEvent

BUSY: Final = "I have more questions than I can answer at the moment; please ask this one again in a while."


class Seat:
    """The bot in one room. Give it the room's events and those of the connection; run `run` beside that.

    Args:
        client: through which it speaks.
        joined: the answer to joining the room.
        config: the modes, the persona and the limits.
        model: makes the answers; None: there are only functions.
        handlers: the functions of the bot's author.
        report: takes lines for the operator.
    """

    def __init__(
        self,
        client: RoomClient,
        joined: Joined,
        config: BotConfig,
        model: Model | None,
        handlers: Handlers,
        report: Report,
    ) -> None:
        self.room = joined.room
        self._client = client
        self._conversation = Conversation(joined.room, config.context_tokens)
        self._conversation.observe(joined, client.author)
        self._report = report
        self._voice = Voice(client, self._conversation, report)
        self._speaker = Speaker(client, self._conversation, self._voice, config, model, handlers, report)
        is_private = joined.room.startswith("~")
        self._triggers = Triggers(
            trio.current_time(),
            every_lines=None if is_private else config.every_lines,
            every_s=None if is_private else config.every_seconds,
            private_since=joined.head if is_private else None,
            each_line=Reason.MESSAGE in handlers.reasons,
            greet=(config.greet or Reason.ARRIVAL in handlers.reasons) and not is_private,
            hear_bots=config.answer_bots,
        )
        self._agenda = Agenda()
        self._busy_said = False  # the room has been told, and no question has been let in since
        self._dropping = False  # the operator has been told, and no line has been let in since
        # Each holds one: a signal that is there already says all that a second one would.
        self._work, self._to_do = trio.open_memory_channel[None](1)
        self._refuse, self._refused = trio.open_memory_channel[Cause](1)

    def observe(self, event: ClientEvent) -> None:
        """Take in one event, in order; never waits."""
        self._conversation.observe(event, self._client.author)
        match event:
            case Redacted():
                self._agenda.forget(event.target)
            case Gap(reason="epoch"):
                self._agenda.clear()
        me = Me(self._client.author, self._client.nick)
        for cause in self._triggers.observe(event, trio.current_time(), me):
            self._offer(self._speaker.as_heard(cause))

    async def run(self) -> None:
        """Answer, until cancelled. Cancelling it abandons the answer under way; what was posted of it stays."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_time)
            nursery.start_soon(self._speak_up)
            nursery.start_soon(self._voice.run)
            async for _ in self._to_do:
                while (cause := self._agenda.take()) is not None:
                    if not await self._speaker.answer(cause):
                        self._agenda.put_back(cause)

    def _offer(self, cause: Cause) -> None:
        if not self._speaker.has_answer_to(cause):
            return
        verdict = self._agenda.offer(cause)
        if verdict is Verdict.TAKEN:
            if cause.reason is Reason.MESSAGE:
                self._dropping = False
            elif cause.entry is not None:
                self._busy_said = False
            self._wake()
        elif verdict is Verdict.DROPPED and not self._dropping:
            self._dropping = True
            self._report("it does not keep up with the room; lines go unheard")
        elif verdict is Verdict.REFUSED and not self._busy_said:
            with contextlib.suppress(trio.WouldBlock):
                self._refuse.send_nowait(cause)

    def _wake(self) -> None:
        with contextlib.suppress(trio.WouldBlock):
            self._work.send_nowait(None)

    async def _keep_time(self) -> None:
        while True:
            await trio.sleep_until(self._triggers.due)
            cause = self._triggers.tick(trio.current_time())
            if cause is not None:
                self._offer(cause)

    async def _speak_up(self) -> None:
        async for cause in self._refused:
            if not self._busy_said and not await self._voice.add(BUSY, cause):
                self._report("there are more questions than it can answer, and some go unanswered")
            self._busy_said = True
