"""The model behind an endpoint, against a real HTTP server that fails in every way providers do."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest
import trio

from tests.bot.provider import Provider, Reply, fails, provider, says
from trio_chat.bot.config import BotConfig, BotConfigError
from trio_chat.bot.context import Line, Prompt
from trio_chat.bot.models import ModelFailed
from trio_chat.bot.openai_model import OpenAIModel, open_openai_model
from trio_chat.bot.retry import ATTEMPTS
from trio_chat.bot.triggers import Reason

KEY = "sk-secret"
PROMPT = Prompt(Reason.LINES, "sage", "You are kind.", "lobby", "", (Line(1, 0, "ann", "hello"),))


class Asking:
    """A model under test, with the provider that it asks, what it reported and how long it would have waited."""

    def __init__(self, base_url: str, *, attempt_s: float = 30.0, silence_s: float = 30.0) -> None:
        self.reports: list[str] = []
        self.waits: list[float] = []
        self.client = openai.AsyncOpenAI(api_key=KEY, base_url=base_url, timeout=silence_s, max_retries=0)
        self.model = OpenAIModel(
            "m",
            self.client,
            self.reports.append,
            attempt_s=attempt_s,
            sleep=self._note_the_wait,
            uniform=lambda low, high: high,
        )

    async def _note_the_wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        await trio.lowlevel.checkpoint()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked for 127.0.0.1."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@asynccontextmanager
async def asking(
    *script: Reply, attempt_s: float = 30.0, silence_s: float = 30.0
) -> AsyncIterator[tuple[Asking, Provider]]:
    async with provider(*script) as running:
        ask = Asking(running.base_url, attempt_s=attempt_s, silence_s=silence_s)
        async with ask.client:
            yield ask, running


async def test_the_answer_is_what_the_provider_says() -> None:
    async with asking(says("Hello Ann.")) as (ask, _):
        assert await ask.model.answer(PROMPT) == "Hello Ann."
    assert ask.reports == []


async def test_the_request_names_the_model_and_keeps_the_roles_apart() -> None:
    async with asking(says("x")) as (ask, running):
        await ask.model.answer(PROMPT)
    (request,) = running.requests
    assert request["model"] == "m"
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["messages"][0]["content"] == PROMPT.system
    assert request["messages"][1]["content"] == PROMPT.user


async def test_the_key_goes_to_the_provider_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with asking(fails(500), says("x")) as (ask, running):
            await ask.model.answer(PROMPT)
    assert running.authorizations == [f"Bearer {KEY}"] * 2
    assert ask.reports
    assert KEY not in "".join(ask.reports) + caplog.text + repr(BotConfig(api_key=KEY))


async def test_without_a_key_an_endpoint_of_ones_own_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with (
        provider(says("local")) as running,
        open_openai_model(BotConfig(model="m", base_url=running.base_url), print) as model,
    ):
        assert await model.answer(PROMPT) == "local"
    assert running.authorizations == ["Bearer none"]


async def test_too_many_requests_are_tried_again_after_the_time_that_is_asked_for() -> None:
    async with asking(fails(429, retry_after="7"), says("at last")) as (ask, _):
        assert await ask.model.answer(PROMPT) == "at last"
    assert ask.waits == [8.0]  # what was asked for, and the first backoff on top
    assert ask.reports == ["the provider is asked too often; trying again in 8.0 s (attempt 2 of 5)"]


async def test_openais_own_header_counts_milliseconds() -> None:
    async with asking(fails(429, retry_after_ms="250"), says("x")) as (ask, _):
        await ask.model.answer(PROMPT)
    assert ask.waits == [1.25]


@pytest.mark.parametrize(
    "trouble",
    [
        fails(500),
        fails(503),
        fails(408),
        Reply(200, b"<html>not json</html>", content_type="text/html"),
        Reply(200, b"{ not json"),
        Reply(200, {"hello": "there"}),
        Reply(200, {"choices": []}),
        Reply(200, {"choices": "many"}),
        Reply(200, {"choices": [{"message": None}]}),
        Reply(200, {"choices": [{"message": {"content": 7}}]}),
        Reply(200, b"[1, 2]"),
        Reply(200, b"null"),
        Reply(200, b"\xff\xfe"),
        Reply(200, b"x" * 100, cut_after=0),
        Reply(200, b"x" * 100, cut_after=20),
        Reply(200, b"x" * 1000, cut_after=300),
        Reply(502, b"\x00\x01 garbage", content_type="application/octet-stream"),
    ],
)
async def test_trouble_that_may_pass_is_tried_again(trouble: Reply) -> None:
    async with asking(trouble, says("well")) as (ask, _):
        assert await ask.model.answer(PROMPT) == "well"
    assert ask.waits == [1.0]
    assert len(ask.reports) == 1


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (fails(401), "the provider does not accept the API key"),
        (fails(403), "the provider does not accept the API key"),
        (fails(404), "the provider has no model 'm'"),
        (fails(400), "the provider refuses the request (status 400)"),
        (fails(429, "insufficient_quota"), "the account at the provider is used up"),
        (fails(429, retry_after="3600"), "the provider is asked too often"),
    ],
)
async def test_trouble_that_stays_fails_at_once_in_our_words(trouble: Reply, why: str) -> None:
    async with asking(trouble) as (ask, running):
        with pytest.raises(ModelFailed) as failed:
            await ask.model.answer(PROMPT)
    assert str(failed.value) == why
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None  # the provider's own error, which may quote the key, is not kept
    assert len(running.requests) == 1


async def test_after_the_last_attempt_it_fails() -> None:
    async with asking(fails(500)) as (ask, running):
        with pytest.raises(ModelFailed, match="has a fault"):
            await ask.model.answer(PROMPT)
    assert len(running.requests) == ATTEMPTS
    assert ask.waits == [1.0, 2.0, 4.0, 8.0]


async def test_a_provider_that_is_not_there_cannot_be_reached() -> None:
    async with provider(says("x")) as gone:
        pass
    ask = Asking(gone.base_url)
    async with ask.client:
        with pytest.raises(ModelFailed, match="cannot be reached"):
            await ask.model.answer(PROMPT)
    assert len(ask.waits) == ATTEMPTS - 1


async def test_a_provider_that_never_answers_is_given_up_and_asked_again() -> None:
    async with asking(Reply(silent=True), says("late"), attempt_s=0.2) as (ask, running):
        assert await ask.model.answer(PROMPT) == "late"
        await running.left.wait()
    assert ask.reports == ["the provider did not answer in time; trying again in 1.0 s (attempt 2 of 5)"]


async def test_the_librarys_own_timeout_counts_as_one_too() -> None:
    async with asking(Reply(silent=True), says("late"), silence_s=0.2) as (ask, _):
        assert await ask.model.answer(PROMPT) == "late"
    assert ask.reports == ["the provider did not answer in time; trying again in 1.0 s (attempt 2 of 5)"]


async def test_cancelling_an_answer_closes_the_connection() -> None:
    async with asking(Reply(silent=True)) as (ask, running):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask.model.answer, PROMPT)
            await running.asked.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(5):
            await running.left.wait()


@pytest.mark.parametrize(("reply", "text"), [(says(None), ""), (says(""), ""), (says(None, refusal="No."), "No.")])
async def test_a_model_may_have_nothing_to_say_or_refuse(reply: Reply, text: str) -> None:
    async with asking(reply) as (ask, _):
        assert await ask.model.answer(PROMPT) == text


async def test_a_proxy_that_cannot_be_used_is_a_mistake_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "pigeon://127.0.0.1:1")
    with pytest.raises(BotConfigError, match="ALL_PROXY"):
        async with open_openai_model(BotConfig(api_key=KEY), print):
            pass
