"""A model behind an OpenAI-compatible endpoint, asked through its Chat Completions.

This file owns the border to the `openai` library: what its errors mean to people, and whether they pass. When to
try again is the policy of retry.py. It must not know rooms, and it never repeats a provider's own words, which
may quote the key.
"""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import openai
import trio

from trio_chat.bot import proxies
from trio_chat.bot.config import BotConfig, BotConfigError
from trio_chat.bot.context import Prompt
from trio_chat.bot.models import ModelFailed, Report
from trio_chat.bot.retry import ATTEMPTS, Uniform, next_wait_s, retry_after_s

if TYPE_CHECKING:
    import httpx2  # what the library rides on

CONNECT_S: Final = 10.0
SILENCE_S: Final = 90.0
"""How long a provider may think without a byte; a local model on a slow machine needs most of it."""
ATTEMPT_S: Final = 150.0
CLOSE_S: Final = 1.0
NO_KEY: Final = "none"
"""What is sent as the key where none is set: endpoints of one's own want none, and the library wants some."""

# Statuses below 500 that pass by themselves: timeout, conflict, too early, too many.
_PASSING: Final = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that failed: why, as a clause for people; whether it may pass; the wait that was asked for."""

    why: str
    passing: bool
    asked_s: float | None = None


class OpenAIModel:
    """Answers through an `openai.AsyncOpenAI`, which stays the caller's to close.

    Args:
        name: the provider's name of the model.
        client: made with ``max_retries=0``; retries are made here, where they are seen.
        report: is told of every retry.
        attempt_s: how long one attempt may take, in seconds, however lively it is.
        sleep: waits between attempts; `trio.sleep`, or its like.
        uniform: `random.uniform`, or its like.
    """

    def __init__(
        self,
        name: str,
        client: openai.AsyncOpenAI,
        report: Report,
        *,
        attempt_s: float = ATTEMPT_S,
        sleep: Callable[[float], Awaitable[object]] = trio.sleep,
        uniform: Uniform = random.uniform,
    ) -> None:
        self._name = name
        self._client = client
        self._report = report
        self._attempt_s = attempt_s
        self._sleep = sleep
        self._uniform = uniform

    async def answer(self, prompt: Prompt) -> str:
        """Return the answer to `prompt`; see `Model.answer`."""
        failures = 0
        while True:
            outcome = await self._attempt(prompt)
            if isinstance(outcome, str):
                return outcome
            failures += 1
            wait_s = next_wait_s(failures, outcome.asked_s, self._uniform) if outcome.passing else None
            if wait_s is None:
                raise ModelFailed(outcome.why)
            self._report(f"{outcome.why}; trying again in {wait_s:.1f} s (attempt {failures + 1} of {ATTEMPTS})")
            await self._sleep(wait_s)

    async def _attempt(self, prompt: Prompt) -> str | _Failure:
        with trio.move_on_after(self._attempt_s):
            try:
                completion = await self._client.chat.completions.create(
                    model=self._name,
                    messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                )
            except (openai.OpenAIError, ValueError) as error:  # ValueError: a body that is no JSON
                return self._failure(error)
            return _text_of(completion)
        return _Failure("the provider did not answer in time", passing=True)

    def _failure(self, error: Exception) -> _Failure:
        match error:
            case openai.APITimeoutError():
                return _Failure("the provider did not answer in time", passing=True)
            case openai.APIConnectionError():
                return _Failure("the provider cannot be reached", passing=True)
            case openai.APIStatusError():
                asked_s = retry_after_s(error.response.headers, time.time())
                return self._refusal(error.status_code, error.code, asked_s)
        return _NOT_UNDERSTOOD

    def _refusal(self, status: int, code: str | None, asked_s: float | None) -> _Failure:
        match status:
            case 401 | 403:
                return _Failure("the provider does not accept the API key", passing=False)
            case 404:
                return _Failure(f"the provider has no model {self._name!r}", passing=False)
            case 429 if code == "insufficient_quota":
                return _Failure("the account at the provider is used up", passing=False)
            case 429:
                return _Failure("the provider is asked too often", passing=True, asked_s=asked_s)
            case _ if status in _PASSING or status >= 500:
                return _Failure(f"the provider has a fault (status {status})", passing=True, asked_s=asked_s)
        return _Failure(f"the provider refuses the request (status {status})", passing=False)


_NOT_UNDERSTOOD: Final = _Failure("the provider's answer makes no sense", passing=True)


def _text_of(completion: object) -> str | _Failure:
    """Read the text out of a completion that the library built without looking whether it holds what it should."""
    try:
        message = completion.choices[0].message  # type: ignore[attr-defined]  # what is not there is caught below
        text = message.content if message.content is not None else message.refusal
    except (AttributeError, IndexError, TypeError):
        return _NOT_UNDERSTOOD
    return text if isinstance(text, str) else "" if text is None else _NOT_UNDERSTOOD


@asynccontextmanager
async def open_openai_model(config: BotConfig, report: Report) -> AsyncIterator[OpenAIModel]:
    """Open the model that `config` asks for, and close its connections in the end, within a second.

    Raises:
        BotConfigError: the base URL, or a proxy that the settings or the environment name, is none that can be used.
    """
    http_client = None if config.proxies is None else _client_through(Path(config.proxies), report)
    try:
        client = openai.AsyncOpenAI(
            api_key=config.api_key or NO_KEY,
            base_url=config.base_url,
            timeout=openai.Timeout(SILENCE_S, connect=CONNECT_S),
            max_retries=0,
            http_client=http_client,
        )
    except Exception as error:  # the library makes no promise what it raises for an address that it does not like
        raise BotConfigError(
            f"The provider cannot be reached as asked ({type(error).__name__}): look at --base-url, and at the proxies "
            "that the environment names (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY)."
        ) from None
    try:
        yield OpenAIModel(config.model, client, report)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await client.close()


def _client_through(path: Path, report: Report) -> "httpx2.AsyncClient":
    """Return an HTTP client that reaches the provider through the proxies of a file."""
    from trio_chat.bot.proxies.transport import PooledTransport

    try:
        pool = proxies.ProxyPool(proxies.read_proxies(path))
    except proxies.ProxiesError as error:  # the file has changed since `prepare` looked at it
        raise BotConfigError(str(error)) from None
    return openai.DefaultAsyncHttpx2Client(transport=PooledTransport(pool, report), trust_env=False)
