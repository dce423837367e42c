"""Figures of notebook 02: reading a decision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def over_time(found: Mapping[str, xr.Dataset], *, event: str, title: str) -> Axes:
    """Draw scores of ``decode(..., over="time")`` of several areas; a bar below marks steps with corrected p < 0.05."""
    (ax,) = slide(1, width=5.6)
    lowest = min(float(one["low"].min()) for one in found.values())
    for k, (name, one) in enumerate(found.items()):
        time, colour = one["time"].values, COLOURS[k % len(COLOURS)]
        ax.fill_between(time, one["low"].values, one["high"].values, color=colour, alpha=0.18, linewidth=0)
        ax.plot(time, one["score"].values, color=colour, label=name)
        sure = one["p_value_corrected"].values < 0.05
        ax.plot(time[sure], np.full(sure.sum(), lowest - 0.03 * (1 + k)), "s", color=colour, markersize=4)
    chance = float(next(iter(found.values()))["chance"].mean())
    ax.axhline(chance, color=GREY, linewidth=0.8, linestyle=":")
    ax.text(1.01, chance, "chance", transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=GREY)
    if time.min() < 0 < time.max():
        ax.axvline(0, color=GREY, linewidth=0.8)
    if len(found) > 1:
        ax.legend(frameon=False, fontsize=9, loc="upper left")
    return label(ax, x=f"time from {event} (s)", y="score (squares: p < 0.05)", title=title)


def weights_and_patterns(found: xr.Dataset, *, title: str) -> list[Axes]:
    """Draw each unit's weight beside its pattern, of a decoder of two classes: sorted by pattern."""
    axes = slide(2, width=3.8, sharex=True)
    weight, pattern = (found[name].isel({"class": -1}).values for name in ("weights", "pattern"))
    order = np.argsort(pattern)
    for ax, values, name in zip(axes, (pattern, weight), ("pattern", "weight"), strict=True):
        ax.bar(np.arange(len(order)), values[order], color=COLOURS[0], width=0.9)
        ax.axhline(0, color=GREY, linewidth=0.8)
        label(ax, x="unit, sorted by its pattern", y=name, title=title if name == "pattern" else "")
    return axes


def fooled(rows: Mapping[str, tuple[float, float, float]]) -> Axes:
    """Draw mistakes that look like results: what each seems to find, what is there, and what chance gives.

    Parameters
    ----------
    rows : dict of str to (float, float, float)
        The score with the mistake, the score without, and chance.
    """
    (ax,) = slide(1, width=6.4, height=0.42 * len(rows) + 1.2)
    for y, (wrong, right, chance) in enumerate(rows.values()):
        ax.plot([wrong, right], [y, y], color=GREY, linewidth=1)
        ax.plot(chance, y, "|", color=GREY, markersize=16)
        ax.plot(wrong, y, "X", color=COLOURS[1], markersize=9, label="with the mistake" if y == 0 else None)
        ax.plot(right, y, "o", color=COLOURS[0], markersize=8, label="done right" if y == 0 else None)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.25 * 4 / len(rows)), ncols=2)
    return label(ax, x="score (bar: chance)", title="There is no signal in any of these data")
