"""The marks that several figures share: panels in a grid, rows of dots with intervals, the moment of onset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, RULE
from neurodata4ml.report.words import plain

WIDTH = 7.2
"""Width of a full figure in inches: two columns of a journal."""

MOST_LETTERS = 90
"""So many fit under the panels of one row."""

MOST_PANELS = 60
"""A figure with more panels than this would no longer be read; the rest is in results.json."""


def panels(
    n: int, *, most_columns: int = 4, row_height: float = 1.9, share: bool = True, extra: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Return a figure and ``n`` axes in a grid that is as wide as a page, or half as wide for one panel.

    ``extra`` inches are added to the height, for a legend or a colour bar.
    """
    columns = min(most_columns, max(n, 1))
    rows = -(-n // columns)
    width = WIDTH if columns > 1 else WIDTH * 0.62
    figure = Figure(figsize=(width, rows * row_height + 0.35 + extra), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False)
    axes = list(grid.ravel())
    for unused in axes[n:]:
        unused.set_visible(False)
    for i, ax in enumerate(axes[:n]):  # tick labels also where the panel below is unused
        if i + columns >= n:
            ax.tick_params(labelbottom=True)
    return figure, axes[:n]


def label_outer(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the x axis under the lowest panel of each column, the y axis beside the first of each row.

    A name that is too long for one of several panels stands once, under all of them.
    """
    columns = axes[0].get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    once = len(x) * columns > MOST_LETTERS and columns > 1
    if once:
        axes[0].figure.supxlabel(x, fontsize=8.5)
    for i, ax in enumerate(axes):
        ax.set_xlabel(x if i + columns >= len(axes) and not once else "")
        ax.set_ylabel(y if i % columns == 0 else "")


def mark_onset(ax: Axes, time: np.ndarray) -> None:
    """Draw the aligning event, when the window contains it."""
    if time.size and time.min() <= 0 <= time.max():
        ax.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0)


def row_height(n: int) -> float:
    """Return inches for ``n`` labelled rows."""
    return 0.6 + 0.22 * max(n, 1)


def label_rows(ax: Axes, labels: Sequence[str], limit: int = 26, *, ruled: bool = True) -> np.ndarray:
    """Name the rows from top to bottom; return their heights."""
    y = np.arange(len(labels), dtype=float)
    ax.set_yticks(y, [plain(label, limit) for label in labels])
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    for at in y if ruled else ():
        ax.axhline(at, color=RULE, linewidth=0.4, zorder=0)
    return y


def bands(ax: Axes, n: int) -> None:
    """Lay an unseen band behind each of ``n`` rows, for the script of the page to show: ``data-row`` in the SVG."""
    for row in range(n):
        ax.axhspan(row - 0.5, row + 0.5, facecolor=RULE, linewidth=0, alpha=0, zorder=-1, gid=f"row-{row}")


def dots(
    ax: Axes,
    y: np.ndarray,
    estimate: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    colour: str = INK,
    filled: np.ndarray | None = None,
    marker: str = "o",
) -> None:
    """Draw one dot with its interval per row; hollow where ``filled`` is False; nothing where NaN."""
    estimate, low, high = (np.broadcast_to(v, y.shape).astype(float) for v in (estimate, low, high))
    filled = np.ones(y.shape, dtype=bool) if filled is None else filled
    ax.hlines(y, low, high, color=colour, linewidth=1.3)
    for full, face in ((True, colour), (False, PAPER)):
        here = filled == full
        ax.plot(
            estimate[here],
            y[here],
            marker,
            color=colour,
            markerfacecolor=face,
            markersize=5,
            markeredgewidth=1.2,
        )


def plain_bar(bar: Colorbar, label: str) -> None:
    """Name a colour bar, without a frame, its shades drawn as one picture."""
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    bar.outline.set_visible(False)
    bar.set_label(label)
