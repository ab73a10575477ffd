"""The command line of the client: ``python -m trio_chat.client``.

This file owns its options, the question for a nick, and what becomes of errors: a sentence on standard error
and an exit status. It must not know how a conversation goes.
"""

import getpass
import importlib.metadata
import os
import sys
from typing import Annotated, Final

import msgspec
import trio
from cyclopts import App, Parameter

from protocol import NICK_CHARS, ROOM_CHARS, TEXT_CHARS, MessageError, check_name, check_text
from trio_chat.client.errors import BadUrl, ChatError, Refused
from trio_chat.client.harmless import harmless_line
from trio_chat.client.input import MAX_LINE_BYTES
from trio_chat.client.program import Options, chat
from trio_chat.client.url import DEFAULT_URL, parse_url
from trio_chat.command_line import fail, run_app

STDIN: Final = 0
LOBBY: Final = "lobby"
FAILED: Final = 1
INTERRUPTED: Final = 130
_ANOTHER_NICK_HELPS: Final = ("nick_taken", "bad_name")

_HELP: Final = """Chat in a terminal, or from a script.

Type to talk; a line that starts with a slash is a command (/help lists them), and // says a text that starts with \
a slash. Tab completes commands, nicks and rooms; pasted lines stay one message. Ctrl-D or /quit leaves; \
so does Ctrl-C, twice on a whole screen, where F1 shows the keys.

Where the input is no terminal, each line of it is posted, or carried out if it is a command; empty lines are \
skipped, and at its end the client leaves. With --json and no input (</dev/null) it goes on listening.

The exit status is 0 after a conversation, or when all is posted; 1 if something was refused, or nobody could be \
reached; 2 for a mistake on the command line; 128 and the number of the signal if one left something undone.
"""


class Mistake(Exception):
    """What the user has to correct; `str()` says it in a sentence."""


def _version() -> str:
    try:
        return importlib.metadata.version("trio-chat")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


app = App(name="python -m trio_chat.client", help=_HELP, help_format="plaintext", version=_version)


@app.default
def options(
    url: Annotated[str, Parameter(help="The server, as chat://HOST:PORT, or chats:// for TLS.")] = DEFAULT_URL,
    /,
    *,
    nick: Annotated[
        str | None, Parameter(help="Your name; without it you are asked, or go by your login name.")
    ] = None,
    room: Annotated[
        str | None,
        Parameter(help=f"The room to go to first; without it, on a full screen, where you were last, or the {LOBBY}."),
    ] = None,
    plain: Annotated[bool, Parameter(help="Talk line by line, not on a full screen.", negative="")] = False,
    notify: Annotated[
        bool,
        Parameter(help="Ring the bell when you are mentioned, and say so in the window's title.", negative=""),
    ] = False,
    json: Annotated[
        bool, Parameter(help="Write each event as a JSON object on a line of its own.", negative="")
    ] = False,
    send: Annotated[
        str | None,
        Parameter(help="Post this text, and leave; - reads it from the input.", allow_leading_hyphen=True),
    ] = None,
) -> Options:
    """Return what the command line asks for."""
    try:
        server = str(parse_url(url))
    except BadUrl as error:
        raise Mistake(str(error)) from error
    first = LOBBY if room is None else room.removeprefix("#")
    _check_name("room", first, ROOM_CHARS)
    if nick is not None:
        _check_name("nick", nick, NICK_CHARS)
    text = None if send is None else _text(send)
    if nick is None:
        nick = _ask_nick() if text is None and not json and os.isatty(STDIN) else _login_name()
    return Options(url, server, nick, first, json, text, plain, notify, room is not None)


def _check_name(what: str, name: str, limit: int) -> None:
    try:
        check_name(what, name, limit)
    except MessageError as error:
        raise Mistake(str(error)) from error


def _text(send: str) -> str:
    if send.startswith("--") and send[2:].isalpha():  # far more often an option whose text is missing
        raise Mistake(f"--send needs the text to post, and {send} looks like an option; give such a text by --send -.")
    text = _read_text() if send == "-" else send
    try:
        check_text(text)
    except MessageError as error:
        raise Mistake(str(error)) from error
    return text


def _read_text() -> str:
    read = b""
    while data := os.read(STDIN, MAX_LINE_BYTES):
        read += data
        if len(read) > MAX_LINE_BYTES:
            raise Mistake(f"The text is too long; at most {TEXT_CHARS} characters are accepted.")
    try:
        return read.decode().replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError:
        raise Mistake("The text to post is not UTF-8; convert it first.") from None


# --- nicks ------------------------------------------------------------------------------------------------


def _login_name() -> str:
    try:
        return getpass.getuser()[:NICK_CHARS]
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "guest"


def _ask_nick() -> str:
    """Ask until the answer may be a nick; an empty one is the login name.

    Raises:
        EOFError: there is no answer.
    """
    default = _login_name()
    while True:
        print(f"Your nick [{harmless_line(default)}]: ", end="", file=sys.stderr, flush=True)
        # Not input(): its buffer would keep what is typed ahead from the editor.
        answer = os.read(STDIN, MAX_LINE_BYTES)
        if not answer.endswith(b"\n"):
            raise EOFError
        nick = answer.decode(errors="replace").strip() or default
        try:
            _check_name("nick", nick, NICK_CHARS)
        except Mistake as mistake:
            _complain(mistake)
        else:
            return nick


# --- the program ------------------------------------------------------------------------------------------


def main(tokens: list[str] | None = None) -> int:
    """Carry out a command line (that of the process, if none is given) and return the exit status.

    Raises:
        SystemExit: the command line is wrong; one sentence on stderr has said so.
    """
    _open_missing_descriptors()
    try:
        wanted = run_app(app, tokens)
        # Anything else: --help or --version, which have been answered.
        return _converse(wanted) if isinstance(wanted, Options) else 0
    except Mistake as mistake:
        fail(str(mistake))
    except (KeyboardInterrupt, EOFError):  # before there was a conversation to leave
        print(file=sys.stderr)
        return INTERRUPTED


def _converse(wanted: Options) -> int:
    while isinstance(outcome := _chat(wanted), ChatError):
        if not (isinstance(outcome, Refused) and outcome.code in _ANOTHER_NICK_HELPS and _talks(wanted)):
            fail(harmless_line(str(outcome)), FAILED)
        _complain(outcome)
        wanted = msgspec.structs.replace(wanted, nick=_ask_nick())
    return outcome


def _chat(wanted: Options) -> int | ChatError:
    """Return the exit status of a conversation, or why there was none, or no more."""
    errors: list[ChatError] = []
    try:
        return trio.run(chat, wanted)
    except* ChatError as group:
        errors.append(_first(group))
    return errors[0]


def _talks(wanted: Options) -> bool:
    return wanted.text is None and not wanted.as_json and os.isatty(STDIN)


def _first(group: BaseExceptionGroup[ChatError]) -> ChatError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _complain(error: Exception) -> None:
    print(harmless_line(str(error)), file=sys.stderr)


def _open_missing_descriptors() -> None:
    """Put ``/dev/null`` where standard input, output or error was closed, before a socket takes the number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main())
