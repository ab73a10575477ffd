"""The end of every run: the harm stops, everybody comes back, and all is compared when nothing moves any more.

This file owns the order in which things are healed, and when that has taken too long. It must not know how the promises
are judged afterwards.
"""

from collections.abc import Callable, Iterable
from typing import Final

import trio

from protocol import Hello, Join, Post
from tests.simulation.director import Director
from tests.simulation.judgement import Broken
from tests.simulation.peer import Peer
from tests.simulation.record import Transcript
from tests.simulation.scenario import Connect, HealDisk
from tests.simulation.talk import numbered
from tests.simulation.user import User
from tests.simulation.world import World

PATIENCE_S: Final = 900.0
"""Longer than any deadline of a server, a client or the disk; on a clock that jumps it costs little."""

AT_ONCE: Final = 100
"""How many posts a peer sends again in one go: where their rate is limited, all at once only brings refusals."""


async def heal(director: Director) -> None:
    """Bring everybody to the heads of their rooms: first those whom nothing holds up, then all.

    Raises:
        Broken: somebody does not get there.
    """
    world = director.world
    await director.carry_out(HealDisk())
    await _until(lambda: world.present is not None, "no server starts any more", 0)
    for transcript in world.transcripts:
        if _current(director, transcript) is None:
            transcript.link.client.close()
    slow = [client for client in everybody(director) if _is_slow(client)]
    for client in everybody(director):
        if client not in slow:
            _heal_link(client)
    world.count("runs that end with a slow client", bool(slow))
    fast = [client for client in everybody(director) if client not in slow]
    await _all_settled(world, fast, 6, "beside a slow reader")
    for client in slow:
        client.read()
        _heal_link(client)
    await _all_settled(world, everybody(director), 4, "after all is healed")
    _say_a_last_word(director)
    await _all_settled(world, everybody(director), 4, "after a last word")


def everybody(director: Director) -> list[Peer | User]:
    return [*director.peers, *director.users]


def _say_a_last_word(director: Director) -> None:
    for peer in director.peers:
        if peer.talk is not None:
            for room in list(peer.wanted):
                key = peer.new_key()
                text = director.world.text(peer.who, int(key.partition("-")[2]), 1)
                peer.write(Post(peer.talk.next_id(), room, key, text))
    for user in director.users:
        if user.client is not None:
            for room in list(user.client.rooms):
                user.post(room, 1, 1)


async def _all_settled(world: World, clients: Iterable[Peer | User], promise: int, when: str) -> None:
    clients = list(clients)

    def are_settled() -> bool:
        unsettled = [client for client in clients if not _is_settled(world, client)]  # all are to be seen to
        return not unsettled

    await _until(are_settled, "", promise, clients, when)


async def _until(
    holds: Callable[[], bool], otherwise: str, promise: int, clients: Iterable[Peer | User] = (), when: str = ""
) -> None:
    deadline, wait_s = trio.current_time() + PATIENCE_S, 0.01
    while not holds():
        if trio.current_time() > deadline:
            stuck = [_describe(client) for client in clients]
            raise Broken(promise, otherwise or f"{when} not everybody is live at the heads: {'; '.join(stuck)}")
        await trio.sleep(wait_s)
        wait_s = min(1.0, wait_s * 2)


def _describe(client: Peer | User) -> str:
    if isinstance(client, User):
        rooms = dict(client.client.rooms) if client.client else {}
        return f"client {client.who} at {[(name, view.seq, view.cursor.lagging) for name, view in rooms.items()]}"
    if client.talk is None:
        return f"client {client.who} is not there"
    pending = list(client.talk.pending.values())[:3]
    return (
        f"client {client.who} welcome={client.talk.is_welcome} at "
        f"{[(name, view.seq, view.is_live) for name, view in client.rooms.items()]} waits for {pending}"
    )


def _is_settled(world: World, client: Peer | User) -> bool:
    return _is_user_settled(world, client) if isinstance(client, User) else _settle_peer(world, client)


def _is_user_settled(world: World, user: User) -> bool:
    if not user.is_wanted:
        return user.is_gone  # a goodbye may wait for its answer
    if user.client is None or not user.client.connected or user.chains[-1].asking:
        return False
    views = user.client.rooms.values()
    return all(view.seq == world.head(view.name) and not view.cursor.lagging for view in views)


def _settle_peer(world: World, peer: Peer) -> bool:
    """Do what brings a peer to its end, and say whether it is there."""
    if not peer.wanted and not peer.owed and not peer.is_connected:
        return True
    if not peer.is_connected:
        peer.connect(Connect(peer.who))
        return False
    talk = peer.talk
    assert talk is not None
    if talk.pending or talk.said_bye:
        return False
    if not talk.is_welcome:
        peer.nick = f"peer{peer.who}"
        peer.send(Hello(talk.next_id(), 1, peer.session, peer.nick))
        return False
    for key in [key for key, request in peer.owed.items() if request.room not in peer.wanted]:
        del peer.owed[key]
    missing = [room for room in peer.wanted if room not in talk.inside]
    peer.send(*(Join(talk.next_id(), room, peer.place(room)) for room in missing))
    if not missing:
        peer.send(*(numbered(request, talk.next_id()) for request in list(peer.owed.values())[:AT_ONCE]))
    places = [(room, peer.rooms[room]) for room in talk.inside if room in peer.rooms]
    return not talk.pending and all(view.is_live and view.seq == world.head(room) for room, view in places)


def _is_slow(client: Peer | User) -> bool:
    if not client.reads:
        return True
    transcript = _transcript(client)
    return transcript is not None and any(transcript.link.pipe(way).stalled for way in ("up", "down"))


def _transcript(client: Peer | User) -> Transcript | None:
    return client.tap.transcript if client.tap is not None else None


def _current(director: Director, transcript: Transcript) -> Peer | User | None:
    client = everybody(director)[transcript.who]
    return client if _transcript(client) is transcript else None


def _heal_link(client: Peer | User) -> None:
    transcript = _transcript(client)
    if transcript is not None:
        transcript.link.heal()
