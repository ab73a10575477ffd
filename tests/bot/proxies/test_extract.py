"""Finding proxies in what pages and APIs give."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.bot.proxies.extract import find_proxies
from trio_chat.bot.proxies.proxy import is_public


def found(text: str, content_type: str = "", **options: str) -> list[str]:
    return [str(proxy) for proxy in find_proxies(text, content_type, **options)]  # type: ignore[arg-type]


TABLE = """<!doctype html><title>Proxies</title>
<script>var hidden = "9.9.9.9:9999"</script>
<table>
 <thead><tr><th>IP Address<th>Ping<th>Port<th>Code<th>Anonymity<th>Https<th>Version</tr></thead>
 <tr><td> 1.2.3.4 </td><td>120</td><td>8080</td><td>FR</td><td>elite proxy</td><td>no</td><td></td></tr>
 <tr><td>5.6.7.8<td>80<td>1080<td>DE<td>anonymous<td>yes<td>Socks5</tr>
 <tr><td>192.168.0.1<td>1<td>3128<td>XX<td>elite proxy<td>no<td></tr>
 <tr><td>1.2.3.4<td>9<td>8080<td>FR<td>elite proxy<td>no<td></tr>
 <tr><td>advertisement</tr>
 <tr><td>8.8.8.8<td>1<td>none<td></tr>
</table>
<table><tr><td><b>7.7.7.7</b></td><td><i>3128</i></td><td>HTTP, HTTPS</td></tr></table>
<pre>6.6.6.6:81
socks4://6.6.6.7:82</pre>
<script>var alsoHidden = "9.9.9.8:9999"</script><noscript>9.9.9.7:9999</noscript>
<p>Ask http://ann:secret@6.6.6.8:83 or see http://4.4.4.4:80/list, version 1.2.3.4.5:6.</p>
"""


def test_proxies_are_found_in_tables_and_in_the_text_of_a_page() -> None:
    assert found(TABLE, "text/html; charset=utf-8") == [
        "http://1.2.3.4:8080", "socks5://5.6.7.8:1080", "http://7.7.7.7:3128", "http://6.6.6.6:81",
        "socks4://6.6.6.7:82",
    ]  # fmt: skip


def test_html_is_known_without_its_name() -> None:
    assert found(TABLE) == found(TABLE, "text/html")


DOCUMENT = {
    "data": [
        {"ip": "1.2.3.4", "port": "8080", "protocols": ["http", "socks4"], "country": "FR"},
        {"IP": "5.6.7.8", "Port": 1080, "type": "SOCKS5", "proxy": "5.6.7.8:1080"},
        {"host": "proxy.example.net", "port": 3128},
        {"ip": "10.0.0.1", "port": 1},
        {"ip": "1.2.3.4", "port": 99999},
        {"ip": "1.2.3.4", "port": True},
        {"ip": "ann:secret@6.6.6.8", "port": 83},
        {"proxy": "socks5://6.6.6.6:81", "alive": True},
        "6.6.6.7:82",
        [None, 1.5, "nothing"],
    ],
    "text": "7.7.7.7:83\n7.7.7.8:84",
}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_proxies_are_found_in_json_of_any_shape(content_type: str) -> None:
    assert found(json.dumps(DOCUMENT), content_type) == [
        "http://1.2.3.4:8080", "socks4://1.2.3.4:8080", "socks5://5.6.7.8:1080", "http://proxy.example.net:3128",
        "socks5://6.6.6.6:81", "http://6.6.6.7:82", "http://7.7.7.7:83", "http://7.7.7.8:84",
    ]  # fmt: skip


def test_lines_of_json_and_broken_json_are_read_as_text() -> None:
    assert found('{"p": "1.2.3.4:80"}\n{"p": "5.6.7.8:80"}', "application/json") == [
        "http://1.2.3.4:80", "http://5.6.7.8:80",
    ]  # fmt: skip
    assert found("[" * 100_000 + '"1.2.3.4:80"') == ["http://1.2.3.4:80"]


@pytest.mark.parametrize(
    ("text", "proxies"),
    [
        ("1.2.3.4:80\n5.6.7.8:81\r\n1.2.3.4:80", ["http://1.2.3.4:80", "http://5.6.7.8:81"]),
        ("socks5://1.2.3.4:80 SOCKS4://1.2.3.4:81/", ["socks5://1.2.3.4:80", "socks4://1.2.3.4:81"]),
        ("https://1.2.3.4:443", ["http://1.2.3.4:443"]),
        ("[2606:4700::1]:80, (1.2.3.4:80).", ["http://[2606:4700::1]:80", "http://1.2.3.4:80"]),
        ("http://proxy.example.net:3128 proxy.example.net:3129", ["http://proxy.example.net:3128"]),
        ("1.2.3.4:80:ann:secret ann:secret@1.2.3.4:80 http://ann@1.2.3.4:80 ftp://1.2.3.4:21", []),
        ("1.2.3.4:0 1.2.3.4:65536 256.2.3.4:80 01.2.3.4:80 1.2.3.4.5:80 1.2.3.4:80.5 at 10:30", []),
        ("127.0.0.1:80 10.0.0.1:80 0.0.0.0:80 224.0.0.1:80 [::1]:80", []),
    ],
)
def test_proxies_are_found_in_text_where_they_are_complete_public_and_open(text: str, proxies: list[str]) -> None:
    assert found(text) == proxies


def test_what_is_not_said_is_taken_as_asked_for() -> None:
    assert found("1.2.3.4:80 http://1.2.3.4:81", default="socks5") == ["socks5://1.2.3.4:80", "http://1.2.3.4:81"]
    assert found('{"ip": "1.2.3.4", "port": 80}', default="socks4") == ["socks4://1.2.3.4:80"]
    assert found("<table><tr><td>1.2.3.4<td>80</table>", default="socks4") == ["socks4://1.2.3.4:80"]


pieces = st.sampled_from(
    ["<table>", "<tr>", "<td>", "1.2.3.4", "10.0.0.1", "8080", ":", "socks5", "://", "{", "}", "[", "]", '"ip"',
     '"port"', ",", " ", "\n", "@", "ann", "\x00", "\u2028", "[::1]", "65536", "<math>", "<svg>"]
)  # fmt: skip


@given(st.lists(pieces).map("".join), st.sampled_from(["", "text/html", "application/json", "text/plain"]))
def test_whatever_a_page_holds_only_public_proxies_without_credentials_are_found_each_once(
    text: str, content_type: str
) -> None:
    proxies = find_proxies(text, content_type)
    assert len(set(proxies)) == len(proxies)
    assert all(is_public(proxy) and proxy.username is None and 0 < proxy.port < 65_536 for proxy in proxies)


def test_a_table_in_a_cell_of_another_is_a_table_of_its_own() -> None:
    inner = "<table><tr><th>IP<th>Ping<th>Port<tr><td>1.2.3.4<td>99<td>80</table>"
    assert found(f"<table><tr><td>Proxies<td>{inner}<td>7</table>") == ["http://1.2.3.4:80"]


def test_tables_however_deep_in_each_other_take_no_time_worth_speaking_of() -> None:
    # Not timed: asked for its rows table by table, a page like this would not be done today.
    assert found("<table><tr><td>" * 5_000 + "1.2.3.4<td>80") == ["http://1.2.3.4:80"]
