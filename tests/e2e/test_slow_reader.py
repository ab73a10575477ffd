"""A member that stops reading, by TCP; the long version is `python -m benchmarks.slow_reader`."""

from pathlib import Path

import pytest

from benchmarks.slow_reader import measure

MEGABYTES = 20
"""Five times what the kernel's socket buffers take, and more than twice what the server's memory may grow by."""


@pytest.mark.parametrize("cut", [False, True], ids=["it reads on", "it is cut, and comes back"])
async def test_a_member_that_stops_reading_costs_no_memory_and_gets_every_entry_in_order(
    tmp_path: Path, cut: bool
) -> None:
    figures = await measure(tmp_path, MEGABYTES, cut=cut)
    assert figures.faults == []
    assert bool(figures.missed) == cut
