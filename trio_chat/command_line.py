"""What the command lines of server, client and bot share: parsing, and ending with one sentence.

This file owns how a mistake of the operator is told. It must not know any of the commands.
"""

import sys
from typing import NoReturn

from cyclopts import App, CycloptsError, UnknownCommandError

USAGE_ERROR = 2
"""The exit code for what the operator can mend: a wrong flag, a taken port, a missing key."""

KEY_CHARS = 16
"""Keys of providers are no shorter; what is, is repeated to whoever has mistyped it."""


def run_app(app: App, tokens: list[str] | None = None) -> object:
    """Parse the command line, run the command it names, and return what that returns.

    Raises:
        SystemExit: a flag is wrong; one sentence on stderr has said so.
    """
    try:
        command, bound, _ = app.parse_args(tokens, print_error=False, exit_on_error=False)
    except CycloptsError as error:
        fail(f"{' '.join(_without_keys(error, tokens).split())} See --help.")
    return command(*bound.args, **bound.kwargs)


def _without_keys(error: CycloptsError, tokens: list[str] | None) -> str:
    """Return what was wrong without the values that were given, where they may be keys, put where none belongs."""
    sentence = str(error)
    for token in sys.argv[1:] if tokens is None else tokens:
        option, _, value = token.partition("=") if token.startswith("-") else ("", "", token)
        if option.startswith("--"):
            sentence = sentence.replace(token, option)
        elif option:  # what follows a short option may be its value
            sentence = sentence.replace(token, option[:2])
        if _may_be_a_key(value) and not isinstance(error, UnknownCommandError):
            for quoted in (f'"{value}"', repr(value)):
                sentence = sentence.replace(quoted, '"…"')
    return sentence


def _may_be_a_key(value: str) -> bool:
    return value.startswith("sk-") or len(value) >= KEY_CHARS


def fail(sentence: str, code: int = USAGE_ERROR) -> NoReturn:
    """End the process with one sentence on stderr.

    Raises:
        SystemExit: always.
    """
    print(f"trio_chat: {sentence}", file=sys.stderr)
    raise SystemExit(code)
