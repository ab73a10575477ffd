"""Who is a connection in a window, what each does, what everybody has to see, and what is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.irc_log import Arrived, Departed, Event, Renamed, Said, Window, parse_window
from benchmarks.replay_plan import Enter, Leave, Plan, Rename, Say, Speaker, bearable, plan_window
from benchmarks.replay_tally import EXAMPLES, Matter, Tally
from trio_chat.names import nick_key


def plan(*lines: str) -> Plan:
    """Return the plan of a window of lines, the first of which is line 1."""
    return plan_window(parse_window(3, "2004-12-25", [(number, line.encode()) for number, line in enumerate(lines, 1)]))


def done(planned: Plan) -> list[str]:
    """Return the steps as words."""
    words = []
    for step in planned.steps:
        who = planned.speakers[step.speaker].nick
        match step:
            case Enter():
                words.append(f"{who} enters")
            case Leave():
                words.append(f"{who} leaves")
            case Rename():
                words.append(f"{who} {'may not be' if step.refused else 'is'} {step.nick}")
            case Say():
                entry = planned.expected[step.seq - 1]
                words.append(f"{who} says {entry.text} as {entry.nick}")
    return words


def counted(planned: Plan) -> dict[Matter, int]:
    return {matter: counted.count for matter, counted in planned.tally.counted.items()}


def test_everybody_who_speaks_is_a_connection_and_there_from_the_start() -> None:
    planned = plan("[09:14] <ann> one", "[09:15] <bob> two", "[09:15]  * ann three")
    assert planned.room == "ubuntu-3"
    assert planned.speakers == [Speaker("ann", from_start=True), Speaker("bob", from_start=True)]
    assert done(planned) == ["ann says one as ann", "bob says two as bob", "ann says three as ann"]
    assert [entry.kind for entry in planned.expected] == ["message", "message", "action"]
    assert [(step.line, step.due_min) for step in planned.steps] == [(1, 0), (2, 1), (3, 1.5)]
    assert counted(planned) == {}


def test_who_arrives_and_speaks_enters_then_and_who_never_speaks_is_counted() -> None:
    planned = plan("[09:14] <ann> one", "=== bob has joined #u", "=== cy has joined #u", "[09:15] <bob> two")
    assert planned.speakers == [Speaker("ann", from_start=True), Speaker("bob", from_start=False)]
    assert done(planned) == ["ann says one as ann", "bob enters", "bob says two as bob"]
    assert counted(planned) == {Matter.SILENT_ARRIVAL: 1}


def test_who_arrives_again_enters_again() -> None:
    planned = plan("[09:14] <ann> one", "=== ann has joined #u", "[09:15] <ann> two")
    assert done(planned) == ["ann says one as ann", "ann enters", "ann says two as ann"]


def test_who_departs_leaves_and_enters_when_it_is_back() -> None:
    planned = plan("[09:14] <ann> one", "=== ann has left #u []", "=== ann has joined #u", "[09:15] <ann> two")
    assert done(planned) == ["ann says one as ann", "ann leaves", "ann enters", "ann says two as ann"]
    assert counted(planned) == {}


def test_who_speaks_after_leaving_enters_before() -> None:
    planned = plan("[09:14] <ann> one", "=== ann has left #u []", "=== ann has left #u []", "[09:15] <ann> two")
    assert done(planned) == ["ann says one as ann", "ann leaves", "ann enters", "ann says two as ann"]
    assert counted(planned) == {Matter.BACK_UNSEEN: 1, Matter.GONE_ALREADY: 1}


def test_a_new_nick_is_the_same_connection() -> None:
    planned = plan("[09:14] <ann> one", "=== ann is now known as bob", "[09:15] <bob> two")
    assert planned.speakers == [Speaker("ann", from_start=True)]
    assert done(planned) == ["ann says one as ann", "ann is bob", "ann says two as bob"]


def test_who_only_speaks_under_the_second_nick_begins_with_the_first() -> None:
    planned = plan("[09:14] <cy> one", "=== ann is now known as bob", "[09:15] <bob> two")
    assert planned.speakers == [Speaker("cy", from_start=True), Speaker("ann", from_start=True)]
    assert done(planned) == ["cy says one as cy", "ann is bob", "ann says two as bob"]


def test_a_nick_that_was_given_up_is_somebody_elses_who_comes_later() -> None:
    planned = plan("[09:14] <ann> one", "=== ann is now known as bob", "[09:15] <ann> two", "[09:15] <bob> three")
    assert planned.speakers == [Speaker("ann", from_start=True), Speaker("ann", from_start=False)]
    assert [step.speaker for step in planned.steps] == [0, 0, 1, 1, 0]
    assert done(planned)[1:] == ["ann is bob", "ann enters", "ann says two as ann", "ann says three as bob"]


def test_a_change_to_a_nick_in_use_is_refused_and_its_lines_are_the_users() -> None:
    planned = plan("[09:14] <ann> one", "[09:14] <bob> two", "=== ann is now known as bob", "[09:15] <bob> three")
    assert done(planned)[2:] == ["ann may not be bob", "bob says three as bob"]
    assert counted(planned) == {Matter.NICK_IN_USE: 1}
    assert planned.tally.counted[Matter.NICK_IN_USE].examples == ["line 3: 'ann is now known as bob'"]


def test_somebody_who_never_speaks_takes_no_nick_from_anybody() -> None:
    planned = plan("=== cy has joined #u", "[09:14] <ann> one", "=== ann is now known as cy", "=== cy has left #u []")
    assert done(planned) == ["ann says one as ann", "ann is cy", "ann leaves"]
    assert counted(planned) == {Matter.SILENT_ARRIVAL: 1}


def test_nick_changes_and_departures_of_those_who_never_speak_are_counted() -> None:
    planned = plan("[09:14] <ann> one", "=== cy is now known as cyd", "=== cyd has left #u []")
    assert done(planned) == ["ann says one as ann"]
    assert counted(planned) == {Matter.SILENT_RENAME: 1, Matter.SILENT_DEPARTURE: 1}


def test_nicks_that_differ_in_case_are_one_connection_which_writes_itself_as_the_log_does() -> None:
    planned = plan("[09:14] <Ann> one", "[09:15] <ann> two", "[09:15] <ann> three")
    assert planned.speakers == [Speaker("Ann", from_start=True)]
    assert done(planned) == ["Ann says one as Ann", "Ann is ann", "Ann says two as ann", "Ann says three as ann"]
    assert counted(planned) == {Matter.OTHER_CASE: 1}


def test_a_nick_that_nobody_may_bear_has_a_substitute_and_is_counted_once() -> None:
    planned = plan("[09:14] <bur[n] er> one", "[09:15] <bur[n] er> two", "[09:15] <#> three")
    assert [speaker.nick for speaker in planned.speakers] == ["bur[n]er", bearable("#")]
    assert done(planned)[0] == "bur[n]er says one as bur[n]er"
    assert counted(planned) == {Matter.SUBSTITUTE: 2}


@given(st.text())
def test_every_nick_has_a_substitute_that_somebody_may_bear(nick: str) -> None:
    shown = bearable(nick)
    assert nick_key(shown).shown == shown
    assert bearable(nick) == shown


@pytest.mark.parametrize(
    ("text", "matter"),
    [("", Matter.EMPTY_TEXT), ("a\x08b", Matter.CONTROL_CHARACTER), ("x" * 4_001, Matter.LONG_TEXT)],
)
def test_what_the_protocol_cannot_carry_is_left_out_and_named(text: str, matter: Matter) -> None:
    planned = plan("[09:14] <ann> one", f"[09:14] <bob> {text}")
    assert planned.speakers == [Speaker("ann", from_start=True)]
    assert counted(planned) == {matter: 1}
    (example,) = planned.tally.counted[matter].examples
    assert example.startswith("line 2: '<bob> ")


@pytest.mark.parametrize("text", [" ", "a\tb", "\u2028", "x" * 4_000, "[]{}<>\\\"' ünïcode 日本 🎄"])
def test_whatever_the_protocol_can_carry_is_carried_as_it_stands(text: str) -> None:
    planned = plan(f"[09:14] <ann> {text}")
    assert planned.expected[0].text == text
    assert counted(planned) == {}


def test_a_topic_is_set_by_who_set_it() -> None:
    planned = plan("=== ann changed the topic of #u to: be nice", f"=== ann changed the topic of #u to: {'x' * 501}")
    assert [(entry.nick, entry.kind, entry.text) for entry in planned.expected] == [("ann", "topic", "be nice")]
    assert counted(planned) == {Matter.BAD_TOPIC: 1}


def test_lines_that_are_nobodys_are_counted_and_other_forms_are_carried() -> None:
    planned = plan("", "???", "=== netsplit: a <-> b", "=== ann sings", "[09:14] -ann:#u- hear")
    assert [(entry.text, entry.kind) for entry in planned.expected] == [("sings", "action"), ("hear", "message")]
    assert counted(planned) == {
        Matter.EMPTY_LINE: 1, Matter.UNKNOWN_FORM: 1, Matter.LOGGER: 1, Matter.OLD_ACTION: 1, Matter.NOTICE: 1,
    }  # fmt: skip


some_nick = st.sampled_from(["ann", "Ann", "bob", "cy d", "cyd", "#"])
line = st.integers(1, 99)
some_events = st.lists(
    st.builds(Said, line, st.just(554), some_nick, st.sampled_from(["x", "y", ""]))
    | st.builds(Renamed, line, some_nick, some_nick)
    | st.builds(Arrived, line, some_nick)
    | st.builds(Departed, line, some_nick),
    max_size=30,
)


@given(some_events)
def test_what_is_carried_and_what_is_counted_is_all_there_is(events: list[Event]) -> None:
    planned = plan_window(Window(1, "", events))
    said = [event for event in events if isinstance(event, Said)]
    assert [(e.line, e.text) for e in planned.expected] == [(e.line, e.text) for e in said if e.text]
    one_line_each = {
        Matter.EMPTY_TEXT, Matter.SILENT_ARRIVAL, Matter.SILENT_DEPARTURE, Matter.SILENT_RENAME, Matter.GONE_ALREADY
    }  # fmt: skip
    counts = counted(planned)
    not_in_log = counts.get(Matter.BACK_UNSEEN, 0) + counts.get(Matter.OTHER_CASE, 0)
    late = sum(not speaker.from_start for speaker in planned.speakers)
    arrived = sum(isinstance(event, Arrived) for event in events)
    entered = sum(isinstance(step, Enter) for step in planned.steps) - counts.get(Matter.BACK_UNSEEN, 0)
    unannounced = entered - (arrived - counts.get(Matter.SILENT_ARRIVAL, 0))
    assert 0 <= unannounced <= late
    carried = len(planned.steps) - not_in_log - unannounced
    assert carried + sum(count for matter, count in counts.items() if matter in one_line_each) == len(events)


@given(some_events)
def test_a_plan_keeps_the_rules_of_the_server(events: list[Event]) -> None:
    planned = plan_window(Window(1, "", events))
    inside = {number for number, speaker in enumerate(planned.speakers) if speaker.from_start}
    nicks = {number: nick_key(planned.speakers[number].nick) for number in inside}
    assert len({name.key for name in nicks.values()}) == len(nicks)
    spoke: set[int] = set()
    for step in planned.steps:
        others = {name.key for number, name in nicks.items() if number != step.speaker}
        match step:
            case Enter():
                name = nicks.setdefault(step.speaker, nick_key(planned.speakers[step.speaker].nick))
                assert name.key not in others
                inside.add(step.speaker)
            case Leave():
                inside.remove(step.speaker)
            case Rename():
                name = nick_key(step.nick)
                assert (name.key in others) == step.refused
                nicks[step.speaker] = nicks[step.speaker] if step.refused else name
            case Say():
                assert step.speaker in inside
                assert planned.expected[step.seq - 1].nick == nicks[step.speaker].shown
                spoke.add(step.speaker)
    assert spoke == set(range(len(planned.speakers)))


def test_a_tally_counts_all_and_keeps_a_few_short_examples() -> None:
    one, other = Tally(), Tally()
    for tally in (one, other):
        for number in (1, 2):
            tally.note(Matter.LOGGER, number, "x" * 1_000)
    one.add(other)
    counted = one.counted[Matter.LOGGER]
    assert counted.count == 4
    assert len(counted.examples) == EXAMPLES
    assert all(len(example) < 120 for example in counted.examples)
    assert other.counted[Matter.LOGGER].count == 2
