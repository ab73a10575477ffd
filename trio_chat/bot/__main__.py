"""`python -m trio_chat.bot`: one bot from the command line, or many from a file.

This file owns the options, and the questions asked where none is given. It must not know how a bot works.
"""

import dataclasses
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import DEFAULT_MODEL, DEFAULT_NICK, MARKOV, BotConfig, BotConfigError, provider_from
from trio_chat.bot.fleet import read_bots, run_bots
from trio_chat.bot.models import prepare
from trio_chat.bot.process import run_process, tell
from trio_chat.client import DEFAULT_URL, BadUrl
from trio_chat.client.url import parse_url
from trio_chat.command_line import fail, run_app


@dataclasses.dataclass(frozen=True)
class Fleet:
    """The bots of a file."""

    bots: list[BotConfig]


app = App(
    name="python -m trio_chat.bot",
    help="A bot in a chat room: it joins in every N lines, speaks every N seconds, or greets people who come, and "
    "answers /search and /ask, whoever says its name, and words in private (/msg).",
    help_format="plaintext",
    version_flags=[],
)


@app.default
def configure(
    url: Annotated[str, Parameter(help="The server.")] = DEFAULT_URL,
    /,
    *,
    nick: Annotated[str, Parameter(help="The bot's name in the room.")] = DEFAULT_NICK,
    room: Annotated[str, Parameter(help="The room it joins.")] = "lobby",
    every_lines: Annotated[int | None, Parameter(help="Answer the conversation every so many lines.")] = None,
    every_seconds: Annotated[float | None, Parameter(help="Say something new every so many seconds.")] = None,
    model: Annotated[str, Parameter(help=f"The provider's model, or {MARKOV}: offline, from the room's history.")] = (
        DEFAULT_MODEL
    ),
    base_url: Annotated[str | None, Parameter(help="An OpenAI-compatible endpoint; also OPENAI_BASE_URL.")] = None,
    api_key_file: Annotated[str | None, Parameter(help="A file with the key, instead of OPENAI_API_KEY.")] = None,
    web_search: Annotated[bool, Parameter(help="Have the provider search the web for /search, if it can.")] = False,
    proxies: Annotated[
        str | None, Parameter(help="A file that lists proxies: reach the provider through whichever does best.")
    ] = None,
    persona: Annotated[str, Parameter(help="Who the bot is to be, in a sentence or two.")] = "",
    greet: Annotated[bool, Parameter(help="Greet people who come into the room.", negative="")] = False,
    answer_bots: Annotated[bool, Parameter(help="Answer other bots like people.", negative="")] = False,
    config: Annotated[
        Path | None, Parameter(help="A TOML file of bots, [[bot]] for each; flags hold for what it leaves open.")
    ] = None,
) -> BotConfig | Fleet:
    """Make a bot's settings of the command line. No key is among them: anyone can read a process's arguments."""
    api_key, base_url = provider_from(os.environ, base_url, api_key_file)
    bot = BotConfig(
        nick=nick,
        room=room,
        url=url,
        every_lines=every_lines,
        every_seconds=every_seconds,
        model=model,
        base_url=base_url,
        api_key=api_key,
        proxies=proxies,
        persona=persona,
        web_search=web_search,
        greet=greet,
        answer_bots=answer_bots,
    )
    return bot if config is None else Fleet(read_bots(config, bot))


def ask_for_mode(config: BotConfig, ask: Callable[[str], str] = input) -> BotConfig:
    """Return `config` with the mode and the number that the person at the terminal chooses.

    Raises:
        EOFError: the person has left.
    """
    while True:
        mode = ask("Shall the bot answer every N [l]ines, speak every N [s]econds, or [n]either? ").strip().lower()
        if mode in ("n", "neither"):
            return config
        if mode not in ("l", "lines", "s", "seconds"):
            print("Please type l, s or n.")
            continue
        number = ask("How many? ").strip()
        try:
            if mode.startswith("l"):
                return dataclasses.replace(config, every_lines=int(number))
            return dataclasses.replace(config, every_seconds=float(number))
        except BotConfigError as error:
            print(error)
        except ValueError:
            print(f"{number!r} is no number; please type one, as 10.")


def main(arguments: list[str] | None = None) -> None:
    """Run the command until it is told to stop; `arguments` instead of those of the process, if given.

    Raises:
        SystemExit: with code 1 or 2, after a sentence on stderr.
    """
    try:
        config = run_app(app, arguments)
        if not isinstance(config, BotConfig | Fleet):  # --help has been shown
            return
        for bot in config.bots if isinstance(config, Fleet) else [config]:
            parse_url(bot.url)
            prepare(bot)
        if isinstance(config, BotConfig) and config.every_lines is None and config.every_seconds is None:
            config = _without_mode(config)
    except (BotConfigError, BadUrl) as error:
        fail(str(error))
    except (EOFError, KeyboardInterrupt):
        print("\nbye")
        return
    if isinstance(config, Fleet):
        run_process(partial(run_bots, config.bots, report=tell))
    else:
        run_process(partial(run_bot, config, report=tell), about_names="Choose another --nick or --room.")


def _without_mode(config: BotConfig) -> BotConfig:
    if sys.stdin.isatty() and sys.stdout.isatty():
        return ask_for_mode(config)
    tell("Neither --every-lines nor --every-seconds is given: the bot speaks only when it is asked.")
    return config


if __name__ == "__main__":
    main()
