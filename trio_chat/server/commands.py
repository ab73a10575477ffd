"""Slash commands: one table, from which they are carried out, `/help` is made and clients complete.

This file owns what is typed. Each command stands for a request, which `requests` carries out; only what
no request can say is done here. It must not know how answers are drawn.
"""

from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import msgspec
import trio
from msgspec import Struct

from protocol import (
    Command,
    CommandHelp,
    Commands,
    Direct,
    Done,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Join,
    Leave,
    MessageError,
    Notice,
    Offer,
    Post,
    Quit,
    Request,
    Search,
    SetNick,
    SetTopic,
    check,
)
from trio_chat.names import nick_key
from trio_chat.server import offers, requests
from trio_chat.server.access import me, membership_in
from trio_chat.server.errors import Refusal
from trio_chat.server.posting import append, draft_posts

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection

HISTORY_ENTRIES: Final = 20

USAGE_WIDTH: Final = 24
"""Characters after which the list of commands says what one is for; a usage that is longer moves its own line only."""

SEARCH: Final = "/search"
"""The one command of the server's that is for bots to add; it tells what to do where none does."""

NO_BOT: Final = (
    "No bot is in this room to ask. Start one with `python -m trio_chat.bot --room {room} --nick NICK` "
    "(and `--model markov` if you have no key), or start the server with `--bot`, and ask in #lobby."
)


BOT_ELSEWHERE: Final = "No bot is in this room to ask, but {0} is in #{1}: /join {1} and ask there."


class Typed(Struct, frozen=True):
    """A command as it was typed: the connection and request it came by, and the words after its name."""

    c: "Connection"
    request: Command
    usage: str
    words: str

    @property
    def id(self) -> int:
        return self.request.id

    @property
    def room(self) -> str:
        """The room it was typed in."""
        if self.request.room is None:
            raise Refusal("not_a_member", "You are in no room; join one first with /join ROOM.")
        return self.request.room

    @property
    def key(self) -> str:
        """The key under which it posts."""
        if self.request.key is None:
            raise Refusal("bad_text", "This command posts something: it needs a key.")
        return self.request.key

    def need(self, what: str) -> str:
        """Return the words, which may not be missing."""
        if not self.words:
            raise Refusal("bad_text", f"Say {what}: {self.usage}")
        return self.words


class _Entry(Struct, frozen=True):
    name: str
    usage: str
    help: str
    carry_out: Callable[[Typed], Awaitable[None]]


async def carry_out(c: "Connection", request: Command | GetCommands | Offer) -> None:
    """Carry out what was typed, list what may be typed, or take in what a bot adds to that.

    Raises:
        Refusal: as the request that it stands for, or something is missing.
    """
    me(c)
    if isinstance(request, GetCommands):
        c.send(Commands(request.id, listing(c, request.room)))
        return
    if isinstance(request, Offer):
        offers.take(c, request, _TABLE.keys() - {SEARCH})
        c.send(Done(request.id))
        return
    if request.line.startswith("//"):
        typed = Typed(c, request, "//TEXT", "")
        await _stand_for(typed, Post(request.id, typed.room, typed.key, request.line[1:]))
        return
    name, words = (*request.line.split(maxsplit=1), "")[:2]
    name, words = name.lower(), words.strip()
    if (entry := _TABLE.get(name)) is not None:
        await entry.carry_out(Typed(c, request, entry.usage, words))
    elif (asked := offers.offered(c, request.room).get(name)) is not None:
        await _ask(Typed(c, request, asked.help.usage, words), asked)
    else:
        c.send(Notice(_unknown(c, request.room, name), request.room, "warning", request.id))


def listing(c: "Connection", room: str | None) -> list[CommandHelp]:
    """Return all commands, those of bots in `room` (None: in any room of `c`) among them, for completion and help."""
    own = {entry.name: CommandHelp(entry.name, entry.usage, entry.help) for entry in _TABLE.values()}
    added = [each.help for name, each in offers.offered(c, room).items() if name not in own]
    return [*own.values(), *added]


async def _stand_for(typed: Typed, request: Request) -> None:
    """Carry out the request that a command stands for, held against the same rules as if it had been sent."""
    try:
        check(request)
    except MessageError as error:
        raise Refusal(error.code, str(error)) from None
    if isinstance(request, Post):
        await _append(typed, request)
    else:
        await requests.carry_out(typed.c, request)


async def _append(typed: Typed, post: Post, command: str | None = None, asks: str | None = None) -> None:
    drafts, refusal = draft_posts(typed.c, [post], trio.current_time(), command, asks)
    if refusal is not None:
        raise refusal
    await append(typed.c, drafts, [post])


async def _help(typed: Typed) -> None:
    room = typed.request.room
    commands = listing(typed.c, room)
    if typed.words:
        name = "/" + typed.words.lower().lstrip("/")
        found = next((command for command in commands if command.name == name), None)
        text = f"{found.usage}: {_explained(found)}" if found else _unknown(typed.c, room, typed.words)
    else:
        width = min(max(len(command.usage) for command in commands), USAGE_WIDTH)
        text = "\n".join(f"{command.usage:{width}}  {_explained(command)}" for command in commands)
        text += f"\n{'//TEXT':{width}}  say something that starts with a slash"
    typed.c.send(Notice(text, room, id=typed.id))


def _explained(command: CommandHelp) -> str:
    return command.help if command.by is None else f"{command.help} ({command.by})"


async def _join(typed: Typed) -> None:
    await _stand_for(typed, Join(typed.id, typed.need("which room").lstrip("#")))


async def _leave(typed: Typed) -> None:
    await _stand_for(typed, Leave(typed.id, typed.words.lstrip("#") or typed.room))


async def _list(typed: Typed) -> None:
    await _stand_for(typed, GetRooms(typed.id, limit=500))


async def _users(typed: Typed) -> None:
    await _stand_for(typed, GetMembers(typed.id, typed.words.lstrip("#") or typed.room, limit=500))


async def _nick(typed: Typed) -> None:
    await _stand_for(typed, SetNick(typed.id, typed.need("which nick")))


async def _me(typed: Typed) -> None:
    await _stand_for(typed, Post(typed.id, typed.room, typed.key, typed.need("what you do"), action=True))


async def _msg(typed: Typed) -> None:
    nick, _, text = typed.need("to whom").partition(" ")
    if not text.strip():
        await _stand_for(typed, Direct(typed.id, nick))
        return
    post = Post(typed.id, "", typed.key, text.strip())
    try:
        check(post)
    except MessageError as error:
        raise Refusal(error.code, str(error)) from None
    room, entered = await requests.open_private(typed.c, nick)
    if entered:
        requests.tell_joined(typed.c, room)
    await _append(typed, msgspec.structs.replace(post, room=room.name))


async def _topic(typed: Typed) -> None:
    if typed.words:
        await _stand_for(typed, SetTopic(typed.id, typed.room, typed.key, typed.words))
        return
    room = membership_in(typed.c, typed.room).room
    text = f"The topic is: {room.topic}" if room.topic else "There is no topic; set one with /topic TEXT."
    typed.c.send(Notice(text, room.name, id=typed.id))


async def _history(typed: Typed) -> None:
    if typed.words and not (typed.words.isascii() and typed.words.isdigit() and len(typed.words) < 10):
        raise Refusal("bad_text", "Say how many entries as a number: /history 20")
    await _stand_for(typed, GetHistory(typed.id, typed.room, limit=int(typed.words or HISTORY_ENTRIES)))


async def _find(typed: Typed) -> None:
    await _stand_for(typed, Search(typed.id, typed.need("which words"), room=typed.room))


async def _search(typed: Typed) -> None:
    typed.need("what to ask")
    room = membership_in(typed.c, typed.room).room.name
    asked = offers.offered(typed.c, room).get(SEARCH)
    if asked is None:
        elsewhere = offers.somewhere(typed.c.hub.people, SEARCH)
        text = NO_BOT.format(room=room) if elsewhere is None else BOT_ELSEWHERE.format(*elsewhere)
        typed.c.send(Notice(text, room, "warning", typed.id))
    else:
        await _ask(typed, asked)


async def _ask(typed: Typed, asked: offers.Offered) -> None:
    """Say a command to the bot whose it is: a message with what stands behind the command's name, if anything does."""
    post = Post(typed.id, typed.room, typed.key, typed.words)
    await _append(typed, post, asked.help.name.removeprefix("/"), asked.bot.author)


async def _stop(typed: Typed) -> None:
    membership = membership_in(typed.c, typed.room)
    room, person = membership.room.name, membership.person
    turns = [
        turn
        for turn in typed.c.server.turns.in_room(room)
        if not typed.words or nick_key(typed.words).key == turn.person.key
    ]
    if not turns:
        bot = f"bot called {typed.words}" if typed.words else "bot"
        typed.c.send(Notice(f"No {bot} is about to say something here.", room, id=typed.id))
        return
    mine = [turn for turn in turns if typed.c.operator or turn.asker in (None, person.author)]
    nicks = ", ".join(turn.person.nick for turn in mine or turns)
    if not mine:
        raise Refusal("forbidden", f"Only who asked {nicks} may stop the answer.")
    for turn in mine:
        typed.c.server.turns.end(turn, "stopped", by=person.nick)
    typed.c.send(Notice(f"Stopped: {nicks}.", room, id=typed.id))


async def _quit(typed: Typed) -> None:
    await _stand_for(typed, Quit(typed.id, typed.words))


_TABLE: Final = {
    entry.name: entry
    for entry in (
        _Entry("/help", "/help [COMMAND]", "show this list, or one command", _help),
        _Entry("/join", "/join ROOM", "go to a room; it is made if it is new", _join),
        _Entry("/leave", "/leave [ROOM]", "leave this room, or another one", _leave),
        _Entry("/list", "/list", "list the rooms", _list),
        _Entry("/users", "/users [ROOM]", "list who is in the room", _users),
        _Entry("/nick", "/nick NICK", "take another name", _nick),
        _Entry("/me", "/me TEXT", "say what you do", _me),
        _Entry("/msg", "/msg NICK [TEXT]", "talk to one person in private", _msg),
        _Entry("/topic", "/topic [TEXT]", "show the room's topic, or set it", _topic),
        _Entry("/history", "/history [N]", "show the last entries", _history),
        _Entry("/find", "/find WORDS", "search what was said here", _find),
        _Entry("/search", "/search QUESTION", "ask the AI; the room sees question and answer", _search),
        _Entry("/ask", "/ask QUESTION", "the same as /search", _search),
        _Entry("/stop", "/stop [NICK]", "stop a bot's answer", _stop),
        _Entry("/quit", "/quit [REASON]", "say bye", _quit),
        _Entry("/exit", "/exit [REASON]", "say bye", _quit),
    )
}


def _unknown(c: "Connection", room: str | None, name: str) -> str:
    shown = "/" + name.lstrip("/")
    names = [command.name for command in listing(c, room)]
    near = get_close_matches(shown.lower(), names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no command {shown}.{hint} /help lists them all; // says a text that starts with a slash."
