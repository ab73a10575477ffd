"""Whatever a bot and the people do, each of its turns ends, and once."""

from typing import Any

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from protocol import Cause, Command, EndTurn, Granted, Leave, Message, Post, Quit, ShowDraft, TakeTurn, TurnChange
from tests.server.bots import lobby
from trio_chat.server import ServerConfig, open_server
from trio_chat.server.governor import Allowance

LENIENT = Allowance(hops=9, turn_s=30, room_turns=None)
STEPS = st.lists(
    st.sampled_from(["take", "show", "post", "post more", "end", "stop", "wait", "leave", "join", "answer"]),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_a_turn_ends_exactly_once(steps: list[str]) -> None:
    trio.run(live_through, steps, clock=trio.testing.MockClock(autojump_threshold=0))


async def live_through(steps: list[str]) -> None:
    config = ServerConfig(port=0, store="memory:", rate_limit=None, ping_s=1e6, bots=LENIENT)
    async with open_server(config) as server, lobby(server, "ann", "bot") as (ann, bot):
        turn = 1
        for number, step in enumerate(steps):
            seq = server.hub.rooms["lobby"].head
            request: Any = {
                "take": TakeTurn(bot.next_id(), "lobby", Cause("timer")),
                "answer": TakeTurn(bot.next_id(), "lobby", Cause("entry", seq=seq)),
                "show": ShowDraft(bot.next_id(), turn, f"draft {number}"),
                "post": Post(bot.next_id(), "lobby", f"k{number}", f"said {number}", turn=turn),
                "post more": Post(bot.next_id(), "lobby", f"k{number}", f"said {number}", turn=turn, more=True),
                "end": EndTurn(bot.next_id(), turn),
                "leave": Leave(bot.next_id(), "lobby"),
            }.get(step)
            if request is not None:
                answer = await bot.ask(request)
                turn = answer.turn if isinstance(answer, Granted) else turn
            elif step == "join":
                await bot.join()
            elif step == "stop":
                await ann.ask(Command(ann.next_id(), "/stop", "lobby"))
            else:
                await trio.sleep(40)
        await bot.send(Quit(bot.next_id()))
        await bot.end()
        await ann.post("the end")
        await ann.until(lambda message: isinstance(message, Message) and message.text == "the end")
        changes = [(change.turn, change.change) for change in ann.seen if isinstance(change, TurnChange)]
        for number in {turn for turn, _ in changes}:
            assert [kind for turn, kind in changes if turn == number] == ["begun", "ended"]
        said = [entry.text for entry in ann.seen if isinstance(entry, Message)]
        assert len(said) == len(set(said))
