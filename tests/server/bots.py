"""Peers in the lobby, bots among them, and what bots ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from protocol import Cause, CommandOffer, Done, Granted, Offer, TakeTurn
from tests.server.peer import Peer, connected
from trio_chat.server import Server


@asynccontextmanager
async def lobby(server: Server, *nicks: str) -> AsyncIterator[list[Peer]]:
    """Give peers in the lobby; those whose nick begins with `bot` are bots."""
    async with trio.open_nursery() as nursery:
        yield [await nursery.start(_in_lobby, server, nick) for nick in nicks]
        nursery.cancel_scope.cancel()


async def _in_lobby(server: Server, nick: str, task_status: trio.TaskStatus[Peer]) -> None:
    async with connected(server, nick, bot=nick.startswith("bot")) as peer:
        await peer.join()
        task_status.started(peer)
        await trio.sleep_forever()


async def take(bot: Peer, cause: Cause, room: str = "lobby") -> Granted:
    granted = await bot.ask(TakeTurn(bot.next_id(), room, cause))
    assert isinstance(granted, Granted), granted
    return granted


async def offer(bot: Peer, *names: str) -> None:
    """Let a bot add commands of these names."""
    commands = [CommandOffer(name, f"{name} [WORDS]", f"what {name} is for") for name in names]
    answer = await bot.ask(Offer(bot.next_id(), commands))
    assert isinstance(answer, Done), answer
