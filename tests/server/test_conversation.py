"""Requests and their answers, as docs/protocol.md says them."""

import pytest

from protocol import (
    Bye,
    Direct,
    Done,
    Edit,
    Edited,
    Error,
    Gap,
    GetHistory,
    GetMembers,
    GetRooms,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Live,
    Members,
    Message,
    Ping,
    Pong,
    Position,
    Post,
    Posted,
    Presence,
    Quit,
    Redact,
    Redacted,
    Request,
    Rooms,
    Search,
    SetNick,
    SetTopic,
    TopicSet,
    encode,
    encode_frame,
)
from tests.server.peer import connected
from trio_chat.server import Server

pytestmark = pytest.mark.autojump


async def test_a_post_is_answered_first_and_then_seen_by_everyone_including_its_poster(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        posted = await ann.post("hello there")
        assert (posted.seq, posted.duplicate) == (1, False)
        (seen,) = await ann.entries(1)
        (heard,) = await bob.entries(1)
        assert seen == heard
        assert isinstance(seen, Message)
        assert (seen.nick, seen.text, seen.seq, seen.room) == ("ann", "hello there", 1, "lobby")


async def test_posts_sent_together_are_answered_in_order_before_their_messages(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.send(*[Post(ann.next_id(), "lobby", f"k{n}", f"text {n}") for n in range(10)])
        answers = [await ann.expect(Posted) for _ in range(10)]
        assert [answer.seq for answer in answers] == list(range(1, 11))
        assert [entry.seq for entry in await ann.entries(10)] == list(range(1, 11))


async def test_the_same_key_again_is_a_duplicate_with_the_first_seq(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        first = await ann.post("once", key="k")
        again = await ann.post("once", key="k")
        assert (again.seq, again.at, again.duplicate) == (first.seq, first.at, True)
        other = await ann.ask(Post(ann.next_id(), "lobby", "k", "something else"))
        assert isinstance(other, Error)
        assert other.code == "key_reused"


async def test_requests_between_posts_wait_for_them_and_a_ping_waits_for_nobody(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.expect(Live)
        ann.seen.clear()
        await ann.send(Post(11, "lobby", "a", "one"), GetHistory(12, "lobby"), Post(13, "lobby", "b", "two"), Ping(14))
        await ann.answer(13)
        answers = [m.id for m in ann.seen if isinstance(m, Posted | History | Pong)]
        assert answers == [14, 11, 12, 13]
        history = next(m for m in ann.seen if isinstance(m, History))
        assert [entry.seq for entry in history.entries] == [1]


async def test_a_client_may_send_everything_behind_hello_without_waiting(server: Server) -> None:
    async with connected(server) as ann:
        await ann.send(Hello(1, 1, "0" * 32, "ann"), Join(2, "lobby"), Post(3, "lobby", "k", "first words"))
        posted = await ann.expect(Posted)
        assert posted.seq == 1


async def test_without_hello_requests_are_refused_and_hello_still_works(server: Server) -> None:
    async with connected(server) as ann:
        for request in (Join(ann.next_id(), "lobby"), Post(ann.next_id(), "lobby", "key", "text")):
            answer = await ann.ask(request)
            assert isinstance(answer, Error)
            assert answer.code == "not_welcome"
        assert (await ann.hello("ann")).nick == "ann"


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        (Hello(1, 2, "0" * 32, "ann"), "version"),
        (Hello(1, 1, "0" * 32, "ann", password="x"), "not_welcome"),
        (Hello(1, 1, "0" * 32, "a b"), "bad_name"),
    ],
)
async def test_a_hello_that_cannot_be_granted_is_refused(server: Server, hello: Hello, code: str) -> None:
    async with connected(server) as ann:
        answer = await ann.ask(hello)
        assert isinstance(answer, Error)
        assert answer.code == code


async def test_a_nick_is_taken_in_any_case_and_free_again_after_bye(server: Server) -> None:
    async with connected(server, "Ann") as ann, connected(server) as other:
        answer = await other.ask(Hello(1, 1, "f" * 32, "aNN"))
        assert isinstance(answer, Error)
        assert answer.code == "nick_taken"
        await ann.ask(Quit(ann.next_id()))
        await ann.end()
        assert (await other.hello("aNN", "f" * 32)).nick == "aNN"


async def test_the_same_session_is_the_same_author_and_may_have_two_connections(server: Server) -> None:
    async with connected(server, "ann") as one, connected(server) as two:
        first = await two.hello("ann")
        await one.join()
        await two.join()
        async with connected(server, "bob") as bob:
            joined = await bob.join()
            assert [m.nick for m in joined.members] == ["ann", "bob"]
            assert joined.members[0].author == first.author
            await one.stream.aclose()
            await two.post("still here")
            await bob.entries(1)
            assert not any(isinstance(m, Presence) and m.change in ("left", "lost") for m in bob.seen)


async def test_edits_and_redactions_stand_in_the_log_and_change_what_is_read(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.post("frist")
        await ann.post("secret")
        assert isinstance(await ann.ask(Edit(ann.next_id(), "lobby", "e", 1, "first")), Posted)
        assert isinstance(await ann.ask(Redact(ann.next_id(), "lobby", "r", 2, "oops")), Posted)
        *_, edited, redacted = await ann.entries(4)
        assert isinstance(edited, Edited)
        assert (edited.seq, edited.target, edited.text) == (3, 1, "first")
        assert isinstance(redacted, Redacted)
        assert (redacted.seq, redacted.target, redacted.reason) == (4, 2, "oops")
        history = await ann.ask(GetHistory(ann.next_id(), "lobby"))
        assert isinstance(history, History)
        one, two, *_ = history.entries
        assert isinstance(one, Message)
        assert isinstance(two, Message)
        assert (one.text, one.edited_at is not None) == ("first", True)
        assert (two.text, two.redacted) == ("", True)


async def test_nobody_changes_what_others_said_or_what_is_not_there(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        await ann.post("mine")
        refused: list[tuple[Request, str]] = [
            (Edit(91, "lobby", "x", 1, "yours"), "forbidden"),
            (Redact(92, "lobby", "y", 1), "forbidden"),
            (Edit(93, "lobby", "z", 7, "nothing"), "no_such_entry"),
        ]
        for request, code in refused:
            answer = await bob.ask(request)
            assert isinstance(answer, Error)
            assert answer.code == code


async def test_a_topic_is_an_entry_and_shown_to_who_comes_later(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await ann.ask(SetTopic(ann.next_id(), "lobby", "t", "lunch"))
        (entry,) = await ann.entries(1)
        assert isinstance(entry, TopicSet)
        assert (await bob.join()).topic == "lunch"


async def test_lists_come_in_pages(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        for room in ("c", "a", "b"):
            await ann.join(room)
        await bob.join("a")
        rooms = await ann.ask(GetRooms(ann.next_id(), limit=2))
        assert isinstance(rooms, Rooms)
        assert ([(room.name, room.count) for room in rooms.rooms], rooms.more) == ([("a", 2), ("b", 1)], True)
        rest = await ann.ask(GetRooms(ann.next_id(), after="b"))
        assert isinstance(rest, Rooms)
        assert ([room.name for room in rest.rooms], rest.more) == (["c"], False)
        members = await ann.ask(GetMembers(ann.next_id(), "a", limit=1))
        assert isinstance(members, Members)
        assert ([m.nick for m in members.members], members.count, members.more) == (["ann"], 2, True)
        everyone = await ann.ask(GetMembers(ann.next_id(), after="Ann"))
        assert isinstance(everyone, Members)
        assert ([m.nick for m in everyone.members], everyone.room) == (["bob"], None)


async def test_leaving_is_seen_and_ends_the_right_to_post(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        assert isinstance(await bob.ask(Leave(bob.next_id(), "lobby")), Done)
        refused = await bob.ask(Post(bob.next_id(), "lobby", "k", "am I here?"))
        assert isinstance(refused, Error)
        assert refused.code == "not_a_member"
        left = await ann.until(lambda m: isinstance(m, Presence) and m.change == "left")
        assert isinstance(left, Presence)
        assert left.nick == "bob"


async def test_renaming_is_seen_by_everyone_in_the_room(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        assert isinstance(await bob.ask(SetNick(bob.next_id(), "rob")), Done)
        renamed = await ann.until(lambda m: isinstance(m, Presence) and m.change == "renamed")
        assert isinstance(renamed, Presence)
        assert (renamed.nick, renamed.to) == ("bob", "rob")
        taken = await bob.ask(SetNick(bob.next_id(), "ANN"))
        assert isinstance(taken, Error)
        assert taken.code == "nick_taken"


async def test_bye_is_answered_with_the_last_frame(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        await ann.send(Quit(77, "good night"))
        await bob.post("wait")
        bye = await ann.end()
        assert bye == Bye("good night", id=77)
        left = await bob.until(lambda m: isinstance(m, Presence) and m.change == "left")
        assert isinstance(left, Presence)


async def test_a_client_that_closes_after_its_requests_gets_all_answers(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.send(Join(2, "lobby"), Post(3, "lobby", "k", "and gone"))
        await ann.stream.send_eof()
        await ann.end()
        assert any(isinstance(m, Posted) and m.id == 3 for m in ann.seen)


async def test_an_unacceptable_text_is_refused_with_its_id_and_is_no_strike(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        for number in range(20, 40):
            answer = await ann.ask(Post(number, "lobby", "k", "x" * 4_001))
            assert isinstance(answer, Error)
            assert (answer.id, answer.code) == (number, "bad_text")


async def test_ten_strikes_a_minute_are_forgiven_and_the_eleventh_is_not(server: Server) -> None:
    async with connected(server, "ann") as ann:
        for _ in range(11):
            await ann.send_bytes(encode_frame(b'{"type":"nonsense"}'))
        bye = await ann.end()
        errors = [m for m in ann.seen if isinstance(m, Error)]
        assert [error.code for error in errors] == ["bad_message"] * 11
        assert bye is not None
        assert "not understood" in bye.reason


async def test_frames_before_an_over_long_length_are_carried_out(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.send_bytes(encode_frame(encode(Post(50, "lobby", "k", "before"))) + b"\x00\x01\x00\x01")
        ann.machine.sent(Post(50, "lobby", "k", "before"))
        await ann.end()
        kinds = [(type(m), getattr(m, "code", None)) for m in ann.seen[-4:]]
        assert (Posted, None) in kinds
        assert kinds[-2:] == [(Error, "bad_frame"), (Bye, None)]


async def test_second_hello_and_a_reused_id_are_bad_messages(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.send_bytes(encode_frame(encode(Hello(9, 1, "0" * 32, "ann"))))
        error = await ann.expect(Error)
        assert (error.id, error.code) == (None, "bad_message")
        twice = encode_frame(encode(GetRooms(5)))
        ann.machine.sent(GetRooms(5))
        await ann.send_bytes(twice + twice)
        await ann.answer(5)
        error = await ann.expect(Error)
        assert (error.id, error.code) == (None, "bad_message")


async def test_a_private_room_opens_for_both_and_for_nobody_else(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob, connected(server, "eve") as eve:
        joined = await ann.ask(Direct(ann.next_id(), "BOB"))
        assert isinstance(joined, Joined)
        assert joined.room.startswith("~")
        assert joined.peer == "bob"
        news = await bob.expect(Joined)
        assert (news.id, news.room, news.peer) == (None, joined.room, "ann")
        await ann.post("psst", joined.room)
        (whisper,) = await bob.entries(1)
        assert isinstance(whisper, Message)
        assert whisper.text == "psst"
        for request in (Join(60, joined.room), GetHistory(61, joined.room), Search(62, "psst", room=joined.room)):
            answer = await eve.ask(request)
            assert isinstance(answer, Error)
            assert answer.code == "no_such_room"
        nobody = await ann.ask(Direct(ann.next_id(), "zoe"))
        assert isinstance(nobody, Error)
        assert nobody.code == "no_such_person"


async def test_a_reply_names_an_entry_of_the_room(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.post("question")
        await ann.post("answer", reply_to=1)
        entry = (await ann.entries(2))[1]
        assert isinstance(entry, Message)
        assert entry.reply_to == 1
        refused = await ann.ask(Post(70, "lobby", "k", "to nothing", reply_to=9))
        assert isinstance(refused, Error)
        assert refused.code == "no_such_entry"


async def test_coming_back_gives_exactly_what_was_missed(server: Server) -> None:
    async with connected(server, "ann") as ann:
        joined = await ann.join()
        for n in range(1_200):
            await ann.post(f"line {n}")
        async with connected(server, "bob") as bob:
            await bob.join(after=Position(joined.epoch, 100))
            entries = await bob.until_live()
            assert [entry.seq for entry in entries] == list(range(101, 1_201))
            await bob.join(last=3)
            assert [entry.seq for entry in await bob.until_live()] == [1_198, 1_199, 1_200]
            await bob.join(after=Position(joined.epoch, 1_200))
            assert await bob.until_live() == []


@pytest.mark.parametrize("after", [Position("another", 2), Position("", 99)])
async def test_another_epoch_or_a_seq_beyond_the_head_is_a_gap_and_the_log_from_its_start(
    server: Server, after: Position
) -> None:
    async with connected(server, "ann") as ann:
        joined = await ann.join()
        for n in range(3):
            await ann.post(f"line {n}")
        if not after.epoch:
            after = Position(joined.epoch, after.seq)
        async with connected(server, "bob") as bob:
            await bob.join(after=after)
            gap = await bob.expect(Gap)
            assert (gap.after, gap.next, gap.reason) == (after.seq, 1, "epoch")
            assert [entry.seq for entry in await bob.until_live()] == [1, 2, 3]


async def test_opening_a_private_room_again_is_seen_by_who_is_still_in_it(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        opened = await ann.ask(Direct(ann.next_id(), "bob"))
        assert isinstance(opened, Joined)
        await bob.expect(Joined)
        await ann.ask(Leave(ann.next_id(), opened.room))
        await bob.until(lambda m: isinstance(m, Presence) and m.change == "left")
        await ann.ask(Direct(ann.next_id(), "bob"))
        came = await bob.until(lambda m: isinstance(m, Presence) and m.change == "joined")
        assert isinstance(came, Presence)
        assert came.room == opened.room


async def test_a_list_of_rooms_ends_at_256_kib_however_long_their_names_and_topics_are(server: Server) -> None:
    async with connected(server, "ann") as ann:
        names = [f"{n:03}" + "\u0436" * 61 for n in range(250)]
        for name in names:
            await ann.join(name)
            await ann.ask(SetTopic(ann.next_id(), name, f"key {name[:3]}", "\U0001f600" * 500))
        listed: list[str] = []
        more = True
        while more:
            page = await ann.ask(GetRooms(ann.next_id(), after=listed[-1] if listed else None, limit=500))
            assert isinstance(page, Rooms)
            assert len(encode(page)) < 2 * 262_144
            listed += [room.name for room in page.rooms]
            more = page.more
        assert listed == names
