"""Reaching a server: from an address to a connection on which it said welcome.

This file owns the first steps and what people are told when one of them fails. It must not know what follows.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import trio

from protocol import Hello
from trio_chat.client.link import Link
from trio_chat.client.lost import Lost
from trio_chat.transport import ByteStream

Dial = Callable[[], Awaitable[ByteStream]]
"""Makes one connection. It raises OSError or trio.BrokenResourceError when it cannot."""

_OTHER_NAME: Final = frozenset({62, 63, 64})
"""What OpenSSL calls X509_V_ERR_HOSTNAME_MISMATCH, and likewise for an address of mail and of IP."""

GREETING_S: Final = 10.0
"""From dialling to `welcome`: as long as the server waits for `hello`."""


async def open_link(dial: Dial, hello: Callable[[str], Hello], nicks: Iterable[str], where: str) -> Link:
    """Dial, say hello, and return the connection, which the caller runs. Cancelled or failed, it leaves none open.

    Raises:
        Refused: the server refuses the hello.
        Lost: nobody could be reached, the connection broke, or what answers is no chat server.
    """
    with trio.move_on_after(GREETING_S):
        try:
            stream = await dial()
        except (OSError, trio.BrokenResourceError) as error:
            raise Lost(_not_reached(where, error)) from error
        link = Link(stream)
        try:
            await link.greet(hello, nicks)
        except Lost as error:
            await link.aclose()
            reason = f"No welcome came from {where}; check that it is a chat server's address. {error}"
            raise Lost(reason, error.retry_after_ms) from error
        except BaseException:
            await link.aclose()
            raise
        return link
    raise Lost(
        f"Nothing at {where} answered within {GREETING_S:g} s: check the address, and that no firewall is in between."
    )


def _not_reached(where: str, error: BaseException) -> str:
    causes = [error, *getattr(error.__cause__, "exceptions", ())]
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            f"Nobody listens at {where}: start a server there with `python -m trio_chat.server`,"
            " or give the address of one that runs."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return f"The certificate of {where} is for another name: give the server's address as its certificate does."
        return (
            f"The certificate of {where} is not trusted ({error.verify_message}): ask its operator for a good one, or,"
            " if it is from an authority of your own, name that one's certificate in SSL_CERT_FILE."
        )
    if isinstance(error, ssl.SSLError):
        return f"{where} does not speak TLS ({error.reason}): give its address with chat:// if it has no certificate."
    if isinstance(error, socket.gaierror):
        return f"The host of {where} is not known: check the spelling, and that this machine is on the network."
    return f"{where} cannot be reached ({causes[-1]}): check the address, and that this machine is on the network."
