"""A provider of models for tests: a real HTTP server on 127.0.0.1 that speaks the Chat Completions API.

This file owns the server's side of one request after another, as a test scripts it. It must not know the bot.
"""

import contextlib
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h11
import trio


@dataclass(frozen=True)
class Reply:
    """What the provider does with one request.

    Args:
        status, content_type: of the response.
        body: of the response; a dict is sent as JSON.
        headers: besides Content-Type and Content-Length.
        cut_after: how many bytes of the body to send before the connection is dropped; None: all of it. Below 0: the
            head is not sent either.
        silent: never answer, until the client goes away.
        held: send the body, but not its end, and keep the connection until the client goes away.
        drips: what to send again and again while it is held.
    """

    status: int = 200
    body: dict[str, Any] | bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut_after: int | None = None
    silent: bool = False
    held: bool = False
    drips: bytes = b""


def says(text: str | None, **message: Any) -> Reply:
    """Return a completion as OpenAI sends it, with `text` as its content."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}
    return Reply(
        body={"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    )


def piece(text: str | None = None, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a piece of a completion as OpenAI streams it."""
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """Return the piece that tells what a completion cost."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


def calls(*wanted: tuple[str, str]) -> dict[str, Any]:
    """Return the piece in which a model wants tools called, each with its name and arguments."""
    listed = [
        {"index": index, "id": f"call_{name}_{index}", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(wanted)
    ]
    return piece(finish="tool_calls", tool_calls=listed)


def streams(*pieces: dict[str, Any] | str | bytes, done: bool = True, **reply: Any) -> Reply:
    """Return a stream of pieces; a text is one that says it, bytes are sent as they are."""
    body = b"".join(
        each if isinstance(each, bytes) else _event(piece(each) if isinstance(each, str) else each) for each in pieces
    )
    return Reply(body=body + (b"data: [DONE]\n\n" if done else b""), content_type="text/event-stream", **reply)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def fails(status: int, code: str | None = None, **headers: str) -> Reply:
    """Return an error as OpenAI sends it; its message quotes the key, as some providers do."""
    error = {"message": "Incorrect API key provided: sk-secret", "type": "error", "param": None, "code": code}
    return Reply(status, {"error": error}, {name.replace("_", "-"): value for name, value in headers.items()})


class Provider:
    """A running provider. It answers with `script`, one reply a request, then with the last one again.

    Attributes:
        base_url: where it is.
        requests: the bodies that it was sent.
        authorizations: the Authorization headers that it was sent.
        asked: set once a request has come; left: once a client has gone from a request that is not answered.
    """

    def __init__(self, base_url: str, script: Sequence[Reply]) -> None:
        self.base_url = base_url
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.asked = trio.Event()
        self.left = trio.Event()
        self._script = list(script)

    def next_reply(self) -> Reply:
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]


@asynccontextmanager
async def provider(*script: Reply) -> AsyncIterator[Provider]:
    """Run a provider for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        running = Provider(f"http://127.0.0.1:{port}/v1", script)
        nursery.start_soon(partial(trio.serve_listeners, partial(_serve, running), listeners))
        yield running
        nursery.cancel_scope.cancel()


async def _serve(running: Provider, stream: trio.SocketStream) -> None:
    """Answer the requests of one connection, until either side has enough."""
    async with stream:
        while True:
            connection = h11.Connection(h11.SERVER)
            try:
                request = await _request(connection, stream)
            except (h11.RemoteProtocolError, trio.BrokenResourceError):
                return
            if request is None:
                return
            head, body = request
            running.requests.append(json.loads(body))
            running.authorizations.append(dict(head.headers).get(b"authorization", b"").decode())
            running.asked.set()
            reply = running.next_reply()
            if reply.silent:
                await stream.receive_some()
                running.left.set()
                return
            try:
                await stream.send_all(_response(connection, reply))
            except trio.BrokenResourceError:  # the client has had enough
                running.left.set()
                return
            if reply.held:
                await _hold(connection, stream, reply.drips)
                running.left.set()
            if reply.held or reply.cut_after is not None:
                return


async def _hold(connection: h11.Connection, stream: trio.SocketStream, drips: bytes) -> None:
    """Wait until the client goes away."""
    with contextlib.suppress(trio.BrokenResourceError):
        while True:
            with trio.move_on_after(0.05 if drips else math.inf):
                await stream.receive_some()
                return
            await stream.send_all(connection.send(h11.Data(data=drips)) or b"")


async def _request(connection: h11.Connection, stream: trio.SocketStream) -> tuple[h11.Request, bytes] | None:
    head, body = None, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            assert head.target.endswith(b"/chat/completions")
            return head, bytes(body)
        else:
            return None


def _response(connection: h11.Connection, reply: Reply) -> bytes:
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    length = {} if reply.held else {"Content-Length": str(len(body))}
    headers = {"Content-Type": reply.content_type, **length, **reply.headers}
    head = connection.send(h11.Response(status_code=reply.status, headers=list(headers.items()))) or b""
    if reply.cut_after is not None:
        return head + body[: reply.cut_after] if reply.cut_after >= 0 else head[:20]
    parts = [head, connection.send(h11.Data(data=body)) or b""]
    if not reply.held:
        parts.append(connection.send(h11.EndOfMessage()) or b"")
    return b"".join(parts)
