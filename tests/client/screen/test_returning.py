"""Whoever comes back finds the rooms where they were, with what is new in them; and no file can hinder that."""

import threading
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest
import trio

from protocol import Found, Joined
from tests.client.pty_screen import LIMIT_S
from tests.client.screen.house import House, Person, ann_at, open_house
from tests.client.screen.staged import Stage
from trio_chat.client.errors import Refused
from trio_chat.client.screen import returning
from trio_chat.client.screen.bookmarks import NOTHING, Bookmarks, Mark
from trio_chat.client.screen.returning import Returner
from trio_chat.client.screen.shelf import Shelf

HOT = "d7005f"  # what a number is drawn on that counts a mention


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(returning, "DISK_S", LIMIT_S)  # a machine that has much to do is no disk that does not answer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "sessions" / "home.rooms")


async def _be_everywhere(ann: Person) -> None:
    """Go to three rooms and a private one, and end in the second."""
    ann.type("/join dev\r/join ops\r/msg bob psst\r")
    await ann.sees("4 @bob")
    ann.type("\x1b2")
    await ann.sees_that(lambda rows: rows[0].startswith(" #dev"))


async def test_who_comes_back_is_where_they_were_and_sees_what_is_new(house: House, shelf: Shelf) -> None:
    bob = await house.enter("bob", "lobby", "dev", "ops")
    async with ann_at(house, shelf=shelf) as ann:
        await _be_everywhere(ann)
        await bob.post("dev", "before")
        await ann.sees("bob │ before")
    for number in range(3):
        await bob.post("dev", f"dev {number}")
    for number in range(70):
        await bob.post("ops", f"ops {number}")
    await bob.post("ops", "ann: look")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees(" #dev", "─ new ─", "dev 2", "1 #lobby", "2 #dev", "3 #ops       71", "4 @bob")
        assert ann.lines[0].startswith(" #dev")
        assert ann.row_of("before") < ann.row_of("─ new ─") < ann.row_of("dev 0")
        ann.type("\x1b3")
        await ann.sees("ann: look")
        await ann.sees_no("3 #ops       71")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("3 #ops", "4 @bob", "ann: look")
        await ann.sees_no("─ new ─")
        assert not any("unread" in row for row in ann.lines)


async def test_mentions_are_counted_however_much_was_said_since(house: House, shelf: Shelf) -> None:
    bob = await house.enter("bob", "lobby", "dev", "ops")
    await bob.post("dev", "ann: you have read this")
    async with ann_at(house, shelf=shelf) as ann:
        await _be_everywhere(ann)
        ann.type("\x1b1")
        await ann.sees_that(lambda rows: rows[0].startswith(" #lobby"))
    await bob.post("dev", "ann: and not this")
    for number in range(80):
        await bob.post("dev", f"planning {number}")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("2 #dev       81")
        await ann.pty.until(lambda: ann.pty.screen.buffer[2][14].bg == HOT)


async def test_mentions_are_counted_in_every_room_however_much_comes_at_once(house: House, shelf: Shelf) -> None:
    rooms = [f"room{number}" for number in range(6)]
    bob = await house.enter("bob", "lobby", *rooms)
    shelf.keep(Bookmarks({name: Mark(bob.rooms[name].epoch, 0) for name in ("lobby", *rooms)}, "lobby"), ())
    for name in rooms:
        await bob.post(name, "ann: look")
        for number in range(60):
            await bob.post(name, f"planning {number}")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("6 #room4     61", "7 #room5     61")
        await ann.pty.until(lambda: all(ann.pty.screen.buffer[row][14].bg == HOT for row in range(2, 8)))


async def test_a_key_goes_to_where_the_new_begins_however_far_back_that_is(house: House, shelf: Shelf) -> None:
    bob = await house.enter("bob", "lobby")
    async with ann_at(house, shelf=shelf) as ann:
        await bob.post("lobby", "the last that was read")
        await ann.sees("the last that was read")
        ann.type("\x1bn")
        await ann.sees("Nothing is new here.")
        ann.type("/join dev\r")
        await ann.sees("2 #dev")
        ann.type("\x1b1")
        await ann.sees("the last that was read")
        await ann.sees_no("Nothing is new here.")
        ann.type("\x1bn")
        await ann.sees("Nothing is new here.")
    for number in range(200):
        await bob.post("lobby", f"new {number}")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("│ new 199", "Alt-N: new")
        ann.type("\x1bn")
        await ann.sees("the last that was read", "─ new ─", "│ new 0", "End: newest")
        ann.type("\x1b[F")
        await ann.sees("│ new 199")
        ann.type("\x1b[5~\x1bn")
        await ann.sees("the last that was read", "│ new 0")


async def test_what_is_said_in_private_meanwhile_is_unread_and_meant(house: House, shelf: Shelf) -> None:
    bob = await house.enter("bob", "lobby", "dev", "ops")
    async with ann_at(house, shelf=shelf) as ann:
        await _be_everywhere(ann)
    await bob.post(next(name for name in bob.rooms if name.startswith("~")), "psst, ann")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("4 @bob        1", "unread 4:@bob 1")


async def test_a_room_that_is_asked_for_is_shown_first_and_the_others_are_there(house: House, shelf: Shelf) -> None:
    await house.enter("bob", "lobby", "dev", "ops")
    async with ann_at(house, shelf=shelf) as ann:
        await _be_everywhere(ann)
    async with ann_at(house, shelf=shelf, room="new") as ann:
        await ann.sees("1 #lobby", "2 #dev", "3 #ops", "4 @bob", "5 #new")
        assert ann.lines[0].startswith(" #new")


async def test_a_room_that_was_left_is_not_joined_again(house: House, shelf: Shelf) -> None:
    async with ann_at(house, shelf=shelf) as ann:
        ann.type("/join dev\r")
        await ann.sees("2 #dev")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("2 #dev")
        ann.type("/leave lobby\r")
        await ann.sees("1 #dev")
    async with ann_at(house, shelf=shelf) as ann:
        await ann.sees("1 #dev")
        assert list(ann.client.rooms) == ["dev"]
        ann.type("/leave\r")
        await ann.sees("No room: /join ROOM")
    assert shelf.load() == NOTHING


async def test_what_is_read_is_kept_while_the_program_runs(
    house: House, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returning, "KEEP_S", 0.01)
    bob = await house.enter("bob")
    async with ann_at(house, shelf=shelf) as ann:
        await bob.post("lobby", "one")
        await ann.sees("bob │ one")
        with trio.fail_after(LIMIT_S):
            while (await trio.to_thread.run_sync(shelf.load)).rooms.get("lobby", Mark("e", 0)).seq < 1:
                pass


async def test_a_damaged_file_is_told_and_made_anew(house: House, shelf: Shelf) -> None:
    shelf.path.parent.mkdir()
    shelf.path.write_bytes(b"\xff nonsense")
    async with ann_at(house, 200, shelf=shelf) as ann:
        await ann.sees("Where you were is forgotten, for")
    assert list(shelf.load().rooms) == ["lobby"]


async def test_a_file_that_cannot_be_read_or_written_ends_nothing(house: House, shelf: Shelf) -> None:
    shelf.path.mkdir(parents=True)
    async with ann_at(house, 200, shelf=shelf) as ann:
        await ann.sees("Where you were is not known, and not kept, for", "Is a directory.")
        ann.type("hello\r")
        await ann.sees("ann │ hello")
        ann.type("\x04")
        await ann.left.wait()
    assert (ann.screen.code, ann.screen.last_words) == (0, [])


async def test_a_file_that_cannot_be_written_at_the_end_is_told_once_when_the_screen_is_gone(
    house: House, shelf: Shelf
) -> None:
    async with ann_at(house, shelf=shelf) as ann:
        shelf.path.parent.write_bytes(b"a file in place of the directory")
    (sentence,) = ann.screen.last_words
    assert sentence.startswith("What you have read cannot be kept, for ")
    assert ann.screen.code == 0


class Doors:
    """A server that refuses some rooms."""

    def __init__(self, stage: Stage, **refused: str) -> None:
        self.stage = stage
        self.refused = refused
        self.asked: list[str] = []

    async def search(self, query: str, *, room: str | None = None) -> Found:
        raise AssertionError("nothing was missed")

    async def join(self, room: str) -> Joined:
        await trio.lowlevel.checkpoint()
        self.asked.append(room)
        if room in self.refused:
            raise Refused(self.refused[room], "Not you.")
        self.stage.join(room)
        return Joined(room, "e", 0, "", [], 1, 1)

    async def enter(self, room: str) -> None:
        await self.join(room)
        self.stage.model.look_at(room)


async def _come(stage: Stage, doors: Doors, shelf: Shelf, room: str, told: list[str], *, asked: bool = False) -> None:
    returner = Returner(shelf, doors, stage.model, doors.enter, told.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(returner.keep)
        await returner.come_in(room, asked=asked)
        await returner.come_back()
        nursery.cancel_scope.cancel()


async def test_a_room_that_is_refused_is_told_and_forgotten_unless_it_is_for_now_only(shelf: Shelf) -> None:
    shelf.keep(Bookmarks({name: Mark("e", 1) for name in ("gone", "busy", "dev")}, "gone"), ())
    stage, told = Stage("lobby"), list[str]()
    doors = Doors(stage, gone="no_such_room", busy="unavailable")
    await _come(stage, doors, shelf, "lobby", told)
    assert doors.asked == ["gone", "lobby", "busy", "dev"]
    assert told == ["You are not in #gone any more: Not you.", "You are not in #busy now: Not you."]
    assert list(shelf.load().rooms) == ["busy", "dev", "lobby"]


async def test_who_may_be_in_no_more_rooms_is_told_once_and_the_others_are_not_forgotten(shelf: Shelf) -> None:
    kept = {name: Mark("e", 1) for name in ("one", "two", "three")}
    shelf.keep(Bookmarks(kept, "one"), ())
    stage, told = Stage("lobby"), list[str]()
    await _come(stage, Doors(stage, two="too_many", three="too_many"), shelf, "lobby", told)
    assert told == ["You are not in #two now: Not you."]
    assert list(shelf.load().rooms) == ["one", "two", "three", "lobby"]


async def test_a_room_that_is_asked_for_and_refused_is_an_error(shelf: Shelf) -> None:
    stage = Stage("lobby")
    with pytest.raises(Refused):
        doors = Doors(stage, secret="forbidden")
        await Returner(shelf, doors, stage.model, doors.enter, list[str]().append).come_in("secret", asked=True)


async def test_a_room_that_was_left_in_one_terminal_is_kept_by_another_that_comes_into_it_later(shelf: Shelf) -> None:
    stage = Stage("lobby", "dev")
    doors = Doors(stage)
    returner = Returner(shelf, doors, stage.model, doors.enter, list[str]().append)

    async def keep() -> list[str]:
        with trio.move_on_after(0):
            await returner.keep()
        return list(shelf.load().rooms)

    assert await keep() == ["lobby", "dev"]
    for _ in range(2):
        stage.model.close("dev")
        assert await keep() == ["lobby"]
        shelf.keep(Bookmarks({"dev": Mark("e", 0)}, "dev"), ())  # the other terminal
        stage.say("one reads on")
        assert await keep() == ["lobby", "dev"]
        stage.join("dev")
        await keep()


async def test_a_disk_that_does_not_answer_holds_up_neither_start_nor_end(
    shelf: Shelf, autojump_clock: trio.testing.MockClock
) -> None:
    goes_on = threading.Event()

    class Stuck(Shelf):
        def load(self) -> Bookmarks:
            goes_on.wait()
            return super().load()

    stage, told = Stage("lobby"), list[str]()
    try:
        with trio.fail_after(returning.DISK_S * 3):
            await _come(stage, Doors(stage), Stuck(shelf.path), "lobby", told)
    finally:
        goes_on.set()
    (sentence,) = told
    assert sentence.endswith(f"{shelf.path} cannot be read: the disk does not answer.")


async def test_a_disk_that_does_not_answer_at_the_end_is_told(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    class Stuck(Shelf):
        def keep(self, ours: Bookmarks, left: Collection[str]) -> None:
            goes_on.wait()

    stage, told = Stage("lobby"), list[str]()
    doors = Doors(stage)
    returner = Returner(Stuck(shelf.path), doors, stage.model, doors.enter, told.append)
    await returner.come_in("lobby", asked=False)
    monkeypatch.setattr(returning, "DISK_S", 0.01)
    with trio.move_on_after(0):
        await returner.keep()
    goes_on.set()
    assert told == [f"What you have read cannot be kept, for {shelf.path} cannot be written: the disk does not answer."]
