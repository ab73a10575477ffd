"""`latency_plot.png`: a histogram of the latencies, and their percentiles over time.

This file owns the picture. It must not know how latencies are measured or kept. matplotlib is looked for when a
picture is drawn, so that everything else works without.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load_file import Recording
from benchmarks.load_measurements import Kind, Measurements, Series, over_time, percentiles, slice_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES: Final = (10.0, 7.0)
DPI: Final = 100
BINS: Final = 90
SMALLEST_MS: Final = 0.001
"""The least latency that a logarithmic axis shows, and the finest that is kept."""

_INK: Final = "#333333"
_FAINT: Final = "#8a8a8a"
_KIND_COLOURS: Final = {Kind.DELIVERY: "#2f6db5", Kind.POSTED: "#e08a2e"}
_KIND_LABELS: Final = {Kind.DELIVERY: "delivery to a member", Kind.POSTED: "acknowledgement to the sender"}
_PERCENTILE_COLOURS: Final = {
    "p50": "#2f6db5", "p90": "#3f9d8f", "p99": "#d9a21b", "p99.9": "#d9682f", "max": "#b03a48",
}  # fmt: skip


class CannotDraw(Exception):
    """There is no picture; the message is one sentence for who wants it."""


def draw(recording: Recording, path: Path) -> None:
    """Write a picture of a recording that holds at least one measurement, as PNG.

    Raises:
        CannotDraw: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise CannotDraw(
            "matplotlib is not installed, so there is no picture: install it (`pip install matplotlib`), then run"
            " `python -m benchmarks.load --plot` with the data file."
        ) from None
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1)
    figure.suptitle(recording.load or "Latencies", fontsize=12, color=_INK)
    _draw_histogram(upper, recording.measurements)
    _draw_over_time(lower, recording.measurements)
    try:
        figure.savefig(path, format="png", pil_kwargs={"optimize": True})
    except OSError as error:
        raise CannotDraw(f"cannot write {path}: {error.strerror or error}.") from None


def _main_kind(measurements: Measurements) -> Kind:
    """Return what the percentiles are of: deliveries, unless there is none."""
    return next(kind for kind in Kind if len(measurements[kind]))


def _draw_histogram(axes: "Axes", measurements: Measurements) -> None:
    shown = [kind for kind in _KIND_COLOURS if len(measurements[kind])] or [Kind.LATENESS]
    edges = _log_edges([measurements[kind] for kind in shown])
    for kind in shown:
        values = [max(SMALLEST_MS, value) for value in measurements[kind].latency_ms]
        share = [100 / len(values)] * len(values)
        colour, label = _KIND_COLOURS.get(kind, _FAINT), _KIND_LABELS.get(kind, "lateness of the load generator")
        axes.hist(values, edges, weights=share, histtype="stepfilled", color=colour, alpha=0.35)
        axes.hist(
            values, edges, weights=share, histtype="step", color=colour, label=f"{label}\n({len(values):,} measured)"
        )
    main = _main_kind(measurements)
    for name, value in percentiles(measurements[main].latency_ms).items():
        label = f"{name}: {_told_ms(value)}"
        axes.axvline(max(SMALLEST_MS, value), color=_PERCENTILE_COLOURS[name], linestyle="--", label=label)
    _label(axes, "latency from the moment when the message was due, ms", "share, %")
    _make_logarithmic(axes, "x")
    _explain(axes, f"percentiles: {main}")


def _draw_over_time(axes: "Axes", measurements: Measurements) -> None:
    main, count = _main_kind(measurements), slice_count(measurements)
    slices = over_time(measurements[main], count)
    for name, colour in reversed(_PERCENTILE_COLOURS.items()):
        values = [max(SMALLEST_MS, one.percentiles[name]) for one in slices]
        axes.plot([one.at_s for one in slices], values, color=colour, label=name, linewidth=1.5, marker=".")
    if main is not Kind.LATENESS and (late := over_time(measurements[Kind.LATENESS], count)):
        values = [max(SMALLEST_MS, one.percentiles["p99"]) for one in late]
        label = "p99 of the lateness of\nthe load generator itself"
        axes.plot([one.at_s for one in late], values, color=_FAINT, linestyle=":", linewidth=1.5, label=label)
    _label(axes, "when the message was due, seconds since the start", f"latency ({main}), ms")
    _make_logarithmic(axes, "y")
    axes.set_xlim(left=0)
    _explain(axes, "percentiles of each slice")


def _explain(axes: "Axes", title: str) -> None:
    """Put the legend beside the panel, where it hides nothing."""
    legend = axes.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5, frameon=False, labelcolor=_INK, title=title,
        title_fontsize=8.5, alignment="left",
    )  # fmt: skip
    legend.get_title().set_color(_INK)


def _log_edges(all_series: Sequence[Series]) -> list[float]:
    """Return the bounds of classes of equal width on a logarithmic axis, from the least value to the greatest."""
    least = max(SMALLEST_MS, min(min(series.latency_ms) for series in all_series)) / 1.05
    most = max(SMALLEST_MS, max(max(series.latency_ms) for series in all_series)) * 1.05
    return [least * math.exp(math.log(most / least) * place / BINS) for place in range(BINS + 1)]


def _make_logarithmic(axes: "Axes", which: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _label(axes: "Axes", x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(visible=True, which="major", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _told_ms(value: float) -> str:
    return f"{value:.3g} ms" if value < 1_000 else f"{value / 1_000:.3g} s"
