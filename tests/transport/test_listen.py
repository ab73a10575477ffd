"""Listening and dialling, over the real loopback."""

import errno
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_chat.transport import ByteStream, accept_forever, address_text, dial_tcp, open_listeners

ROOT = Path(__file__).parents[2]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


class Names(trio.abc.HostnameResolver):
    """A resolver that knows the addresses of one host, as a name server might."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        *rest: int,
        **more: int,
    ) -> list[Any]:  # the addresses of each family have a type of their own
        return [
            found
            for address in self.addresses
            for found in socket.getaddrinfo(address, port, family, type, *rest, **more)
        ]

    async def getnameinfo(self, sockaddr: object, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@asynccontextmanager
async def serving(handler: Callable[[ByteStream], Awaitable[object]]) -> AsyncIterator[int]:
    """Serve `handler` on a free port of the loopback while the body runs, and yield the port."""
    (listener,) = await open_listeners("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, listener, handler, nursery)
        yield listener.getsockname()[1]
        nursery.cancel_scope.cancel()


async def echo(stream: ByteStream) -> None:
    while data := await stream.receive_some():
        await stream.send_all(data)


@asynccontextmanager
async def dialled(port: int, host: str = "127.0.0.1") -> AsyncIterator[ByteStream]:
    stream = await dial_tcp(host, port)
    try:
        yield stream
    finally:
        await stream.aclose()


async def ask(port: int, question: bytes, answers: list[bytes]) -> None:
    async with dialled(port) as stream:
        await stream.send_all(question)
        await stream.send_eof()
        answer = b""
        while data := await stream.receive_some():
            answer += data
        answers.append(answer)


# --- listening ----------------------------------------------------------------------------------------


async def test_port_0_picks_a_free_port() -> None:
    (one,) = await open_listeners("127.0.0.1", 0)
    (other,) = await open_listeners("127.0.0.1", 0)
    with one, other:
        assert 0 < one.getsockname()[1] != other.getsockname()[1] > 0


async def test_a_taken_port_is_an_error_that_says_so() -> None:
    (listener,) = await open_listeners("127.0.0.1", 0)
    with listener, pytest.raises(OSError, match="in use") as caught:
        await open_listeners("127.0.0.1", listener.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


async def test_a_port_can_be_taken_again_right_after_a_server_that_closed_its_connections() -> None:
    async def greet(stream: ByteStream) -> None:
        await stream.send_all(b"hi")

    async with serving(greet) as port, dialled(port) as stream:
        while await stream.receive_some():  # the server closes first, so the port is its to remember
            pass
    (listener,) = await open_listeners("127.0.0.1", port)
    listener.close()


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
async def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(OSError, match=f"{port} is no port"):
        await open_listeners("127.0.0.1", port)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
async def test_what_can_be_no_host_is_an_os_error_on_both_sides(host: str) -> None:
    with pytest.raises(OSError, match="is no name of a host"):
        await open_listeners(host, 0)
    with pytest.raises(OSError, match="is no name of a host"):
        await dial_tcp(host, 1)


@needs_ipv6
async def test_every_address_of_a_host_is_bound_under_one_port() -> None:
    trio.socket.set_custom_hostname_resolver(Names("127.0.0.1", "::1", "127.0.0.1"))
    one, other = await open_listeners("everywhere", 0)
    with one, other:
        assert one.getsockname()[0] == "127.0.0.1"
        assert other.getsockname()[0] == "::1"
        assert one.getsockname()[1] == other.getsockname()[1]
        assert other.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), "or :: could not be bound beside 0.0.0.0"


async def test_an_address_of_another_machine_is_passed_over() -> None:
    trio.socket.set_custom_hostname_resolver(Names("192.0.2.1", "127.0.0.1"))
    (listener,) = await open_listeners("here-and-elsewhere", 0)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"


async def test_a_host_without_an_address_of_this_machine_is_an_error() -> None:
    trio.socket.set_custom_hostname_resolver(Names("192.0.2.1"))
    with pytest.raises(OSError, match="assign") as caught:
        await open_listeners("elsewhere", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


async def test_all_listeners_are_closed_when_one_cannot_be_opened() -> None:
    (taken,) = await open_listeners("127.0.0.2", 0)
    port = taken.getsockname()[1]
    trio.socket.set_custom_hostname_resolver(Names("127.0.0.1", "127.0.0.2"))
    with taken, pytest.raises(OSError, match="in use"):
        await open_listeners("both", port)
    (listener,) = await open_listeners("127.0.0.1", port)
    listener.close()


# --- accepting ----------------------------------------------------------------------------------------


async def test_many_connections_at_once_are_all_served() -> None:
    questions = [str(number).encode() for number in range(300)]
    answers: list[bytes] = []
    async with serving(echo) as port, trio.open_nursery() as nursery:
        for question in questions:
            nursery.start_soon(ask, port, question, answers)
    assert sorted(answers) == sorted(questions)


async def test_the_stream_is_closed_when_the_handler_returns() -> None:
    async def greet(stream: ByteStream) -> None:
        await stream.send_all(b"hi")

    async with serving(greet) as port, dialled(port) as stream:
        assert await stream.receive_some() == b"hi"
        assert await stream.receive_some() == b""


async def test_what_a_handler_raises_closes_its_stream_and_reaches_the_nursery() -> None:
    class Failed(Exception):
        """The handler's own error."""

    async def handler(stream: ByteStream) -> None:
        streams.append(stream)
        raise Failed

    async def serve() -> None:
        async with serving(handler) as port, dialled(port):
            await trio.sleep_forever()

    streams: list[ByteStream] = []
    with pytest.RaisesGroup(Failed):
        await serve()
    with pytest.raises(trio.ClosedResourceError):
        await streams[0].receive_some()


async def test_cancelling_closes_the_listener_and_every_stream() -> None:
    async with serving(echo) as port:
        stream = await dial_tcp("127.0.0.1", port)
        await stream.send_all(b"x")
        assert await stream.receive_some() == b"x"
    assert await stream.receive_some() == b""
    await stream.aclose()
    with pytest.raises(OSError, match="failed"):
        await dial_tcp("127.0.0.1", port)


async def test_connections_outlive_the_accepting_that_began_them() -> None:
    (listener,) = await open_listeners("127.0.0.1", 0)
    accepting = trio.CancelScope()

    async def accept(nursery: trio.Nursery) -> None:
        with accepting:
            await accept_forever(listener, echo, nursery)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, nursery)
        async with dialled(listener.getsockname()[1]) as stream:
            await stream.send_all(b"x")
            await stream.receive_some()
            accepting.cancel()
            await wait_all_tasks_blocked()
            assert listener.fileno() == -1
            await stream.send_all(b"still here")
            assert await stream.receive_some() == b"still here"


async def test_a_connection_that_was_gone_before_it_was_accepted_disturbs_nobody() -> None:
    class Hasty(socket.socket):
        """A listener whose first arrival has left; Linux cannot be made to say so."""

        left = False

        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            if not self.left:
                self.left = True
                raise ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort")
            return super().accept()

    (opened,) = await open_listeners("127.0.0.1", 0)
    answers: list[bytes] = []
    async with trio.open_nursery() as nursery:
        listener = Hasty(fileno=opened.detach())
        nursery.start_soon(accept_forever, listener, echo, nursery)
        await ask(listener.getsockname()[1], b"x", answers)
        nursery.cancel_scope.cancel()
    assert answers == [b"x"]


@pytest.fixture
def few_files() -> Iterator[subprocess.Popen[str]]:
    """Start a process that echoes with eight connections at most, and end it."""
    command = [sys.executable, "-m", "tests.transport.few_files", "8"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()  # of no effect where it has ended as it should


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted as Linux shows them")
async def test_out_of_files_accepting_pauses_and_goes_on(few_files: subprocess.Popen[str]) -> None:
    assert few_files.stdout is not None
    port = int(few_files.stdout.readline())
    streams = [await dial_tcp("127.0.0.1", port) for _ in range(30)]
    for stream in streams:  # those after the eighth wait until files are free again
        await stream.send_all(b"x")
        assert await stream.receive_some() == b"x"
        await stream.aclose()
    most, _ = await trio.to_thread.run_sync(few_files.communicate)
    assert (few_files.returncode, int(most)) == (0, 8)


# --- dialling -----------------------------------------------------------------------------------------


async def test_each_side_knows_the_other_by_its_address() -> None:
    async def tell(stream: ByteStream) -> None:
        await stream.send_all(stream.peer.encode())

    async with serving(tell) as port, dialled(port) as stream:
        assert stream.peer == f"127.0.0.1:{port}"
        host, _, number = (await stream.receive_some()).decode().rpartition(":")
        assert host == "127.0.0.1"
        assert int(number) > 0


async def test_dialling_where_nobody_listens_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
        await dial_tcp("127.0.0.1", port)


@needs_ipv6
async def test_ipv6_is_served_and_dialled() -> None:
    async def tell(stream: ByteStream) -> None:
        await stream.send_all(stream.peer.encode())

    (listener,) = await open_listeners("::1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_forever, listener, tell, nursery)
        port = listener.getsockname()[1]
        async with dialled(port, "::1") as stream:
            assert stream.peer == f"[::1]:{port}"
            assert (await stream.receive_some()).startswith(b"[::1]:")
        nursery.cancel_scope.cancel()


@needs_ipv6
async def test_a_dialler_finds_the_address_that_answers() -> None:
    async with serving(echo) as port:
        trio.socket.set_custom_hostname_resolver(Names("::1", "127.0.0.1"))
        async with dialled(port, "somewhere") as stream:
            await stream.send_all(b"x")
            assert await stream.receive_some() == b"x"


@pytest.mark.parametrize(
    ("address", "text"),
    [(("127.0.0.1", 5002), "127.0.0.1:5002"), (("::1", 5002, 0, 0), "[::1]:5002"), (("localhost", 1), "localhost:1")],
)
def test_an_address_is_written_as_people_write_it(address: tuple[object, ...], text: str) -> None:
    assert address_text(address) == text
