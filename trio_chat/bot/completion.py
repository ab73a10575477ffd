"""What a provider streams, put together again: bytes into events, and the pieces in them into one completion.

This file owns the reading of a Chat Completion as the many endpoints send it that call themselves compatible. It
is synchronous, bounded, and strict about what it takes for an answer; it must not know connections or retries.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from trio_chat.bot.models import Source, Tokens

MAX_EVENT_BYTES: Final = 1_048_576
"""One event, or one whole completion: a provider sends some 300 bytes for every few letters."""
MAX_TEXT_CHARS: Final = 100_000
"""Where reading stops: five posts hold 20,000, and what a model thinks aloud before it answers may be longer."""
MAX_CALLS: Final = 8
"""Calls of tools in one completion that are carried out; a model that wants more has lost its thread."""
MAX_ARGUMENT_CHARS: Final = 20_000
MAX_SOURCES: Final = 10
MAX_URL_CHARS: Final = 500
MAX_TOKENS: Final = 100_000_000
"""What is believed of a count of tokens: no model takes as many, and ten of these fit in what a post can say."""

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR that comes last may be half of a CRLF
_THINKING: Final = "<think>"
_THOUGHT: Final = "</think>"
_UNFINISHED: Final = {
    "length": "the model has reached its limit of length",
    "content_filter": "the provider's filter has ended it",
}


class Nonsense(Exception):
    """A provider sent what is no completion, or a piece of one."""


class ProviderFault(Exception):
    """A provider says in the midst of a completion that it has failed.

    Attributes:
        status: what it would have answered, had it known before; 500 where it does not tell.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class EventStream:
    """Cuts the bytes of a stream into the data of its events (WHATWG HTML, 9.2.6); fields but `data` are left out."""

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()  # the one that is not whole yet
        self._cr = b""  # a CR that came last
        self._data: list[bytes] = []
        self._held = 0  # bytes in `_data`

    def feed(self, data: bytes) -> list[bytes]:
        """Take in some bytes and return the data of the events that they complete.

        Raises:
            Nonsense: an event is longer than the bound.
        """
        # Only what is new is looked at: an event of a megabyte in pieces of 64 bytes took half a minute.
        *lines, rest = _LINE_END.split(self._cr + data)
        if lines:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        self._cr = rest[-1:] if rest.endswith(b"\r") else b""
        self._line += rest.removesuffix(self._cr)
        events: list[bytes] = []
        for line in lines:
            if not line and self._data:
                events.append(b"\n".join(self._data))
                self._data, self._held = [], 0
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._held += len(line)
        if self._held + len(self._line) > self._max_bytes:
            raise Nonsense
        return events


@dataclass(slots=True)
class Call:
    """A tool that the model wants called: `id` as the provider names it, `arguments` as JSON."""

    index: int | None
    id: str
    name: str = ""
    arguments: str = ""


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Citation(msgspec.Struct):
    url: str = ""
    title: str | None = None


class _Annotation(msgspec.Struct):
    url_citation: _Citation | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    annotations: list[_Annotation] | None = None


class _Choice(msgspec.Struct):
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


@dataclass(slots=True)
class Completion:
    """One completion as it grows.

    Attributes:
        text: what the model has said, its thinking left out.
        calls: the tools that it wants called, at most `MAX_CALLS`.
        sources: pages that it rests on, each once.
        tokens: what it cost; None where the provider does not tell.
        finished: nothing more is to come that matters.
        unfinished: why it ends in the middle, as a clause for people; None: it does not.
    """

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    tokens: Tokens | None = None
    finished: bool = False
    unfinished: str | None = None
    _raw: str = ""

    def take_event(self, event: bytes) -> None:
        """Take in the data of one event.

        Raises:
            Nonsense: it is no piece of a completion.
            ProviderFault: it says that the provider has failed.
        """
        if event.strip() == b"[DONE]":
            self.finished = True
            return
        chunk = _read(event)
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                self._take(choice.delta)
            self._end(choice.finish_reason)
        self._count(chunk.usage)

    def take_whole(self, body: bytes) -> None:
        """Take in a completion in one piece, as endpoints send it that do not stream.

        Raises:
            Nonsense: it is none.
            ProviderFault: it says that the provider has failed.
        """
        chunk = _read(body)
        if not chunk.choices or chunk.choices[0].message is None:
            raise Nonsense
        self._take(chunk.choices[0].message)
        self._end(chunk.choices[0].finish_reason)
        self._count(chunk.usage)
        self.finished = True

    def _take(self, piece: _Message) -> None:
        content = piece.content
        if isinstance(content, list):
            content = "".join(part.text or "" for part in content if part.type == "text")
        if (new := content or piece.refusal) and len(self._raw) <= MAX_TEXT_CHARS:
            self._raw += new
            self.text = _without_thinking(self._raw)
        for call in piece.tool_calls or ():
            self._take_call(call)
        for annotation in piece.annotations or ():
            self._cite(annotation.url_citation)
        if len(self._raw) > MAX_TEXT_CHARS:
            self.finished, self.unfinished = True, "the model did not come to an end"

    def _take_call(self, piece: _ToolCall) -> None:
        call = self._call_of(piece)
        if call is None:
            return
        if piece.function is not None:
            call.name = call.name or piece.function.name or ""
            call.arguments += piece.function.arguments or ""
        if len(call.arguments) > MAX_ARGUMENT_CHARS:
            raise Nonsense

    def _call_of(self, piece: _ToolCall) -> Call | None:
        """Return the call that a piece belongs to; a new one where it begins one; None if that were too many.

        A new id begins a new call, whatever the index says: some endpoints give all the same one, or none.
        """
        for call in self.calls:
            if call.id == piece.id if piece.id else piece.index in (None, call.index):
                return call
        if len(self.calls) >= MAX_CALLS:
            return None
        self.calls.append(Call(piece.index, piece.id or f"call_{len(self.calls)}"))
        return self.calls[-1]

    def _cite(self, citation: _Citation | None) -> None:
        if citation is None or not _is_page(citation.url) or len(self.sources) >= MAX_SOURCES:
            return
        if all(source.url != citation.url for source in self.sources):
            self.sources.append(Source(citation.url, " ".join((citation.title or "").split())))

    def _end(self, reason: str | None) -> None:
        if reason:  # some send an empty one with every piece
            self.finished = True
            self.unfinished = self.unfinished or _UNFINISHED.get(reason)

    def _count(self, usage: _Usage | None) -> None:
        """Note the usage; where it comes with every piece, the last one counts."""
        if usage is not None and (usage.prompt_tokens is not None or usage.completion_tokens is not None):
            self.tokens = Tokens(_credible(usage.prompt_tokens), _credible(usage.completion_tokens))


def _credible(count: int | None) -> int:
    return min(max(0, count or 0), MAX_TOKENS)


def _read(data: bytes) -> _Chunk:
    try:
        chunk = _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Nonsense from None
    if chunk.error is not None:
        code = chunk.error.get("code") if isinstance(chunk.error, dict) else None
        raise ProviderFault(code if isinstance(code, int) and 400 <= code < 600 else 500)
    if chunk.choices is None and chunk.usage is None:
        raise Nonsense
    return chunk


def _without_thinking(raw: str) -> str:
    """Return what follows the thinking that models put in front (DeepSeek, Qwen …), as far as it has come."""
    text = raw.lstrip()
    if text.startswith(_THINKING):
        return text.partition(_THOUGHT)[2].lstrip()
    return "" if _THINKING.startswith(text) else text


def _is_page(url: str) -> bool:
    """Return whether `url` is a link that may be shown: whole, of the web, and nothing but a link."""
    if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        return False
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False
