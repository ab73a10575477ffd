"""A model behind an OpenAI-compatible endpoint, asked through its Chat Completions.

This file owns the rounds of one answer: ask, show what comes, call the tools that are wanted, ask again; and what
is done where the provider fails. How one request is made is endpoint.py's, when to try again the policy of retry.py.
It must not know rooms or what a tool does.

What was shown is not taken back: as long as no word of a completion has been shown, a failure that may pass is tried
again; after that the answer ends where the provider broke off, and says so. A second attempt would cost the same
again, and say otherwise what people have read already.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import openai
import trio

from trio_chat.bot.completion import Call, Completion
from trio_chat.bot.config import BotConfig
from trio_chat.bot.context import Prompt, cut, tokens_in
from trio_chat.bot.endpoint import ATTEMPT_S, Failure, complete, open_endpoint
from trio_chat.bot.models import Answer, ModelFailed, Report, Show, Source, Tokens
from trio_chat.bot.retry import ATTEMPTS, Uniform, next_wait_s
from trio_chat.bot.tools import Tool, Toolbox, label
from trio_chat.bot.triggers import Reason

MAX_ROUNDS: Final = 5
"""Completions that one answer may take. In the last one the model must do without tools."""

RESULTS_SHARE: Final = 2 / 3
"""What tools may tell in one answer, of what the question leaves of the context; the oldest lines make way for it."""
MIN_RESULT_TOKENS: Final = 50
"""When less than this is left, the model has to answer with what it has."""

_EXTRAS: Final = {"tools": "tools", "web_search_options": "web search"}
_WAYS_WITHOUT: Final = (*(frozenset({name}) for name in _EXTRAS), frozenset(_EXTRAS))


class OpenAIModel:
    """Answers through an `openai.AsyncOpenAI`, which stays the caller's to close.

    Args:
        name: the provider's name of the model.
        client: made with ``max_retries=0``; retries are made here, where they are seen.
        report: is told of every retry.
        tools: what the model may call. An endpoint that refuses requests with tools is asked without them from then on.
        web_search: whether the provider is to search the web for a `Reason.SEARCH`; given up likewise.
        attempt_s: how long to wait for each piece of a completion, in seconds.
        sleep: waits between attempts; `trio.sleep`, or its like.
        uniform: `random.uniform`, or its like.
    """

    def __init__(
        self,
        name: str,
        client: openai.AsyncOpenAI,
        report: Report,
        *,
        tools: Toolbox | None = None,
        web_search: bool = False,
        attempt_s: float = ATTEMPT_S,
        sleep: Callable[[float], Awaitable[object]] = trio.sleep,
        uniform: Uniform = random.uniform,
    ) -> None:
        self._name = name
        self._client = client
        self._report = report
        self._tools = tools or Toolbox()
        self._web_search = web_search
        self._without: set[str] = set()  # what the endpoint has refused, and answered without
        self._attempt_s = attempt_s
        self._sleep = sleep
        self._uniform = uniform

    async def answer(self, prompt: Prompt, *, show: Show) -> Answer:
        """Return the answer to `prompt`; see `Model.answer`."""
        thread = _Thread(prompt, show)
        for number in range(1, MAX_ROUNDS + 1):
            last = number == MAX_ROUNDS or thread.is_full
            completion = await self._complete(thread, last=last)
            if not completion.calls or completion.unfinished or last:
                break
            await self._carry_out(completion, thread)
        return thread.answer()

    async def _complete(self, thread: "_Thread", *, last: bool) -> Completion:
        """Return the next completion, whole or broken off after something of it was shown."""
        failures = 0
        while True:
            completion = Completion()
            request = self._request(thread, last=last)
            failure = await complete(self._client, request, completion, thread.show_text, attempt_s=self._attempt_s)
            thread.count(completion.tokens)
            if failure is None or completion.text:
                completion.unfinished = completion.unfinished or (None if failure is None else failure.why)
                thread.take(completion)
                self._without |= thread.without
                return completion
            if failure.refused and self._goes_without(failure, thread):
                continue
            failures += 1
            wait_s = next_wait_s(failures, failure.asked_s, self._uniform) if failure.passing else None
            if wait_s is None:
                raise ModelFailed(failure.why, thread.tokens)
            self._report(f"{failure.why}; trying again in {wait_s:.1f} s (attempt {failures + 1} of {ATTEMPTS})")
            await self._sleep(wait_s)

    def _request(self, thread: "_Thread", *, last: bool) -> dict[str, Any]:
        extras = {name: value for name, value in self._extras(thread).items() if name not in thread.without}
        if last and "tools" in extras:
            extras["tool_choice"] = "none"
        usage = {"include_usage": True}
        return {"model": self._name, "messages": thread.messages, "stream": True, "stream_options": usage, **extras}

    def _extras(self, thread: "_Thread") -> dict[str, Any]:
        """Return what a request is to have that not every endpoint and model knows."""
        extras: dict[str, Any] = {}
        if self._tools.tools:
            extras["tools"] = [_definition(tool) for tool in self._tools.tools]
        if self._web_search and thread.reason is Reason.SEARCH:
            extras["web_search_options"] = {}
        return {name: value for name, value in extras.items() if name not in self._without}

    def _goes_without(self, failure: Failure, thread: "_Thread") -> bool:
        """Say whether to ask at once without something: what is to blame, nobody tells, so each in turn, then all."""
        wanted = self._extras(thread).keys()
        ways = [way for way in _WAYS_WITHOUT if way <= wanted]
        if thread.has_results or thread.ways_tried >= len(ways):
            return False
        thread.without = ways[thread.ways_tried]
        thread.ways_tried += 1
        self._report(f"{failure.why}; asking without {' and '.join(_EXTRAS[name] for name in sorted(thread.without))}")
        return True

    async def _carry_out(self, completion: Completion, thread: "_Thread") -> None:
        """Call all tools that a completion asks for, side by side, and put the results into the thread."""
        results: dict[str, str] = {}

        async def carry_out(call: Call) -> None:
            results[call.id] = await self._tools.call(call.name, call.arguments)

        thread.show_calls(completion)
        async with trio.open_nursery() as nursery:
            for call in completion.calls:
                nursery.start_soon(carry_out, call)
        thread.take_results(completion, results)


class _Thread:
    """What has been said between us and the provider for one answer, and what people are shown of it.

    Attributes:
        messages: as the provider wants them.
        tokens: spent so far; None as long as the provider has told of none.
        without: extras that requests are made without; ways_tried: how many ways to do without have been tried.
        has_results: whether a tool has answered, which only a request with tools can tell.
    """

    def __init__(self, prompt: Prompt, show: Show) -> None:
        self.reason = prompt.reason
        self.messages: list[dict[str, Any]] = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.user},
        ]
        self.tokens: Tokens | None = None
        self.without: frozenset[str] = frozenset()
        self.ways_tried = 0
        self.has_results = False
        self._prompt = prompt
        alone = tokens_in(prompt.user_within(0))
        self._for_results = max(0, int((prompt.max_tokens - alone) * RESULTS_SHARE))
        self._left = self._for_results
        self._show = show
        self._above: list[str] = []  # what was said before tools were called, above the text that grows
        self._doing = ""
        self._shown = ("", "")
        self._text = ""
        self._unfinished: str | None = None
        self._sources: dict[str, Source] = {}

    def show_text(self, text: str) -> None:
        """Show the text of the completion that grows, if there is anything new; it ends what was done before."""
        if text:
            self._doing = ""
        shown = ("\n".join([*self._above, text] if text else self._above), self._doing)
        if shown != self._shown:
            self._shown = shown
            self._show(*shown)

    def show_calls(self, completion: Completion) -> None:
        """Show what the tools are called for, beside what was said before."""
        self._above += [completion.text] if completion.text else []
        self._doing = "; ".join(label(call.name, call.arguments) for call in completion.calls)
        self.show_text("")

    def count(self, tokens: Tokens | None) -> None:
        """Add to what was spent."""
        if tokens is not None:
            before = self.tokens or Tokens()
            self.tokens = Tokens(before.prompt + tokens.prompt, before.completion + tokens.completion)

    def take(self, completion: Completion) -> None:
        """Take over what a completion says; the last one that says anything is the answer."""
        self._unfinished = completion.unfinished
        if not completion.text and completion.calls:
            self._unfinished = self._unfinished or "the model does nothing but call tools"
        self._text = completion.text or self._text
        self._sources |= {source.url: source for source in completion.sources}

    @property
    def is_full(self) -> bool:
        """Whether there is no room for what another tool would tell."""
        return self._left < MIN_RESULT_TOKENS

    def take_results(self, completion: Completion, results: dict[str, str]) -> None:
        """Take over what came of the calls that a completion asked for, each cut to its share of what is left."""
        self.has_results = True
        said = self._pay_for(completion.text, self._left // 2)
        calls: list[dict[str, Any]] = []
        told: list[dict[str, Any]] = []
        for number, call in enumerate(completion.calls):
            share = self._left // (len(completion.calls) - number)
            arguments = self._pay_for(_object(call.arguments, share // 2), share)
            result = self._pay_for(results[call.id], share - tokens_in(arguments))
            function = {"name": call.name, "arguments": arguments}
            calls.append({"id": call.id, "type": "function", "function": function})
            told.append({"role": "tool", "tool_call_id": call.id, "content": result})
        self.messages += [{"role": "assistant", "content": said or None, "tool_calls": calls}, *told]
        spent = self._for_results - self._left
        self.messages[1] = {"role": "user", "content": self._prompt.user_within(self._prompt.max_tokens - spent)}

    def _pay_for(self, text: str, max_tokens: int) -> str:
        text = cut(text, max_tokens)
        self._left -= tokens_in(text)
        return text

    def answer(self) -> Answer:
        """Return the answer.

        Raises:
            ModelFailed: it was broken off before there was anything of it.
        """
        if not self._text and self._unfinished:
            raise ModelFailed(self._unfinished, self.tokens)
        return Answer(self._text, tuple(self._sources.values()), self.tokens, self._unfinished)


def _object(arguments: str, max_tokens: int) -> str:
    """Return the arguments of a call as a provider takes them back: what is no JSON object, many refuse to read."""
    if tokens_in(arguments) > max_tokens:
        return "{}"
    try:
        msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "{}"
    return arguments


def _definition(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}
    return {"type": "function", "function": function}


@asynccontextmanager
async def open_openai_model(
    config: BotConfig, report: Report, tools: Toolbox | None = None
) -> AsyncIterator[OpenAIModel]:
    """Open the model that `config` asks for, and close its connections in the end, within a second.

    Raises:
        BotConfigError: the base URL, or a proxy that the settings or the environment name, is none that can be used.
    """
    async with open_endpoint(config, report) as client:
        yield OpenAIModel(config.model or "", client, report, tools=tools, web_search=config.web_search)
