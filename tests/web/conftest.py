"""What tests of the page share: a browser and a server for a file, other people, and a room for each test."""

import re
from collections.abc import Iterator

import pytest

from benchmarks.server_process import ServerProcess, running_server
from tests.web.browser import Browser, running_browser
from tests.web.people import People, company


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for the tests of one file, in memory, without limits."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running_server("--port", "0", "--store", "memory:", "--rate-limit", "off", log=log) as process:
        yield process


@pytest.fixture
def browser(chromium: Browser, server: ServerProcess) -> Iterator[Browser]:
    """The browser as if nobody had used it; at the end its console is free of complaints."""
    chromium.close_all(page_url(server))
    yield chromium
    complaints = chromium.complaints()
    chromium.close_all(page_url(server))
    assert complaints == []


@pytest.fixture
def people() -> Iterator[People]:
    """Other people, who leave after the test."""
    with company() as everybody:
        yield everybody


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """The name of a room that no other test is in."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-60:].strip("-")


@pytest.fixture
def url(server: ServerProcess, room: str) -> str:
    """The address of the page in that room."""
    return f"{page_url(server)}#{room}"


def page_url(server: ServerProcess) -> str:
    """Return where a server has its page."""
    return f"http://{server.host}:{server.port}/"
