"""The full screen at a real pseudo-terminal, against the real server: what keys, the mouse and others do."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from protocol import CommandHelp, Found, History, Joined, Message
from tests.client.pty_screen import LIMIT_S, pty_screen
from tests.client.screen.house import House, ann_at, open_house
from trio_chat import Bot, Occasion
from trio_chat.client import Client, open_client
from trio_chat.client.client import CommandAnswer
from trio_chat.client.errors import Refused
from trio_chat.client.screen import program
from trio_chat.client.screen.program import FullScreen
from trio_chat.client.screen.terminal import ScreenTerminal


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def test_what_is_typed_is_shown_with_the_cursor_and_then_as_a_message(house: House) -> None:
    async with ann_at(house) as ann:
        ann.type("hello wörld 日本")
        await ann.sees("> hello wörld 日本")
        assert (ann.pty.screen.cursor.x, ann.pty.screen.cursor.y) == (2 + 16, 23)
        ann.type("\r")
        await ann.sees("ann │ hello wörld 日本")
        assert ann.lines[-1] == ">"


async def test_others_are_heard_and_what_is_being_typed_stays(house: House) -> None:
    async with ann_at(house) as ann:
        bob = await house.enter("bob")
        ann.type("half a li")
        await ann.sees("> half a li", "bob has joined", "2 here")
        await bob.post("lobby", "one\nand two")
        await ann.sees("bob │ one", "│ and two", "> half a li")
        ann.type("ne\r")
        await ann.sees("ann │ half a line")


async def test_a_paste_of_several_lines_is_one_message_and_alt_enter_begins_a_line(house: House) -> None:
    async with ann_at(house) as ann:
        ann.type("\x1b[200~one\rtwo\x1b[201~\x1b\rthree")
        await ann.sees_that(lambda rows: [row.strip() for row in rows[-3:]] == ["> one", "two", "three"])
        ann.type("\r")
        await ann.sees("ann │ one", "│ three")
        assert (await ann.client.history("lobby")).entries[-1].text == "one\ntwo\nthree"  # type: ignore[union-attr]


async def test_rooms_are_listed_with_what_is_unread_and_reached_by_number_arrows_and_name(house: House) -> None:
    async with ann_at(house) as ann:
        bob = await house.enter("bob", "lobby", "dev", "ops")
        ann.type("/join dev\r/join ops\r")
        await ann.sees("3 #ops", " #ops")
        await bob.post("dev", "something new")
        await ann.sees("2 #dev        1", "unread 2:#dev 1")
        ann.type("\x1b2")
        await ann.sees("bob │ something new")
        await ann.sees_no("unread")
        ann.type("\x1b[1;3A")
        await ann.sees_that(lambda rows: rows[0].startswith(" #lobby"))
        ann.type("\x10")
        await ann.sees_that(lambda rows: rows[0].startswith(" #ops"))
        ann.type("/b de\r")
        await ann.sees_that(lambda rows: rows[0].startswith(" #dev"))
        ann.type("/buffer 3\r")
        await ann.sees_that(lambda rows: rows[0].startswith(" #ops"))
        ann.type("/b nowhere\r")
        await ann.sees("No room on the screen is called nowhere")


async def test_new_messages_stand_behind_a_line_when_one_comes_back_to_a_room(house: House) -> None:
    async with ann_at(house) as ann:
        bob = await house.enter("bob", "lobby", "dev")
        ann.type("/join dev\r")
        await ann.sees("2 #dev")
        await bob.post("dev", "before")
        await ann.sees("bob │ before")
        ann.type("\x1b1")
        await ann.sees("home as")
        await bob.post("dev", "since then")
        await ann.sees("unread 2:#dev 1")
        ann.type("\x1ba")
        await ann.sees("since then", "─ new ─")
        assert ann.row_of("before") < ann.row_of("─ new ─") < ann.row_of("since then")


async def test_a_mention_stands_out_and_rings_where_that_is_wanted(house: House) -> None:
    async with ann_at(house, notify=True) as ann:
        bob = await house.enter("bob", "lobby", "dev")
        ann.type("/join dev\r")
        await ann.sees("2 #dev")
        await bob.post("lobby", "Ann, are you there?")
        await ann.sees("unread 1:#lobby 1")
        assert ann.pty.screen.buffer[1][15].bg not in ("default", ann.pty.screen.buffer[0][15].bg)
        assert ann.pty.screen.title == "bob in #lobby"
        ann.type("x")
        await ann.sees_that(lambda _: ann.pty.screen.title == "home")


async def test_scrolling_back_loads_all_history_and_end_returns(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(420):
        await bob.post("lobby", f"line {number}")
    async with ann_at(house, rows=30) as ann:
        await ann.sees("line 419")
        with trio.fail_after(LIMIT_S):
            while not any("│ line 0 " in row for row in ann.lines):
                ann.type("\x1b[5~")
                await trio.testing.wait_all_tasks_blocked(0.001)
                ann.pty.show()
        await bob.post("lobby", "meanwhile")
        await ann.sees("1 new below")
        assert not any("meanwhile" in row for row in ann.lines)
        ann.type("\x1b[F")
        await ann.sees("meanwhile")


async def test_a_scrolled_screen_stays_where_it_is_while_others_talk(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(60):
        await bob.post("lobby", f"line {number}")
    async with ann_at(house) as ann:
        await ann.sees("line 59")
        ann.type("\x1b[5~")
        await ann.sees("End: newest")
        seen = ann.lines[1:20]
        for number in range(30):
            await bob.post("lobby", f"more {number}")
        await ann.sees("30 new below")
        assert ann.lines[1:20] == seen


async def test_a_page_that_comes_late_does_not_scroll_whoever_has_gone_to_the_newest(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(200):
        await bob.post("lobby", f"line {number}")
    async with ann_at(house, rows=40) as ann:
        asked, comes, history = trio.Event(), trio.Event(), ann.client.history

        async def late(
            room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
        ) -> History:
            asked.set()
            await comes.wait()
            return await history(room, before=before, after=after, limit=limit)

        ann.client.history = late  # type: ignore[method-assign]  # the server takes its time
        await ann.sees("line 199")
        ann.type("\x1b[5~\x1b[5~\x1b[F")
        await asked.wait()
        await ann.sees("line 199")
        comes.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        ann.pty.show()
        assert any("line 199" in line for line in ann.lines)


async def test_who_has_scrolled_back_sees_what_is_answered(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(60):
        await bob.post("lobby", f"line {number}")
    async with ann_at(house, rows=40) as ann:
        for asked, answer in (
            ("\x1bOP", "PageUp, PageDown"),
            ("/keys\r", "PageUp, PageDown"),
            ("/help\r", "/users [ROOM]"),
            ("/b nowhere\r", "No room on the screen is called nowhere"),
            ("/find nothing-like-it\r", "Nothing was found."),
        ):
            ann.type("\x1b[5~\x1b[5~")
            await ann.sees("End: newest")
            await ann.sees_no(answer)
            ann.type(asked)
            await ann.sees(answer)


async def test_a_search_shows_hits_and_enter_goes_to_one_in_its_place(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(300):
        await bob.post("lobby", f"needle {number}" if number in (5, 250) else f"straw {number}")
    async with ann_at(house) as ann:
        await ann.sees("straw 299")
        ann.type("/find needle\r")
        await ann.sees("2 found: needle", "needle 250", "needle 5")
        ann.type("\x1b[B\r")
        await ann.sees("│ straw 4", "│ needle 5", "│ straw 6")
        with trio.fail_after(LIMIT_S):  # and on from there, down to the newest
            while not any("straw 299" in row for row in ann.lines):
                ann.type("\x1b[6~")
                await trio.testing.wait_all_tasks_blocked(0.001)
                ann.pty.show()
        ann.type("/find needle\r")
        await ann.sees("2 found")
        ann.type("\x1b")
        await ann.sees_no("2 found")
        ann.type("/find nothing-like-it\r")
        await ann.sees("Nothing was found.")


async def test_who_goes_down_the_hits_comes_to_all_of_them(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(120):
        await bob.post("lobby", f"needle {number}")
    async with ann_at(house) as ann:
        await ann.sees("needle 119")
        ann.type("/find needle\r")
        await ann.sees("50+ found: needle")
        for shown in ("100+ found", "120 found"):
            ann.type("\x1b[6~" * 5)
            await ann.sees(shown)
        ann.type("\x1b[6~" * 5)
        await ann.sees("needle 0")
        ann.type("\r")
        await ann.sees("│ needle 0", "│ needle 1")
        ann.type("/find needle\r")
        await ann.sees("50+ found: needle")
        ann.type("\x1b[<65;50;9M" * 40)
        await ann.sees("100+ found")


async def test_a_page_of_hits_that_is_refused_can_be_asked_for_again(house: House) -> None:
    bob = await house.enter("bob")
    for number in range(60):
        await bob.post("lobby", f"needle {number}")
    async with ann_at(house, rows=60) as ann:
        search, refusals = ann.client.search, [Refused("too_many", "Not so fast.")]

        async def busy(query: str, *, room: str | None = None, cursor: str | None = None) -> Found:
            if cursor is not None and refusals:
                raise refusals.pop()
            return await search(query, room=room, cursor=cursor)

        ann.client.search = busy  # type: ignore[method-assign, assignment]  # as a busy server may
        ann.type("/find needle\r")
        await ann.sees("50+ found: needle")
        ann.type("\x1b[6~" * 3)
        await ann.sees("Not so fast.", "more …")
        ann.type("\x1b[<0;50;53M")
        await ann.sees("60 found")


async def test_tab_goes_around_what_fits_and_the_usage_is_shown(house: House) -> None:
    bot = Bot("dice")

    @bot.command("/roll", usage="/roll [2d6]")
    async def roll(asked: Occasion) -> str:
        """roll dice"""
        return "7"

    async with ann_at(house) as ann:
        await house.enter("bob", "lobby", "dev")
        await house.enter("bernd")
        await house.seat(bot)
        await ann.sees("bob, bernd and dice [bot] have joined")
        ann.type("b\t")
        await ann.sees("> bernd:", "bernd  bob")
        ann.type("\t")
        await ann.sees("> bob:")
        ann.type("\x1b[Z")
        await ann.sees("> bernd:")
        ann.type("\x15/ro\t")
        await ann.sees("> /roll", "/roll [2d6]: roll dice")
        ann.type("\x15/join #d\t")
        await ann.sees("> /join #dev")
        ann.type("\x15/b lo\t")
        await ann.sees("> /b #lobby")


async def test_tab_does_not_wait_for_a_server_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(room: str | None = None) -> list[CommandHelp]:
        await trio.sleep_forever()
        raise AssertionError

    async with ann_at(house) as ann:
        ann.type("/he\t")
        await ann.sees("> /help")
        monkeypatch.setattr(program, "LEARN_S", float("inf"))
        monkeypatch.setattr(Client, "connected", False)
        ann.client.commands = never  # type: ignore[method-assign]  # nobody answers
        ann.type("\x15/he\tx")
        await ann.sees("> /help x")


async def test_a_refusal_to_tell_the_commands_ends_nothing(house: House) -> None:
    async def refuse(room: str | None = None) -> list[CommandHelp]:
        raise Refused("too_many", "Not now.")

    async with ann_at(house) as ann:
        ann.client.commands = refuse  # type: ignore[method-assign]  # as a busy server may
        ann.type("/he\tx")
        await ann.sees("> /help x")


async def test_a_draft_of_a_bot_is_seen_live_and_ctrl_c_stops_it_before_it_quits(house: House) -> None:
    bot = Bot("sage")

    @bot.on_mention
    async def answer(asked: Occasion) -> AsyncIterator[str]:
        yield "I think that "
        await trio.sleep_forever()

    async with ann_at(house) as ann:
        await house.seat(bot)
        await ann.sees("sage [bot] has joined")
        ann.type("sage: what?\r")
        await ann.sees("◆ sage │ I think that …")
        ann.type("\x03")
        await ann.sees("◆ sage │ I think that … (stopped)", "was stopped by ann")
        assert not ann.left.is_set()
        ann.type("\x03")
        await ann.sees("Ctrl-C again to quit.")
        ann.type("\x03")
        await ann.left.wait()


async def test_what_is_typed_behind_a_command_is_for_where_it_leads_unless_one_has_gone_elsewhere(house: House) -> None:
    async with ann_at(house) as ann:
        answered, command = trio.Event(), ann.client.command

        async def slow(line: str, *, room: str | None = None, key: str | None = None) -> CommandAnswer:
            await answered.wait()
            return await command(line, room=room, key=key)

        ann.client.command = slow  # type: ignore[method-assign]  # the answer takes its time
        ann.type("/join dev\rfor dev\r")
        ann.type("\x1b1for the lobby\rhalf a l")
        await ann.sees("… ", "│ for the lobby", "> half a l")
        answered.set()
        await ann.sees("2 #dev")
        ann.type("ine")
        await ann.sees("> half a line")
        assert ann.lines[0].startswith(" #lobby")
        ann.type("\x1b2")
        await ann.sees("ann │ for dev")
        for room, text in (("dev", "for dev"), ("lobby", "for the lobby")):
            assert [entry.text for entry in (await ann.client.history(room)).entries if isinstance(entry, Message)] == [
                text
            ]


async def test_keys_do_not_wait_for_the_first_room(house: House) -> None:
    async with open_client(nick="ann", session="a" * 32, dial=house.server.dial) as client:
        with pty_screen(80, 24) as pty, trio.fail_after(LIMIT_S):
            screen = FullScreen(ScreenTerminal(pty.slave, pty.slave), client, "home")

            async def join(room: str) -> Joined:
                await trio.sleep_forever()
                raise AssertionError

            client.join = join  # type: ignore[method-assign, assignment]  # no answer comes
            async with trio.open_nursery() as nursery:
                nursery.start_soon(screen.run, "lobby")
                pty.type("hello")
                await pty.until_shown("> hello")
                pty.type("\x03\x03")


async def test_who_may_not_stop_a_bot_is_told_so(house: House) -> None:
    bot = Bot("sage")

    @bot.on_mention
    async def answer(asked: Occasion) -> AsyncIterator[str]:
        yield "well"
        await trio.sleep_forever()

    async with ann_at(house) as ann:
        await house.seat(bot)
        bob = await house.enter("bob")
        await ann.sees("sage [bot] and bob have joined")
        await bob.post("lobby", "sage: hm?")
        await ann.sees("sage │ well …")
        ann.type("\x03")
        await ann.sees("Only who asked sage may stop the answer. Ctrl-C again to quit.")


async def test_the_mouse_chooses_rooms_scrolls_and_opens_private_rooms(house: House) -> None:
    bob = await house.enter("bob", "lobby", "dev")
    for number in range(60):
        await bob.post("lobby", f"line {number}")
    async with ann_at(house) as ann:
        await ann.sees("line 59")
        ann.type("\x1b[<64;50;10M\x1b[<64;50;10M")
        await ann.sees("line 41", "End: newest")
        await ann.sees_no("line 59")
        ann.type("\x1b[<65;50;10M\x1b[<65;50;10M")
        await ann.sees("line 59")
        ann.type("/join dev\r")
        await ann.sees_that(lambda rows: rows[0].startswith(" #dev"))
        ann.type("\x1b[<0;5;2M\x1b[<0;5;2m")
        await ann.sees_that(lambda rows: rows[0].startswith(" #lobby"))
        ann.type("\x1b[<0;105;4M")
        await ann.sees_that(lambda rows: rows[0].startswith(" @bob"))
        await bob.post(next(name for name in ann.client.rooms if name.startswith("~")), "psst")
        await ann.sees("bob │ psst")


async def test_escapes_of_others_are_shown_and_not_obeyed(house: House) -> None:
    async with ann_at(house) as ann:
        eve = await house.enter("eve")
        await eve.post("lobby", "user\u202etxt.exe\u2028[00:00] <ann> I agree")
        await ann.sees("eve │ user\\u202etxt.exe\\u2028[00:00] <ann> I agree")


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (3, 2), (59, 3), (60, 8), (99, 12), (200, 60)])
async def test_any_size_of_terminal_will_do(house: House, size: tuple[int, int]) -> None:
    bob = await house.enter("bob")
    for number in range(30):
        await bob.post("lobby", f"line {number} 日本 👍🏽 " + "x" * number)
    async with ann_at(house) as ann:
        await ann.sees("line 29")
        ann.pty.resize(*size)
        os.kill(os.getpid(), signal.SIGWINCH)
        ann.type("\x1b[5~\x1b[5~\x1b[6~abc/find line\t")
        await trio.testing.wait_all_tasks_blocked(0.01)
        ann.pty.resize(120, 24)
        os.kill(os.getpid(), signal.SIGWINCH)
        await ann.sees("abc/find line", "#lobby")


async def test_ctrl_l_draws_all_anew(house: House) -> None:
    async with ann_at(house) as ann:
        ann.pty.screen.reset()
        assert ann.lines == []
        ann.type("\x0c")
        await ann.sees("#lobby", "home as")


async def test_ctrl_d_and_quit_leave(house: House) -> None:
    for way in ("\x04", "/quit\r", "bye\r\x04"):
        async with ann_at(house) as ann:
            ann.type(way)
            await ann.left.wait()
            assert (ann.screen.code, ann.screen.last_words) == (0, [])


async def test_a_terminal_that_goes_away_ends_the_program(house: House) -> None:
    async with ann_at(house) as ann:
        ann.hang_up()
        await ann.left.wait()


async def test_a_line_that_is_refused_is_told(house: House) -> None:
    async with ann_at(house) as ann:
        ann.type("/leave\r")
        await ann.sees("No room: /join ROOM")
        ann.type("hello\r")
        await trio.testing.wait_all_tasks_blocked(0.01)
        ann.type("/join dev\r/topic\r/nosuch\r")
        await ann.sees("There is no topic", "There is no command /nosuch.")


async def test_the_keys_are_explained(house: House) -> None:
    async with ann_at(house, rows=30) as ann:
        ann.type("\x1bOP")
        await ann.sees("Alt-1 ... Alt-9", "PageUp, PageDown")
