"""A model behind an endpoint, for tests: with the provider that it asks, and all that it does besides answering."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import trio

from tests.bot.provider import Provider, Reply, provider
from trio_chat.bot.context import Line, Prompt
from trio_chat.bot.models import Answer
from trio_chat.bot.openai_model import OpenAIModel
from trio_chat.bot.triggers import Reason

KEY = "sk-secret"


def prompt(reason: Reason = Reason.LINES, text: str = "hello") -> Prompt:
    line = Line(1, 0, "ann", text)
    question = line if reason in (Reason.SEARCH, Reason.MENTION) else None
    return Prompt(reason, "sage", "You are kind.", "lobby", "", (line,), question)


PROMPT = prompt()


def show_nobody(text: str, doing: str = "") -> None:
    """Take a draft, and drop it."""


class Asking:
    """A model under test.

    Attributes:
        model: it; client: what it asks through.
        reports: what it told the operator.
        waits: how long it would have waited before each further attempt.
        shown: what it showed of its text, in order; doing: and beside it, of what it did.
    """

    def __init__(self, base_url: str, *, silence_s: float = 30.0, **settings: Any) -> None:
        self.reports: list[str] = []
        self.waits: list[float] = []
        self.shown: list[str] = []
        self.doing: list[str] = []
        self.client = openai.AsyncOpenAI(api_key=KEY, base_url=base_url, timeout=silence_s, max_retries=0)
        settings = (
            dict[str, Any]({"attempt_s": 30.0, "uniform": lambda low, high: high, "sleep": self._note_the_wait})
            | settings
        )
        self.model = OpenAIModel("m", self.client, self.reports.append, **settings)

    async def answer(self, prompt: Prompt = PROMPT) -> Answer:
        return await self.model.answer(prompt, show=self._note_the_draft)

    async def text(self, prompt: Prompt = PROMPT) -> str:
        return (await self.answer(prompt)).text

    def _note_the_draft(self, text: str, doing: str = "") -> None:
        self.shown.append(text)
        self.doing.append(doing)

    async def _note_the_wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def asking(*script: Reply, **settings: Any) -> AsyncIterator[tuple[Asking, Provider]]:
    """Run a provider that answers with `script`, and a model that asks it."""
    async with provider(*script) as running:
        ask = Asking(running.base_url, **settings)
        async with ask.client:
            yield ask, running
