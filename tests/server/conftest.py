"""A server for each test: on the autojump clock, with its logs in memory, reached without a network."""

from collections.abc import AsyncIterator

import pytest

from trio_chat.server import Server, ServerConfig, open_server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_server(ServerConfig(port=0, store="memory:", rate_limit=None)) as running:
        yield running
