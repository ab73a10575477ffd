"""What a hook was sent: the text and the key, from whatever curl, a script or a CI service makes of it.

This file owns the forms of a body, and decides alone from what it is given. It must not know hooks, nor what becomes of
a text.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from protocol import TEXT_CHARS, MessageError, check_text

KEY_CHARS: Final = 255
"""The longest key that is taken; what is made of it has always the same length."""

FORM_FIELDS: Final = 100
"""How many fields of a form are looked at; a hook needs two."""


class HookRefused(Exception):
    """A request to a hook that is not carried out.

    Args:
        status: of the HTTP response.
        message: a sentence for whoever wrote the script.
        retry_after_s: when trying again makes sense, in whole seconds from now.
    """

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class Said(Struct, frozen=True):
    """What a hook is to say: `text`, once for each `key`; None: as often as it is sent."""

    text: str
    key: str | None = None


class _Json(Struct, frozen=True):
    """The body as JSON. Slack's incoming webhooks take the same `text`; what else they take is passed over."""

    text: str
    key: str | None = None


def read_body(headers: Mapping[str, str], body: bytes) -> Said:
    """Return what a hook is to say.

    Args:
        headers: of the request, by name in lower case. `Content-Type` says what the body is: JSON, a form, or the text
            itself (without one, too); a key in `Idempotency-Key` goes before one in the body.
        body: of the request.

    Raises:
        HookRefused: 400, 413 or 415, with what to do instead.
    """
    kind, _, parameters = headers.get("content-type", "text/plain").lower().partition(";")
    match kind.strip():
        case "text/plain" | "":
            said = Said(_decoded(body, parameters))
        case "application/json":
            said = _from_json(body)
        case "application/x-www-form-urlencoded":
            said = _from_form(_decoded(body, parameters))
        case _:
            raise HookRefused(415, 'Send the text as text/plain, as JSON {"text": …}, or as a form\'s field text.')
    key = headers.get("idempotency-key", said.key)
    if key is not None and not 0 < len(key) <= KEY_CHARS:
        raise HookRefused(400, f"The key has 1 to {KEY_CHARS} characters; leave it out if a repeat is a new message.")
    return Said(_checked(said.text), key)


def _decoded(body: bytes, parameters: str) -> str:
    name, _, charset = parameters.strip().partition("=")
    if name == "charset" and charset.strip('"') not in ("utf-8", "utf8", "us-ascii"):
        raise HookRefused(415, "The text is in another encoding; send it as UTF-8.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise _no_utf8() from None


def _no_utf8() -> HookRefused:
    return HookRefused(400, "The text is no UTF-8; send it as UTF-8.")


def _from_json(body: bytes) -> Said:
    try:
        found = msgspec.json.decode(body, type=_Json)
    except RecursionError:
        raise HookRefused(400, "The JSON is nested too deep; leave out all but the text and the key.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HookRefused(400, f'The body is no JSON object such as {{"text": "hello"}}: {error}.') from None
    return Said(found.text, found.key)


def _from_form(form: str) -> Said:
    """Return what a form says; one without the fields that it could have is a text, for `curl -d` calls all a form."""
    try:
        fields = parse_qs(form, keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="surrogateescape")
    except ValueError:
        return Said(form)
    if "payload" in fields:  # Slack's older form: JSON in a field
        return _from_json(_field(fields["payload"]).encode())
    if "text" not in fields:
        return Said(form)
    return Said(_field(fields["text"]), _field(fields["key"]) if "key" in fields else None)


def _field(values: Sequence[str]) -> str:
    """Return the first value of a field; percent signs may stand for other bytes than those of UTF-8."""
    try:
        values[0].encode()
    except UnicodeEncodeError:
        raise _no_utf8() from None
    return values[0]


def _checked(text: str) -> str:
    """Return a text as it is said: line ends as one character, none at the end, as `echo` puts there."""
    text = text.replace("\r\n", "\n").rstrip()
    if len(text) > TEXT_CHARS:
        raise HookRefused(
            413, f"The text has {len(text)} characters; at most {TEXT_CHARS} are accepted, so send its end, or a link."
        )
    try:
        check_text(text)
    except MessageError as error:
        raise HookRefused(400, str(error)) from None
    return text
