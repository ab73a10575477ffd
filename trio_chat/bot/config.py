"""What a bot is told before it starts, and the sentences for what it was told wrongly.

This file owns a bot's settings and their limits. It must not know rooms, models or the command line.
"""

import math
import re
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

CONTEXT_TOKENS: Final = 3_000
"""What of the conversation a model is shown. Local models are often run with room for 4,096 tokens (as by Ollama): so
there is some left for the rules, the tools and the answer."""

MIN_CONTEXT_TOKENS: Final = 300
CATCH_UP_LINES: Final = 100
MAX_CATCH_UP_LINES: Final = 100_000
"""More than any context holds; each is read from the log, and sent."""
ANSWER_S: Final = 330.0
"""How long one answer may take, all retries included. A provider that thinks longer than that has lost its thread. It
is longer than the five minutes of a turn, so that the server ends that first: what has been said so far is kept."""


MAX_KEY_FILE_BYTES: Final = 4_096
"""The keys of providers have some 200 characters; a file longer than this is another one than was meant."""


_SESSION: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


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
        greet: whether it greets people who come into the room.
        answer_bots: whether it answers other bots as it does people; the server bounds how long they go on.
        model: the provider's name of the model, or `MARKOV`; None: it has none, only functions of its author's.
        base_url: an OpenAI-compatible endpoint, ``http://…`` or ``https://…``, without a password in it; None:
            OpenAI's own.
        api_key: the provider's key; never shown.
        proxies: a file that lists proxies, through which the provider is reached; None: it is reached directly.
        persona: who it is to be, in the operator's words.
        web_search: whether the provider is to search the web for the answer to a ``/search``; not every endpoint and
            model can.
        session: the bot's secret, 32 hex digits in lower case; None: kept by the client library.
        context_tokens: what the model is shown of the conversation and told by its tools, for one answer, in tokens as
            `context.tokens_in` estimates them, at least 300.
        catch_up: entries of the room's past that it reads when it joins, 0 to 100,000.
        answer_s: how long one answer may take, in seconds above 0.

    Raises:
        BotConfigError: a value is out of its range.
    """

    nick: str = DEFAULT_NICK
    room: str = "lobby"
    url: str = DEFAULT_URL
    every_lines: int | None = None
    every_seconds: float | None = None
    greet: bool = False
    answer_bots: bool = False
    model: str | None = DEFAULT_MODEL
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    proxies: str | None = None
    persona: str = ""
    web_search: bool = False
    session: str | None = field(default=None, repr=False)
    context_tokens: int = CONTEXT_TOKENS
    catch_up: int = CATCH_UP_LINES
    answer_s: float = ANSWER_S

    def __post_init__(self) -> None:
        if self.every_lines is not None and self.every_lines < 1:
            raise BotConfigError(f"A bot cannot answer every {self.every_lines} lines: give --every-lines 1 or more.")
        if self.every_seconds is not None and not (0 < self.every_seconds < math.inf):
            raise BotConfigError(
                f"A bot cannot speak every {self.every_seconds:g} seconds: give --every-seconds a number above 0."
            )
        if self.base_url is not None:
            _check_web_address(self.base_url)
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise BotConfigError(
                "The key holds characters that no key has: set OPENAI_API_KEY to the key and nothing else."
            )
        if self.model is not None and not self.model.strip():
            raise BotConfigError("The model has no name: give --model one, or leave it out.")
        for option, text in (("--model", self.model or ""), ("--persona", self.persona)):
            if any("\ud800" <= character <= "\udfff" for character in text):  # bytes that the terminal passed on
                raise BotConfigError(f"What {option} says is not UTF-8; convert it first.")
        if self.session is not None and not _SESSION.fullmatch(self.session):
            raise BotConfigError("The session is no secret of a bot: give 32 hex digits, 0 to 9 and a to f, or none.")
        self._check_bounds()

    def _check_bounds(self) -> None:
        if self.context_tokens < MIN_CONTEXT_TOKENS:
            raise BotConfigError(f"The context has to hold at least {MIN_CONTEXT_TOKENS} tokens.")
        if not 0 <= self.catch_up <= MAX_CATCH_UP_LINES:
            raise BotConfigError(f"A bot reads 0 to {MAX_CATCH_UP_LINES:,} lines when it comes, not {self.catch_up}.")
        if not (0 < self.answer_s < math.inf):
            raise BotConfigError(f"An answer cannot take {self.answer_s:g} seconds: allow it a number above 0.")

    @property
    def room_name(self) -> str:
        """The room as the protocol sends it, without the ``#`` that people see."""
        return self.room.removeprefix("#")


def _check_web_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number
        usable = False
    if not usable:
        raise BotConfigError(
            "The base URL is no address of an endpoint: give --base-url one like http://127.0.0.1:11434/v1."
        )
    if "@" in parts.netloc:  # anyone can read it among the arguments, and libraries log addresses
        raise BotConfigError(
            "The base URL holds a user's name or password: give --base-url without, and the key by OPENAI_API_KEY or "
            "--api-key-file."
        )


def provider_from(
    environ: Mapping[str, str], base_url: str | None = None, api_key_file: str | None = None
) -> tuple[str | None, str | None]:
    """Return a provider's key and base URL as `BotConfig` takes them, by default from the variables that all tools use.

    Args:
        environ: where OPENAI_API_KEY and OPENAI_BASE_URL are looked up; empty counts as not set.
        base_url: what was asked for by hand; it comes first.
        api_key_file: a file with the key in it, which comes first likewise. It is read at once.

    Raises:
        BotConfigError: the file cannot be read, or holds no key.
    """
    # A key read from a file often has the file's last newline at its end.
    key = read_key(api_key_file) if api_key_file is not None else environ.get("OPENAI_API_KEY", "").strip()
    return key or None, base_url or environ.get("OPENAI_BASE_URL") or None


def read_key(path: str) -> str:
    """Return the key that stands in a file, alone but for white space around it; blocks.

    Raises:
        BotConfigError: the file cannot be read, or holds no key.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        # The file's name is not repeated: it may be the key itself, given in its place.
        raise BotConfigError(
            f"The file with the key cannot be read ({error.strerror}): give --api-key-file the name of one that can."
        ) from None
    key = content.decode("ascii", "replace").strip()
    if not key or len(content) > MAX_KEY_FILE_BYTES or "\ufffd" in key or not key.isprintable():
        raise BotConfigError(
            "The file that --api-key-file names holds no key: write the key into it, and nothing else."
        )
    return key
