"""Figures of the study itself: what was kept, how it was made, and how it stands beside the truth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, RULE, Colours, palette, picture
from neurodata4ml.report.words import compact, listing, plain


@picture
def kept(
    units: Mapping[str, int], trials: Mapping[str, int], kept: Sequence[str], colours: Colours = None
) -> tuple[Figure, str]:
    """Draw how many units and trials were kept, and how many dropped for which reason.

    Parameters
    ----------
    units, trials : mapping of area or reason to a number
        In the order of the bars; those named in ``kept`` were analysed, the others were not.
    kept : sequence of str
        The names that count as kept.
    colours : mapping of area to colour, optional
    """
    colours = colours or palette(units)
    rows = max(len(units), len(trials), 2)
    figure = Figure(figsize=(marks.WIDTH, 0.5 + 0.26 * rows), layout="constrained")
    said = []
    for ax, name, counts in zip(figure.subplots(1, 2), ("units", "trials"), (units, trials), strict=True):
        y = marks.label_rows(ax, list(counts), limit=40, ruled=False)
        ax.set_ylim(rows - 0.4, -0.6)
        shade = [colours.get(row, MUTED) if row in kept else RULE for row in counts]
        ax.barh(y, list(counts.values()), height=0.62, color=shade)
        most = max([*counts.values(), 1])
        for at, n in zip(y, counts.values(), strict=True):
            ax.text(n + most * 0.02, at, f"{n:,}", va="center", fontsize=8)
        ax.set_xlim(0, most * 1.18)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.set_title(name)
        said.append(f"{name}: " + listing([f"{row} {n:,}" for row, n in counts.items()], 8))
    return figure, f"Kept and dropped. {'; '.join(said)}."


@picture
def provenance(
    steps: Sequence[tuple[str, str]], window: Sequence[float] | None, bin_width: float | None
) -> tuple[Figure, str]:
    """Draw the way from the recording to the page as boxes, and the window of a trial under them.

    Parameters
    ----------
    steps : sequence of (name, detail)
        In the order in which they were made.
    window : two floats or None
        Start and stop in seconds from the event.
    bin_width : float or None
        Seconds.
    """
    timed = window is not None and len(window) == 2 and window[1] > window[0]
    figure = Figure(figsize=(marks.WIDTH, 2.6 if timed else 1.7))
    top = figure.add_axes((0.005, 0.4 if timed else 0.03, 0.99, 0.59 if timed else 0.94))
    top.set(xlim=(0, len(steps)), ylim=(0, 1))
    top.axis("off")
    for i, (name, detail) in enumerate(steps):
        _box(top, i, name, detail, last=i == len(steps) - 1)
    said = " to ".join(name for name, _ in steps)
    if not timed or window is None:
        return figure, f"The way of the data: {said}."
    low = figure.add_axes((0.03, 0.2, 0.94, 0.1))
    _timeline(low, float(window[0]), float(window[1]), bin_width)
    return (
        figure,
        f"The way of the data: {said}. The window runs from {compact(window[0])} to {compact(window[1])} s.",
    )


def _box(ax: Axes, i: int, name: str, detail: str, *, last: bool) -> None:
    ax.add_patch(Rectangle((i + 0.02, 0.04), 0.86, 0.92, facecolor="none", edgecolor=MUTED, linewidth=0.8))
    ax.text(i + 0.07, 0.88, plain(name, 20), fontsize=8, fontweight="bold", va="top")
    lines = textwrap.wrap(plain(detail), 15, break_long_words=True)
    lines = [*lines[:7], "…"] if len(lines) > 8 else lines
    ax.text(i + 0.07, 0.74, "\n".join(lines), fontsize=7, va="top", color=INK, linespacing=1.35)
    if not last:
        ax.annotate(
            "",
            (i + 1.02, 0.5),
            (i + 0.88, 0.5),
            arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
        )


def _timeline(ax: Axes, start: float, stop: float, bin_width: float | None) -> None:
    ax.set(xlim=(min(start, 0), max(stop, 0)), ylim=(0, 1), yticks=[])
    ax.axvspan(start, stop, color=RULE, linewidth=0)
    n_bins = round((stop - start) / bin_width) if bin_width else 0
    if 1 < n_bins <= 400:
        ax.vlines(start + np.arange(1, n_bins) * (stop - start) / n_bins, 0, 1, color=PAPER, linewidth=0.5)
    ax.axvline(0, color=INK, linewidth=1.4)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("time from the event (s); each cell is one bin, the line is the event")
