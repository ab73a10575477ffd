"""What is written is lines for people, or JSON objects for programs."""

import datetime
import json

import pytest

from protocol import Joined, Live, Member, Members, Message, Notice, Posted, TurnChange
from trio_chat.client.events import ClientEvent, Connected, Disconnected
from trio_chat.client.ink import Painter
from trio_chat.client.render import Renderer
from trio_chat.client.report import ForPeople, ForPrograms

NOON = 1_795_262_400_000
SAID = Message("lobby", 1, NOON, "a1", "alice", "hi \u202e\x9b \u2028")


def for_people() -> ForPeople:
    renderer = Renderer(lambda room: f"#{room}", datetime.UTC)
    return ForPeople(renderer, Painter(colours=False), "127.0.0.1:5002", clock=lambda: NOON / 1000)


def test_people_are_told_when_they_are_connected_cut_off_and_back() -> None:
    report = for_people()
    told = [
        report.event(event)
        for event in (
            Connected(again=False, nick="me"),
            Disconnected("The server has closed.", 3.4),
            Disconnected("Nobody answers", 0.9),
            Disconnected("Nobody answers yet", 1.0),
            Connected(again=True, nick="me_"),
        )
    ]
    assert told == [
        "[12:00] -!- Connected to 127.0.0.1:5002 as me. /help lists what you can do, /quit leaves.\n",
        "[12:00] -!- Cut off: The server has closed. Trying again in 3 s.\n",
        "[12:00] -!- Cut off: Nobody answers. Trying again at once.\n",
        "[12:00] -!- Cut off: Nobody answers yet. Trying again in 1 s.\n",
        "[12:00] -!- Back again, as me_.\n",
    ]


def test_people_are_told_of_attempts_that_fail_only_when_the_reason_is_another_one() -> None:
    report = for_people()
    cut, other = Disconnected("Nobody answers.", 0.1), Disconnected("No route.", 2)
    told = [report.event(event) != "" for event in (cut, cut, other, other, Connected(again=True, nick="me"), other)]
    assert told == [True, False, True, False, True, True]


def test_who_comes_in_the_middle_of_a_turn_is_told_so_behind_what_was_said_before() -> None:
    report = for_people()
    report.enter("lobby")
    began, over = (TurnChange("lobby", turn, "a-sage", "sage", "begun") for turn in (7, 8))
    happens: list[ClientEvent] = [
        Joined("lobby", "e", 1, "", [], 1, 1),
        began,
        over,
        TurnChange("lobby", 8, "a-sage", "sage", "ended", "done"),
        SAID,
        Live("lobby", 1),
        TurnChange("lobby", 9, "a-sage", "sage", "begun"),
    ]
    told = [report.event(event) for event in happens]
    assert told[1:4] == ["", "", ""]
    assert told[5:] == ["[12:00] -!- sage [bot] is writing …\n"] * 2


def test_a_warning_has_a_colour_and_a_sentence_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    report = ForPeople(Renderer(str, datetime.UTC), Painter(colours=True), "home", clock=lambda: NOON / 1000)
    yellow = "\x1b[33m"
    assert yellow in report.say("Careful", warning=True)
    assert yellow not in report.say("Finished.")
    assert yellow in report.event(Disconnected("gone", 1))


def test_people_see_what_is_said_and_not_what_only_refreshes_or_acknowledges() -> None:
    report = for_people()
    report.enter("lobby")
    assert report.event(SAID) == "[12:00] <alice> hi \\u202e\\x9b \\u2028\n"
    assert report.event(Members([Member("a1", "alice")], 1, more=False, room="lobby")) == ""
    assert report.answer(Members([Member("a1", "alice")], 1, more=False, room="lobby", id=1)) != ""
    assert report.answer(Posted(1, "lobby", 1, NOON)) == ""
    assert report.refusal(Notice("No such command.", id=1)) == ""
    report.enter("other")
    assert report.event(SAID).startswith("[12:00] #lobby <alice>")


def test_programs_get_every_event_and_answer_as_a_line_of_json() -> None:
    report = ForPrograms()
    report.enter("lobby")
    lines = [
        report.event(Connected(again=True, nick="me")),
        report.event(Disconnected("gone", 1.5)),
        report.event(SAID),
        report.answer(Posted(1, "lobby", 1, NOON)),
        report.refusal(Notice("No such command.", id=1)),
    ]
    assert all(line.endswith("}\n") and line.count("\n") == 1 for line in lines)
    assert [json.loads(line) for line in lines] == [
        {"type": "connected", "again": True, "nick": "me"},
        {"type": "disconnected", "reason": "gone", "retry_in_s": 1.5},
        {"type": "message", "room": "lobby", "seq": 1, "at": NOON, "author": "a1", "nick": "alice", "text": SAID.text},
        {"type": "posted", "id": 1, "room": "lobby", "seq": 1, "at": NOON},
        {"type": "notice", "text": "No such command.", "id": 1},
    ]


def test_json_holds_no_character_that_a_terminal_obeys() -> None:
    assert ForPrograms().event(SAID).endswith('"hi \\u202e\\u009b \\u2028"}\n')


def test_programs_are_told_no_sentences() -> None:
    assert ForPrograms().say("Finished.", warning=True) == ""


def test_only_programs_are_told_of_a_room_each_time_it_is_joined() -> None:
    assert (for_people().shows_rejoining, ForPrograms().shows_rejoining) == (False, True)
    assert json.loads(ForPrograms().event(Joined("lobby", "e", 0, "", [], 0)))["type"] == "joined"
