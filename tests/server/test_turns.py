"""A bot's turn from the asking to its end, as docs/protocol.md says it."""

from typing import Any

import pytest
import trio

from protocol import (
    Cause,
    Command,
    Direct,
    Done,
    DraftShown,
    Edit,
    EndTurn,
    Error,
    Granted,
    Join,
    Joined,
    Leave,
    Message,
    Notice,
    Post,
    Posted,
    Quit,
    ShowDraft,
    TakeTurn,
    TurnChange,
)
from tests.server.bots import lobby, take
from tests.server.failing import failing_server
from tests.server.peer import Peer, connected
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.governor import Allowance

pytestmark = pytest.mark.autojump


async def refused(peer: Peer, request: Any) -> Error:
    answer = await peer.ask(request)
    assert isinstance(answer, Error), answer
    return answer


async def change(peer: Peer, kind: str) -> TurnChange:
    found = await peer.until(lambda message: isinstance(message, TurnChange) and message.change == kind)
    assert isinstance(found, TurnChange)
    return found


async def test_a_turn_is_asked_for_shown_spoken_in_and_over(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        question = await ann.post("why?")
        (asked,) = await ann.entries(1)
        granted = await take(bot, Cause("entry", seq=question.seq))
        assert (granted.room, granted.hops, granted.within_ms) == ("lobby", 1, 300_000)
        begun = await change(ann, "begun")
        assert (begun.nick, begun.turn, begun.asker) == ("bot", granted.turn, asked.author)
        assert isinstance(await bot.ask(ShowDraft(bot.next_id(), granted.turn, "Bec")), Done)
        shown = await ann.expect(DraftShown)
        assert (shown.text, shown.turn, shown.nick) == ("Bec", granted.turn, "bot")
        await bot.post("Because.", turn=granted.turn, more=True)
        await bot.post("And so on.", turn=granted.turn, tokens=7)
        first, second = await ann.entries(2)
        assert isinstance(first, Message)
        assert (first.text, first.bot, first.hops, first.stopped) == ("Because.", True, 1, False)
        assert second.seq == first.seq + 1
        ended = await change(ann, "ended")
        assert (ended.reason, ended.by) == ("done", None)
        assert (await change(bot, "ended")).turn == granted.turn


async def test_a_bot_says_nothing_outside_of_a_turn(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        assert (await refused(bot, Post(bot.next_id(), "lobby", "k", "hello"))).code == "no_turn"
        question = await ann.post("why?")
        granted = await take(bot, Cause("entry", seq=question.seq))
        await bot.post("because", turn=granted.turn)
        assert (await refused(bot, Post(bot.next_id(), "lobby", "k", "more", turn=granted.turn))).code == "no_turn"
        assert (await refused(bot, ShowDraft(bot.next_id(), granted.turn, "more"))).code == "no_turn"
        assert (await refused(bot, EndTurn(bot.next_id(), granted.turn))).code == "no_turn"


async def test_a_turn_belongs_to_one_connection_and_one_room(server: Server) -> None:
    async with lobby(server, "ann", "bot", "bot2") as (ann, bot, other):
        await bot.join("den")
        question = await ann.post("why?")
        granted = await take(bot, Cause("entry", seq=question.seq))
        assert (await refused(other, ShowDraft(other.next_id(), granted.turn, "mine"))).code == "no_turn"
        assert (await refused(bot, Post(bot.next_id(), "den", "k", "here", turn=granted.turn))).code == "no_turn"


async def test_only_bots_take_turns_and_only_for_what_is_there(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        assert (await refused(ann, TakeTurn(ann.next_id(), "lobby", Cause("timer")))).code == "forbidden"
        assert (await refused(bot, TakeTurn(bot.next_id(), "lobby", Cause("entry", seq=9)))).code == "no_such_entry"
        assert (await refused(bot, TakeTurn(bot.next_id(), "den", Cause("timer")))).code == "not_a_member"


async def test_a_bot_has_one_turn_at_a_time_in_a_room(server: Server) -> None:
    async with lobby(server, "bot") as (bot,):
        await take(bot, Cause("timer"))
        again = await refused(bot, TakeTurn(bot.next_id(), "lobby", Cause("timer")))
        assert (again.code, again.retry_after_ms) == ("no_turn", None)
        await bot.join("den")
        await take(bot, Cause("timer"), "den")


async def test_stop_ends_the_turn_and_keeps_what_was_said_so_far(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        question = await ann.post("why?")
        granted = await take(bot, Cause("entry", seq=question.seq))
        await bot.ask(ShowDraft(bot.next_id(), granted.turn, "Well, it is"))
        stopped = await ann.ask(Command(ann.next_id(), "/stop", "lobby"))
        assert isinstance(stopped, Notice)
        assert stopped.text == "Stopped: bot."
        ended = await change(bot, "ended")
        assert (ended.reason, ended.by) == ("stopped", "ann")
        _, said = await ann.entries(2)
        assert isinstance(said, Message)
        assert (said.nick, said.text, said.stopped, said.hops) == ("bot", "Well, it is", True, 1)
        assert said.reply_to == question.seq
        assert (await refused(bot, Post(bot.next_id(), "lobby", "k", "late", turn=granted.turn))).code == "no_turn"


async def test_who_did_not_ask_may_not_stop_and_what_nobody_asked_for_anybody_may(server: Server) -> None:
    async with lobby(server, "ann", "bob", "bot") as (ann, bob, bot):
        question = await ann.post("why?")
        granted = await take(bot, Cause("entry", seq=question.seq))
        assert (await refused(bob, Command(bob.next_id(), "/stop", "lobby"))).code == "forbidden"
        await bot.ask(EndTurn(bot.next_id(), granted.turn))
        await take(bot, Cause("timer"))
        nobody = await bob.ask(Command(bob.next_id(), "/stop ann", "lobby"))
        assert isinstance(nobody, Notice)
        assert nobody.text == "No bot called ann is about to say something here."
        stopped = await bob.ask(Command(bob.next_id(), "/stop BOT", "lobby"))
        assert isinstance(stopped, Notice)
        assert stopped.text == "Stopped: bot."


async def test_a_turn_ends_when_its_time_is_over() -> None:
    config = ServerConfig(port=0, store="memory:", bots=Allowance(turn_s=20))
    async with open_server(config) as server, lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        await bot.ask(ShowDraft(bot.next_id(), granted.turn, "thinking"))
        assert (await change(ann, "ended")).reason == "deadline"
        (said,) = await ann.entries(1)
        assert isinstance(said, Message)
        assert (said.text, said.stopped) == ("thinking", True)


@pytest.mark.parametrize("goes", ["leave", "bye", "cut"])
async def test_a_turn_ends_with_the_bot_that_goes(server: Server, goes: str) -> None:
    async with lobby(server, "ann") as (ann,):
        async with connected(server, "bot", bot=True) as bot:
            await bot.join()
            granted = await take(bot, Cause("timer"))
            await bot.ask(ShowDraft(bot.next_id(), granted.turn, "so far"))
            if goes == "leave":
                await bot.ask(Leave(bot.next_id(), "lobby"))
            elif goes == "bye":
                await bot.send(Quit(bot.next_id()))
        ended = await change(ann, "ended")
        assert ended.reason == "gone"
        (said,) = await ann.entries(1)
        assert isinstance(said, Message)
        assert (said.text, said.stopped) == ("so far", True)


async def test_a_turn_ends_when_its_asker_leaves_and_goes_on_when_the_connection_is_lost(server: Server) -> None:
    async with lobby(server, "bot") as (bot,):
        async with connected(server, "ann") as ann:
            await ann.join()
            question = await ann.post("why?")
            await take(bot, Cause("entry", seq=question.seq))
            await ann.ask(Leave(ann.next_id(), "lobby"))
            assert (await change(bot, "ended")).reason == "asker left"
            await ann.join()
            granted = await take(bot, Cause("entry", seq=question.seq))
        await bot.post("because", turn=granted.turn)


async def test_a_turn_that_an_old_connection_of_the_bot_still_has_makes_way(server: Server) -> None:
    session = "b" * 32
    async with lobby(server, "ann") as (ann,), connected(server, "bot", session=session, bot=True) as old:
        await old.join()
        question = await ann.post("why?")
        lost = await take(old, Cause("entry", seq=question.seq))
        async with connected(server, "bot", session=session, bot=True) as new:
            await new.join()
            granted = await take(new, Cause("entry", seq=question.seq))
            ended = await change(ann, "ended")
            assert (ended.turn, ended.reason) == (lost.turn, "moved")
            assert isinstance(await refused(old, ShowDraft(old.next_id(), lost.turn, "x")), Error)
            await new.post("because", turn=granted.turn)


async def test_a_number_of_lines_is_nobodys_wish(server: Server) -> None:
    async with lobby(server, "ann", "bob", "bot") as (ann, bob, bot):
        said = await ann.post("well")
        granted = await take(bot, Cause("lines", seq=said.seq))
        assert granted.hops == 1
        stopped = await bob.ask(Command(bob.next_id(), "/stop", "lobby"))
        assert isinstance(stopped, Notice)
        assert stopped.text == "Stopped: bot."


async def test_who_has_come_is_greeted_once_by_each_bot_and_nobody_else_is() -> None:
    config = ServerConfig(port=0, store="memory:", ping_s=1e6)
    async with open_server(config) as server, lobby(server, "bot", "bot2") as (bot, other):
        for author in (None, "nobody", bot.author, other.author):
            no = await refused(bot, TakeTurn(bot.next_id(), "lobby", Cause("arrival", author=author)))
            assert no.code == "no_turn"
        for times in (1, 2):
            async with connected(server, "ann") as ann:
                await ann.join()
                arrival = Cause("arrival", author=ann.author)
                granted = await take(bot, arrival)
                await bot.post(f"welcome {times}", turn=granted.turn)
                assert (await refused(bot, TakeTurn(bot.next_id(), "lobby", arrival))).code == "no_turn"
                await trio.sleep(301)
                assert (await refused(bot, TakeTurn(bot.next_id(), "lobby", arrival))).code == "no_turn"


async def test_a_timer_counts_on_from_the_last_message_however_far_back_it_is() -> None:
    async with open_server(ServerConfig(port=0, store="memory:", rate_limit=None)) as server:
        async with lobby(server, "ann", "bot") as (ann, bot):
            said = await ann.post("talk")
            for _ in range(3):
                granted = await take(bot, Cause("entry", seq=said.seq))
                said = await bot.post("and", turn=granted.turn)
            for number in range(120):
                await bot.ask(Edit(bot.next_id(), "lobby", f"edit-{number}", said.seq, f"and {number}"))
        async with lobby(server, "bob", "bot") as (_, bot):  # the room was let go of meanwhile
            for _ in range(2):
                assert (await refused(bot, TakeTurn(bot.next_id(), "lobby", Cause("timer")))).code == "no_turn"


async def test_the_room_is_told_once_that_bots_keep_silent_until_somebody_speaks(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        for _ in range(2):
            await ann.post("well")
            for _ in range(6):
                answer = await bot.ask(TakeTurn(bot.next_id(), "lobby", Cause("timer")))
                if isinstance(answer, Granted):
                    await bot.post("tick", turn=answer.turn)
        await ann.post("the end")
        await ann.until(lambda message: isinstance(message, Message) and message.text == "the end")
        told = [message.text for message in ann.seen if isinstance(message, Notice)]
        why = "Bots have had 3 turns since anybody else spoke; they go on once somebody speaks."
        assert told == [f"bot keeps silent: {why}"] * 2


@pytest.mark.parametrize("end", ["stop", "end", "post"])
async def test_tokens_are_counted_however_a_turn_ends(end: str) -> None:
    config = ServerConfig(port=0, store="memory:", bots=Allowance(tokens=100))
    async with open_server(config) as server, lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        if end == "post":
            await bot.post("x", turn=granted.turn, tokens=100)
        else:
            if end == "stop":
                await ann.ask(Command(ann.next_id(), "/stop", "lobby"))
            assert isinstance(await bot.ask(EndTurn(bot.next_id(), granted.turn, 100)), Done)
        assert (await refused(bot, EndTurn(bot.next_id(), granted.turn, 100))).code == "no_turn"
        await ann.post("and?")
        no = await refused(bot, TakeTurn(bot.next_id(), "lobby", Cause("timer")))
        assert "used up their tokens" in no.message


async def test_a_turn_that_is_stopped_while_it_posts_ends_behind_the_post() -> None:
    async with failing_server() as (server, store), lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        await bot.ask(ShowDraft(bot.next_id(), granted.turn, "sa"))
        store.append_s = 5
        post = Post(bot.next_id(), "lobby", "k", "said", turn=granted.turn, more=True)
        await bot.send(post)
        await trio.sleep(1)
        await ann.ask(Command(ann.next_id(), "/stop", "lobby"))
        assert isinstance(await bot.answer(post.id), Posted)
        assert (await change(ann, "ended")).reason == "stopped"
        said = [message for message in ann.seen if isinstance(message, Message)]
        assert [(message.text, message.stopped) for message in said] == [("said", False)]
        assert (await refused(bot, Post(bot.next_id(), "lobby", "k2", "late", turn=granted.turn))).code == "no_turn"


@pytest.mark.parametrize("more", [False, True])
async def test_a_post_that_the_store_could_not_keep_leaves_the_turn_open(more: bool) -> None:
    async with failing_server() as (server, store), lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        store.failing = True
        no = await refused(bot, Post(bot.next_id(), "lobby", "k", "said", turn=granted.turn, more=more))
        assert no.code == "unavailable"
        store.failing = False
        await bot.post("said", key="k", turn=granted.turn, more=more)
        if more:
            await bot.ask(EndTurn(bot.next_id(), granted.turn))
        assert (await change(ann, "ended")).reason == "done"


async def test_hops_are_counted_along_causes(server: Server) -> None:
    async with lobby(server, "ann", "bot1", "bot2") as (ann, one, two):
        said = await ann.post("talk")
        for hops in (1, 2, 3):
            bot = (one, two)[hops % 2]
            granted = await take(bot, Cause("entry", seq=said.seq))
            assert granted.hops == hops
            said = await bot.post(f"hop {hops}", turn=granted.turn)
        for cause in (Cause("entry", seq=said.seq), Cause("timer")):
            no = await refused(one, TakeTurn(one.next_id(), "lobby", cause))
            assert (no.code, no.retry_after_ms) == ("no_turn", None)
        await ann.post("and now?")
        assert (await take(one, Cause("timer"))).hops == 1


async def test_ten_hops_make_a_conversation_of_ten() -> None:
    config = ServerConfig(port=0, store="memory:", bots=Allowance(hops=10))
    async with open_server(config) as server, lobby(server, "ann", "bot1", "bot2") as (ann, one, two):
        said = await ann.post("talk")
        count = 0
        for bot in (one, two) * 10:
            answer = await bot.ask(TakeTurn(bot.next_id(), "lobby", Cause("entry", seq=said.seq)))
            if isinstance(answer, Error):
                break
            assert isinstance(answer, Granted)
            said = await bot.post("and", turn=answer.turn)
            count += 1
        assert count == 10


async def test_the_asker_of_a_turn_that_is_refused_is_told_why() -> None:
    config = ServerConfig(port=0, store="memory:", bots=Allowance(room_turns=1))
    async with open_server(config) as server, lobby(server, "ann", "bob", "bot") as (ann, bob, bot):
        for _ in range(3):
            question = await ann.post("why?")
            answer = await bot.ask(TakeTurn(bot.next_id(), "lobby", Cause("entry", seq=question.seq)))
            if isinstance(answer, Granted):
                await bot.post("because", turn=answer.turn)
        assert isinstance(answer, Error)
        assert answer.retry_after_ms == 60_001
        notice = await ann.expect(Notice)
        assert notice.text == "bot does not answer: Bots speak 1 times a minute at most for this room."
        await ann.post("what?")
        await bob.entries(5)
        await ann.post("nothing?")
        assert [message for message in ann.seen if isinstance(message, Notice)] == [notice]
        assert not any(isinstance(message, Notice) for message in bob.seen)


async def test_a_slow_reader_gets_the_newest_draft_and_not_all(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        for number in range(400):  # as many characters as no outbox and no buffer takes
            await bot.ask(ShowDraft(bot.next_id(), granted.turn, f"{number:04}" * 1_000))
            await trio.sleep(0.1)
        shown = [(await ann.expect(DraftShown)).text[:4]]
        while shown[-1] != "0399":
            shown.append((await ann.expect(DraftShown)).text[:4])
        assert shown == sorted(shown)
        assert len(shown) < 400
        posted = await bot.ask(Post(bot.next_id(), "lobby", "k", "done", turn=granted.turn))
        assert isinstance(posted, Posted)
        await change(ann, "ended")


async def test_the_newest_draft_is_shown_however_fast_they_come(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        for number in range(50):
            await bot.ask(ShowDraft(bot.next_id(), granted.turn, f"draft {number}", f"doing {number}"))
        await trio.sleep(2)
        await bot.ask(EndTurn(bot.next_id(), granted.turn))
        await change(ann, "ended")
        shown = [message for message in ann.seen if isinstance(message, DraftShown)]
        assert (shown[-1].text, shown[-1].doing) == ("draft 49", "doing 49")
        assert len(shown) < 50


async def test_a_draft_that_a_slow_reader_has_not_got_is_not_shown_after_what_it_became(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        for number in range(100):  # as many characters as no outbox and no buffer takes
            await bot.ask(ShowDraft(bot.next_id(), granted.turn, f"{number:04}" * 1_000))
            await trio.sleep(0.1)
        await bot.post("said", turn=granted.turn, more=True)
        await ann.entries(1)
        await bot.ask(ShowDraft(bot.next_id(), granted.turn, "and more"))
        assert (await ann.expect(DraftShown)).text == "and more"


async def test_a_draft_that_a_slow_reader_has_not_got_is_not_shown_to_them_once_they_have_left(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        for number in range(100):  # as many characters as no outbox and no buffer takes
            await bot.ask(ShowDraft(bot.next_id(), granted.turn, f"{number:04}" * 1_000))
            await trio.sleep(0.1)
        await ann.send(Leave(ann.next_id(), "lobby"))
        await trio.sleep(0.1)
        await bot.ask(EndTurn(bot.next_id(), granted.turn))
        again = ann.next_id()
        await ann.send(Join(again, "lobby"))
        await ann.until(lambda message: isinstance(message, Joined) and message.id == again)
        await ann.ask(Post(ann.next_id(), "lobby", "k", "is anybody writing?"))
        told = ann.seen[next(at for at, m in enumerate(ann.seen) if isinstance(m, Joined) and m.id == again) :]
        assert not any(isinstance(message, DraftShown) for message in told)


async def test_a_bot_that_joins_anew_keeps_its_turn_and_it_ends_when_the_bot_leaves(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        await bot.join()
        await bot.ask(ShowDraft(bot.next_id(), granted.turn, "still here"))
        assert (await ann.expect(DraftShown)).text == "still here"
        await bot.ask(Leave(bot.next_id(), "lobby"))
        assert (await change(ann, "ended")).reason == "gone"
        assert not any(isinstance(message, DraftShown) for message in bot.seen)


async def begin_to_write(bot: Peer, room: str = "lobby") -> Granted:
    granted = await take(bot, Cause("timer"), room)
    await bot.ask(ShowDraft(bot.next_id(), granted.turn, "Once upon", "thinking"))
    return granted


async def is_shown(peer: Peer, granted: Granted) -> None:
    begun = await change(peer, "begun")
    assert (begun.room, begun.turn, begun.nick) == (granted.room, granted.turn, "bot")
    shown = await peer.expect(DraftShown)
    assert (shown.turn, shown.text, shown.doing) == (granted.turn, "Once upon", "thinking")


async def test_who_comes_in_the_midst_of_a_turn_is_shown_it(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot), connected(server, "carl") as carl:
        granted = await begin_to_write(bot)
        await is_shown(ann, granted)
        for peer in (carl, ann):  # who joins anew has forgotten
            await peer.join()
            await is_shown(peer, granted)
        await bot.post("Once upon a time.", turn=granted.turn)
        assert (await change(carl, "ended")).turn == granted.turn
        await carl.join()
        await carl.until_live()
        assert [m.change for m in carl.seen if isinstance(m, TurnChange)] == ["begun", "ended"]


async def test_who_opens_a_private_room_in_the_midst_of_a_turn_is_shown_it(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        private = await ann.ask(Direct(ann.next_id(), "bot"))
        assert isinstance(private, Joined)
        granted = await begin_to_write(bot, private.room)
        async with connected(server, "ann") as tab:
            await tab.ask(Command(tab.next_id(), "/msg bot hello", key="k"))
            await is_shown(tab, granted)


async def test_what_comes_after_the_last_post_of_a_turn_in_one_piece_is_outside_of_it(server: Server) -> None:
    async with lobby(server, "ann", "bot") as (ann, bot):
        granted = await take(bot, Cause("timer"))
        posts = [
            Post(bot.next_id(), "lobby", f"k{number}", f"part {number}", turn=granted.turn, more=number < 2)
            for number in range(4)
        ]
        await bot.send(*posts)
        answers = [await bot.answer(post.id) for post in posts]
        assert [type(answer) for answer in answers] == [Posted, Posted, Posted, Error]
        assert len(await ann.entries(3)) == 3
