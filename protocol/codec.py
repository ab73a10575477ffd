"""Payloads to messages and back, and the rules that every payload must keep.

This file owns JSON, the lengths and the forbidden characters of docs/protocol.md. It must not know rooms,
people, or what a server allows: it refuses only what no server may accept.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol.messages import FromServer
from protocol.requests import (
    Command,
    Direct,
    Edit,
    FromClient,
    Hello,
    Join,
    Offer,
    Post,
    Quit,
    Redact,
    Search,
    SetNick,
    SetTopic,
    ShowDraft,
)
from protocol.values import KEY_CHARS

TEXT_CHARS: Final = 4_000
"""What one message may hold, in code points: a long paragraph or a screen of code (Discord 4,000, Telegram 4,096)."""
TOPIC_CHARS: Final = 500
REASON_CHARS: Final = 500
NICK_CHARS: Final = 32
ROOM_CHARS: Final = 64
QUERY_CHARS: Final = 500
AGENT_CHARS: Final = 200
DOING_CHARS: Final = 200
OFFERS_MAX: Final = 20
"""Slash commands that one bot may add: more than a list that people read has room for (Discord allows an app 100)."""
COMMAND_CHARS: Final = 32
USAGE_CHARS: Final = 100
HELP_CHARS: Final = 200
PAGE_ENTRIES: Final = 500
PAGE_BYTES: Final = 262_144

# Control characters (Unicode category Cc) and surrogates, which are no characters at all. Newline and tab
# are allowed in texts, not in lines.
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_COMMAND: Final = re.compile(f"/[a-z][a-z0-9_-]{{0,{COMMAND_CHARS - 2}}}")
_SESSION: Final = re.compile("[0-9a-f]{32}")


class MessageError(ValueError):
    """A payload that cannot be understood, or breaks a rule that holds everywhere. The stream is still in step.

    Attributes:
        code: `bad_message` for what is not understood; `bad_text` or `bad_name` for an understood request.
        id: the id of the request, where it could be read.
    """

    def __init__(self, code: str, message: str, id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id


def check_text(text: str) -> None:
    """Accept a message's text: 1 to 4,000 characters, no control characters but newline and tab.

    Raises:
        MessageError: `bad_text`, saying which rule is broken.
    """
    if not 0 < len(text) <= TEXT_CHARS:
        if not text:
            raise MessageError("bad_text", "The text is empty; write at least one character.")
        raise MessageError("bad_text", f"The text has {len(text)} characters; at most {TEXT_CHARS} are accepted.")
    # isprintable() is false for every control character and far cheaper than the search it saves.
    if not text.isprintable() and (found := _NOT_TEXT.search(text)):
        raise MessageError("bad_text", f"The text holds {_named(found[0])}; only newline and tab are accepted.")


def check_line(what: str, line: str, limit: int) -> None:
    """Accept one line of 0 to `limit` characters without control characters or line breaks.

    Raises:
        MessageError: `bad_text`, with `what` as the subject of the sentence.
    """
    if len(line) > limit:
        raise MessageError("bad_text", f"The {what} has {len(line)} characters; at most {limit} are accepted.")
    if not line.isprintable() and (found := _NOT_LINE.search(line)):
        raise MessageError("bad_text", f"The {what} holds {_named(found[0])}; write it as one plain line.")


def check_name(what: str, name: str, limit: int) -> None:
    """Accept what may become a nick or a room: 1 to `limit` characters, no control characters.

    Raises:
        MessageError: `bad_name`, with `what` as the subject of the sentence.
    """
    if not 0 < len(name) <= limit:
        raise MessageError("bad_name", f"A {what} has 1 to {limit} characters; this one has {len(name)}.")
    if not name.isprintable() and (found := _NOT_LINE.search(name)):
        raise MessageError("bad_name", f"The {what} holds {_named(found[0])}; leave it out.")


def check_key(key: str) -> None:
    """Accept a key: 1 to 64 printable ASCII characters.

    Raises:
        MessageError: `bad_message`.
    """
    if not 0 < len(key) <= KEY_CHARS:
        raise MessageError("bad_message", f"A key has 1 to {KEY_CHARS} characters; this one has {len(key)}.")
    if not (key.isascii() and key.isprintable()):
        raise MessageError("bad_message", "The key holds something else than printable ASCII characters.")


def _named(character: str) -> str:
    return f"the control character U+{ord(character):04X}"


def _check_hello(hello: Hello) -> None:
    if not _SESSION.fullmatch(hello.session):
        raise MessageError("bad_message", "The session is not 32 lower-case hexadecimal digits.")
    check_name("nick", hello.nick, NICK_CHARS)
    check_line("agent", hello.agent, AGENT_CHARS)


def _check_said(said: Post | Edit) -> None:
    check_key(said.key)
    check_text(said.text)


def _check_redact(redact: Redact) -> None:
    check_key(redact.key)
    check_line("reason", redact.reason, REASON_CHARS)


def _check_topic(topic: SetTopic) -> None:
    check_key(topic.key)
    check_line("topic", topic.text, TOPIC_CHARS)


def _check_search(search: Search) -> None:
    check_line("query", search.query, QUERY_CHARS)


def _check_quit(leaving: Quit) -> None:
    check_line("reason", leaving.reason, REASON_CHARS)


def _check_draft(draft: ShowDraft) -> None:
    if draft.text:
        check_text(draft.text)
    check_line("doing", draft.doing, DOING_CHARS)


def _check_command(command: Command) -> None:
    if command.key is not None:
        check_key(command.key)
    check_text(command.line)
    if not command.line.startswith("/"):
        raise MessageError("bad_message", "A command's line starts with a slash.")


def _check_offer(offer: Offer) -> None:
    if len(offer.commands) > OFFERS_MAX:
        raise MessageError("bad_text", f"A bot adds {OFFERS_MAX} commands at most, not {len(offer.commands)}.")
    for command in offer.commands:
        if not _COMMAND.fullmatch(command.name):
            raise MessageError(
                "bad_name",
                f"A command's name is a slash and a letter, then up to {COMMAND_CHARS - 2} of a to z, 0 to 9, - and _.",
            )
        check_line("usage", command.usage, USAGE_CHARS)
        if command.usage.partition(" ")[0] != command.name:
            raise MessageError("bad_text", f"The usage of {command.name} begins with it: it says what to type.")
        check_line("help", command.help, HELP_CHARS)


_CHECKS: Final[Mapping[type, Callable[[Any], None]]] = {
    Hello: _check_hello,
    Join: lambda join: check_name("room", join.room, ROOM_CHARS),
    Direct: lambda direct: check_name("nick", direct.nick, NICK_CHARS),
    SetNick: lambda nick: check_name("nick", nick.nick, NICK_CHARS),
    Post: _check_said,
    Edit: _check_said,
    Redact: _check_redact,
    SetTopic: _check_topic,
    Search: _check_search,
    Command: _check_command,
    Offer: _check_offer,
    ShowDraft: _check_draft,
    Quit: _check_quit,
}

_ENCODER: Final = msgspec.json.Encoder()
_FROM_CLIENT: Final[msgspec.json.Decoder[FromClient]] = msgspec.json.Decoder(FromClient)
_FROM_SERVER: Final[msgspec.json.Decoder[FromServer]] = msgspec.json.Decoder(FromServer)

encode: Final[Callable[[FromClient | FromServer], bytes]] = _ENCODER.encode
"""Return a message's payload: one UTF-8 JSON object."""


def check(message: FromClient) -> None:
    """Hold a request against the rules of lengths and characters, as `decode_from_client` does.

    Raises:
        MessageError: a rule is broken; its code says which kind.
    """
    rule = _CHECKS.get(type(message))
    if rule is not None:
        rule(message)


# Texts are mostly ASCII, and JSON has control characters only in escapes, but for DEL. So most posts can be seen to
# keep the rules without a look at each character.
_BACKSLASH: Final = 0x5C
_DELETE: Final = 0x7F


def decode_all_from_client(payloads: Sequence[bytes]) -> list[FromClient | MessageError]:
    """Return what a client says in each of `payloads`, as `decode_from_client` does; errors stand in their places."""
    found: list[FromClient | MessageError] = []
    decode, add = _FROM_CLIENT.decode, found.append
    for payload in payloads:
        try:
            message = decode(payload)
        except _DECODE_ERRORS as error:
            add(_not_understood(payload, error))
            continue
        if (
            type(message) is Post
            and 0 < len(message.text) <= TEXT_CHARS
            and payload.isascii()
            and _BACKSLASH not in payload
            and _DELETE not in payload
        ):
            add(message)  # without a call for what is usual
        else:
            add(_refusal(message) or message)
    return found


def _refusal(message: FromClient) -> MessageError | None:
    """Return which rule a message breaks, if it breaks one."""
    rule = _CHECKS.get(type(message))
    if rule is not None:
        try:
            rule(message)
        except MessageError as error:
            error.id = message.id
            return error
    return None


def decode_from_client(payload: bytes) -> FromClient:
    """Return what a client says in `payload`.

    Raises:
        MessageError: it is not understood (`bad_message`), or a text or name in it is not acceptable.
    """
    (found,) = decode_all_from_client([payload])
    if isinstance(found, MessageError):
        raise found from None
    return found


def decode_from_server(payload: bytes) -> FromServer:
    """Return what a server says in `payload`. Lengths are the server's to keep: a newer one may allow more.

    Raises:
        MessageError: `bad_message`: it is not understood.
    """
    try:
        return _FROM_SERVER.decode(payload)
    except _DECODE_ERRORS as error:
        raise _not_understood(payload, error) from None


# What msgspec raises: its own errors, and RecursionError for a payload nested too deep.
_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _OnlyId(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"")


_ONLY_ID: Final = msgspec.json.Decoder(_OnlyId)
_INTEGER: Final = re.compile(rb"[1-9][0-9]{0,9}")
# msgspec quotes an unknown `type` in its error, whatever it holds and however long it is; the sentence made
# of it is sent back and written to logs.
_QUOTED_CHARS: Final = 200


def _not_understood(payload: bytes, error: Exception) -> MessageError:
    reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:_QUOTED_CHARS]
    reason = "".join(character if character.isprintable() else "?" for character in reason)
    return MessageError("bad_message", f"The message is not understood: {reason}.", _id_of(payload))


def _id_of(payload: bytes) -> int | None:
    """Read the id of a payload that is otherwise not understood."""
    try:
        raw = bytes(_ONLY_ID.decode(payload).id)
    except _DECODE_ERRORS:
        return None
    if _INTEGER.fullmatch(raw) and (number := int(raw)) < 2**31:
        return number
    return None
