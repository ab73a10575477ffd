"""Carrying out a scenario's steps, one after the other.

This file owns what each step does to clients, network, disk and servers. It must not know how they work, nor what is
right or wrong.
"""

from typing import Any, Final

import trio

from protocol import (
    Command,
    Direct,
    Edit,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Join,
    Leave,
    Ping,
    Position,
    Post,
    Quit,
    Redact,
    Search,
    SetNick,
    SetTopic,
    encode,
    encode_frame,
)
from protocol import Hello as HelloMessage
from tests.simulation import scenario as steps
from tests.simulation.network import Link
from tests.simulation.peer import Peer
from tests.simulation.scenario import CLIENTS, MINE, NICKS, PEERS, ROOMS, Step
from tests.simulation.talk import Keyed, numbered
from tests.simulation.user import User
from tests.simulation.world import World

GARBAGE: Final = encode_frame(b'{"type":"nonsense"}')


class Director:
    """Carries out steps.

    Attributes:
        peers: clients 0 to 3.
        users: clients 4 and 5.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.peers = [Peer(who, world) for who in range(PEERS)]
        self.users = [User(who, world) for who in range(PEERS, CLIENTS)]
        self.harmed: set[int] = set()  # transcripts whose connection may end without a word

    async def carry_out(self, step: Step) -> None:
        name = type(step).__name__.lower()
        self.world.count(f"step {name}")
        if isinstance(step, steps.Pause):
            await trio.sleep(step.seconds)
        elif isinstance(step, steps.Kill):
            self._kill(step)
        elif isinstance(step, steps.Restart):
            await self._restart(step)
        elif (who := getattr(step, "who", None)) is None:
            getattr(self, f"_{name}")(step)
        else:
            client, kind = (self.peers[who], "peer") if who < PEERS else (self.users[who - PEERS], "user")
            act: Any = getattr(self, f"_{kind}_{name}", None) or getattr(self, f"_{name}", _nothing)
            act(client, step)

    # --- servers and disk -----------------------------------------------------------------------------

    def _kill(self, step: steps.Kill) -> None:
        if step.when is None:
            self.world.kill(step)
        else:
            self.world.kill_at(step)

    async def _restart(self, step: steps.Restart) -> None:
        if self.world.present is not None:
            await self.world.stop()
            await trio.sleep(step.down_s)
            await self.world.start()

    def _slowdisk(self, step: steps.SlowDisk) -> None:
        self.world.disk.slow_s = step.seconds

    def _faildisk(self, step: steps.FailDisk) -> None:
        self.world.disk.faults[step.fault] = step.count

    def _healdisk(self, step: steps.HealDisk) -> None:
        self.world.disk.slow_s = 0.0
        self.world.disk.faults.clear()
        self.world.disk.on_moment = lambda moment: None

    # --- the network ----------------------------------------------------------------------------------

    def _link(self, client: Peer | User, *, harm: bool = True) -> Link | None:
        tap = client.tap
        if tap is None:
            return None
        if harm:
            self.harmed.add(tap.transcript.number)
        return tap.transcript.link

    def _cut(self, client: Peer | User, step: steps.Cut) -> None:
        if link := self._link(client):
            self.world.count("cuts at a byte" if step.after else "cuts")
            link.cut_after(step.way, step.after)

    def _stall(self, client: Peer | User, step: steps.Stall) -> None:
        if link := self._link(client):
            link.pipe(step.way).stalled = True

    def _resume(self, client: Peer | User, step: steps.Resume) -> None:
        if link := self._link(client):
            for way in ("up", "down"):
                pipe = link.pipe(way)
                pipe.stalled = False
                pipe.wake()

    def _delay(self, client: Peer | User, step: steps.Delay) -> None:
        if link := self._link(client):
            link.pipe("up").latency_s = link.pipe("down").latency_s = step.seconds

    def _stopreading(self, client: Peer | User, step: steps.StopReading) -> None:
        self._link(client)
        client.stop_reading()

    def _read(self, client: Peer | User, step: steps.Read) -> None:
        client.read()

    # --- clients to the letter ------------------------------------------------------------------------

    def _peer_connect(self, peer: Peer, step: steps.Connect) -> None:
        peer.connect(step)
        if not peer.reads:
            self._link(peer)

    def _room(self, peer: Peer, number: int) -> str:
        if number < MINE:
            return ROOMS[number]
        return next((room for room in reversed(peer.wanted) if room.startswith("~")), ROOMS[0])

    def _peer_join(self, peer: Peer, step: steps.Join) -> None:
        if peer.talk is None or not peer.is_connected:
            return
        room = self._room(peer, step.room)
        after = peer.place(room) if step.after else None
        if step.after == "other epoch" and after is not None:
            after = Position("another", after.seq)
        elif step.after == "beyond" and after is not None:
            after = Position(after.epoch, self.world.head(room) + 1 + (step.last or 0))
        peer.wanted.setdefault(room)
        peer.send(Join(peer.talk.next_id(), room, after, None if after else step.last))

    def _peer_leave(self, peer: Peer, step: steps.Leave) -> None:
        if peer.talk is not None and peer.is_connected:
            room = self._room(peer, step.room)
            peer.wanted.pop(room, None)
            for key in [key for key, request in peer.owed.items() if request.room == room]:
                del peer.owed[key]
            peer.send(Leave(peer.talk.next_id(), room))

    def _peer_post(self, peer: Peer, step: steps.Post) -> None:
        if peer.talk is not None and peer.is_connected:
            room = self._room(peer, step.room)
            posts = []
            for _ in range(step.count if room in peer.wanted else 1):
                key = peer.new_key()
                text = self.world.text(peer.who, int(key.partition("-")[2]), step.chars)
                posts.append(Post(peer.talk.next_id(), room, key, text))
            peer.write(*posts)

    def _peer_repeat(self, peer: Peer, step: steps.Repeat) -> None:
        if peer.talk is None or not peer.is_connected:
            return
        again: list[Keyed] = [numbered(request, peer.talk.next_id()) for request in peer.said[-step.count :]]
        if step.changed:
            again = [Post(r.id, r.room, r.key, f"other {r.text}", r.action) for r in again if isinstance(r, Post)]
        peer.send(*again)

    def _peer_change(self, peer: Peer, step: steps.Change) -> None:
        room = self._room(peer, step.room)
        mine = peer.mine.get(room, [])
        if peer.talk is not None and peer.is_connected and step.back < len(mine):
            target, key, number = mine[-1 - step.back], peer.new_key(), peer.talk.next_id()
            if step.how == "edit":
                peer.write(Edit(number, room, key, target, f"edit {key}"))
            else:
                peer.write(Redact(number, room, key, target, f"reason {key}"))

    def _peer_topic(self, peer: Peer, step: steps.Topic) -> None:
        if peer.talk is not None and peer.is_connected:
            key = peer.new_key()
            peer.write(SetTopic(peer.talk.next_id(), self._room(peer, step.room), key, f"topic {key}"))

    def _peer_direct(self, peer: Peer, step: steps.Direct) -> None:
        if peer.talk is not None:
            peer.send(Direct(peer.talk.next_id(), NICKS[step.whom]))

    def _peer_rename(self, peer: Peer, step: steps.Rename) -> None:
        if peer.talk is not None:
            peer.send(SetNick(peer.talk.next_id(), NICKS[step.nick]))

    def _peer_ask(self, peer: Peer, step: steps.Ask) -> None:
        if peer.talk is not None and peer.is_connected:
            talk, room = peer.talk, self._room(peer, step.room)
            if step.count > 3:
                self._link(peer)
            peer.send(*[_question(step, talk.next_id(), room, self.world.head(room)) for _ in range(step.count)])

    def _peer_bye(self, peer: Peer, step: steps.Bye) -> None:
        if peer.talk is not None and peer.is_connected and not peer.talk.said_bye:
            peer.send(Quit(peer.talk.next_id(), "enough"))
            peer.talk.said_bye = True

    def _peer_garbage(self, peer: Peer, step: steps.Garbage) -> None:
        match step.what:
            case "bad json":
                peer.send_raw(GARBAGE)
            case "second hello" if peer.talk is not None and peer.talk.is_welcome:
                peer.send_raw(encode_frame(encode(HelloMessage(2**31 - 1, 1, "0" * 32, "zoe"))))
            case "bad frame":
                peer.send_raw(bytes(4))
            case "eleven":
                peer.send_raw(GARBAGE * 11)
            case _:
                pass

    def _peer_ping(self, peer: Peer, step: steps.Ping) -> None:
        if peer.talk is not None:
            peer.send(Ping(peer.talk.next_id()))

    # --- users of the library -------------------------------------------------------------------------

    def _user_connect(self, user: User, step: steps.Connect) -> None:
        user.connect(step.nick)

    def _user_bye(self, user: User, step: steps.Bye) -> None:
        user.leave()

    def _user_room(self, user: User, number: int) -> str:
        rooms = list(user.client.rooms) if user.client is not None else []
        return ROOMS[number] if number < MINE else next((r for r in rooms if r.startswith("~")), ROOMS[0])

    def _user_join(self, user: User, step: steps.Join) -> None:
        room = self._user_room(user, step.room)
        user.do(lambda client: client.join(room))

    def _user_leave(self, user: User, step: steps.Leave) -> None:
        user.part(self._user_room(user, step.room))

    def _user_post(self, user: User, step: steps.Post) -> None:
        user.post(self._user_room(user, step.room), step.count, step.chars)

    def _user_topic(self, user: User, step: steps.Topic) -> None:
        room = self._user_room(user, step.room)
        user.do(lambda client: client.set_topic(room, f"topic of {user.who}"))

    def _user_direct(self, user: User, step: steps.Direct) -> None:
        user.do(lambda client: client.direct(NICKS[step.whom]))

    def _user_rename(self, user: User, step: steps.Rename) -> None:
        user.do(lambda client: client.set_nick(NICKS[step.nick]))

    def _user_ask(self, user: User, step: steps.Ask) -> None:
        room = self._user_room(user, step.room)
        for _ in range(step.count):
            user.do(lambda client: client.history(room, limit=step.limit))


def _nothing(client: Peer | User, step: Step) -> None:
    """Do what a step does to a client for whom it means nothing."""


def _question(step: steps.Ask, number: int, room: str, head: int) -> Any:
    middle = head // 2
    match step.what:
        case "newest":
            return GetHistory(number, room, limit=step.limit)
        case "before":
            return GetHistory(number, room, before=middle + 1, limit=step.limit)
        case "after":
            return GetHistory(number, room, after=middle, limit=step.limit)
        case "between":
            return GetHistory(number, room, after=middle // 2, before=middle + 2, limit=step.limit)
        case "search":
            return Search(number, "xxx", limit=step.limit)
        case "rooms":
            return GetRooms(number, limit=step.limit)
        case "members":
            return GetMembers(number, room, limit=step.limit)
        case "commands":
            return GetCommands(number)
        case "/me":
            return Command(number, "/topic", room)
