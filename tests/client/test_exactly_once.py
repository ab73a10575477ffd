"""Whatever the network does: every entry once and in order, every post said once and in its order.

Hypothesis chooses after how many bytes, either way, each connection breaks: inside a frame, before an answer,
after the server carried out what it never acknowledged, before `welcome`. Each run has a clock that jumps.
"""

from collections.abc import Iterator

import pytest
import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from protocol import Entry, Gap, Joined, Live, Message, Post
from tests.client.cutting import CutStream
from tests.client.fake_server import FakeServer
from tests.client.with_server import ANN
from trio_chat.client import CannotConnect, Client, ClientEvent, engine, open_client
from trio_chat.transport import ByteStream


class Cut(Struct, frozen=True):
    """Where one connection breaks, in bytes from its start; `ends` as a closed stream, or else as a broken one."""

    received: int
    sent: int
    ends: bool = False


def bytes_until(longest: int) -> st.SearchStrategy[int]:
    return st.integers(0, longest)


CUTS = st.lists(st.builds(Cut, bytes_until(4_000), bytes_until(1_500), st.booleans()), max_size=8)
UNHARMED = Cut(2**40, 2**40)
NAMES, POSTS = ("patient", "hasty"), 6


class Story(Struct):
    """What happened, for the end to be judged by."""

    server: FakeServer
    events: list[ClientEvent] = []
    acknowledged: list[tuple[str, int]] = []


async def open_through(cuts: list[Cut], story: Story, waits: list[float], rejoins: list[float]) -> None:
    """Open a client whose connections are cut so, post and read, until all is said and read."""
    plan = iter(cuts)
    story.server.wrap = lambda stream: _cut(stream, plan)
    while True:
        try:
            async with open_client(nick="ann", session=ANN, dial=story.server.dial) as client:
                await _converse(client, story, waits, rejoins)
                return
        except CannotConnect:
            continue  # the first connection was to be cut before its welcome


def _cut(stream: ByteStream, plan: Iterator[Cut]) -> ByteStream:
    cut = next(plan, UNHARMED)
    return CutStream(stream, cut.received, cut.sent, ends=cut.ends)


async def _converse(client: Client, story: Story, waits: list[float], rejoins: list[float]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read, client, story, waits)
        await client.join("lobby", last=3)
        async with trio.open_nursery() as posting:
            posting.start_soon(_post_patiently, client, story)
            posting.start_soon(_post_hastily, client, story)
            posting.start_soon(_join_again, client, rejoins)
            for number in range(POSTS):
                await trio.sleep(0.05)
                story.server.say("lobby", f"other {number}")
        await client.post("lobby", "the end")


async def _post_patiently(client: Client, story: Story) -> None:
    """Post one after the other, waiting for each answer."""
    for number in range(POSTS):
        await _post(client, story, f"patient {number}")


async def _post_hastily(client: Client, story: Story) -> None:
    """Post all in order, waiting for no answer in between."""
    async with trio.open_nursery() as nursery:
        for number in range(POSTS):
            nursery.start_soon(_post, client, story, f"hasty {number}")
            await trio.testing.wait_all_tasks_blocked()


async def _post(client: Client, story: Story, text: str) -> None:
    posted = await client.post("lobby", text)
    story.acknowledged.append((text, posted.seq))


async def _join_again(client: Client, rejoins: list[float]) -> None:
    for wait_s in rejoins:
        await trio.sleep(wait_s)
        await client.join("Lobby", last=2)


async def _read(client: Client, story: Story, waits: list[float]) -> None:
    pauses = iter(waits)
    async for event in client:
        story.events.append(event)
        if isinstance(event, Message) and event.text == "the end":
            return
        await trio.sleep(next(pauses, 0))


def run(cuts: list[Cut], waits: list[float], rejoins: list[float], events_waiting: int = 1_000) -> Story:
    """Run the story in a world of its own, to its end."""

    async def main() -> Story:
        async with trio.open_nursery() as nursery:
            story = Story(FakeServer(nursery))
            for number in range(5):
                story.server.say("lobby", f"before {number}")
            with trio.fail_after(10_000):
                await open_through(cuts, story, waits, rejoins)
            nursery.cancel_scope.cancel()
        return story

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "EVENTS_WAITING", events_waiting)
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def judge(story: Story) -> None:
    """Hold what was read and acknowledged against the log of the server."""
    log = story.server.logs["lobby"].entries
    read = [event for event in story.events if isinstance(event, Entry)]
    first = next(event for event in story.events if isinstance(event, Joined))
    assert read[0].seq <= max(0, first.head - 3) + 1, "what was asked for is there"
    assert read == log[read[0].seq - 1 :], "every entry once and in order"
    assert not [event for event in story.events if isinstance(event, Gap)]

    said = [entry.text for entry in log if isinstance(entry, Message)]
    for name in NAMES:
        assert [text for text in said if text.startswith(name)] == [f"{name} {number}" for number in range(POSTS)]
    for text, seq in story.acknowledged:
        entry = log[seq - 1]
        assert isinstance(entry, Message)
        assert entry.text == text
    assert len(story.acknowledged) == len(NAMES) * POSTS

    keys: dict[str, str] = {}
    for post in story.server.asked_of(Post):
        assert isinstance(post, Post)
        assert keys.setdefault(post.text, post.key) == post.key, "repeated under the same key"


SECONDS = st.floats(0, 2)
REJOINS = st.lists(SECONDS, max_size=3)


@given(cuts=CUTS, rejoins=REJOINS)
@example(cuts=[Cut(10_000, 10_000), Cut(10, 10_000), Cut(0, 0), Cut(400, 10_000)], rejoins=[0.1, 0.1])
def test_wherever_connections_are_cut_every_entry_comes_once_and_every_post_is_said_once(
    cuts: list[Cut], rejoins: list[float]
) -> None:
    judge(run(cuts, [], rejoins))


@given(cuts=CUTS, waits=st.lists(SECONDS, max_size=20), rejoins=REJOINS, events_waiting=st.integers(2, 12))
def test_a_consumer_that_dawdles_besides_gets_the_same(
    cuts: list[Cut], waits: list[float], rejoins: list[float], events_waiting: int
) -> None:
    judge(run(cuts, waits, rejoins, events_waiting))


@pytest.mark.parametrize("ends", [False, True])
def test_a_cut_anywhere_that_is_received_harms_nothing(ends: bool) -> None:
    for received in range(0, 4_050, 23):
        judge(run([Cut(received, 2**40, ends)], [], []))


def test_a_cut_anywhere_that_is_sent_harms_nothing() -> None:
    for sent in range(0, 1_550, 11):
        judge(run([Cut(2**40, sent)], [], []))


def test_an_unharmed_connection_tells_each_room_once_that_it_is_live() -> None:
    story = run([], [], [])
    judge(story)
    kinds = [type(event) for event in story.events if not isinstance(event, Entry)]
    assert kinds[1:] == [Joined, Live]
    assert story.server.dials == 1
