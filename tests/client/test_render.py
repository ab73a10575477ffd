"""Events and answers read as sentences, with times, rooms and marks."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    Edited,
    Entry,
    Found,
    Gap,
    History,
    Joined,
    Live,
    Member,
    Members,
    Message,
    Notice,
    Posted,
    Presence,
    Redacted,
    Rooms,
    RoomSummary,
    TopicSet,
    TurnChange,
)
from trio_chat.client.render import REMEMBERED_MESSAGES, REMEMBERED_TURNS, Renderer

NOON_S = datetime.datetime(2026, 11, 20, 12, 0, tzinfo=datetime.UTC).timestamp()
NOON = int(NOON_S * 1000)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def renderer() -> Renderer:
    made = Renderer(lambda room: "@bob" if room.startswith("~") else f"#{room}", datetime.UTC)
    made.room = "lobby"
    return made


def shown(*happenings: object) -> list[str]:
    """What one renderer makes of `happenings`, at noon."""
    made = renderer()
    return [line.plain for happening in happenings for line in made.lines(happening, NOON_S)]


def said(text: str = "hello", *, room: str = "lobby", seq: int = 1, at: int = NOON, nick: str = "alice") -> Message:
    return Message(room, seq, at, "a1", nick, text)


@pytest.mark.parametrize(
    ("happening", "line"),
    [
        (said(), "[12:00] <alice> hello"),
        (said("one\ntwo"), "[12:00] <alice> one\n        two"),
        (said(room="trio"), "[12:00] #trio <alice> hello"),
        (said(room="~x"), "[12:00] @bob <alice> hello"),
        (Message("lobby", 1, NOON, "a1", "alice", "waves", action=True), "[12:00]  * alice waves"),
        (Message("lobby", 1, NOON, "a1", "sage", "hm", bot=True), "[12:00] <sage [bot]> hm"),
        (Message("lobby", 1, NOON, "a1", "sage", "h", bot=True, stopped=True), "[12:00] <sage [bot]> h … (stopped)"),
        (TurnChange("lobby", 1, "a1", "sage", "begun"), "[12:00] -!- sage [bot] is writing …"),
        (TurnChange("lobby", 1, "a1", "sage", "ended", "deadline"), "[12:00] -!- sage [bot] took too long"),
        (TurnChange("lobby", 1, "a1", "sage", "ended", "stopped", "ann"), "[12:00] -!- sage [bot] was stopped by ann"),
        (TurnChange("lobby", 1, "a1", "sage", "ended", "new"), "[12:00] -!- sage [bot] has ended"),
        (Message("lobby", 1, NOON, "a1", "sage", "nods", action=True, bot=True), "[12:00]  * sage [bot] nods"),
        (Message("lobby", 1, NOON, "a1", "alice", "why?", command="search"), "[12:00] <alice> /search why?"),
        (Message("lobby", 1, NOON, "a1", "alice", "new", edited_at=NOON), "[12:00] <alice> new (edited)"),
        (Message("lobby", 1, NOON, "a1", "alice", "", redacted=True), "[12:00] <alice> (deleted)"),
        (Edited("lobby", 2, NOON, "a1", "alice", 1, "new"), "[12:00] <alice> new (edited)"),
        (Redacted("lobby", 2, NOON, "a1", "alice", 1), "[12:00] -!- alice deleted a message"),
        (TopicSet("lobby", 2, NOON, "a1", "alice", "Trio"), "[12:00] -!- alice set the topic: Trio"),
        (TopicSet("lobby", 2, NOON, "a1", "alice", ""), "[12:00] -!- alice took the topic away"),
        (Presence("lobby", "a1", "alice", "joined"), "[12:00] -!- alice has joined"),
        (Presence("lobby", "a1", "sage", "joined", bot=True), "[12:00] -!- sage [bot] has joined"),
        (Presence("trio", "a1", "alice", "left"), "[12:00] #trio -!- alice has left"),
        (Presence("lobby", "a1", "alice", "lost"), "[12:00] -!- alice has lost the connection"),
        (Presence("lobby", "a1", "alice", "renamed", "al"), "[12:00] -!- alice is now al"),
        (Presence("lobby", "a1", "alice", "renamed"), "[12:00] -!- alice is now ?"),
        (Presence("lobby", "a1", "alice", "danced"), "[12:00] -!- alice danced"),
        (Gap("lobby", 4, 6, "expired"), "[12:00] -!- 1 entry is missing here: no longer kept by the server."),
        (Gap("lobby", 4, 9, "expired"), "[12:00] -!- 4 entries are missing here: no longer kept by the server."),
        (
            Gap("lobby", 4, 1, "epoch"),
            "[12:00] -!- The server has begun a new log; what was said before may be missing here.",
        ),
        (Notice("Two\nlines"), "[12:00] -!- Two\n            lines"),
        (Notice("Careful", "trio", "warning"), "[12:00] #trio -!- Careful"),
        (said(nick="a\nb\x1b"), "[12:00] <a␊b␛> hello"),
        (Presence("lo\nbby", "a", "n", "joined"), "[12:00] #lo␊bby -!- n has joined"),
    ],
)
def test_each_happening_is_one_line(happening: object, line: str) -> None:
    assert shown(happening) == [line]


@pytest.mark.parametrize("happening", [Live("lobby", 3), Posted(1, "lobby", 3, NOON), object()])
def test_what_a_person_need_not_see_is_no_line(happening: object) -> None:
    assert shown(happening) == []


def test_that_a_bot_is_writing_is_told_once_of_each_turn() -> None:
    begun = [TurnChange("lobby", turn, "a1", "sage", "begun") for turn in range(1, REMEMBERED_TURNS + 2)]
    assert len(shown(begun[0], begun[0], begun[1], begun[0])) == 2
    assert len(shown(begun[0], TurnChange("lobby", 1, "a1", "sage", "ended", "done"), begun[0])) == 2
    assert len(shown(*begun, begun[1])) == len(begun)


def test_a_deletion_names_whose_message_of_when_it_was_and_why() -> None:
    deletion = Redacted("lobby", 2, NOON + MINUTE, "m", "mod", 1, "spam")
    assert shown(said(nick="bob"), deletion)[1] == "[12:01] -!- mod deleted a message of bob (12:00): spam"


def test_only_the_newest_messages_are_remembered_for_their_deletion() -> None:
    many = [said(seq=seq) for seq in range(1, REMEMBERED_MESSAGES + 2)]
    forgotten, kept = (Redacted("lobby", 5_000, NOON, "m", "mod", seq) for seq in (1, 2))
    assert [line.rpartition("deleted ")[2] for line in shown(*many, forgotten, kept)[-2:]] == [
        "a message",
        "a message of alice (12:00)",
    ]


def test_another_day_than_that_of_the_line_before_is_named() -> None:
    assert shown(said(), said(at=NOON - DAY), said(at=NOON - DAY + MINUTE), said()) == [
        "[12:00] <alice> hello",
        "--- Thursday, 19 November 2026",
        "[12:00] <alice> hello",
        "[12:01] <alice> hello",
        "--- Friday, 20 November 2026",
        "[12:00] <alice> hello",
    ]


@pytest.mark.parametrize(
    "happening",
    [
        said(at=NOON - DAY),
        Edited("lobby", 2, NOON - DAY, "a1", "alice", 1, "new"),
        Redacted("lobby", 2, NOON - DAY, "a1", "alice", 1),
        TopicSet("lobby", 2, NOON - DAY, "a1", "alice", "x"),
    ],
)
def test_every_kind_of_entry_names_its_day(happening: object) -> None:
    assert shown(happening)[0] == "--- Thursday, 19 November 2026"


def test_a_time_that_no_calendar_holds_is_shown_as_none() -> None:
    assert shown(said(at=2**53 - 1)) == ["[--:--] <alice> hello"]
    assert [line.plain for line in renderer().lines(Notice("x"), 1e300)] == ["[--:--] -!- x"]
    assert shown(Found(1, [said(at=2**53 - 1)])) == ["[--:--] <alice> hello"]


def test_times_are_local() -> None:
    made = Renderer(str, datetime.timezone(datetime.timedelta(hours=2)))
    made.room = None
    assert [line.plain for line in made.lines(said(), NOON_S)] == ["[14:00] lobby <alice> hello"]


def test_joining_a_room_tells_its_name_its_topic_and_who_is_there() -> None:
    people = [Member("a1", "alice"), Member("b1", "sage", bot=True)]
    assert shown(Joined("lobby", "e", 0, "Trio", people, 2, 1)) == [
        "[12:00] -!- You are in #lobby: Trio",
        "[12:00] -!- In #lobby (2): alice, sage [bot]",
    ]
    assert shown(Joined("lobby", "e", 0, "", people, 700, 1)) == [
        "[12:00] -!- You are in #lobby",
        "[12:00] -!- In #lobby (700): alice, sage [bot], …",
    ]


def test_a_private_room_is_told_by_the_person_at_its_other_end() -> None:
    private = Joined("~x", "e", 0, "", [Member("a1", "alice")], 1, peer="bob")
    assert shown(private) == ["[12:00] -!- Between you and bob alone: @bob"]


def test_answers_to_commands_are_lists() -> None:
    summaries = [RoomSummary("lobby", "Trio", 3, 9), RoomSummary("empty", "", 0, 0)]
    assert shown(Rooms(1, summaries, more=True)) == [
        "[12:00] -!- #lobby (3): Trio",
        "[12:00] -!- #empty (0)",
        "[12:00] -!- There are more rooms.",
    ]
    assert shown(Rooms(1, [], more=False)) == ["[12:00] -!- There are no rooms yet."]
    assert shown(Members([Member("a1", "alice")], 1, more=False, id=1)) == ["[12:00] -!- Online (1): alice"]


def test_a_page_of_history_is_its_entries_and_whether_there_are_more_before() -> None:
    entries: list[Entry] = [said("one"), TopicSet("lobby", 2, NOON, "a1", "alice", "x")]
    assert shown(History(1, "lobby", entries, more=True)) == [
        "[12:00] -!- There is more before this.",
        "[12:00] <alice> one",
        "[12:00] -!- alice set the topic: x",
    ]
    assert shown(History(1, "lobby", entries[:1], more=False)) == ["[12:00] <alice> one"]
    assert shown(History(1, "lobby", [], more=False)) == ["[12:00] -!- There is nothing to show."]


def test_what_a_search_found_bears_its_date_and_its_room() -> None:
    entries: list[Entry] = [said("one", at=NOON - DAY, room="trio"), TopicSet("lobby", 2, NOON, "a1", "alice", "x")]
    assert shown(Found(1, entries, "more")) == [
        "[2026-11-19 12:00] #trio <alice> one",
        "[12:00] -!- alice set the topic: x",
        "[12:00] -!- There is more; search for more words to find less.",
    ]
    assert shown(Found(1, [])) == ["[12:00] -!- Nothing was found."]


def test_a_sentence_of_the_program_is_a_notice() -> None:
    line, warning = renderer().say("Finished.", NOON_S), renderer().say("Careful", NOON_S, warning=True)
    assert [text.plain for text in line + warning] == ["[12:00] -!- Finished.", "[12:00] -!- Careful"]
    assert "yellow" in str(warning[0].spans)
    assert "yellow" not in str(line[0].spans)


@given(st.text(), st.text(), st.integers(0, 2**53 - 1))
def test_an_action_or_message_never_begins_a_line_that_looks_like_ours(nick: str, text: str, at: int) -> None:
    lines = renderer().lines(Message("lobby", 1, at, "a1", nick, text), NOON_S)
    first, *rest = lines[-1].plain.split("\n")
    assert first.startswith("[")
    assert all(line.startswith("        ") for line in rest)
    assert len(rest) == text.count("\n")
