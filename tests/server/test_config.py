"""Settings: where they come from, and the sentence for each mistake."""

from pathlib import Path

import pytest

from trio_chat.bot import BotConfig
from trio_chat.server import ConfigError, ServerConfig, load_config


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chat.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_the_defaults_hold() -> None:
    assert load_config(None, {}) == ServerConfig()


def test_flags_go_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'port = 1\nstore = "memory:"\nrate_limit = "off"\n')
    config = load_config(path, {"port": 2})
    assert (config.port, config.store, config.rate_limit) == (2, "memory:", None)


def test_a_bot_is_asked_for_by_its_table_or_by_the_flag(tmp_path: Path) -> None:
    path = written(tmp_path, '[bot]\nnick = "oracle"\nevery_lines = 3\n')
    assert load_config(path, {}).bot == BotConfig(nick="oracle", every_lines=3)
    assert load_config(None, {}, bot=True).bot == BotConfig()
    assert load_config(None, {}).bot is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 70000", "port"),
        ("port = 'x'", "port"),
        ("prot = 1", "prot"),
        ("sync = 'sometimes'", "sync"),
        ("rate_limit = 0", "rate_limit"),
        ("rate_limit = 'on'", "rate_limit"),
        ("this is no toml", "not valid TOML"),
        ("[bot]\nnik = 'x'", "bot.nik"),
        ("[bot]\nevery_lines = 0", "every"),
        ("metrics = 'some'", "metrics"),
        ("trusted_proxies = ['proxy.example']", "proxy.example"),
        ("trusted_proxies = '127.0.0.1'", "trusted_proxies"),
        ("origins = ['www.example']", "www.example"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(written(tmp_path, text), {})
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        load_config(tmp_path / "nowhere.toml", {})
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(binary, {})
