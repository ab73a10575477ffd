"""A bot that is told of proxies reaches its provider through them, and says what it was told wrongly."""

import sys
from pathlib import Path

import pytest

from tests.bot.asking import show_nobody
from tests.bot.provider import provider, says
from tests.bot.proxies.gates import gate, nobody, opens
from trio_chat.bot.__main__ import configure
from trio_chat.bot.config import BotConfig, BotConfigError
from trio_chat.bot.context import Line, Prompt
from trio_chat.bot.models import prepare
from trio_chat.bot.openai_model import open_openai_model
from trio_chat.bot.triggers import Reason

PROMPT = Prompt(Reason.LINES, "sage", "You are kind.", "lobby", "", (Line(1, 0, "ann", "hello"),))


async def test_the_answer_comes_through_the_proxy_that_works(tmp_path: Path) -> None:
    listed = tmp_path / "proxies.txt"
    reports: list[str] = []
    async with provider(says("Hello Ann.")) as running, gate(opens) as through:
        listed.write_text(f"{nobody().url}\n{through.proxy.url}\n")
        config = BotConfig(model="m", base_url=running.base_url, proxies=str(listed))
        prepare(config)
        async with open_openai_model(config, reports.append) as model:
            assert (await model.answer(PROMPT, show=show_nobody)).text == "Hello Ann."
        assert len(through.heads) == 1
    assert len(reports) == 1
    assert "nobody listens there" in reports[0]


def test_the_command_line_takes_a_list_of_proxies() -> None:
    config = configure(model="markov", proxies="list.txt")
    assert isinstance(config, BotConfig)
    assert config.proxies == "list.txt"


async def test_a_list_that_cannot_be_used_is_told_before_the_bot_starts(tmp_path: Path) -> None:
    listed = tmp_path / "proxies.txt"
    listed.write_text("ann:secret@nowhere\n")
    config = BotConfig(model="m", base_url="http://127.0.0.1:1/v1", proxies=str(listed))
    with pytest.raises(BotConfigError, match=r"Line 1 of .* is no proxy") as refused:
        prepare(config)
    assert "secret" not in str(refused.value)
    with pytest.raises(BotConfigError, match=r"Line 1 of .* is no proxy"):
        async with open_openai_model(config, print):
            pass


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "proxies.txt"
    listed.write_text("127.0.0.1:1\n")
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(
        BotConfigError, match=r"Proxies need the package python-socks: pip install 'trio_chat\[proxies\]'"
    ):
        prepare(BotConfig(model="m", base_url="http://127.0.0.1:1/v1", proxies=str(listed)))
