"""What a client knows of its rooms, message by message."""

from protocol import Joined, Member, Members, Presence, TopicSet
from trio_chat.client.rooms import Rooms, RoomView

ANN, BOB, BOT = Member("a1", "ann"), Member("a2", "bob"), Member("a3", "sage", bot=True)


def joined(room: str = "lobby", head: int = 0, topic: str = "", *members: Member) -> Joined:
    return Joined(room, "e1", head, topic, list(members), len(members))


def topic(seq: int, text: str) -> TopicSet:
    return TopicSet("lobby", seq, 0, "a1", "ann", text)


def view(*members: Member, head: int = 0, text: str = "") -> RoomView:
    return RoomView(joined("lobby", head, text, *members), 50)


def test_presence_keeps_the_members_and_their_count() -> None:
    room = view(ANN)
    room.news(Presence("lobby", "a2", "bob", "joined"))
    room.news(Presence("lobby", "a3", "sage", "joined", bot=True))
    assert room.members == {"a1": ANN, "a2": BOB, "a3": BOT}
    assert room.count == 3
    room.news(Presence("lobby", "a2", "bob", "lost"))
    room.news(Presence("lobby", "a1", "ann", "left"))
    assert room.members == {"a3": BOT}
    assert room.count == 1


def test_hearing_twice_that_somebody_came_counts_them_once() -> None:
    room = view(ANN)
    room.news(Presence("lobby", "a1", "ann", "joined"))
    assert room.count == 1


def test_a_member_beyond_the_first_500_is_counted_when_leaving_though_not_listed() -> None:
    room = RoomView(Joined("lobby", "e1", 0, "", [ANN], 501), 50)
    room.news(Presence("lobby", "a9", "zoe", "left"))
    assert room.count == 500
    room.news(Presence("lobby", "a9", "zoe", "renamed", "zed"))
    assert room.members == {"a1": ANN}


def test_a_rename_keeps_who_and_what_one_is() -> None:
    room = view(BOT)
    room.news(Presence("lobby", "a3", "sage", "renamed", "owl"))
    assert room.members == {"a3": Member("a3", "owl", bot=True)}
    assert room.count == 1


def test_a_fresh_list_replaces_the_old_one() -> None:
    room = view(ANN)
    room.news(Members([BOB], 1, False, "lobby"))
    assert room.members == {"a2": BOB}


def test_an_old_topic_that_is_read_from_the_log_does_not_replace_the_present_one() -> None:
    room = view(head=7, text="now")
    room.arrived(topic(3, "long ago"))
    assert room.topic == "now"
    room.arrived(topic(8, "next"))
    assert room.topic == "next"


def test_a_room_is_found_by_what_people_call_it() -> None:
    rooms = Rooms()
    rooms.joined(joined("lobby"), 50, None)
    for name in ("lobby", "#lobby", "Lobby", "LOBBY ", "\uff2cobby"):
        assert rooms.find(name) is rooms.views["lobby"]
    assert rooms.find("hall") is None


def test_a_join_that_nobody_can_place_is_made_again_after_the_position() -> None:
    rooms = Rooms()
    assert rooms.joined(joined(), 50, None)
    assert not rooms.joined(joined(), 50, None)
    room = rooms.views["lobby"]
    assert room.cursor.lagging
    assert rooms.any_lagging
    assert rooms.next_lagging() is room
    assert rooms.joined(joined(), 0, room.cursor.generation)
    assert not room.cursor.lagging
    assert rooms.next_lagging() is None


def test_the_room_that_lags_for_longest_is_joined_first() -> None:
    rooms = Rooms()
    views = []
    for name in ("one", "two", "three"):
        rooms.joined(joined(name), 50, None)
        views.append(rooms.views[name])
    one, two, three = views
    rooms.lag(two)
    rooms.lag(one)
    rooms.lag(two)
    assert rooms.next_lagging() is two
    rooms.lag(two)
    rooms.lag(three)
    assert [rooms.next_lagging() for _ in range(4)] == [one, two, three, None]


def test_a_room_that_was_left_is_not_joined_again() -> None:
    rooms = Rooms()
    rooms.joined(joined(), 50, None)
    rooms.lag(rooms.views["lobby"])
    rooms.left("#Lobby")
    assert rooms.next_lagging() is None
    assert not rooms.views
