"""Opening a client over TCP, for real: who is reached, who is not, and what the user is told."""

import socket
from pathlib import Path

import pytest
import trio

from protocol import Notice
from tests.client.fake_connection import Connection
from tests.client.fake_server import FakeServer
from tests.client.with_server import ANN, next_of
from trio_chat.client import BadUrl, CannotConnect, Refused, open_client
from trio_chat.transport import ByteStream, accept_forever, open_listeners


async def serve(server: FakeServer, nursery: trio.Nursery) -> str:
    """Let the server in memory be reached over TCP, and return its URL."""

    async def handle(stream: ByteStream) -> None:
        connection = Connection(server, stream)
        server.connections.append(connection)
        await connection.run()

    (listener,) = await open_listeners("127.0.0.1", 0)
    nursery.start_soon(accept_forever, listener, handle, nursery)
    return f"chat://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def test_a_server_is_reached_over_tcp(nursery: trio.Nursery) -> None:
    server = FakeServer(nursery)
    url = await serve(server, nursery)
    async with open_client(url, nick="ann", session=ANN) as client:
        await client.join("lobby")
        assert (await client.post("lobby", "hello")).seq == 1
        assert (await client.members()).count == 1


async def test_the_identity_is_kept_between_runs(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    server = FakeServer(nursery)
    url = await serve(server, nursery)
    async with open_client(url, nick="ann") as client:
        author = client.author
    async with open_client(url, nick="ann") as client, open_client(url, nick="ann") as tab:
        assert client.author == tab.author == author
    with pytest.raises(Refused, match="Somebody else has this nick"):
        async with open_client(url, nick="ann", session=ANN):
            pass


async def test_an_identity_that_cannot_be_kept_is_warned_of_in_the_events(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    server = FakeServer(nursery)
    async with open_client(await serve(server, nursery), nick="ann") as client:
        notice = await next_of(client, Notice)
        assert notice.level == "warning"
        assert notice.text.startswith("Your identity lasts for this run only")


async def test_where_nobody_listens_the_user_is_told_how_to_start_a_server(free_port: int) -> None:
    with pytest.raises(CannotConnect) as caught:
        async with open_client(f"chat://127.0.0.1:{free_port}", nick="ann", session=ANN):
            pass
    assert str(caught.value) == (
        f"Nobody listens at 127.0.0.1:{free_port}: start a server there with `python -m trio_chat.server`,"
        " or give the address of one that runs."
    )


async def test_a_host_that_is_not_known_is_named(free_port: int) -> None:
    with pytest.raises(CannotConnect) as caught:
        async with open_client(f"chat://no..such..host:{free_port}", nick="ann", session=ANN):
            pass
    assert str(caught.value).startswith(f"The host of no..such..host:{free_port} is not known: check the spelling")


@pytest.mark.parametrize("error", [OSError(101, "Network is unreachable"), trio.BrokenResourceError("no carrier")])
async def test_whatever_else_hinders_is_quoted(error: Exception) -> None:
    async def dial() -> ByteStream:
        await trio.lowlevel.checkpoint()
        raise error

    with pytest.raises(CannotConnect, match=r"127.0.0.1:5002 cannot be reached \(.+\): check the address"):
        async with open_client(nick="ann", session=ANN, dial=dial):
            pass


async def test_an_address_that_is_none_is_refused_before_anything_is_done() -> None:
    with pytest.raises(BadUrl):
        async with open_client("127.0.0.1:5002", nick="ann"):
            pass


@pytest.mark.parametrize("nick", ["", "x" * 33, "a\nb"])
async def test_a_nick_that_no_server_may_accept_is_refused_at_once(nick: str) -> None:
    with pytest.raises(Refused) as caught:
        async with open_client(nick=nick, session=ANN):
            pass
    assert caught.value.code == "bad_name"
