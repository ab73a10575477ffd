"""One request to an endpoint, against a real HTTP server that fails in every way providers do."""

import logging
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import trio

from tests.bot.asking import KEY, PROMPT, Asking, asking, show_nobody
from tests.bot.provider import Provider, Reply, fails, piece, provider, says, streams, usage
from trio_chat.bot.config import BotConfig, BotConfigError
from trio_chat.bot.models import ModelFailed
from trio_chat.bot.openai_model import open_openai_model
from trio_chat.bot.retry import ATTEMPTS


async def test_the_answer_is_what_the_provider_says() -> None:
    async with asking(says("Hello Ann.")) as (ask, _):
        assert await ask.text() == "Hello Ann."
    assert ask.reports == []


async def test_the_request_names_the_model_and_keeps_the_roles_apart() -> None:
    async with asking(says("x")) as (ask, running):
        await ask.answer()
    (request,) = running.requests
    assert request["model"] == "m"
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["messages"][0]["content"] == PROMPT.system
    assert request["messages"][1]["content"] == PROMPT.user


async def test_the_key_goes_to_the_provider_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with asking(fails(500), says("x")) as (ask, running):
            await ask.answer()
    assert running.authorizations == [f"Bearer {KEY}"] * 2
    assert ask.reports
    assert KEY not in "".join(ask.reports) + caplog.text + repr(BotConfig(api_key=KEY))


async def test_without_a_key_an_endpoint_of_ones_own_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with (
        provider(says("local")) as running,
        open_openai_model(BotConfig(model="m", base_url=running.base_url), print) as model,
    ):
        assert (await model.answer(PROMPT, show=show_nobody)).text == "local"
    assert running.authorizations == ["Bearer none"]


async def test_too_many_requests_are_tried_again_after_the_time_that_is_asked_for() -> None:
    async with asking(fails(429, retry_after="7"), says("at last")) as (ask, _):
        assert await ask.text() == "at last"
    assert ask.waits == [8.0]  # what was asked for, and the first backoff on top
    assert ask.reports == ["the provider is asked too often; trying again in 8.0 s (attempt 2 of 5)"]


async def test_openais_own_header_counts_milliseconds() -> None:
    async with asking(fails(429, retry_after_ms="250"), says("x")) as (ask, _):
        await ask.answer()
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
        Reply(200, {"choices": [{"message": {"content": "x"}}], "error": {"code": "overloaded"}}),
        says("x" * 2_000_000),
        Reply(200, b"x" * 100, cut_after=-1),
        Reply(200, b"x" * 100, cut_after=0),
        Reply(200, b"x" * 100, cut_after=20),
        Reply(200, b"x" * 1000, cut_after=300),
        Reply(502, b"\x00\x01 garbage", content_type="application/octet-stream"),
        streams(done=False),
        streams(b"\x00\xff garbage\n\n\r\r", done=False),
        streams(b"data: {malformed json: <<<\n\n"),
        streams(b"data: {}\n\n"),
        streams(b'data: {"choices": [{"delta": {"content": 7}}]}\n\n'),
        streams(b"data: " + b"x" * 2_000_000),
        streams(b"data: " + b"[" * 100_000 + b"\n\n"),
        streams({"error": {"message": "Incorrect API key provided: sk-secret"}}),
        streams({"error": {"code": 429, "message": "slow down"}}),
        streams(piece(), done=False),
        streams(piece(), "x", cut_after=100),
        streams(piece(), "x", cut_after=-1),
        streams("<think>I think so", done=False),
    ],
)
async def test_trouble_that_may_pass_is_tried_again(trouble: Reply) -> None:
    async with asking(trouble, says("well")) as (ask, _):
        assert await ask.text() == "well"
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
        (streams({"error": {"code": 401, "message": "sk-secret"}}), "the provider does not accept the API key"),
        (streams({"error": {"code": 402, "message": "sk-secret"}}), "the provider refuses the request (status 402)"),
        (streams(piece(finish="content_filter")), "the provider's filter has ended it"),
        (streams(piece(finish="length")), "the model has reached its limit of length"),
    ],
)
async def test_trouble_that_stays_fails_at_once_in_our_words(trouble: Reply, why: str) -> None:
    async with asking(trouble) as (ask, running):
        with pytest.raises(ModelFailed) as failed:
            await ask.answer()
    assert str(failed.value) == why
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None  # the provider's own error, which may quote the key, is not kept
    assert len(running.requests) == 1


async def test_after_the_last_attempt_it_fails() -> None:
    async with asking(fails(500)) as (ask, running):
        with pytest.raises(ModelFailed, match="has a fault"):
            await ask.answer()
    assert len(running.requests) == ATTEMPTS
    assert ask.waits == [1.0, 2.0, 4.0, 8.0]


async def test_a_provider_that_is_not_there_cannot_be_reached() -> None:
    async with provider(says("x")) as gone:
        pass
    ask = Asking(gone.base_url)
    async with ask.client:
        with pytest.raises(ModelFailed, match="cannot be reached"):
            await ask.answer()
    assert len(ask.waits) == ATTEMPTS - 1


async def test_a_provider_that_never_answers_is_given_up_and_asked_again() -> None:
    async with asking(Reply(silent=True), says("late"), attempt_s=2.0) as (ask, running):
        assert await ask.text() == "late"
        await running.left.wait()
    assert ask.reports == ["the provider did not answer in time; trying again in 1.0 s (attempt 2 of 5)"]


async def test_the_librarys_own_timeout_counts_as_one_too() -> None:
    async with asking(Reply(silent=True), says("late"), silence_s=2.0) as (ask, _):
        assert await ask.text() == "late"
    assert ask.reports == ["the provider did not answer in time; trying again in 1.0 s (attempt 2 of 5)"]


async def test_cancelling_an_answer_closes_the_connection() -> None:
    async with asking(Reply(silent=True)) as (ask, running):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask.answer)
            await running.asked.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(60):
            await running.left.wait()


async def test_cancelling_an_answer_in_mid_stream_closes_the_connection_before_it_returns() -> None:
    async with asking(streams("Once upon", done=False, held=True)) as (ask, running):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask.answer)
            while not ask.shown:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert not [each for each in connections_to(running) if each.status == psutil.CONN_ESTABLISHED]
        with trio.fail_after(60):
            await running.left.wait()
    assert ask.shown == ["Once upon"]


async def test_an_answer_that_was_shown_in_part_ends_where_the_provider_broke_off() -> None:
    for reply, why in (
        (streams("Because of ", "the air", done=False, cut_after=300), "the connection to the provider broke"),
        (streams("Because of ", done=False), "the connection to the provider broke"),
        (streams("Because of ", b"data: {malformed\n\n"), "the provider's answer makes no sense"),
        (streams("Because of ", {"error": {"message": "sk-secret"}}), "the provider has a fault (status 500)"),
        (streams("Because of ", piece(finish="length")), "the model has reached its limit of length"),
    ):
        async with asking(reply) as (ask, running):
            answer = await ask.answer()
        assert (answer.text, answer.unfinished) == ("Because of ", why)
        assert len(running.requests) == 1


async def test_a_provider_that_falls_silent_in_mid_stream_is_not_waited_for() -> None:
    for settings in ({"attempt_s": 2.0}, {"silence_s": 2.0}):
        async with asking(streams("Once upon", done=False, held=True), **settings) as (ask, running):
            answer = await ask.answer()
            await running.left.wait()
        assert (answer.text, answer.unfinished) == ("Once upon", "the provider did not answer in time")


async def test_a_provider_that_sends_nonsense_is_not_listened_to_any_longer() -> None:
    async with asking(streams(b"data: {nonsense\n\n", done=False, held=True), says("well")) as (ask, running):
        with trio.fail_after(60):
            assert await ask.text() == "well"
            await running.left.wait()


async def test_what_follows_a_finished_answer_spoils_nothing() -> None:
    for follows in (b"data: {nonsense\n\n", b'data: {"error": "late"}\n\n'):
        async with asking(streams("Yes.", piece(finish="stop"), follows)) as (ask, _):
            answer = await ask.answer()
        assert (answer.text, answer.unfinished) == ("Yes.", None)


async def test_comments_keep_a_connection_alive_but_no_attempt() -> None:
    talks_on = streams("Well", done=False, held=True, drips=b": keep-alive\n\n")
    async with asking(talks_on, attempt_s=2.0) as (ask, running):
        with trio.fail_after(60):
            answer = await ask.answer()
            await running.left.wait()
    assert answer.unfinished == "the provider did not answer in time"


async def test_a_stream_that_is_not_ended_after_the_answer_holds_nobody_up() -> None:
    async with asking(streams("Yes.", held=True)) as (ask, running):
        with trio.fail_after(60):
            answer = await ask.answer()
            await running.left.wait()
    assert (answer.text, answer.unfinished) == ("Yes.", None)


async def test_one_connection_serves_one_answer_after_another() -> None:
    async with asking(streams("Yes.", usage(1, 1))) as (ask, running):
        for _ in range(3):
            assert await ask.text() == "Yes."
        assert len(connections_to(running)) == 1


def connections_to(running: Provider) -> list[Any]:
    """Return our side of the connections to a provider."""
    port = urlsplit(running.base_url).port
    ours = psutil.Process().net_connections("tcp4")
    return [each for each in ours if getattr(each.raddr, "port", None) == port]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (says(None), ""),
        (says(""), ""),
        (says(None, refusal="No."), "No."),
        (streams(), ""),
        (streams(piece(refusal="No.")), "No."),
    ],
)
async def test_a_model_may_have_nothing_to_say_or_refuse(reply: Reply, text: str) -> None:
    async with asking(reply) as (ask, _):
        assert await ask.text() == text


async def test_a_proxy_that_cannot_be_used_is_a_mistake_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "pigeon://127.0.0.1:1")
    with pytest.raises(BotConfigError, match="ALL_PROXY"):
        async with open_openai_model(BotConfig(api_key=KEY), print):
            pass
