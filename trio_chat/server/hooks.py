"""Hooks: secret addresses under which a script or a CI service says something in a room.

This file owns which hooks there are, whose token is whose, and the way of their messages into the log, which is that of
everybody's: rate limit, key, commit. It must not know HTTP. Tokens are never logged, repeated or shown.
"""

import hmac
import math
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec
import trio
from msgspec import Struct

from trio_chat.names import NameRefused, nick_key, room_name
from trio_chat.server.hook_bodies import HookRefused, Said
from trio_chat.server.hub import OPERATOR, Hub
from trio_chat.server.limits import rate_bucket
from trio_chat.server.log import log
from trio_chat.store import Draft, Duplicate, Rejected, StoreUnavailable

TOKEN_BYTES: Final = 32
"""Of randomness in a token that we make: 43 characters."""

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,128}")
"""Long enough that nobody guesses one, and of letters that an address takes as they are."""

IDENTITY: Final = b"the identity of a hook called "
"""With a nick, what stands for a session: one identity for each nick, so that a token can be changed and keys are known
from before. It is longer than a session, which has 16 bytes and is hashed as well: nobody can say that it is theirs."""

COMMIT_S: Final = 10.0
"""How long a message waits for the store before its sender is told to send it again."""


class Hook(Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator says of a hook.

    Attributes:
        token: the secret in its address.
        room: where it speaks, with or without ``#``.
        nick: what it is called there; nobody else may be.
    """

    token: str
    room: str
    nick: str

    def __post_init__(self) -> None:
        if not TOKEN.fullmatch(self.token):
            raise ValueError(
                "a hook's token has 32 to 128 of A to Z, a to z, 0 to 9, - and _; "
                "`python -m trio_chat.server new-hook` makes one"
            )
        try:
            room_name(self.room)
            key = nick_key(self.nick).key
        except NameRefused as error:
            raise ValueError(f"a hook cannot be named so: {error}") from None
        if key == OPERATOR:
            raise ValueError(f"a hook cannot be called {self.nick}, as the operator is; give it another nick")

    def __repr__(self) -> str:
        return f"Hook(token=…, room={self.room!r}, nick={self.nick!r})"


class Kept(Struct, frozen=True):
    """Where a message stands in the log; what a hook answers."""

    room: str
    seq: int
    at: int
    duplicate: bool


class OpenHook:
    """A hook at work: its names as they are said, and its rate."""

    def __init__(self, hook: Hook, rate_limit: float | None, now: float) -> None:
        self.digest = _digest(hook.token)
        self.room = room_name(hook.room)
        self.nick = nick_key(hook.nick)
        self.bucket = None if rate_limit is None else rate_bucket(rate_limit, now)


class Hooks:
    """All hooks of a server.

    Args:
        hub: what the server's connections share.
        hooks: as the operator has named them.
        rate_limit: messages a second that each may send on average; None: any number.

    Attributes:
        nick_keys: what makes a nick that of a hook; nobody may take one.
    """

    def __init__(self, hub: Hub, hooks: Sequence[Hook], rate_limit: float | None) -> None:
        self._hub = hub
        self._hooks = [OpenHook(hook, rate_limit, trio.current_time()) for hook in hooks]
        self.nick_keys = frozenset(hook.nick.key for hook in self._hooks)

    def find(self, token: str) -> OpenHook | None:
        """Return the hook with this token. How long it takes says nothing of how much of one was right."""
        digest, found = _digest(token), None
        for hook in self._hooks:
            if hmac.compare_digest(hook.digest, digest):
                found = hook
        return found

    async def say(self, hook: OpenHook, said: Said) -> Kept:
        """Say something in a hook's room, and return once it is durable and everybody there has been given it.

        Cancelled, it only waits no longer: what was handed to the store is said all the same.

        Raises:
            HookRefused: 422, 429 or 503, with what to do.
        """
        self._limit(hook)
        try:
            with trio.fail_after(COMMIT_S):
                return await self._append(hook, said)
        except trio.TooSlowError:
            raise _unavailable(f"it has not answered within {COMMIT_S:g} s") from None
        except StoreUnavailable as error:
            self._hub.tally.failed_appends += 1
            raise _unavailable(str(error)) from error

    async def _append(self, hook: OpenHook, said: Said) -> Kept:
        hub, nick = self._hub, hook.nick
        now_ms = hub.wall_clock_ms()
        author = await hub.store.identity(sha256(IDENTITY + nick.key.encode()).digest(), now_ms)
        await hub.store.open_room(hook.room)
        draft = Draft(hook.room, author, _log_key(hook.room, said.key), now_ms, nick.shown, "message", said.text)
        before = hub.tally.clock()
        (outcome,) = await hub.store.append([draft])
        hub.tally.commit_s.observe(hub.tally.clock() - before)
        if isinstance(outcome, Rejected):
            raise HookRefused(422, "This key was used for another message already; take a new key for a new text.")
        return Kept(hook.room, outcome.seq, outcome.at, isinstance(outcome, Duplicate))

    def _limit(self, hook: OpenHook) -> None:
        if hook.bucket is None:
            return
        if not hook.bucket.left(trio.current_time()):
            raise HookRefused(
                429, "That was too fast; wait a moment and send it again.", max(1, math.ceil(hook.bucket.wait_s))
            )
        hook.bucket.spend(1)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hook_table(hook: Hook) -> str:
    """Return the table that names a hook in a configuration file, to be appended to one."""
    fields = msgspec.structs.asdict(hook).items()
    # A string in JSON is one in TOML, where no control character is in it; names hold none.
    return "\n[[hook]]\n" + "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in fields)


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()


def _log_key(room: str, key: str | None) -> str:
    """Return the key in the log: whatever a sender's looks like, and however many hooks one sender uses one for."""
    if key is None:
        return secrets.token_hex(32)
    return sha256(f"{room} {key}".encode(errors="surrogatepass")).hexdigest()


def _unavailable(why: str) -> HookRefused:
    log.error("the storage failed", error=why)
    return HookRefused(503, "The server's storage is down for the moment; send it again under the same key.", 1)
