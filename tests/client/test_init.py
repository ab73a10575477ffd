"""The public face of the library: exactly these names, and no more by accident."""

import trio_chat.client


def test_the_library_offers_what_its_list_says() -> None:
    public = {
        "DEFAULT_URL", "BadUrl", "CannotConnect", "ChatError", "Client", "ClientClosed", "ClientEvent", "CommandAnswer",
        "Connected", "Dial", "Disconnected", "Refused", "RoomView", "Turn", "TurnLost", "open_client",
    }  # fmt: skip
    assert set(trio_chat.client.__all__) == public
    assert all(hasattr(trio_chat.client, name) for name in public)
