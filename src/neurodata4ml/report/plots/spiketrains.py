"""Plots of spike trains: their intervals, rhythms, couplings, what they tell."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette
from neurodata4ml.report.plots.kind import Plot, area_colours, areas_of, floats, holds, names_of, rows_high, shaped
from neurodata4ml.report.plots.units import spreads
from neurodata4ml.report.words import number


def intervals(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw which share of the intervals is how long, on a logarithmic axis: units' mean, and half of the units."""
    count = floats(found["count"].transpose("unit", "interval"))
    total = count.sum(axis=1, keepdims=True)
    _by_area(ax, found["count"], floats(found["interval"]), 100 * count / np.where(total > 0, total, np.nan), colours)
    _logarithmic(ax)
    ax.set(xlabel="interval between spikes (s)", ylabel="intervals (%)", ylim=(0, None))


def spectrum(ax: Axes, x: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw power by frequency, relative to a Poisson process of the same rate: units' mean, and half of the units."""
    _by_area(ax, x, floats(x["frequency"]), floats(x.transpose("unit", "frequency")), colours)
    ax.axhline(1, color=MUTED, linewidth=0.8)
    _logarithmic(ax)
    ax.set(xlabel="frequency (Hz)", ylabel="power (1: Poisson)", ylim=(0, None))


def couplings(ax: Axes, x: xr.DataArray) -> None:
    """Draw by how much one unit's spike moves another: sender by receiver."""
    x = x.transpose("unit", "unit2")
    drawings.shades(ax, floats(x), bar="spikes per spike", around=0.0, square=True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set(xlabel="receiver", ylabel="sender")


def information(ax: Axes, found: xr.Dataset) -> None:
    """Draw bits of every unit, with the bias of few trials and without it."""
    rows = ["plain", "without the bias"]
    colours = palette(["", "other"])
    shown = dict(zip(rows, reversed(colours.values()), strict=True))
    spreads(ax, rows, [floats(found["plain"]), floats(found["information"])], shown)
    ax.set_xlabel("information of each unit (bits)")


def explanations(ax: Axes, found: xr.Dataset) -> None:
    """Draw how well each candidate explains what was seen; filled where it is more than chance."""
    rows = names_of(found, "candidate")
    y = marks.label_rows(ax, rows, 26)
    colour = palette([""])[""]
    sure = floats(found["p_value"]) < 0.05
    value = floats(found["correlation"])
    ax.scatter(value, y, color=np.where(sure, colour, "none").tolist(), edgecolor=colour, zorder=3)
    for at, p in zip(y, floats(found["p_value"]), strict=True):
        ax.text(1.01, at, f"p {number(p)}", transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_xlabel("correlation with what was seen; filled: p < 0.05")


def _by_area(ax: Axes, labelled: xr.DataArray, x: np.ndarray, rows: np.ndarray, colours: Colours) -> None:
    """Draw the mean row of each area with the band that holds half of its units."""
    homes = np.array(areas_of(labelled) or [""] * len(rows))
    shades = colours or area_colours(homes)
    for home in dict.fromkeys(homes.tolist()):
        own = rows[homes == home]
        own = own[np.isfinite(own).all(axis=1)]
        if len(own):
            low, high = np.quantile(own, [0.25, 0.75], axis=0)
            drawings.curve(ax, x, own.mean(axis=0), low, high, colour=shades.get(home, INK), label=home)
    if len(set(homes.tolist())) > 1:
        drawings.legend_below(ax)


def _logarithmic(ax: Axes) -> None:
    """Give x a logarithmic scale with its decades in plain digits: the house's style has no mathematical text."""
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


PLOTS = [
    Plot(
        "intervals between spikes",
        "share of the intervals by length, by area; band: half of the units",
        holds("count", "mean_interval", "cv"),
        intervals,
    ),
    Plot(
        "a spectrum of spikes",
        "power by frequency, by area; the line is a Poisson process",
        shaped("unit", "frequency"),
        spectrum,
    ),
    Plot(
        "couplings",
        "sender by receiver, in spikes per spike",
        lambda r: isinstance(r, xr.DataArray) and r.name == "coupling" and {"unit", "unit2"} == set(r.dims),
        couplings,
        size=lambda r: (4.6, 3.8),
        square=True,
    ),
    Plot(
        "information of units",
        "bits of every unit, with the bias of few trials and without it",
        holds("information", "plain", "bias"),
        information,
        size=lambda r: (5.6, 1.7),
    ),
    Plot(
        "explanations",
        "correlation of every candidate; filled where p < 0.05",
        holds("correlation", "p_value", "best"),
        explanations,
        size=lambda r: (5.6, rows_high(r.sizes["candidate"])),
    ),
]
"""Lines of the register."""
