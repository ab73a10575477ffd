"""Stores for tests: one in memory, one in a file of the test's own, with what their feed was told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.store.drafts import Fed
from trio_chat.store import Store, open_store

OpenFile = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture
def fed() -> Fed:
    return Fed()


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'chat.db'}"


@pytest.fixture
async def store(url: str, fed: Fed) -> AsyncIterator[Store]:
    """Either store, with the public room `lobby`."""
    async with open_store(url, fed) as opened:
        await opened.open_room("lobby")
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a database that is not there yet."""
    return tmp_path / "chat.db"


@pytest.fixture
def open_file(file: Path, fed: Fed) -> OpenFile:
    """Opens the database at `file`, any number of times."""
    return lambda: open_store(f"sqlite:{file}", fed)


@pytest.fixture
async def sqlite(open_file: OpenFile) -> AsyncIterator[Store]:
    """A store in `file`, with the public room `lobby`."""
    async with open_file() as opened:
        await opened.open_room("lobby")
        yield opened
