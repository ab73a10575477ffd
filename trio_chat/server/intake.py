"""What one client asks for, from the bytes of a read to each request's turn.

This file owns understanding, the order in which requests are carried out, and what is answered to those that cannot be
understood. What a request does is in `requests`, and for posts in `posting`; reading and ending are the connection's.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

import trio

from protocol import (
    MAX_FRAME_TO_SERVER,
    Command,
    Error,
    FrameDecoder,
    FrameError,
    GetCommands,
    MessageError,
    Offer,
    Ping,
    Pong,
    Post,
    RemoteError,
    Request,
    State,
    decode_all_from_client,
)
from trio_chat.names import NameRefused
from trio_chat.server import commands, requests
from trio_chat.server.errors import Refusal, refused
from trio_chat.server.limits import Strikes
from trio_chat.server.log import log
from trio_chat.server.posting import append_posts, unavailable
from trio_chat.store import StoreUnavailable

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

REQUESTS_AT_ONCE: Final = 1_024
"""How many requests of one read are looked at before everybody else has a turn: 5 ms if none can be understood."""


class Intake:
    """The requests of one connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._decoder = FrameDecoder(MAX_FRAME_TO_SERVER)
        self._strikes = Strikes()

    async def carry_out(self, data: bytes) -> None:
        """Carry out all requests that `data` completes, in order."""
        if not data:
            return
        c = self._connection
        self._decoder.feed(data)
        try:
            while payloads := self._decoder.take():
                for start in range(0, len(payloads), REQUESTS_AT_ONCE):
                    if start:
                        await trio.lowlevel.checkpoint()
                    await self._carry_out_all(self._understand(payloads[start : start + REQUESTS_AT_ONCE]))
        except FrameError as error:
            c.stop("bad frame")
            if c.machine.state is not State.CLOSED:
                await c.wait_for_room()
                c.send(Error(None, "bad_frame", f"The stream is out of step: {error}. Connect anew."))

    def _understand(self, payloads: Sequence[bytes]) -> Sequence[Request | Error]:
        """Decode payloads, answering pings at once, ahead of all; an `Error` stands for what is malformed."""
        messages = decode_all_from_client(payloads)
        machine = self._connection.machine
        if len(messages) > 1 and machine.received_together(messages):
            return cast(Sequence[Request], messages)
        asked: list[Request | Error] = []
        pongs: list[Pong] = []
        for message in messages:
            if isinstance(message, MessageError):
                asked.append(self._malformed(message))
                continue
            try:
                machine.received(message)
            except RemoteError as error:
                asked.append(Error(None, "bad_message", f"This may not come now: {error}."))
            else:
                if isinstance(message, Ping):
                    pongs.append(Pong(message.id))
                elif not isinstance(message, Pong):
                    asked.append(message)
        if pongs and machine.state is not State.CLOSED:
            self._connection.send(*pongs)
        return asked

    def _malformed(self, error: MessageError) -> Error:
        number = error.id
        if number is not None:
            try:
                self._connection.machine.received_malformed(number)
            except RemoteError:
                number = None
        return Error(number, error.code, str(error))

    async def _carry_out_all(self, asked: Sequence[Request | Error]) -> None:
        """Carry out requests in order, posts that stand side by side together."""
        for kind, run in groupby(asked, key=type):
            if kind is Post:
                await append_posts(self._connection, cast(list[Post], list(run)))
            else:
                for request in run:
                    await self._carry_out_one(request)

    async def _carry_out_one(self, request: Request | Error) -> None:
        c = self._connection
        if c.machine.state is State.CLOSED:
            return
        await trio.lowlevel.checkpoint()  # many requests in one piece must not hold up everybody else
        await c.wait_for_room()
        if isinstance(request, Error):
            self._refuse(request)
            return
        try:
            if isinstance(request, Command | GetCommands | Offer):
                await commands.carry_out(c, request)
            else:
                await requests.carry_out(c, request)
        except (Refusal, NameRefused) as refusal:
            c.send(refused(request.id, refusal))
        except StoreUnavailable as error:
            c.send(unavailable(request.id, error))
        except Exception:  # the border where a bug in one request costs that request alone
            log.exception("a request failed", request=type(request).__name__, address=c.peer)
            c.send(Error(request.id, "internal", "The server made a mistake; its log says which. Try another way."))

    def _refuse(self, error: Error) -> None:
        """Answer what was malformed; not understanding it is a strike, an understood text or name is none."""
        self._connection.send(error)
        if error.code == "bad_message" and not self._strikes.strike(trio.current_time()):
            self._connection.dismiss("too many messages that are not understood")
