"""How results are shown."""

import pytest

from trio_chat.bot.proxies import Proxy
from trio_chat.bot.proxies.check import Checked
from trio_chat.bot.proxies.report import SHOWN_MOST, checked_rows, progress_bar, show_checked


def checked(count: int) -> list[Checked]:
    return [
        Checked(Proxy("http", "1.2.3.4", port, "ann", "secret"), (), 1, None, "[b]nobody[/b] listens there")
        for port in range(1, count + 1)
    ]


def test_a_long_table_is_cut_and_the_rest_is_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    show_checked(checked(SHOWN_MOST + 1_234))
    told = capsys.readouterr().out
    assert f"http://***@1.2.3.4:{SHOWN_MOST} " in told
    assert f"1.2.3.4:{SHOWN_MOST + 1} " not in told
    assert "and 1,234 more; of these failed:\n  1,234: [b]nobody[/b] listens there\n" in told
    assert "secret" not in told


def test_rows_are_numbers_and_words_that_files_can_hold() -> None:
    one = Checked(Proxy("socks5", "1.2.3.4", 1080), (0.1, 0.2), 3, 200, "it closed the connection")
    assert checked_rows([one]) == [
        {
            "url": "socks5://1.2.3.4:1080", "works": True, "available": 0.667, "response_ms": 150.0, "status": 200,
            "why_not": "it closed the connection",
        }
    ]  # fmt: skip


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("checking", 2) as advance:
        advance("1 works")
    assert capsys.readouterr() == ("", "")
