"""Addresses as people write them."""

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
    "url",
    [
        "", "localhost", "localhost:5002", "http://localhost:5002", "chat://", "chat://:5002", "chat://host:port",
        "chat://host:0", "chat://host:65536", "chat://host:-1", "chat://[::1", "chat://host/room", "chat://me@host",
        "chat://host?x=1", "chat://host#lobby",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_with_a_good_one_to_copy(url: str) -> None:
    with pytest.raises(BadUrl, match=r"write it as chat://127\.0\.0\.1:5002") as caught:
        parse_url(url)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ChatError)


def test_an_address_is_shown_as_people_write_it() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"
    assert str(Address("localhost", 80)) == "localhost:80"
