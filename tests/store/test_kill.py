"""A process that appends and is killed: what it was told is kept, and the log has no holes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.conftest import OpenFile
from tests.store.drafts import all_entries, appended, found, said

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))

PROGRAM = """
import sys, trio
from protocol import Message
from trio_chat.store import Draft, open_store

async def talk(store, author):
    for number in range(1_000_000):
        drafts = [Draft("lobby", author, f"{number}.{i}", 1, author, "message", f"word {number}") for i in range(3)]
        outcomes = await store.append(drafts)
        for draft, outcome in zip(drafts, outcomes):
            assert type(outcome) is Message
            print(outcome.seq, author, draft.key, flush=draft is drafts[-1])

async def main(url, start):
    async with open_store(url, lambda commits: None) as store, trio.open_nursery() as nursery:
        await store.open_room("lobby")
        for number in range(8):
            nursery.start_soon(talk, store, f"{start}-{number}")

trio.run(main, *sys.argv[1:])
"""


def told_before_kill(url: str, start: str, lines: int) -> list[tuple[int, str]]:
    """Run the program until it has printed some lines, kill it, and return all that it printed."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, url, start], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        printed += process.stdout.readlines()
    whole = [line.split() for line in printed if line.endswith("\n")]
    return [(int(seq), f"{author} {key}") for seq, author, key in whole]


@pytest.mark.parametrize("lines", [1, 100, 1_000][:ROUNDS] + [500] * (ROUNDS - 3))
async def test_what_was_acknowledged_before_a_kill_is_there_afterwards(
    open_file: OpenFile, file: Path, lines: int
) -> None:
    told = told_before_kill(f"sqlite:{file}", "one", lines)
    told += told_before_kill(f"sqlite:{file}", "two", lines)
    assert len(told) >= 2 * lines
    async with open_file() as store:
        entries = await all_entries(store)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        for seq, author_and_key in told:
            assert entries[seq - 1].author == author_and_key.split()[0]
        number = int(told[-1][1].split()[1].split(".")[0])
        assert len(await found(store, f"word {number}", limit=10_000)) >= 3
        assert await appended(store, said()) == [len(entries) + 1]
