"""Drawings on one axes, made of plain numbers: curves, squares, spreads, paths; pages and notebooks share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, rasterise_if_many
from neurodata4ml.report.words import compact, number, percent, plain

MOST_LABELS = 16
"""So many names fit along one axis; of more, some are shown."""

FEW_CONDITIONS = 12
"""Up to this many conditions have a colour each; more are thin lines around their mean."""


def band(ax: Axes, x: np.ndarray, low: Any, high: Any, *, colour: str, alpha: float = 0.22, label: str = "") -> None:
    """Shade what lies between ``low`` and ``high``; nothing where they are not known."""
    low, high = (np.broadcast_to(np.asarray(end, dtype=float), x.shape) for end in (low, high))
    if np.isfinite(low + high).any():
        ax.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0, label=label or None)


def curve(
    ax: Axes, x: np.ndarray, y: Any, low: Any = np.nan, high: Any = np.nan, *, colour: str, label: str = "", **line: Any
) -> Line2D:
    """Draw one line with the band of its interval."""
    band(ax, x, low, high, colour=colour)
    return ax.plot(x, np.broadcast_to(y, x.shape), color=colour, label=plain(label, 28) or None, **line)[0]


def beside_chance(
    ax: Axes, x: np.ndarray, chance: Any, low: Any = np.nan, high: Any = np.nan, *, label: str = ""
) -> None:
    """Draw what chance gives over ``x``: its mean, and the band that holds the shuffles."""
    band(ax, x, low, high, colour=MUTED, alpha=0.3, label=label and "95 % of shuffles")
    chance = np.broadcast_to(np.asarray(chance, dtype=float), x.shape)
    if np.isfinite(chance).any():
        ax.plot(x, chance, color=MUTED, linewidth=0.9, label=label or None)


def significant(ax: Axes, x: np.ndarray, above: Any, *, colour: str, row: int = 0) -> None:
    """Draw a bar along the foot of the panel where ``above`` is true, each bin as wide as it is."""
    above = np.broadcast_to(np.asarray(above, dtype=bool), x.shape)
    step = float(np.median(np.diff(x))) if x.size > 1 else 1.0
    starts = [(at - step / 2, step) for at in x[above]]
    ax.broken_barh(
        starts, (0.012 + 0.024 * row, 0.016), transform=ax.get_xaxis_transform(), facecolor=colour, edgecolor="none"
    )


def room_at_foot(ax: Axes, share: float = 0.08) -> None:
    """Lower the foot of the panel by a share of its height, for the bars of :func:`significant`."""
    low, high = ax.get_ylim()
    ax.set_ylim(low - share * (high - low), high)


def spread(ax: Axes, row: float, values: np.ndarray, *, colour: str, n: int | None = None) -> float:
    """Draw one dot per value around the height ``row``, their median as a bar; return the median.

    Dots are as many pixels as ``n`` allows, the number of dots in the whole figure.
    """
    known = np.sort(values[np.isfinite(values)])
    steps = ((np.arange(known.size) * 0.618034) % 1 - 0.5) * 0.56  # golden steps: even, and the same each time
    drawn = ax.plot(known, row + steps, "o", color=colour, markersize=3.4, alpha=0.65, markeredgewidth=0)
    rasterise_if_many(drawn, values.size if n is None else n)
    if not known.size:
        return float("nan")
    ax.vlines(np.median(known), row - 0.38, row + 0.38, color=INK, linewidth=2)
    return float(np.median(known))


def histogram(ax: Axes, draws: np.ndarray, observed: float, *, colour: str, draws_are: str) -> None:
    """Draw how often each value came by chance, and the observed one as a line across."""
    known = draws[np.isfinite(draws)]
    if known.size:
        ax.hist(known, bins=min(30, max(5, round(known.size**0.5) * 2)), color=MUTED, alpha=0.45, label=draws_are)
    if np.isfinite(observed):
        ax.axvline(observed, color=colour, linewidth=1.8, label=f"observed: {number(observed)}")
    ax.set_ylabel("number of draws")


def path(ax: Axes, time: np.ndarray, line: np.ndarray, colour: str) -> Line2D:
    """Draw one trajectory (time, component), a circle where time is nearest to onset."""
    x, y = plane(time, line)
    onset = int(np.argmin(np.abs(time)))
    ax.plot(x[onset], y[onset], "o", color=colour, markersize=3.5)
    return ax.plot(x, y, color=colour, linewidth=1.2)[0]


def paths(ax: Axes, time: np.ndarray, lines: np.ndarray, colour: str) -> None:
    """Draw many trajectories (path, time, component) thinly, and their mean with its first and last time."""
    for line in lines:
        ax.plot(*plane(time, line), color=MUTED, linewidth=0.5, alpha=0.35)
    x, y = plane(time, np.mean(lines, axis=0))
    ax.plot(x, y, "o-", color=colour, linewidth=2, markersize=4)
    for at, below in ((0, False), (-1, True)):  # on two sides, so that an end that lies by the beginning is read
        if np.isfinite(x[at] + y[at]):
            ax.annotate(
                f"{compact(float(f'{time[at]:.2g}'))} s",
                (x[at], y[at]),
                xytext=(0, -8 if below else 8),
                textcoords="offset points",
                ha="center",
                va="top" if below else "bottom",
                fontsize=8,
                bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 1.2},
            )


def plane(time: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return component 2 against 1, or component 1 against time where there is only one."""
    return (line[:, 0], line[:, 1]) if line.shape[1] > 1 else (time, line[:, 0])


def name_components(ax: Axes, shares: np.ndarray, n: int, zero: str) -> None:
    """Name the axes of the plane, with the share of the variance of each where it is known."""
    share = [f" ({percent(v)})" if np.isfinite(v) else "" for v in shares[:2]]
    share += [""] * (2 - len(share))
    ax.set_xlabel(f"component 1{share[0]}" if n > 1 else f"time from {zero} (s)")
    ax.set_ylabel(f"component 2{share[1]}" if n > 1 else f"component 1{share[0]}")


def shades(
    ax: Axes, values: np.ndarray, *, bar: str, around: float | None = None, square: bool = False, **image: Any
) -> None:
    """Draw a table as shades with a colour bar named ``bar``; ``around`` a value with two hues.

    Parameters
    ----------
    ax : Axes
    values : ndarray (row, column)
        NaN is left blank.
    bar : str
        What the shades are, with units.
    around : float, optional
        The value that the two hues part from: zero of a difference, chance of a score.
    square : bool
        Whether cells are as wide as high.
    **image
        Of ``imshow``, such as ``extent``.
    """
    known = values[np.isfinite(values)]
    if around is not None and known.size:
        reach = max(float(np.abs(known - around).max()), 1e-12)
        image = {"cmap": "PuOr_r", "vmin": around - reach, "vmax": around + reach, **image}
    # few cells keep their edges, many are averaged to the pixels of the panel
    smooth = "none" if min(values.shape) <= 150 else "auto"
    shown = ax.imshow(
        values, **{"cmap": "viridis", "aspect": "equal" if square else "auto", "interpolation": smooth, **image}
    )
    if known.size:
        beside = ax.figure.colorbar(shown, ax=ax, fraction=0.05, pad=0.03)
        marks.plain_bar(beside, bar)
        if around is not None and known.min() < known.max():
            beside.ax.set_ylim(known.min(), known.max())  # no shade that does not occur
    else:
        nothing(ax, bar and f"{bar}: not available")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)


def name_axis(
    ax: Axes, which: str, names: Sequence[str], title: str, *, limit: int = 16, most: int = MOST_LABELS
) -> None:
    """Name the cells along one axis: all where there is room, else some at even steps."""
    short = max((len(name) for name in names), default=1) <= 5
    if which == "x" and short:  # side by side, not turned
        most = min(most, 44 // (max(map(len, names), default=1) + 1))
    every = max(1, -(-len(names) // most))
    at = list(range(0, len(names), every))
    shown = [plain(names[i], limit) for i in at]
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(at, shown)
    if which == "x" and not short and sum(map(len, shown)) > 30:
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axis.set_label_text(title)


def name_groups(ax: Axes, which: str, groups: Sequence[str], title: str) -> None:
    """Name runs of cells that belong together at their middle, with a line where one ends."""
    groups = list(map(str, groups))
    starts = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
    stops = [*starts[1:], len(groups)]
    axis, rule = (ax.xaxis, ax.axvline) if which == "x" else (ax.yaxis, ax.axhline)
    for start in starts[1:]:
        rule(start - 0.5, color="white", linewidth=0.8, alpha=0.9)
    every = max(1, -(-len(starts) // MOST_LABELS))
    middle = [(a + b - 1) / 2 for a, b in zip(starts, stops, strict=True)][::every]
    axis.set_ticks(middle, [plain(groups[i], 14) for i in starts[::every]])
    if which == "x" and sum(len(groups[i]) for i in starts) > 30:
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axis.set_label_text(title)


def legend_below(ax: Axes, *, lines: int = 1, columns: int = 3) -> None:
    """Name the marks below the panel and the ``lines`` of its x label, where no mark can lie."""
    inches = ScaledTranslation(0, -0.34 - 0.14 * lines, ax.figure.dpi_scale_trans)
    place: dict[str, Any] = {
        "loc": "upper right",
        "bbox_to_anchor": (1.0, 0.0),
        "bbox_transform": ax.transAxes + inches,
    }
    ax.legend(**place, ncols=columns, handlelength=1.3, fontsize=7.5, borderaxespad=0, columnspacing=1.2)


def nothing(ax: Axes, why: str = "") -> None:
    """Write into an empty panel that there is no number, and why."""
    said = plain(why, 120) or "not available"
    ax.text(0.5, 0.5, said, transform=ax.transAxes, ha="center", va="center", color=MUTED, fontsize=8, wrap=True)
