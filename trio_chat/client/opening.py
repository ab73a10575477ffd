"""Opening a client: `open_client`, the one door to the library.

This file owns what belongs to the block: the address, the secret, the nursery, and how exceptions leave it. It must
not know requests.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from protocol import VERSION, Hello, MessageError, check
from trio_chat.client.client import Client
from trio_chat.client.engine import Engine, Who
from trio_chat.client.errors import Refused
from trio_chat.client.reach import Dial
from trio_chat.client.secret import Secret, load_secret
from trio_chat.client.url import DEFAULT_URL, parse_url
from trio_chat.transport import ByteStream, dial_tcp, dial_tls


@asynccontextmanager
async def open_client(
    url: str = DEFAULT_URL,
    *,
    nick: str,
    bot: bool = False,
    agent: str = "trio_chat",
    session: str | None = None,
    dial: Dial | None = None,
) -> AsyncIterator[Client]:
    """Connect to a chat server and stay connected, through whatever breaks, for as long as the block lasts.

    A lost connection is restored by itself, after a wait that grows from 0.1 s to 15 s, and longer if the server
    asks for it. Leaving the block, also by an exception or a cancellation, says goodbye (for a second at most).
    An exception of the block comes out as it is, in no group.

    Args:
        url: ``chat://HOST[:PORT]``, port 5002 unless given; ``chats://`` for TLS, with a certificate that this system
            trusts.
        nick: the name to go by, 1 to 32 characters.
        bot: whether a program speaks.
        agent: what program this is, for the server's log; up to 200 characters.
        session: the secret that makes us the same person next time, 32 hexadecimal digits. None: one is kept
            in the user's state directory for this server and nick, readable by the user only. Programs that run
            at the same time under the same nick are the same person then, like two tabs of a browser. If it
            cannot be kept, a `Notice` says so, and it serves for this block only.
        dial: makes a connection, in place of TCP or TLS to `url`, and raises OSError if it cannot. The client owns,
            and closes, what it returns.

    Yields:
        The client, connected.

    Raises:
        BadUrl: `url` is not one.
        CannotConnect: the first attempt failed; later ones only make events.
        Refused: the server refuses us: `nick_taken`, `bad_name`, `version`, `not_welcome`.
    """
    address = parse_url(url)
    try:
        check(Hello(1, VERSION, "0" * 32 if session is None else session, nick, agent))
    except MessageError as error:
        raise Refused(error.code, str(error)) from None
    if session is not None:
        secret = Secret(session)
    else:
        secret = await trio.to_thread.run_sync(partial(load_secret, address, nick, bot=bot))

    async def dial_address() -> ByteStream:
        return await (dial_tls if address.secure else dial_tcp)(address.host, address.port)

    engine = Engine(dial or dial_address, str(address), Who(secret.session, agent, bot), nick)
    if secret.warning is not None:
        engine.notice(secret.warning)
    link = await engine.connect()
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run, link)
        try:
            yield Client(engine)
        except trio.Cancelled:
            raise
        except BaseException as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
