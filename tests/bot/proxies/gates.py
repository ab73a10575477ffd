"""Proxies for tests, real ones and such as fail in one chosen way, all on 127.0.0.1.

This file owns how each is run and stopped, and why a test is skipped where one is not installed. It must not know
what is tested with them.
"""

import importlib.util
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from trio_chat.bot.proxies import Proxy
from trio_chat.bot.proxies.proxy import Scheme

USER, PASSWORD = "ann", "pass-word.1"  # tinyproxy takes none with other signs

Serve = Callable[["Gate", trio.SocketStream], Awaitable[None]]


@dataclass
class Gate:
    """A proxy of our own at work.

    Args:
        proxy: how it is reached.
        heads: what it was asked, each up to the empty line.
        asked: set once it was asked for anything.
        left: set once a client that was kept waiting has gone.
    """

    proxy: Proxy
    heads: list[bytes] = field(default_factory=list)
    asked: trio.Event = field(default_factory=trio.Event)
    left: trio.Event = field(default_factory=trio.Event)


@asynccontextmanager
async def gate(serve: Serve, scheme: Scheme = "http") -> AsyncIterator[Gate]:
    """Run a proxy that treats every connection as `serve` does."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        running = Gate(Proxy(scheme, "127.0.0.1", listeners[0].socket.getsockname()[1]))
        nursery.start_soon(partial(trio.serve_listeners, partial(_serve, serve, running), listeners))
        yield running
        nursery.cancel_scope.cancel()


async def _serve(serve: Serve, running: Gate, stream: trio.SocketStream) -> None:
    try:
        async with stream:
            await serve(running, stream)
    except trio.BrokenResourceError:  # the client has gone, as it may
        pass


async def _head(running: Gate, stream: trio.SocketStream) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = await stream.receive_some(1)
        if not part:
            break
        head += part
    running.heads.append(head)
    running.asked.set()
    return head


async def opens(running: Gate, stream: trio.SocketStream) -> None:
    """Make the tunnel that is asked for; the answer comes in two pieces, as a network may cut it."""
    host, _, port = (await _head(running, stream)).split()[1].decode().rpartition(":")
    site = await trio.open_tcp_stream(host, int(port))
    await stream.send_all(b"HTTP/1.1 200 Connection established\r\nProxy-Age")
    await trio.testing.wait_all_tasks_blocked()
    await stream.send_all(b"nt: a gate\r\n\r\n")
    async with site, trio.open_nursery() as nursery:
        nursery.start_soon(_pump, stream, site, nursery.cancel_scope)
        nursery.start_soon(_pump, site, stream, nursery.cancel_scope)


async def _pump(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        async for data in source:
            await sink.send_all(data)
    except trio.BrokenResourceError:
        pass
    scope.cancel()


def answers(reply: bytes) -> Serve:
    """Answer whatever is asked with `reply`, and close."""

    async def serve(running: Gate, stream: trio.SocketStream) -> None:
        await _head(running, stream)
        await stream.send_all(reply)

    return serve


def refuses(status: int) -> Serve:
    """Refuse the tunnel, in words that nobody is to see."""
    return answers(b"HTTP/1.1 %d \x1b[2Jsecret\r\nContent-Length: 6\r\n\r\nsecret" % status)


async def closes(running: Gate, stream: trio.SocketStream) -> None:
    """Close every connection at once."""
    running.heads.append(b"")


async def keeps_silent(running: Gate, stream: trio.SocketStream) -> None:
    """Read what is asked, and say nothing."""
    await _head(running, stream)
    await stream.receive_some()
    running.left.set()


async def breaks(running: Gate, stream: trio.SocketStream) -> None:
    """Grant the tunnel, and close it once something comes through."""
    await _head(running, stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    await stream.receive_some()


async def speaks_socks4(running: Gate, stream: trio.SocketStream) -> None:
    """Make the tunnel that a SOCKS 4a client asks for by the name of a host."""
    asked = b""
    while asked.count(b"\0", 8) < 2:  # behind the numbers stand the user and the name
        asked += await stream.receive_some(1)
    running.heads.append(asked)
    assert asked[:2] == b"\x04\x01"
    name = asked[8:].split(b"\0")[1].decode()
    site = await trio.open_tcp_stream(name, int.from_bytes(asked[2:4], "big"))
    await stream.send_all(b"\x00\x5a" + bytes(6))
    async with site, trio.open_nursery() as nursery:
        nursery.start_soon(_pump, stream, site, nursery.cancel_scope)
        nursery.start_soon(_pump, site, stream, nursery.cancel_scope)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def nobody() -> Proxy:
    """Return a proxy that is not there."""
    return Proxy("http", "127.0.0.1", free_port())


# --- real ones ----------------------------------------------------------------------------------------------

RealProxy = Callable[..., AbstractAsyncContextManager[Proxy]]


@asynccontextmanager
async def _process(scheme: Scheme, port: int, command: list[str], secured: bool) -> AsyncIterator[Proxy]:
    quiet = subprocess.DEVNULL
    running = await trio.lowlevel.open_process(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        with trio.fail_after(30):
            while True:
                try:
                    await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                    break
                except OSError:  # none of them says when it is ready
                    assert running.poll() is None, f"{command[0]} has ended"
                    await trio.sleep(0.02)
        yield Proxy(scheme, "127.0.0.1", port, *((USER, PASSWORD) if secured else ()))
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):
            running.terminate()
            await running.wait()


@asynccontextmanager
async def tinyproxy(tmp_path: Path, *, secured: bool = False) -> AsyncIterator[Proxy]:
    """Run Debian's tinyproxy, which wants the password if `secured`."""
    port = free_port()
    lines = ["Listen 127.0.0.1", f"Port {port}", "Timeout 60", f'LogFile "{tmp_path / "tinyproxy.log"}"']
    if secured:
        lines.append(f"BasicAuth {USER} {PASSWORD}")
    config = tmp_path / "tinyproxy.conf"
    config.write_text("\n".join(lines) + "\n")
    async with _process("http", port, ["tinyproxy", "-d", "-c", str(config)], secured) as proxy:
        yield proxy


@asynccontextmanager
async def proxy_py(tmp_path: Path, *, secured: bool = False) -> AsyncIterator[Proxy]:
    """Run the package proxy.py, which wants the password if `secured`."""
    port = free_port()
    command = [
        sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1",
        "--num-acceptors", "1", "--data-dir", str(tmp_path),
        *(("--basic-auth", f"{USER}:{PASSWORD}") if secured else ()),
    ]  # fmt: skip
    async with _process("http", port, command, secured) as proxy:
        yield proxy


@asynccontextmanager
async def microsocks(tmp_path: Path, *, secured: bool = False) -> AsyncIterator[Proxy]:
    """Run Debian's microsocks, which wants the password if `secured`."""
    port = free_port()
    command = ["microsocks", "-i", "127.0.0.1", "-p", str(port), *(("-u", USER, "-P", PASSWORD) if secured else ())]
    async with _process("socks5", port, command, secured) as proxy:
        yield proxy


REAL: dict[str, RealProxy] = {"tinyproxy": tinyproxy, "proxy.py": proxy_py, "microsocks": microsocks}


def real_proxy(name: str) -> RealProxy:
    """Return what runs a real proxy; skips the test where that is not installed. Not to be called in a task."""
    installed = importlib.util.find_spec("proxy") if name == "proxy.py" else shutil.which(name)
    if installed is None:
        how = "pip install proxy.py" if name == "proxy.py" else f"Debian: apt install {name}"
        pytest.skip(f"{name} is not installed ({how})")
    return REAL[name]
