"""One request to an endpoint, and what its failures mean.

This file owns the border to the `openai` library: the connection, how long a provider may be silent, what errors
mean to people, and whether they pass. It never repeats a provider's own words, which may quote the key. It must not
know prompts, tools, or when something is tried again.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import openai
import trio

from trio_chat.bot import proxies
from trio_chat.bot.completion import MAX_EVENT_BYTES, Completion, EventStream, Nonsense, ProviderFault
from trio_chat.bot.config import BotConfig, BotConfigError
from trio_chat.bot.retry import retry_after_s

if TYPE_CHECKING:
    import httpx2  # what the library rides on

    from trio_chat.bot.models import Report

CONNECT_S: Final = 10.0
SILENCE_S: Final = 90.0
"""How long a provider may think without a byte; a local model on a slow machine needs most of it."""
ATTEMPT_S: Final = 150.0
"""How long it may be without a piece of a completion, whatever it sends to keep the connection alive."""
TRAILING_S: Final = 1.0
"""How long to wait for what follows an answer: the count of tokens, and the end that lets the connection be kept."""
CLOSE_S: Final = 1.0
NO_KEY: Final = "none"
"""What is sent as the key where none is set: endpoints of one's own want none, and the library wants some."""

# Statuses below 500 that pass by themselves: timeout, conflict, too early, too many.
_PASSING: Final = frozenset({408, 409, 425, 429})
# What endpoints answer to a request with something in it that they do not know, as tools for a model without any.
_REFUSING: Final = frozenset({400, 404, 405, 415, 422, 501})


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that failed.

    Args:
        why: a clause for people.
        passing: whether it may pass.
        asked_s: the wait that the provider asked for.
        refused: whether the request itself may be to blame.
    """

    why: str
    passing: bool
    asked_s: float | None = None
    refused: bool = False


_TOO_SLOW: Final = Failure("the provider did not answer in time", passing=True)
_UNREACHABLE: Final = Failure("the provider cannot be reached", passing=True)
_BROKEN_OFF: Final = Failure("the connection to the provider broke", passing=True)
_NOT_UNDERSTOOD: Final = Failure("the provider's answer makes no sense", passing=True)


async def complete(
    client: openai.AsyncOpenAI,
    request: dict[str, Any],
    completion: Completion,
    show: Callable[[str], None],
    *,
    attempt_s: float = ATTEMPT_S,
) -> Failure | None:
    """Make one request and fill `completion` with what comes; returns what went wrong, or None.

    Cancelling it closes the connection before it returns.

    Args:
        client: made with ``max_retries=0``.
        request: the body of the request.
        completion: an empty one. What had come of it before a failure stays in it.
        show: is called with its text whenever something has come; it must not raise.
        attempt_s: how long to wait for the first piece, and then for each further one, in seconds. A slow model that
            keeps on talking is not cut off; how long an answer may take at all is the caller's to bound.
    """
    reader: _Reader | None = None
    with trio.CancelScope(deadline=trio.current_time() + attempt_s) as scope:
        try:
            async with client.chat.completions.with_streaming_response.create(**request) as response:
                reader = _Reader(completion, response.headers.get("content-type", ""))
                # Left only at its end, by an error of its own, or cancelled while it waits: a loop left by `break` or
                # an exception of ours would leave the libraries' generators to the garbage collector.
                async for data in response.iter_bytes():
                    grown = reader.read(data)
                    show(completion.text)
                    if reader.failure is not None:
                        scope.cancel()
                    elif completion.finished:
                        scope.deadline = min(scope.deadline, trio.current_time() + TRAILING_S)
                    elif grown:
                        scope.deadline = trio.current_time() + attempt_s
                reader.end()
        except Exception as error:  # the border to libraries of which not all say what they raise
            return None if completion.finished else _failure(error, request["model"], begun=reader is not None)
    if completion.finished:
        return None
    if reader is not None and reader.failure is not None:
        return reader.failure
    return _TOO_SLOW if scope.cancelled_caught else _BROKEN_OFF


class _Reader:
    """Puts the bytes of a response into a completion.

    Attributes:
        failure: what is wrong with them, once something is; what comes after that is left out.
    """

    def __init__(self, completion: Completion, content_type: str) -> None:
        self.failure: Failure | None = None
        self._completion = completion
        self._events = EventStream() if "event-stream" in content_type.lower() else None
        self._body = bytearray()

    def read(self, data: bytes) -> bool:
        """Take in some bytes, and say whether the completion has got any further by them."""
        if self.failure is not None:
            return False
        if self._events is None:
            self._body += data
            if len(self._body) > MAX_EVENT_BYTES:
                self.failure = _NOT_UNDERSTOOD
            return True
        try:
            events = self._events.feed(data)
            for event in events:
                self._completion.take_event(event)
        except (Nonsense, ProviderFault) as error:
            self.failure = _trouble(error)
            return False
        return bool(events)

    def end(self) -> None:
        """Take in that nothing more comes."""
        if self._events is None and self.failure is None:
            try:
                self._completion.take_whole(bytes(self._body))
            except (Nonsense, ProviderFault) as error:
                self.failure = _trouble(error)


def _trouble(error: Nonsense | ProviderFault) -> Failure:
    return _refusal(error.status, None, None, "") if isinstance(error, ProviderFault) else _NOT_UNDERSTOOD


def _failure(error: Exception, model: str, *, begun: bool) -> Failure:
    match error:
        case openai.APITimeoutError():
            return _TOO_SLOW
        case openai.APIConnectionError():
            return _UNREACHABLE
        case openai.APIStatusError():
            asked_s = retry_after_s(error.response.headers, time.time())
            return _refusal(error.status_code, error.code, asked_s, model)
    if not begun:
        return _NOT_UNDERSTOOD
    # In mid-stream the errors are those of the HTTP library, which is another one for each version of `openai`.
    return _TOO_SLOW if type(error).__name__.endswith("Timeout") else _BROKEN_OFF


def _refusal(status: int, code: str | None, asked_s: float | None, model: str) -> Failure:
    refused = status in _REFUSING
    match status:
        case 401 | 403:
            return Failure("the provider does not accept the API key", passing=False)
        case 404:
            return Failure(f"the provider has no model {model!r}", passing=False, refused=refused)
        case 429 if code == "insufficient_quota":
            return Failure("the account at the provider is used up", passing=False)
        case 429:
            return Failure("the provider is asked too often", passing=True, asked_s=asked_s)
        case _ if status in _PASSING or status >= 500:
            why = f"the provider has a fault (status {status})"
            return Failure(why, passing=True, asked_s=asked_s, refused=refused)
    return Failure(f"the provider refuses the request (status {status})", passing=False, refused=refused)


@asynccontextmanager
async def open_endpoint(config: BotConfig, report: "Report") -> AsyncIterator[openai.AsyncOpenAI]:
    """Open the way to the provider of `config`, and close its connections in the end, within a second.

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
        yield client
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S):
            await client.close()


def _client_through(path: Path, report: "Report") -> "httpx2.AsyncClient":
    """Return an HTTP client that reaches the provider through the proxies of a file."""
    from trio_chat.bot.proxies.transport import PooledTransport

    try:
        pool = proxies.ProxyPool(proxies.read_proxies(path))
    except proxies.ProxiesError as error:  # the file has changed since `prepare` looked at it
        raise BotConfigError(str(error)) from None
    return openai.DefaultAsyncHttpx2Client(transport=PooledTransport(pool, report), trust_env=False)
