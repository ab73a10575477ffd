"""Pages of a log that come while other things happen."""

import trio
import trio.testing

from protocol import Entry, History, Message
from tests.client.screen.staged import NOW_MS, Stage
from trio_chat.client.screen.reading import PAGE, Reader
from trio_chat.client.screen.timeline import TAIL_ITEMS

HEAD = 200


class SlowLog:
    """Hands out pages when it is told to.

    Attributes:
        asked: how often.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.goes_on = trio.Event()

    async def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> History:
        self.asked += 1
        await self.goes_on.wait()
        assert before is not None
        first = max(1, before - PAGE)
        entries: list[Entry] = [Message(room, seq, NOW_MS, "a-bob", "bob", str(seq)) for seq in range(first, before)]
        return History(1, room, entries, more=first > 1)


def shown(stage: Stage) -> list[int]:
    return [item.place[0] for item in stage.model.rooms["lobby"].timeline.shown.items]


async def test_a_page_is_asked_for_once_however_often_it_is_wanted() -> None:
    stage, log = Stage("dev"), SlowLog()
    stage.join("lobby", head=HEAD)
    stage.say("one", room="lobby")
    reader = Reader(log, stage.model)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(reader.read_back, "lobby")
        await trio.testing.wait_all_tasks_blocked()
        log.goes_on.set()
    assert log.asked == 1
    assert shown(stage) == list(range(HEAD + 1 - PAGE, HEAD + 2))


async def test_a_page_that_a_flood_has_cut_off_from_what_is_shown_is_not_put_before_it() -> None:
    stage, log = Stage("dev"), SlowLog()
    stage.join("lobby", head=HEAD)
    stage.say("one", room="lobby")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Reader(log, stage.model).read_back, "lobby")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(TAIL_ITEMS + 50):
            stage.say(str(number), room="lobby")
        log.goes_on.set()
    seqs = shown(stage)
    assert seqs == list(range(seqs[0], seqs[0] + TAIL_ITEMS))
