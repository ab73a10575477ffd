"""The picture of a load is a PNG, whatever was measured; without matplotlib there is a sentence instead."""

import random
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.load_file import Recording
from benchmarks.load_measurements import Kind, Measurements
from benchmarks.load_plot import CannotDraw, draw

with_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")


def recording(*latencies_ms: float, kinds: tuple[Kind, ...] = tuple(Kind)) -> Recording:
    measurements = Measurements()
    for place, latency_ms in enumerate(latencies_ms):
        for kind in kinds:
            measurements[kind].add(place / 100, latency_ms)
    return Recording("a load", "a command", measurements)


CHANCE = random.Random(0)
CASES = {
    "many": recording(*[CHANCE.lognormvariate(0, 1) for _ in range(2_000)]),
    "one": recording(1.0),
    "none": recording(0.0),
    "equal": recording(*[0.5] * 300),
    "wide": recording(0.0, 1e-3, 1e6),
    "unanswered": recording(0.1, 0.2, kinds=(Kind.LATENESS,)),
    "undelivered": recording(0.1, 0.2, kinds=(Kind.POSTED, Kind.LATENESS)),
}


@with_matplotlib
@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_a_png(case: str, tmp_path: Path) -> None:
    draw(CASES[case], tmp_path / "latency_plot.png")
    data = (tmp_path / "latency_plot.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(data[16:20]) >= 800  # pixels across
    assert len(data) > 10_000


@with_matplotlib
def test_a_picture_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CannotDraw, match=r"cannot write .*: No such file or directory"):
        draw(CASES["one"], tmp_path / "no" / "where.png")


def test_without_matplotlib_a_sentence_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CannotDraw, match=r"install it \(`pip install matplotlib`\)"):
        draw(CASES["one"], tmp_path / "latency_plot.png")
    assert not (tmp_path / "latency_plot.png").exists()
