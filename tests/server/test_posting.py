"""Posts that came in one piece: taken together, and yet each answered as if it had come alone."""

from collections.abc import Sequence

import pytest
import trio

from protocol import Error, FromServer, Join, Message, Ping, Pong, Post, Posted, encode, encode_frame
from tests.server.peer import Peer, connected
from trio_chat.server import Server, ServerConfig, open_server

pytestmark = pytest.mark.autojump


async def post_together(peer: Peer, posts: Sequence[Post]) -> list[FromServer]:
    """Send posts in one piece and return their answers."""
    await peer.send(*posts)
    return [await peer.answer(post.id) for post in posts]


def posts(count: int, first: int = 100, room: str = "lobby") -> list[Post]:
    return [Post(number, room, f"key {number}", f"text {number}") for number in range(first, first + count)]


async def test_a_rate_limit_that_is_reached_in_the_middle_says_how_long_to_wait() -> None:
    async with (
        open_server(ServerConfig(port=0, store="memory:", rate_limit=2)) as server,
        connected(server, "ann") as ann,
    ):
        await ann.join()
        answers = await post_together(ann, posts(13))
        assert [type(answer) for answer in answers] == [Posted] * 10 + [Error] * 3
        assert [answer.retry_after_ms for answer in answers if isinstance(answer, Error)] == [501] * 3
        await trio.sleep(0.501)
        assert [type(answer) for answer in await post_together(ann, posts(2, 200))] == [Posted, Error]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Post(500, "den", "k", "not there"), "not_a_member"),
        (Post(500, "#", "k", "no room"), "bad_name"),
        (Post(500, "lobby", "k", "replies to what is to come", reply_to=99), "no_such_entry"),
        (Post(500, "lobby", "key 100", "another text"), "key_reused"),
        (Post(500, "lobby", "k", ""), "bad_text"),
        (Post(500, "lobby", "k", "a bell: \x07"), "bad_text"),
    ],
)
async def test_one_that_is_refused_is_answered_in_its_turn_and_the_others_are_said(
    server: Server, bad: Post, code: str
) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        together = [*posts(3), bad, *posts(3, 600)]
        answers = await post_together(ann, together)
        assert [type(answer) for answer in answers] == [Posted] * 3 + [Error] + [Posted] * 3
        assert isinstance(answers[3], Error)
        assert answers[3].code == code
        numbers = {post.id for post in together}
        assert [number for m in ann.seen if (number := getattr(m, "id", None)) in numbers] == [p.id for p in together]
        said = [entry.text for entry in await ann.entries(6) if isinstance(entry, Message)]
        assert said == [post.text for post in together if post is not bad]


async def test_posts_to_several_rooms_are_numbered_in_each(server: Server) -> None:
    async with connected(server, "ann") as ann:
        for room in ("lobby", "den"):
            await ann.join(room)
        mixed = [post for pair in zip(posts(4), posts(4, 200, "den"), strict=True) for post in pair]
        answers = await post_together(ann, mixed)
        assert [(answer.room, answer.seq) for answer in answers if isinstance(answer, Posted)] == [
            (room, seq) for seq in range(1, 5) for room in ("lobby", "den")
        ]


async def test_a_repeat_among_them_is_a_duplicate_of_the_first(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        again = Post(300, "lobby", "key 100", "text 100")
        first, second, repeated = await post_together(ann, [*posts(2), again])
        assert isinstance(first, Posted)
        assert repeated == Posted(300, "lobby", first.seq, first.at, duplicate=True)
        assert isinstance(second, Posted)
        assert second.seq == 2


async def test_requests_between_posts_are_carried_out_between_them_and_a_ping_before_all(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        await ann.send(*posts(2), Join(150, "den"), *posts(1, 200, "den"), Ping(7))
        await ann.answer(200)
        answers = [m for m in ann.seen if getattr(m, "id", None) in (100, 101, 150, 200) or isinstance(m, Pong)]
        assert [getattr(answer, "id", None) for answer in answers] == [7, 100, 101, 150, 200]
        assert isinstance(answers[-1], Posted)


async def test_posts_before_a_bad_frame_are_said_and_then_the_stream_is_given_up(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        await ann.join()
        await bob.join()
        for post in posts(3):
            ann.machine.sent(post)
        data = b"".join(encode_frame(encode(post)) for post in posts(3)) + b"\xff\xff\xff\xff"
        await ann.send_bytes(data)
        assert [type(await ann.answer(post.id)) for post in posts(3)] == [Posted] * 3
        error = await ann.expect(Error)
        assert (error.id, error.code) == (None, "bad_frame")
        assert await ann.end() is not None
        assert len(await bob.entries(3)) == 3
