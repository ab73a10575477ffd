"""A server killed in the middle of clients posting; the long version is `python -m benchmarks.kill9`."""

from pathlib import Path

from benchmarks.kill9 import run


async def test_after_kill_9_nothing_acknowledged_or_seen_is_missing_and_clients_go_on_by_themselves(
    tmp_path: Path,
) -> None:
    figures = await run(tmp_path, rounds=2)
    assert figures.faults == []
    assert figures.entries == figures.posted >= 200
