"""What the command lines of server, client and bot share: parsing, and ending with one sentence.

This file owns how a mistake of the operator is told. It must not know any of the commands.
"""

import sys
from typing import NoReturn

from cyclopts import App, CycloptsError

USAGE_ERROR = 2
"""The exit code for what the operator can mend: a wrong flag, a taken port, a missing key."""


def run_app(app: App, tokens: list[str] | None = None) -> object:
    """Parse the command line, run the command it names, and return what that returns.

    Raises:
        SystemExit: a flag is wrong; one sentence on stderr has said so.
    """
    try:
        command, bound, _ = app.parse_args(tokens, print_error=False, exit_on_error=False)
    except CycloptsError as error:
        fail(f"{' '.join(_without_values(str(error), tokens).split())} See --help.")
    return command(*bound.args, **bound.kwargs)


def _without_values(sentence: str, tokens: list[str] | None) -> str:
    """Return a sentence that quotes ``--option=value`` without the value: it may be a key, given where none belongs."""
    for token in sys.argv[1:] if tokens is None else tokens:
        option, _, value = token.partition("=")
        if option.startswith("-") and value:
            sentence = sentence.replace(token, option)
    return sentence


def fail(sentence: str, code: int = USAGE_ERROR) -> NoReturn:
    """End the process with one sentence on stderr.

    Raises:
        SystemExit: always.
    """
    print(f"trio_chat: {sentence}", file=sys.stderr)
    raise SystemExit(code)
