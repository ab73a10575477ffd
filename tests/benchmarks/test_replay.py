"""A log goes through a real server, by TCP, and comes out as it went in; and where it does not, that is found."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks import replay
from benchmarks.irc_log import Remark, parse_window, read_windows
from benchmarks.replay_client import ReplayError
from benchmarks.replay_plan import Plan, plan_window
from benchmarks.replay_window import Outcome, Pace, replay_window
from protocol import Bye, Message, Posted, decode_from_server, encode
from tests.benchmarks.tampering import tampering_relay
from trio_chat.server import ServerConfig, open_server

REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "ubuntu-irc-train.txt.xz"
real_log = pytest.mark.skipif(not REAL_LOG.exists(), reason="../shared/data/ubuntu-irc-train.txt.xz is not here")

LOG = """# 2004-12-25
[11:58] <ann> hello?
=== bob has joined #ubuntu
[11:58] <bob> hi  ann ,  spaces  are  kept\x20
[11:58] <bob> "quotes", \\backslashes\\, <brackets>, tabs\tand ünïcödé 🎄
[11:58] <cy> /me is no command in a log
[11:59]  * cy waves
=== dee has joined #ubuntu
=== eve has left #ubuntu []
=== cy nods in the old way
[12:59] <bur[n] er> a nick that nobody may bear
[12:59] <ann>
[12:59] <ann> backspaced\x08
[12:59] <bob> one
[12:59] <bob> two
[12:59] <bob> three
=== bob is now known as robert
[12:59] <robert> a new nick
[12:59] <bob> another bob, who knows what was said before
=== robert is now known as ann
[01:00] <robert> still robert
=== cy has left #ubuntu ["Leaving"]
[01:00] <ann> cy does not see this at once
[01:01] <Ann> my nick in another case
=== cy has joined #ubuntu
=== Ann has joined #ubuntu
[01:01] <cy> but it does now
=== cy changed the topic of #ubuntu to: all of it
=== robert has left #ubuntu []
=== netjoined: one.example -> two.example
[01:02] <Ann> robert never comes back
# 2005-01-01
[00:00] <ann> a new year, a new room
[00:00] <ann> """ + "x" * 4_000 + "\n"  # fmt: skip

ENTRIES, CONNECTIONS, DELIVERIES = 20, 6, 5 * 18 + 2


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "irc.txt"
    path.write_text(LOG, encoding="utf-8", newline="\n")
    return path


def test_a_log_comes_out_of_a_real_server_as_it_went_in(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main([str(log), "--json", str(tmp_path / "figures.json")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.endswith("No difference: each of 6 transcripts is the log of its window.\n")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["windows"], figures["entries"], figures["connections"]) == (2, ENTRIES, CONNECTIONS)
    assert figures["deliveries"] == DELIVERIES
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"] <= figures["latency_max_ms"]
    assert {
        heading: {matter: counted["count"] for matter, counted in matters.items()}
        for heading, matters in figures["left_out"].items()
    } == {
        "Left out, because the protocol cannot carry it": {
            "messages without text": 1,
            "messages that hold a control character": 1,
            "changes to a nick that another connection has": 1,
            "lines of the network or of the logging program": 1,
        },
        "Counted only": {
            "arrivals of people who say nothing in their window": 1,
            "departures of people who say nothing in their window": 1,
        },
        "Carried in another way": {
            "nicks that nobody may bear: the speaker has a substitute": 1,
            "nicks that are another but for their case: one connection, which changes its nick": 1,
            'actions in the form "=== nick text"': 1,
        },
    }


def test_a_log_at_its_own_pace_comes_out_as_it_went_in(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([str(log), "--speed", "x2400", "--store", "memory:", "--windows", "1"]) == 0
    printed = capsys.readouterr().out
    assert "at speed x2400 with memory:" in printed
    assert "behind the pace" in printed


def test_a_room_that_has_entries_of_before_is_no_place_for_a_replay(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = [str(log), "--windows", "1", "--store", f"sqlite:{tmp_path}/chat.db"]
    assert replay.main(again) == 0
    assert replay.main(again) == 1
    assert (
        "#ubuntu-1 has 18 entries where 0 were posted in this replay; replay into a new store"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.txt"], "replay: cannot read nothing.txt: No such file or directory\n"),
        (["{empty}"], "replay: {empty} holds no window; a line like # 2004-12-25 opens one\n"),
        (["{log}", "--store", "nonsense"], "replay: the server ended with 2: trio_chat: "),
    ],
)
def test_a_replay_that_cannot_begin_says_why_and_exits_2(
    arguments: list[str], sentence: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.txt").touch()
    names = {"empty": tmp_path / "empty.txt", "log": log}
    assert replay.main([argument.format_map(names) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence.format_map(names))


@pytest.mark.parametrize("flag", ["--speed=fast", "--speed=x0", "--windows=0", "--windows=-1", "--windows=x"])
def test_a_flag_that_makes_no_sense_is_refused(flag: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        replay.main([str(log), flag])
    assert ended.value.code == 2
    assert flag.partition("=")[2] in capsys.readouterr().err


# --- a server that is not as it should be -------------------------------------------------------------


PLAN = plan_window(
    parse_window(
        1,
        "2004-12-25",
        [(number, f"[09:14] <{nick}> {number}".encode()) for number, nick in enumerate(["ann", "bob"] * 5, 1)],
    )
)


async def replay_through(plan: Plan, tamper: Callable[[int, bytes], Sequence[bytes]]) -> Outcome:
    """Replay on a server behind a relay that changes what the server sends."""
    async with (
        open_server(ServerConfig(port=0, store="memory:", rate_limit=None)) as server,
        tampering_relay("127.0.0.1", int(server.addresses[0].rpartition(":")[2]), tamper) as port,
    ):
        return await replay_window(plan, "127.0.0.1", port, Pace(), lambda entries: None)


def entries_of_first(change: Callable[[Message], Sequence[Message]]) -> Callable[[int, bytes], Sequence[bytes]]:
    """Change the messages that the first connection gets."""

    def tamper(connection: int, payload: bytes) -> Sequence[bytes]:
        message = decode_from_server(payload)
        if connection or not isinstance(message, Message):
            return [payload]
        return [encode(changed) for changed in change(message)]

    return tamper


async def kinds(change: Callable[[Message], Sequence[Message]]) -> list[str]:
    outcome = await replay_through(PLAN, entries_of_first(change))
    assert len({difference.where for difference in outcome.differences}) <= 1
    return sorted(f"{difference.kind} {difference.what.split(' ')[1]}" for difference in outcome.differences)


async def test_a_server_that_does_as_it_should_passes() -> None:
    assert await kinds(lambda message: [message]) == []


async def test_an_entry_that_comes_twice_is_found() -> None:
    assert await kinds(lambda message: [message] * (2 if message.seq == 3 else 1)) == ["double 3"]


async def test_an_entry_that_comes_again_in_the_place_of_another_is_found_and_so_is_the_hole() -> None:
    held: list[Message] = []

    def change(message: Message) -> Sequence[Message]:
        held.append(message)
        return [held[-2]] if message.seq == 6 else [message]

    assert await kinds(change) == ["double 5", "hole 6"]


async def test_entries_that_change_places_are_found() -> None:
    held: list[Message] = []

    def change(message: Message) -> Sequence[Message]:
        held.append(message)
        return [] if message.seq == 6 else [message, held[-2]] if message.seq == 7 else [message]

    assert await kinds(change) == ["order 6"]


async def test_a_byte_that_is_changed_is_found() -> None:
    assert await kinds(lambda message: [replace(message, text="8 ") if message.seq == 8 else message]) == ["changed 8"]


async def test_an_answer_with_another_seq_is_found() -> None:
    def tamper(_: int, payload: bytes) -> Sequence[bytes]:
        message = decode_from_server(payload)
        return [encode(replace(message, seq=12)) if isinstance(message, Posted) and message.seq == 2 else payload]

    (difference,) = (await replay_through(PLAN, tamper)).differences
    assert (difference.kind, difference.where) == ("answer", "ubuntu-1, bob")
    assert "line 2 was to be posted as seq 2, and the answer is Posted(" in difference.what


async def test_a_connection_that_is_lost_ends_the_replay_with_a_sentence() -> None:
    def tamper(connection: int, payload: bytes) -> Sequence[bytes]:
        message = decode_from_server(payload)
        ends = connection == 0 and isinstance(message, Message) and message.seq == 5
        return [encode(Bye("enough"))] if ends else [payload]

    sentence = pytest.RaisesExc(ReplayError, match="the server said bye to (ann|bob): enough")
    with pytest.RaisesGroup(sentence, flatten_subgroups=True):
        await replay_through(PLAN, tamper)


# --- the real log -------------------------------------------------------------------------------------


@real_log
def test_no_line_of_the_real_log_is_of_unknown_form() -> None:
    remarks = [e for window in read_windows(REAL_LOG) for e in window.events if isinstance(e, Remark)]
    assert {remark.kind for remark in remarks} == {"logger"}


@real_log
def test_a_window_of_the_real_log_comes_out_of_a_real_server_as_it_went_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([str(REAL_LOG), "--windows", "1"]) == 0
    assert "No difference: each of 94 transcripts is the log of its window." in capsys.readouterr().out
