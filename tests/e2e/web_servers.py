"""nginx and Caddy as users run them, with the very settings of docs/deploying.md: ports and certificates are put in.

This file owns their processes, which are children that end with the test, and the blocks of the page. All of it is
blocking.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from benchmarks.server_process import free_port

PATIENCE_S = 60.0
DEPLOYING = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """Return the code after `<!-- name -->` in docs/deploying.md."""
    found = re.search(rf"^<!-- {name} -->\n+```\w+\n(.*?)^```$", DEPLOYING, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/deploying.md has no block {name}"
    return found[1]


def replaced(text: str, values: dict[str, str]) -> str:
    """Put values in the place of others, each of which is there."""
    for old, new in values.items():
        assert old in text, f"{old!r} is not in the block any more"
        text = text.replace(old, new)
    return text


class WebServer(NamedTuple):
    """A web server in front of a chat server."""

    port: int
    trust: ssl.SSLContext
    directory: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def written(self) -> str:
        """All that it has written to its logs."""
        return "".join(path.read_text(errors="replace") for path in self.directory.glob("*.log"))


NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {block}
}}
"""


@contextmanager
def nginx(upstream: int, directory: Path) -> Iterator[WebServer]:
    """Run nginx in front of a port of this machine."""
    port, trust = free_port(), _certificate(directory)
    text = replaced(
        block("nginx"),
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/letsencrypt/live/chat.example": str(directory),
            "127.0.0.1:5002": f"127.0.0.1:{upstream}",
        },
    )
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, block=text))
    command = [_installed("nginx"), "-c", str(config), "-e", str(directory / "error.log")]
    with _running(command, port, directory):
        yield WebServer(port, trust, directory)


@contextmanager
def caddy(upstream: int, directory: Path) -> Iterator[WebServer]:
    """Run Caddy in front of a port of this machine."""
    port, trust = free_port(), _certificate(directory)
    site = f"https://127.0.0.1:{port} {{\n\tbind 127.0.0.1\n\ttls {directory}/fullchain.pem {directory}/privkey.pem"
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tlog {"
    values = {"{\n\tlog {": options, "chat.example {": site, "127.0.0.1:5002": f"127.0.0.1:{upstream}"}
    config = directory / "Caddyfile"
    config.write_text(replaced(block("caddy"), values))
    command = [_installed("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(command, port, directory):
        yield WebServer(port, trust, directory)


WEB_SERVERS: dict[str, Callable[[int, Path], AbstractContextManager[WebServer]]] = {"nginx": nginx, "caddy": caddy}


def _installed(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def _certificate(directory: Path) -> ssl.SSLContext:
    """Write a certificate for this machine, and return what trusts it."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    for part in certificate.cert_chain_pems:
        part.write_to_path(directory / "fullchain.pem", append=True)
    certificate.private_key_pem.write_to_path(directory / "privkey.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return trust


@contextmanager
def _running(command: list[str], port: int, directory: Path) -> Iterator[None]:
    """Run a program until the block ends; the block begins once it listens."""
    environ = {**os.environ, "HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    with (directory / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ)
    try:
        _wait_until_it_listens(process, port, directory / "output.log")
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    for _ in range(int(PATIENCE_S / 0.05)):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        except ConnectionRefusedError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"it has ended: {output.read_text()}") from None
        return
    raise AssertionError(f"it does not listen: {output.read_text()}")
