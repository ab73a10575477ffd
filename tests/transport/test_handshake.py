"""Whose pages may open a WebSocket, decided on headers alone. What is answered is proved in test_http."""

import pytest

from trio_chat.transport.handshake import is_origin_allowed, is_rebound, known_origins


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


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost:5002", True),
        ("127.0.0.1:5002", True),
        ("127.0.0.1", True),
        ("[::1]:5002", True),
        ("[::1]", True),
        ("192.0.2.1:5002", True),
        ("chat.localhost:5002", True),
        ("laptop:5002", True),
        ("evil.example:5002", False),
        ("evil.example", False),
        ("Evil.Example:", False),
        ("127.0.0.1.evil.example:5002", False),
        ("localhost.evil.example", False),
    ],
)
def test_a_browser_on_this_machine_may_come_by_a_name_that_nobody_else_can_own(host: str, ours: bool) -> None:
    page = {"host": host, "origin": f"http://{host}"}
    assert is_origin_allowed(page["origin"], host, ())
    assert is_rebound("127.0.0.1:40000", page) is not ours
    assert is_rebound("[::1]:40000", page) is not ours


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.7:40000", {"host": "chat.example", "origin": "https://chat.example"}),
        ("127.0.0.1:40000", {"host": "chat.example"}),
        ("127.0.0.1:40000", {"host": "chat.example", "origin": "https://chat.example", "x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1:40000", {"host": "chat.example", "origin": "https://chat.example", "forwarded": "for=_x"}),
    ],
    ids=["from elsewhere", "a program", "nginx and Caddy", "a proxy of another kind"],
)
def test_by_any_name_may_come_who_is_no_browser_on_this_machine(peer: str, headers: dict[str, str]) -> None:
    assert not is_rebound(peer, headers)
