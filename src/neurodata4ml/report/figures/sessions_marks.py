"""The marks of figures of many recordings: every recording a dot, their mean beneath, one animal joined by a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, rasterise_if_many
from neurodata4ml.report.words import texts, values

TOP, FOOT, AT_MEAN = -0.4, 0.06, 0.29
"""Within a row of height 1 around 0, downwards: where the dots begin and end, and where their mean lies."""


@dataclass(frozen=True)
class Crowd:
    """The recordings of a figure, in the order in which they are drawn: those of one animal beside each other."""

    order: np.ndarray
    animals: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many recordings there are."""
        return len(self.order)

    @property
    def size(self) -> float:
        """Diameter of a dot, in points: smaller where there are many."""
        return float(np.interp(self.n, [3, 30, 300], [4.4, 3.2, 2.0]))

    @property
    def joined(self) -> bool:
        """Whether some animal has several recordings, and all animals are known."""
        return all(self.animals) and len(set(self.animals)) < self.n

    @property
    def heights(self) -> np.ndarray:
        """How far below the middle of its row each dot lies: every recording, or every animal, has its own."""
        level = [list(dict.fromkeys(self.animals)).index(one) for one in self.animals]
        at = np.array(level if self.joined else range(self.n), dtype=float)
        return TOP + (FOOT - TOP) * (at / at.max() if at.size and at.max() else at + 0.7)


def crowd_of(array: xr.Dataset, kept: xr.Dataset) -> Crowd:
    """Return the recordings of ``array``, with the animals that ``kept`` knows."""
    owner = dict(zip(map(str, kept["session"].values), texts(kept, "subject"), strict=True))
    keys = [str(key) for key in array["session"].values]
    order = sorted(range(len(keys)), key=lambda i: (owner.get(keys[i], ""), i))
    return Crowd(np.array(order, dtype=int), tuple(owner.get(keys[i], "") for i in order))


def row_height(crowd: Crowd, *, dense: bool = False) -> float:
    """Return inches for one row of dots with its mean; ``dense`` where there are many rows."""
    return float(np.interp(crowd.n, [3, 30], [0.33, 0.37] if dense else [0.4, 0.62]))


def recordings_row(ax: Axes, row: float, found: np.ndarray, crowd: Crowd, colour: str) -> None:
    """Draw a dot for every recording above the middle of a row; those of one animal at one height, joined."""
    x = found[crowd.order]
    y = row + crowd.heights
    if crowd.joined:
        for height in dict.fromkeys(y):
            own = x[(y == height) & np.isfinite(x)]
            if own.size:
                ax.hlines(height, own.min(), own.max(), color=colour, linewidth=0.8, alpha=0.55, zorder=2)
    alpha = float(np.interp(crowd.n, [3, 30, 300], [0.9, 0.75, 0.5]))
    drawn = ax.plot(x, y, "o", color=colour, markersize=crowd.size, markeredgewidth=0, alpha=alpha, zorder=3)
    rasterise_if_many(drawn, crowd.n, limit=400)


def mean_mark(
    ax: Axes, row: float, mean: float, low: float, high: float, *, filled: bool = True, marker: str = "D"
) -> None:
    """Draw the mean over recordings with its interval, beneath the dots of its row; hollow where not ``filled``."""
    y = row + AT_MEAN
    ax.hlines(y, low, high, color=INK, linewidth=1.8, zorder=4)
    face = INK if filled else PAPER
    ax.plot(mean, y, marker, color=INK, markerfacecolor=face, markersize=4.8, markeredgewidth=1.1, zorder=5)


def limit_mark(ax: Axes, row: float, at: float, style: str) -> None:
    """Draw what chance or a ceiling gives, across one row: ``"chance"`` dotted, ``"ceiling"`` dashed."""
    if np.isfinite(at):
        ax.vlines(at, row - 0.46, row + 0.46, color=MUTED, linewidth=1.3, linestyle=LINES[style], zorder=1)


LINES = {"chance": (0, (1, 1.6)), "ceiling": (0, (4, 2))}
"""What bounds a score -> how its line is dashed."""


def legend_entries(ax: Axes, crowd: Crowd, sampled: str, level: str, limits: Sequence[str] = ()) -> None:
    """Name what the marks are, for the legend of the figure; without a ``level``, means have no interval."""
    interval = f", {level} interval" if level else ""
    ax.plot([], [], "o-" if crowd.joined else "o", color=MUTED, markersize=4, linewidth=0.8, label=_dots(crowd))
    ax.plot(
        [],
        [],
        "D-" if level else "D",
        color=INK,
        markersize=4.8,
        linewidth=1.8,
        label=f"mean over {sampled}s{interval}",
    )
    for name in limits:
        ax.plot([], [], color=MUTED, linewidth=1.3, linestyle=LINES[name], label=f"{name}, mean")


def _dots(crowd: Crowd) -> str:
    return "one recording (joined: one animal)" if crowd.joined else "one recording"


def ends_of(array: xr.Dataset, name: str, **where: str) -> tuple[float, float, float]:
    """Return the mean over recordings of a quantity with the ends of its interval; NaN where there is none."""
    mean, low, high = (float(values(array, f"{name}_{end}", **where)) for end in ("mean", "mean_low", "mean_high"))
    return mean, low, high
