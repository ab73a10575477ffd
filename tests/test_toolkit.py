"""The toolkit's public face, and the example of the README."""

import subprocess
import sys

import pytest
import trio

import trio_chat
from protocol import Message


def test_every_public_name_is_there_and_listed() -> None:
    for name in trio_chat.__all__:
        assert getattr(trio_chat, name).__name__ == name
        assert name in dir(trio_chat)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = trio_chat.nonsense


def test_a_client_loads_no_server_and_a_server_no_model() -> None:
    code = "import sys, trio_chat.client; print(sorted(m for m in sys.modules if m in ('apsw', 'trio_chat.server')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "[]\n"
    code = "import sys, trio_chat.server; print(sorted(m for m in sys.modules if m in ('openai', 'markovify')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "[]\n"


async def test_a_server_and_two_clients_in_one_program() -> None:
    config = trio_chat.ServerConfig(port=0, store="memory:")
    async with trio_chat.open_server(config) as server:
        ann = trio_chat.open_client(server.url, nick="ann", session="a" * 32)
        bob = trio_chat.open_client(server.url, nick="bob", session="b" * 32)
        async with ann as one, bob as two:
            await one.join("lobby")
            await two.join("lobby")
            await one.post("lobby", "hello")
            with trio.fail_after(30):
                async for event in two:
                    if isinstance(event, Message):
                        assert (event.nick, event.text) == ("ann", "hello")
                        break
