"""What a bot is told before it starts, and the sentences for what it was told wrongly.

This file owns a bot's settings and their limits. It must not know rooms, models or the command line.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from trio_chat.client import DEFAULT_URL

DEFAULT_NICK: Final = "sage"

MARKOV: Final = "markov"
"""The name of the model that needs no provider: it talks from the room's own history."""

DEFAULT_MODEL: Final = "gpt-5.4-mini"
"""A small model answers in a second or two for a hundredth of a cent, which is what a chat line is worth."""

CONTEXT_CHARS: Final = 16_000
"""What of the conversation a model is shown: about 4,000 tokens of English, which small local models hold too."""

MIN_CONTEXT_CHARS: Final = 1_000
CATCH_UP_LINES: Final = 100
ANSWER_S: Final = 300.0
"""How long one answer may take, all retries included. A provider that thinks longer than that has lost its thread."""


class BotConfigError(ValueError):
    """A bot cannot be started as asked; `str()` is one sentence that says what to change."""


@dataclass(frozen=True, kw_only=True)
class BotConfig:
    """One bot in one room.

    Args:
        nick: the name it asks for.
        room: the room it sits in, with or without the leading ``#``.
        url: the server, ``chat://HOST:PORT``.
        every_lines: it joins in after so many lines of people, at least 1; None: it does not.
        every_seconds: it says something new so often, in seconds above 0; None: it does not.
        model: the provider's name of the model, or `MARKOV`.
        base_url: an OpenAI-compatible endpoint, ``http://…`` or ``https://…``; None: OpenAI's own.
        api_key: the provider's key; never shown.
        proxies: a file that lists proxies, through which the provider is reached; None: it is reached directly.
        persona: who it is to be, in the operator's words.
        session: the bot's secret, 32 hex digits; None: kept by the client library.
        context_chars: what of the conversation the model is shown, in characters, at least 1,000.
        catch_up: entries of the room's past that it reads when it joins.
        answer_s: how long one answer may take, in seconds.

    Raises:
        BotConfigError: a value is out of its range.
    """

    nick: str = DEFAULT_NICK
    room: str = "lobby"
    url: str = DEFAULT_URL
    every_lines: int | None = None
    every_seconds: float | None = None
    model: str = DEFAULT_MODEL
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    proxies: str | None = None
    persona: str = ""
    session: str | None = field(default=None, repr=False)
    context_chars: int = CONTEXT_CHARS
    catch_up: int = CATCH_UP_LINES
    answer_s: float = ANSWER_S

    def __post_init__(self) -> None:
        if self.every_lines is not None and self.every_lines < 1:
            raise BotConfigError(f"A bot cannot answer every {self.every_lines} lines: give --every-lines 1 or more.")
        if self.every_seconds is not None and not (0 < self.every_seconds < math.inf):
            raise BotConfigError(
                f"A bot cannot speak every {self.every_seconds:g} seconds: give --every-seconds a number above 0."
            )
        if self.base_url is not None and not _is_web_address(self.base_url):
            raise BotConfigError(
                "The base URL is no address of an endpoint: give --base-url one like http://127.0.0.1:11434/v1."
            )
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise BotConfigError("The key holds characters that no key has: set OPENAI_API_KEY to the key alone.")
        if not self.model.strip():
            raise BotConfigError("The model has no name: give --model one, or leave it out.")
        for option, text in (("--model", self.model), ("--persona", self.persona)):
            if any("\ud800" <= character <= "\udfff" for character in text):  # bytes that the terminal passed on
                raise BotConfigError(f"What {option} says is not UTF-8; convert it first.")
        if self.context_chars < MIN_CONTEXT_CHARS:
            raise BotConfigError(f"The context has to hold at least {MIN_CONTEXT_CHARS} characters.")

    @property
    def room_name(self) -> str:
        """The room as the protocol sends it, without the ``#`` that people see."""
        return self.room.removeprefix("#")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number
        return False


def provider_from(environ: Mapping[str, str], base_url: str | None = None) -> tuple[str | None, str | None]:
    """Return a provider's key and base URL from the variables that all its tools use, as `BotConfig` takes them.

    Args:
        environ: where OPENAI_API_KEY and OPENAI_BASE_URL are looked up; empty counts as not set.
        base_url: what was asked for by hand; it comes first.
    """
    # A key read from a file often has the file's last newline at its end.
    return environ.get("OPENAI_API_KEY", "").strip() or None, base_url or environ.get("OPENAI_BASE_URL") or None
