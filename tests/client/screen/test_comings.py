"""Comings and goings in one line: who is named, and what is told of somebody who does several things."""

import pytest

from protocol import Presence
from tests.client.screen.staged import Stage
from trio_chat.client.screen.comings import MOST, Comings
from trio_chat.client.screen.model import COMINGS_MS
from trio_chat.client.screen.timeline import Note


def told(*changes: str) -> str:
    """Return the line for changes such as ``bob joined``."""
    comings = Comings()
    for change in changes:
        nick, deed = change.split()
        comings.add(Presence("lobby", f"a-{nick}", nick, deed, bot=nick == "sage"))
    return comings.line().plain


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (["bob joined"], "bob has joined"),
        (["bob joined", "sage joined"], "bob and sage [bot] have joined"),
        (
            ["bob left", "eve joined", "cy left", "dan lost"],
            "eve has joined; bob and cy have left; dan has lost the connection",
        ),
        (["bob joined", "bob left"], "bob has come and gone"),
        (["bob lost", "bob joined"], "bob is back"),
        (["bob left", "bob joined", "bob left"], "bob has left"),
        (["bob joined", "bob left", "bob joined"], "bob has joined"),
        ([f"n{number} joined" for number in range(6)], "n0, n1, n2, n3, n4 and n5 have joined"),
        ([f"n{number} joined" for number in range(1_000)], "n0, n1, n2, n3, n4 and 995 others have joined"),
    ],
)
def test_who_did_the_same_is_named_together(changes: list[str], line: str) -> None:
    assert told(*changes) == line


def lines(stage: Stage) -> list[str]:
    items = stage.model.rooms["lobby"].timeline.shown.items
    return [item.what.text.plain if isinstance(item.what, Note) else "said" for item in items]


def test_a_message_ends_the_line_and_so_does_a_new_name() -> None:
    stage = Stage("lobby")
    for nick in ("bob", "eve"):
        stage.model.take(Presence("lobby", f"a-{nick}", nick, "joined"))
    stage.say("hello")
    stage.model.take(Presence("lobby", "a-cy", "cy", "joined"))
    stage.model.take(Presence("lobby", "a-cy", "cy", "renamed", to="cyd"))
    stage.model.take(Presence("lobby", "a-cy", "cyd", "left"))
    assert lines(stage) == ["bob and eve have joined", "said", "cy has joined", "cy is now cyd", "cyd has left"]


def test_a_line_tells_of_so_many_at_most_and_no_longer_than_its_time_is_true() -> None:
    stage = Stage("lobby")
    for number in range(MOST + 1):
        stage.model.take(Presence("lobby", f"a-{number}", f"n{number}", "joined"))
    assert lines(stage) == [f"n0, n1, n2, n3, n4 and {MOST - 5} others have joined", f"n{MOST} has joined"]
    now_ms = stage.model.now_ms()
    stage.model.now_ms = lambda: now_ms + COMINGS_MS
    stage.model.take(Presence("lobby", "a-bob", "bob", "joined"))
    assert lines(stage)[1:] == [f"n{MOST} has joined", "bob has joined"]


def test_a_line_that_has_grown_is_drawn_anew_wherever_it_is_held() -> None:
    stage = Stage("lobby")
    stage.model.take(Presence("lobby", "a-bob", "bob", "joined"))
    stage.model.rooms["lobby"].timeline.go_back()
    assert any("bob has joined" in row for row in stage.rows())
    stage.model.take(Presence("lobby", "a-eve", "eve", "joined"))
    assert any("bob and eve have joined" in row for row in stage.rows())
