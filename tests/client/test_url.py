"""Addresses as people write them."""

import re

import pytest

from trio_chat.client import DEFAULT_URL, BadUrl, ChatError
from trio_chat.client.url import Address, parse_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (DEFAULT_URL, Address("127.0.0.1", 5002)),
        ("chat://chat.example.org", Address("chat.example.org", 5002)),
        ("chat://Chat.Example.ORG:7000/", Address("chat.example.org", 7000)),
        ("  chat://[::1]:80 \n", Address("::1", 80)),
        ("CHAT://localhost", Address("localhost", 5002)),
        ("chats://chat.example.org", Address("chat.example.org", 5002, secure=True)),
        ("chats://[::1]:443/", Address("::1", 443, secure=True)),
    ],
)
def test_a_url_names_a_host_and_a_port(url: str, address: Address) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("", DEFAULT_URL),
        ("localhost", "chat://localhost:5002"),
        ("localhost:7000", "chat://localhost:7000"),
        ("http://localhost:7000/", "chat://localhost:7000"),
        ("https://chat.example:8443/#lobby", "chats://chat.example:8443"),
        ("wss://[::1]:8443/ws", "chats://[::1]:8443"),
        ("gopher://old.example", "chat://old.example:5002"),
        ("chat://", DEFAULT_URL),
        ("chat://:7000", DEFAULT_URL),
        ("chat://host:port", DEFAULT_URL),
        ("chat://host:0", "chat://host:5002"),
        ("chat://host:65536", DEFAULT_URL),
        ("chat://host:-1", DEFAULT_URL),
        ("chat://[::1", DEFAULT_URL),
        ("chat://a b\x1b[31m", DEFAULT_URL),
        ("chat://host:7000/room", "chat://host:7000"),
        ("chats://me@host", "chats://host:5002"),
        ("chat://host?x=1", "chat://host:5002"),
        ("chat://host#lobby", "chat://host:5002"),
    ],
)
def test_what_is_no_url_is_refused_with_the_good_one_that_was_meant_to_copy(url: str, meant: str) -> None:
    with pytest.raises(BadUrl, match=rf"write it as {re.escape(meant)}\.$") as caught:
        parse_url(url)
    assert str(parse_url(meant)) in meant
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ChatError)


def test_an_address_is_shown_as_people_write_it() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"
    assert str(Address("localhost", 80)) == "localhost:80"
