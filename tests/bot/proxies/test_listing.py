"""Lists of proxies in files."""

import csv
import json
import stat
from pathlib import Path

import pytest

from trio_chat.bot.proxies.listing import Row, check_writable, read_proxies, write_list, write_rows
from trio_chat.bot.proxies.proxy import ProxiesError, Proxy, parse_proxy

ONE, TWO = Proxy("http", "1.2.3.4", 80), Proxy("socks5", "5.6.7.8", 1080, "ann", "secret")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", "# ours\n\nhttp://1.2.3.4:80\n  socks5://ann:secret@5.6.7.8:1080  # the fast one\n1.2.3.4:80\n"),
        ("list", "\ufeff1.2.3.4:80\r\nsocks5h://ann:secret@5.6.7.8:1080\r\n"),
        ("list.csv", "country,url\nFR,1.2.3.4:80\nDE,socks5://ann:secret@5.6.7.8:1080\n"),
        ("list.json", '["1.2.3.4:80", {"url": "socks5://ann:secret@5.6.7.8:1080", "country": "DE"}]'),
    ],
)
def test_a_list_is_read_in_each_of_its_formats_and_each_proxy_once(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_proxies(tmp_path / name) == (ONE, TWO)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("list.txt", "1.2.3.4:80\nann:secret@nowhere\n", "Line 2 of .* is no proxy: write one as"),
        ("list.txt", "http://***@1.2.3.4:80\n", "Line 1 of .* masked"),
        ("list.txt", "# nothing\n", "names no proxy"),
        ("list.csv", "proxy\n1.2.3.4:80\n", "no column 'url'"),
        ("list.csv", "", "no column 'url'"),
        ("list.csv", "url\n1.2.3.4:secret\n", "Line 2 of .* is no proxy"),
        ("list.json", "[secret", "is no JSON"),
        ("list.json", "[" * 100_000, "is no JSON"),
        ("list.json", '{"url": "1.2.3.4:80"}', "is no list"),
        ("list.json", '["1.2.3.4:80", 7]', "Item 2 of .* is no proxy"),
        ("list.json", "[]", "names no proxy"),
        ("list.txt", b"\xff\xfe1", "is no text in UTF-8"),
        ("list.txt", None, "Cannot read .*: No such file"),
    ],
)
def test_a_file_that_is_no_such_list_gets_one_sentence(
    tmp_path: Path, name: str, text: str | bytes | None, says: str
) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProxiesError, match=says) as refused:
        read_proxies(tmp_path / name)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_written_list_is_read_again_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "working.txt"
    path.write_text("old")
    path.chmod(0o644)
    write_list(path, [ONE, TWO])
    assert read_proxies(path) == (ONE, TWO)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rows_are_written_as_csv_and_as_json_and_read_again(tmp_path: Path) -> None:
    rows: list[Row] = [{"url": str(ONE), "port": 80, "why_not": None}, {"url": 'a,"b"', "port": 1, "why_not": "x"}]
    as_csv, as_json = tmp_path / "rows.csv", tmp_path / "rows.json"
    write_rows(rows, ("url", "port", "why_not"), as_csv=as_csv, as_json=as_json)
    assert json.loads(as_json.read_text()) == rows
    with as_csv.open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"url": str(ONE), "port": "80", "why_not": ""},
            {"url": 'a,"b"', "port": "1", "why_not": "x"},
        ]
    write_rows(rows[:1], ("url", "port", "why_not"), as_csv=as_csv, as_json=as_json)
    assert read_proxies(as_csv) == read_proxies(as_json) == (parse_proxy(str(ONE)),)


def test_a_place_that_cannot_be_written_is_told_before_and_after(tmp_path: Path) -> None:
    check_writable([None, tmp_path / "new.csv"])
    for path in (tmp_path, tmp_path / "nowhere" / "new.csv"):
        with pytest.raises(ProxiesError, match="cannot be written"):
            check_writable([path])
        with pytest.raises(ProxiesError, match="Cannot write"):
            write_rows([], ("url",), as_csv=path, as_json=None)
