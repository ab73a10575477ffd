"""The figures as pictures: bars for the works, curves for growth; drawn by matplotlib, if it is installed.

This file owns what the pictures look like. It must not know how anything was measured.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.delivery.figures import Measure
from benchmarks.delivery.growth import CURVES, SUBJECTS, points_of
from benchmarks.delivery.report import HEADS
from benchmarks.subjects import NAMES, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS_PER_INCH: Final = 110
OURS: Final = "#1565c0"
THEIRS: Final = "#9e9e9e"
LINES: Final = {"trio_chat": OURS, "nats": "#2e7d32", "redis": "#c62828"}

FEWEST_BARS: Final = 4
"""For so many a picture has room, so that few bars are no broader than many."""

LONGEST: Final = 6
"""So many times as long as the second is a bar that is cut."""

BARS: Final = (
    ("throughput", ("W1", "W4", "W5.1", "W5.4"), "deliveries_per_s"),
    ("latency", ("W2", "W3", "W5.2", "W5.3"), "p50_us"),
    ("latency_p99", ("W2", "W3", "W5.2", "W5.3"), "p99_us"),
)


def missing() -> str:
    """Return what is not installed, in a sentence; empty if charts can be drawn."""
    return "" if find_spec("matplotlib") else "charts are left out: matplotlib is not installed"


def draw(measures: Sequence[Measure], directory: Path) -> list[Path]:
    """Draw what was measured into PNG files, and return them."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, works, value in BARS:
        if present := [work for work in works if any(m.work == work for m in measures)]:
            files.append(_bars(measures, present, value, directory / f"{name}.png"))
    if curves := [name for name in CURVES if points_of(measures, name, SUBJECTS[0], "deliveries_per_s")]:
        files.append(_growth(measures, curves, directory / "growth.png"))
    return files


def _bars(measures: Sequence[Measure], works: Sequence[str], value: str, file: Path) -> Path:
    figure, axes = _subplots(1, len(works), width=3.4, height=2.8)
    for axis, work in zip(axes[0], works, strict=True):
        mine = [m for m in measures if m.work == work]
        names = sorted({m.subject for m in mine}, key=NAMES.index)
        found = [[m.values[value] for m in mine if m.subject == name] for name in names]
        colours = [OURS if name.startswith("trio_chat") else THEIRS for name in names]
        axis.barh([load(name).NAME for name in names], [median(runs) for runs in found], color=colours)
        for place, runs in enumerate(found):
            axis.plot(runs, [place] * len(runs), "|", color="black", markersize=8)
        _cut_the_longest(axis, [median(runs) for runs in found])
        axis.set_ylim(-0.6, max(len(names), FEWEST_BARS) - 0.4)
        axis.invert_yaxis()
        axis.set_title(work, fontsize=9)
        axis.set_xlabel(f"{HEADS[value]} (median; | each run)", fontsize=8)
        axis.xaxis.set_major_formatter(_with_prefixes())
        axis.tick_params(labelsize=7)
    return _save(figure, file)


def _cut_the_longest(axis: "Axes", lengths: Sequence[float]) -> None:
    """Where one bar is so long that all others are dots, end the picture before it ends, and write its length there."""
    *others, longest = sorted(lengths)
    if others and longest > LONGEST * others[-1]:
        end = 1.5 * others[-1]
        axis.set_xlim(0, end)
        axis.text(end, lengths.index(longest), f"{longest:,.0f} → ", ha="right", va="center", fontsize=7, color="white")


def _growth(measures: Sequence[Measure], curves: Sequence[str], file: Path) -> Path:
    values = ("deliveries_per_s", "cpu_us_per_delivery")
    figure, axes = _subplots(len(values), len(curves), width=3.6, height=2.6)
    for row, value in zip(axes, values, strict=True):
        for axis, curve in zip(row, curves, strict=True):
            _curve(axis, measures, curve, value)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(SUBJECTS), fontsize=8)
    return _save(figure, file)


def _curve(axis: "Axes", measures: Sequence[Measure], curve: str, value: str) -> None:
    for subject in SUBJECTS:
        points = points_of(measures, curve, subject, value)
        x = [point for point, _ in points]
        axis.plot(x, [median(runs) for _, runs in points], "o-", ms=3, color=LINES[subject], label=load(subject).NAME)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(CURVES[curve].title, fontsize=8)
    axis.set_ylabel(HEADS[value], fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)


def _subplots(rows: int, columns: int, *, width: float, height: float) -> tuple[Any, Any]:
    # Without pyplot: no window, no state of the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _with_prefixes() -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep=" ")


def _save(figure: Any, file: Path) -> Path:
    figure.savefig(file, dpi=DOTS_PER_INCH)
    return file
