"""Whose pages may open a WebSocket, decided on headers alone. What is answered is proved in test_http."""

import pytest

from trio_chat.transport.handshake import is_origin_allowed, known_origins


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.example", "https://www.example"),
        ("https://WWW.Example/", "https://www.example"),
        ("https://www.example:443", "https://www.example"),
        ("http://www.example:443", "http://www.example:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("tauri://localhost", "tauri://localhost"),
    ],
)
def test_an_operator_names_an_origin_and_it_is_known_as_browsers_write_it(text: str, origin: str) -> None:
    assert known_origins([text]) == {origin}
    assert is_origin_allowed(origin, "chat.example", known_origins([text]))


@pytest.mark.parametrize("text", ["", "*", "null", "www.example", "https://www.example/page", "https://*.example"])
def test_what_is_no_origin_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no origin; name a page's as https://chat\.example") as caught:
        known_origins([text])
    assert "\n" not in str(caught.value)
