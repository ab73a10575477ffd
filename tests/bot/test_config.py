"""What a bot may be told, and that its key stays out of sight."""

import math
import traceback
from pathlib import Path
from typing import Any

import pytest

from trio_chat.bot.config import BotConfig, BotConfigError, provider_from, read_key


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"every_lines": 0}, "--every-lines 1 or more"),
        ({"every_lines": -3}, "--every-lines 1 or more"),
        ({"every_seconds": 0}, "--every-seconds a number above 0"),
        ({"every_seconds": -1.5}, "--every-seconds a number above 0"),
        ({"every_seconds": math.nan}, "--every-seconds a number above 0"),
        ({"every_seconds": math.inf}, "--every-seconds a number above 0"),
        ({"base_url": "localhost:11434"}, "--base-url"),
        ({"base_url": "http://"}, "--base-url"),
        ({"base_url": "http://[::1/v1"}, "--base-url"),
        ({"base_url": "http://host:port/v1"}, "--base-url"),
        ({"base_url": "http://host:0/v1"}, "--base-url"),
        ({"base_url": "http://user:secret@host/v1"}, "--api-key-file"),
        ({"base_url": "http://secret@host/v1"}, "--api-key-file"),
        ({"model": " "}, "--model"),
        ({"model": "\udcff"}, "--model says is not UTF-8"),
        ({"persona": "You are \udcff."}, "--persona says is not UTF-8"),
        ({"api_key": "sk-secret\nsk-other"}, "OPENAI_API_KEY"),
        ({"api_key": "sk-\u2026"}, "OPENAI_API_KEY"),
        ({"context_tokens": 10}, "at least 300"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_in_one_sentence(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(BotConfigError, match=says) as refused:
        BotConfig(**setting)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_key_and_the_session_are_not_shown() -> None:
    shown = repr(BotConfig(api_key="sk-secret", session="ab" * 16))
    assert "sk-secret" not in shown
    assert "abab" not in shown


def test_a_room_may_be_named_with_its_sign() -> None:
    assert BotConfig(room="#tea").room_name == BotConfig(room="tea").room_name == "tea"


def test_the_provider_comes_from_the_environment_unless_asked_for_by_hand() -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://a/v1"}
    assert provider_from(environ) == ("k", "http://a/v1")
    assert provider_from(environ, "http://b/v1") == ("k", "http://b/v1")
    assert provider_from({"OPENAI_API_KEY": "k\n"}) == ("k", None)
    assert provider_from({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}) == (None, None)


def test_the_key_may_come_from_a_file_which_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("\n  sk-from-file\r\n")
    assert provider_from({"OPENAI_API_KEY": "k"}, None, str(path)) == ("sk-from-file", None)


@pytest.mark.parametrize(
    "content",
    [b"", b" \n", b"sk-secret\nsk-other", b"\xff\xfesecret", b"sk-\xe2\x80\xa6", b"secret" * 1_000, b"sk-\0secret"],
)
def test_a_file_that_holds_no_key_is_refused_in_one_sentence_that_does_not_quote_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(BotConfigError, match="holds no key") as refused:
        read_key(str(path))
    assert "secret" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("name", ["", "missing", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BotConfigError, match="--api-key-file") as refused:
        read_key(str(tmp_path / name) if name else "")
    assert "\n" not in str(refused.value)
