"""The model says what is unread, where one is, and what others are about to say, whatever order things happen in."""

import pytest

from protocol import DraftShown, Gap, Joined, Live, Message, Notice, Posted, Presence, TurnChange
from tests.client.screen.staged import ME, NOW_MS, Stage
from trio_chat.client.events import Connected, Disconnected
from trio_chat.client.rooms import RoomView
from trio_chat.client.screen.bookmarks import Bookmarks, Mark
from trio_chat.client.screen.model import PENDING
from trio_chat.client.screen.room import Anchor, Room, names
from trio_chat.client.screen.timeline import Note


def notes(stage: Stage, room: str = "lobby") -> list[str]:
    items = stage.model.rooms[room].timeline.shown.items
    return [item.what.text.plain for item in items if isinstance(item.what, Note)]


def test_what_others_say_elsewhere_is_unread_until_one_looks() -> None:
    stage = Stage("lobby", "dev")
    stage.say("one", room="dev")
    stage.say("Ann: two", room="dev")
    stage.say("my own", "ann", room="dev")
    dev = stage.model.rooms["dev"]
    assert (dev.unread, dev.mentions) == (2, 1)
    stage.model.look_at("dev")
    assert (dev.unread, dev.mentions, dev.line) == (0, 0, 0)
    assert stage.model.rooms["lobby"].unread == 0


def test_what_was_said_before_one_came_is_not_unread() -> None:
    stage = Stage("lobby")
    stage.client.rooms["old"] = stage.client.rooms["lobby"]
    stage.model.take(Joined("old", "e", 2, "", [], 0, 9))
    for seq in (1, 2):
        stage.model.take(Message("old", seq, NOW_MS, "a", "bob", "before"))
    assert stage.model.rooms["old"].unread == 0


def test_in_a_private_room_that_another_opens_all_is_meant_for_us() -> None:
    stage = Stage("lobby")
    stage.join("~x", peer="bob", by=None)
    stage.say("psst", room="~x")
    assert (stage.model.rooms["~x"].unread, stage.model.rooms["~x"].mentions) == (1, 1)
    assert stage.model.label("~x") == "@bob"


def test_what_was_said_in_a_private_room_long_ago_is_no_news_when_another_opens_it_again() -> None:
    stage = Stage("lobby")
    stage.client.rooms["~x"] = stage.client.rooms["lobby"]
    stage.model.take(Joined("~x", "e", 2, "", [], 2, None, "bob"))
    for seq in (1, 2, 3):
        stage.model.take(Message("~x", seq, NOW_MS, "a-bob", "bob", "psst"))
    assert (stage.model.rooms["~x"].unread, stage.model.rooms["~x"].mentions) == (1, 1)


def test_why_a_log_has_begun_anew_stays_when_all_before_goes() -> None:
    stage = Stage("lobby")
    stage.model.say("Old.")
    stage.say("said")
    stage.model.take(Disconnected("The server is gone.", 1))
    stage.model.take(Connected(again=True, nick="ann_"))
    stage.model.take(Gap("lobby", 1, 1, "epoch"))
    stage.say("anew")
    stage.model.say("Behind.")
    assert notes(stage) == [
        "Cut off: The server is gone.",
        "Back again, as ann_.",
        "The server has begun a new log; what was said before may be missing here.",
        "Behind.",
    ]
    timeline = stage.model.rooms["lobby"].timeline
    assert [item.place for item in timeline.shown.items] == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 4)]


def test_what_comes_after_a_log_has_begun_anew_is_news() -> None:
    stage = Stage("lobby")
    stage.join("dev", head=7)
    stage.model.take(Gap("dev", 0, 1, "epoch"))
    stage.model.take(Message("dev", 1, NOW_MS, "a-bob", "bob", "back"))
    assert stage.model.rooms["dev"].unread == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [("ann", True), ("hi ANN!", True), ("@ann: x", True), ("planner", False), ("annex", False), ("", False)],
)
def test_a_nick_is_named_as_a_word_of_its_own(text: str, named: bool) -> None:
    assert names(text, "ann") is named


def back(stage: Stage, room: str, read: Mark, head: int, seqs: range) -> Room:
    """Come back into a room of which the log is at `head`, and of which the entries `seqs` are sent."""
    stage.model.remember(Bookmarks({room: read}))
    joined = Joined(room, "e", head, "", [], 2, 9)
    stage.client.rooms[room] = RoomView(joined, 50)
    stage.model.take(joined)
    for seq in seqs:
        stage.model.take(Message(room, seq, NOW_MS, "a-bob", "bob", "Ann?" if seq == head else "hm"))
    stage.model.take(Live(room, head))
    return stage.model.rooms[room]


def test_who_comes_back_finds_unread_what_was_said_since() -> None:
    stage = Stage("lobby")
    dev = back(stage, "dev", Mark("e", 3), 6, range(1, 7))
    assert (dev.unread, dev.mentions, dev.line, dev.read) == (3, 1, 3, 3)
    stage.model.look_at("dev")
    assert (dev.unread, dev.line, dev.read) == (0, 3, 6)
    assert stage.model.bookmarks().rooms["dev"] == Mark("e", 6)


def test_who_comes_back_to_far_more_than_is_fetched_sees_how_much_it_is() -> None:
    stage = Stage("lobby")
    dev = back(stage, "dev", Mark("e", 3), 50_000, range(49_951, 50_001))
    assert (dev.unread, dev.mentions, dev.line, dev.read) == (49_997, 1, 3, 3)
    private = back(stage, "~x", Mark("e", 3), 100, range(51, 101))
    assert (private.unread, private.mentions) == (97, 97)


def test_who_comes_back_to_nothing_new_or_to_the_room_that_is_looked_at_has_nothing_unread() -> None:
    stage = Stage("lobby")
    dev = back(stage, "dev", Mark("e", 6), 6, range(1, 7))
    assert (dev.unread, dev.line, dev.read) == (0, None, 6)
    stage.model.look_at("ops")
    ops = back(stage, "ops", Mark("e", 3), 6, range(1, 7))
    assert (ops.unread, ops.line, ops.read) == (0, 3, 6)
    far = back(stage, "far", Mark("e", 9), 6, range(1, 7))  # more than there is: a server that was set back
    assert (far.unread, far.read) == (0, 6)


def test_in_a_log_of_another_epoch_all_is_unread() -> None:
    stage = Stage("lobby")
    dev = back(stage, "dev", Mark("before", 5), 6, range(1, 7))
    assert (dev.unread, dev.line, dev.read) == (6, 0, 0)
    stage.model.look_at("dev")
    assert stage.model.bookmarks().rooms["dev"] == Mark("e", 6)


def test_a_room_counts_as_read_up_to_what_is_unread_and_never_less() -> None:
    stage = Stage("lobby", "dev")
    stage.say("seen", room="dev")
    stage.model.look_at("dev")
    stage.model.look_at("lobby")
    stage.say("mine", "ann", room="dev")
    stage.say("new", room="dev")
    stage.say("newer", room="dev")
    assert stage.model.bookmarks() == Bookmarks({"lobby": Mark("e", 0), "dev": Mark("e", 2)}, "lobby")
    lobby = stage.model.rooms["lobby"]
    stage.say("one")
    lobby.anchor = Anchor((1, 0))
    stage.say("below")
    assert stage.model.bookmarks().rooms["lobby"].seq == 1
    lobby.follow()
    assert stage.model.bookmarks().rooms["lobby"].seq == 2


def test_a_log_that_begins_anew_is_read_from_its_beginning() -> None:
    stage = Stage("lobby")
    stage.say("old")
    cursor = stage.client.rooms["lobby"].cursor
    cursor.epoch = "other"
    stage.model.take(Gap("lobby", 1, 1, "epoch"))
    assert stage.model.bookmarks().rooms["lobby"] == Mark("other", 0)


def test_rooms_stand_in_their_old_order_in_whatever_order_one_comes_back() -> None:
    stage = Stage("new")
    stage.model.remember(Bookmarks({name: Mark("e", 0) for name in ("a", "b", "c")}))
    for room in ("c", "other", "a", "b"):
        stage.join(room)
    assert list(stage.model.rooms) == ["a", "b", "c", "new", "other"]


def test_an_answer_to_us_is_meant_for_us() -> None:
    stage = Stage("lobby", "dev")
    stage.say("question", "ann", "dev")
    answer = stage.say("answer", "bob", "dev", reply_to=1)
    assert stage.model.is_meant(answer)
    assert not stage.model.is_meant(stage.say("another", "bob", "dev", reply_to=2))


def test_the_line_above_what_is_new_stands_where_one_left_and_goes_when_one_leaves_again() -> None:
    stage = Stage("lobby", "dev")
    for _ in range(3):
        stage.say("seen")
    stage.model.look_at("dev")
    stage.say("new")
    stage.model.look_at("lobby")
    assert stage.model.rooms["lobby"].line == 3
    stage.model.look_at("dev")
    assert stage.model.rooms["lobby"].line == 4


def test_rooms_are_found_by_number_name_beginning_and_part() -> None:
    stage = Stage("lobby", "dev", "devops", "ops")
    stage.join("~1", peer="Devi")
    found = {
        words: stage.model.by_words(words) for words in ("2", "9", "0", "dev", "#dev", "devo", "op", "@d", "by", "")
    }
    assert found == {
        "2": "dev", "9": None, "0": None, "dev": "dev", "#dev": "dev", "devo": "devops", "op": "ops", "@d": "~1",
        "by": "lobby", "": None,
    }  # fmt: skip


def test_one_goes_around_the_rooms_and_to_what_is_unread_and_back() -> None:
    stage = Stage("a", "b", "c")
    assert (stage.model.neighbour(-1), stage.model.neighbour(1)) == ("c", "b")
    assert stage.model.next_unread() is None
    stage.say("x", room="b")
    stage.say("ann", room="c")
    assert stage.model.next_unread() == "c"
    stage.model.look_at("c")
    assert stage.model.next_unread() == "b"
    stage.model.look_at("b")
    assert stage.model.next_unread() == "c"


def test_a_room_that_is_left_goes_and_late_news_of_it_is_no_news() -> None:
    stage = Stage("lobby", "dev")
    stage.model.look_at("dev")
    del stage.client.rooms["dev"]
    stage.model.close("dev")
    assert stage.model.current == "lobby"
    stage.model.take(Message("dev", 1, NOW_MS, "a", "bob", "late"))
    assert list(stage.model.rooms) == ["lobby"]
    stage.model.close("lobby")
    assert [stage.model.current, stage.model.room, stage.model.neighbour(1)] == [None] * 3


def test_messages_below_are_counted_while_one_has_scrolled_back() -> None:
    stage = Stage("lobby")
    room = stage.model.rooms["lobby"]
    room.anchor = Anchor((1, 0))
    stage.say("one")
    stage.say("mine", "ann")
    assert room.below == 1
    room.follow()
    assert [room.below, room.anchor] == [0, None]


def test_drafts_go_with_their_turn_the_message_and_the_connection() -> None:
    stage = Stage("lobby")
    drafts = stage.model.rooms["lobby"].drafts
    stage.model.take(DraftShown("lobby", 5, "a-sage", "sage", "half"))
    stage.say("half and whole", "sage", bot=True)
    assert (drafts[5].text, drafts[5].nick) == ("", "sage")
    stage.model.take(TurnChange("lobby", 5, "a-sage", "sage", "ended", "stopped", "bob"))
    assert drafts == {}
    assert notes(stage) == ["sage [bot] was stopped by bob"]
    stage.model.take(TurnChange("lobby", 6, "a-sage", "sage", "begun"))
    stage.model.take(Disconnected("gone.", 1))
    assert drafts == {}


def test_who_comes_in_the_middle_of_a_turn_sees_it_and_what_was_said_before_takes_nothing_from_it() -> None:
    stage = Stage("lobby")
    drafts = stage.model.rooms["lobby"].drafts
    begun = TurnChange("lobby", 5, "a-sage", "sage", "begun")
    for happens in (
        Joined("lobby", "e", 2, "", [], 2, 9),
        begun,
        DraftShown("lobby", 5, "a-sage", "sage", "half"),
        Message("lobby", 1, NOW_MS, "a-sage", "sage", "of yesterday", bot=True),
        begun,
        Message("lobby", 2, NOW_MS, "a-bob", "bob", "sage?"),
        Live("lobby", 2),
    ):
        stage.model.take(happens)
    assert [(turn, draft.text) for turn, draft in drafts.items()] == [(5, "half")]
    stage.model.take(Message("lobby", 3, NOW_MS, "a-sage", "sage", "half and whole", bot=True))
    assert drafts[5].text == ""


def test_a_turn_whose_end_was_missed_is_gone_when_one_is_let_in_again() -> None:
    stage = Stage("lobby")
    stage.model.take(TurnChange("lobby", 5, "a-sage", "sage", "begun"))
    stage.model.take(Joined("lobby", "e", 0, "", [], 2, 9))
    assert stage.model.rooms["lobby"].drafts == {}


def test_an_outage_is_told_once_and_so_is_its_end() -> None:
    stage = Stage("lobby")
    stage.model.take(Disconnected("The cable broke.", 1))
    stage.model.take(Disconnected("Nobody listens.", 3))
    assert stage.model.outage == Disconnected("Nobody listens.", 3)
    assert stage.model.retry_at_ms == NOW_MS + 3_000
    stage.model.take(Connected(again=True, nick="ann_"))
    assert stage.model.outage is None
    assert notes(stage) == ["Cut off: The cable broke.", "Back again, as ann_."]


def test_a_gap_of_another_epoch_begins_the_room_anew() -> None:
    stage = Stage("lobby")
    stage.say("old")
    stage.model.take(Gap("lobby", 1, 1, "epoch"))
    stage.say("new")
    assert [item.what.text for item in stage.model.rooms["lobby"].timeline.shown.items if item.place[1] == 0] == ["new"]
    stage.model.take(Gap("lobby", 1, 5, "expired"))
    assert stage.model.rooms["lobby"].timeline.head == 4
    assert notes(stage)[-1] == "3 entries are missing here: no longer kept by the server."


def test_own_posts_wait_to_be_seen_under_their_seq_and_are_bounded() -> None:
    stage = Stage("lobby")
    room = stage.model.rooms["lobby"]
    for number in range(PENDING + 5):
        stage.model.posting("lobby", str(number), "x")
    assert len(room.posts) == PENDING
    stage.model.posted("lobby", "0", 1)
    stage.model.posted("lobby", "1", None)
    stage.model.take(Message("lobby", 1, NOW_MS, ME, "ann", "x"))
    assert {"0", "1"}.isdisjoint(room.posts)
    stage.model.posted("lobby", "2", 1)  # seen before the answer
    assert "2" not in room.posts
    stage.model.posted("nowhere", "3", 1)
    stage.model.posted("lobby", "unknown", 1)


def test_news_and_notices_stand_in_their_room() -> None:
    stage = Stage("lobby", "dev")
    stage.model.take(Presence("dev", "a", "eve", "joined"))
    stage.model.take(Notice("a word from the server"))
    stage.model.take(Notice("elsewhere", "nowhere", "warning"))
    stage.model.tell(Posted(1, "lobby", 1, 1))
    assert notes(stage, "dev") == ["eve has joined"]
    assert notes(stage) == ["a word from the server", "elsewhere"]
