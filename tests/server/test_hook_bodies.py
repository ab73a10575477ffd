"""What curl, scripts and CI services send to a hook, and what of it is said."""

from contextlib import suppress
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import TEXT_CHARS
from trio_chat.server.hook_bodies import KEY_CHARS, HookRefused, Said, read_body

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
"""What `curl -d` calls everything."""


def read(body: bytes, kind: str | None = None, **headers: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_body(named if kind is None else {"content-type": kind, **named}, body)


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (None, b"It works", Said("It works")),
        ("text/plain", b"It works", Said("It works")),
        ("text/plain; charset=utf-8", "Läuft ✔".encode(), Said("Läuft ✔")),
        ('TEXT/Plain; Charset="UTF-8"', b"It works", Said("It works")),
        (JSON, b'{"text": "It works"}', Said("It works")),
        (JSON, b'{"text": "It works", "key": "run 7"}', Said("It works", "run 7")),
        (JSON, b'{"text": "It works", "username": "ci", "attachments": [{"text": "x"}]}', Said("It works")),
        (f"{JSON}; charset=utf-8", b'{"text": "It\\nworks"}', Said("It\nworks")),
        (FORM, b"text=It+works%21", Said("It works!")),
        (FORM, b"text=It+works&key=run+7", Said("It works", "run 7")),
        (FORM, b"payload=%7B%22text%22%3A+%22It+works%22%7D", Said("It works")),
        (FORM, b"It works: 100% of a+b = c & more", Said("It works: 100% of a+b = c & more")),
        (FORM, b"&" * 200, Said("&" * 200)),
        (FORM, b"100%ff", Said("100%ff")),
    ],
)
def test_each_form_of_a_body_is_read(kind: str | None, body: bytes, said: Said) -> None:
    assert read(body, kind) == said


def test_line_ends_are_one_character_and_none_is_at_the_end() -> None:
    assert read(b"  one\r\n\ttwo\r\n\n") == Said("  one\n\ttwo")


def test_a_key_in_the_header_goes_before_one_in_the_body() -> None:
    assert read(b"x", idempotency_key="a") == Said("x", "a")
    assert read(b'{"text": "x", "key": "b"}', JSON, idempotency_key="a") == Said("x", "a")


@pytest.mark.parametrize(
    ("kind", "body", "status", "because"),
    [
        (None, b"", 400, "empty"),
        (None, b" \r\n", 400, "empty"),
        (None, b"\xff", 400, "UTF-8"),
        ("text/plain; charset=latin-1", b"x", 415, "UTF-8"),
        ("text/html", b"<b>x</b>", 415, "text/plain"),
        ("multipart/form-data; boundary=x", b"x", 415, "form"),
        (None, b"\x1b[31mred\x1b[0m", 400, "only newline and tab"),
        (None, b"x" * (TEXT_CHARS + 1), 413, "at most 4000"),
        (JSON, b"", 400, "JSON"),
        (JSON, b"hello", 400, "JSON"),
        (JSON, b'["text"]', 400, "JSON"),
        (JSON, b'{"blocks": []}', 400, "text"),
        (JSON, b'{"text": 7}', 400, "text"),
        (JSON, b'{"text": "x", "key": 7}', 400, "key"),
        (JSON, b'{"text": "\xff"}', 400, "JSON"),
        (JSON, b'{"text": "\\ud800"}', 400, "JSON"),
        (JSON, b'{"text": "x", "more": ' + b"[" * 100_000, 400, "nested too deep"),
        (FORM, b"text=", 400, "empty"),
        (FORM, b"payload=hello", 400, "JSON"),
        (FORM, b"text=L%E4uft", 400, "UTF-8"),
        (FORM, b"text=x&key=%ff", 400, "UTF-8"),
        (FORM, b"payload=%7B%22text%22%3A%22%E4%22%7D", 400, "UTF-8"),
        (JSON, b'{"text": "x", "key": ""}', 400, "key"),
        (JSON, msgspec.json.encode({"text": "x", "key": "k" * (KEY_CHARS + 1)}), 400, "key"),
    ],
)
def test_what_cannot_be_said_is_refused_with_what_to_do(
    kind: str | None, body: bytes, status: int, because: str
) -> None:
    with pytest.raises(HookRefused, match=because) as refused:
        read(body, kind)
    assert refused.value.status == status
    assert str(refused.value).endswith(".")


def test_a_key_from_an_empty_variable_is_refused_for_all_messages_would_have_it() -> None:
    with pytest.raises(HookRefused, match="leave it out"):
        read(b"x", idempotency_key="")


KINDS = st.sampled_from([JSON, FORM, "text/plain", "text/plain; charset=utf-8", ""]) | st.text()


@given(KINDS, st.binary() | st.text().map(str.encode))
def test_whatever_is_sent_is_a_text_that_may_be_said_or_is_refused(kind: str, body: bytes) -> None:
    with suppress(HookRefused):
        assert 0 < len(read(body, kind).text) <= TEXT_CHARS


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=200))
def test_the_same_text_is_said_however_it_is_sent(text: str) -> None:
    assert (
        read(text.encode())
        == read(msgspec.json.encode({"text": text}), JSON)
        == read(urlencode({"text": text}).encode(), FORM)
        == Said(text)
    )
