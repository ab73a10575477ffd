"""What a proxy is, how it is written, and that its credentials are not shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.bot.proxies.proxy import ProxiesError, Proxy, is_public, parse_proxy, scheme_named


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy.example.net:3128", Proxy("http", "proxy.example.net", 3128)),
        ("HTTP://Proxy.Example.NET.:3128/", Proxy("http", "proxy.example.net", 3128)),
        ("1.2.3.4:80", Proxy("http", "1.2.3.4", 80)),
        (" socks5://1.2.3.4:1080\n", Proxy("socks5", "1.2.3.4", 1080)),
        ("socks5h://1.2.3.4:1080", Proxy("socks5", "1.2.3.4", 1080)),
        ("socks4a://1.2.3.4:1080", Proxy("socks4", "1.2.3.4", 1080)),
        ("http://[2001:DB8:0::1]:80", Proxy("http", "2001:db8::1", 80)),
        ("http://ann:p%40ss%3Aword@h:80", Proxy("http", "h", 80, "ann", "p@ss:word")),
        ("http://ann@h:80", Proxy("http", "h", 80, "ann")),
        ("http://@h:80", Proxy("http", "h", 80)),
    ],
)
def test_a_proxy_is_read_as_people_write_it(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "", "proxy", "http://proxy", "http://:80", "http://h:0", "http://h:65536", "http://h:http", "ftp://h:21",
        "https://h:443", "http://[::1:80", "http://h:80/path", "http://h:80?q", "http://h:80#f", "h:80 h:81",
        "http://-h:80", "http://h..i:80", "1.2.3:80", "010.1.1.1:80", "1.2.3.256:80", "http://[fe80::1%25eth0]:80",
        "http://\u00fc.example:80", "h:80\x1b[2J", "http://***@h:80", "http://ann:***@h:80", f"http://{'a.' * 130}a:1",
        f"http://{'a' * 256}@h:80", "1.2.3.4:80:ann:secret", "http://secret secret@h:80",
    ],
)  # fmt: skip
def test_what_is_no_proxy_is_refused_without_saying_it_again(text: str) -> None:
    with pytest.raises(ProxiesError) as refused:
        parse_proxy(text)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_credentials_are_neither_in_str_nor_in_repr() -> None:
    proxy = parse_proxy("socks5://anna:secret@1.2.3.4:1080")
    assert str(proxy) == "socks5://***@1.2.3.4:1080"
    assert "secret" not in repr(proxy)
    assert "anna" not in repr(proxy)


secrets = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.sampled_from(["http", "socks4", "socks5"]), st.ip_addresses(), st.integers(1, 65_535), secrets, secrets)
def test_what_is_written_is_read_again(scheme: str, address: object, port: int, username: str, password: str) -> None:
    credentials = (username, password) if username and "***" not in (username, password) else ()
    proxy = Proxy(scheme, str(address), port, *credentials)  # type: ignore[arg-type]  # one of three literals
    assert parse_proxy(proxy.url) == proxy


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:80", "10.0.0.1:80", "192.168.0.1:80", "0.0.0.0:80", "224.0.0.1:80", "255.255.255.255:80",
     "169.254.1.1:80", "100.64.0.1:80", "[::1]:80", "[fe80::1]:80", "localhost:80", "printer.local:80", "proxy:80"],
)  # fmt: skip
def test_what_is_not_on_the_internet_is_not_public(address: str) -> None:
    assert not is_public(parse_proxy(address))


@pytest.mark.parametrize("address", ["1.2.3.4:80", "[2606:4700::1]:80", "proxy.example.net:80"])
def test_what_may_be_on_the_internet_is_public(address: str) -> None:
    assert is_public(parse_proxy(address))


def test_lists_call_a_proxy_for_https_sites_https() -> None:
    assert [scheme_named(word) for word in ("HTTPS", " socks5 ", "SOCKS4a", "elite")] == [
        "http", "socks5", "socks4", None,
    ]  # fmt: skip
