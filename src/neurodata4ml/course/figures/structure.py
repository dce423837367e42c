"""Figures of notebook 10: structure and hierarchy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide, square


def _shades(n: int) -> list[tuple[float, ...]]:
    """Return colours from early to late."""
    return [colormaps["viridis"](x) for x in np.linspace(0.05, 0.9, n)]


def onsets(rates: xr.DataArray, order: Sequence[str]) -> Axes:
    """Draw the mean rate (area, time) around a stimulus, each less its baseline and over its largest."""
    (ax,) = slide(1, width=6.0)
    for colour, area in zip(_shades(len(order)), order, strict=True):
        one = rates.sel(area=area)
        one = one - float(one.where(one["time"] < 0).mean())
        ax.plot(1e3 * one["time"], one / float(one.max()), color=colour, label=str(area))
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return label(ax, x="time from the stimulus (ms)", y="rate (share of its peak)", title="One area after the other")


def in_order(found: xr.Dataset, *, name: str, truth: xr.DataArray | None = None, title: str) -> Axes:
    """Draw medians of areas in their order with intervals, in ms, and the truth where it is known."""
    (ax,) = slide(1, width=5.2)
    x = np.arange(found.sizes["area"])
    middle = 1e3 * found["median"].values
    low, high = 1e3 * found["median_low"].values, 1e3 * found["median_high"].values
    ax.vlines(x, low, high, color=COLOURS[0], linewidth=2)
    ax.plot(x, middle, "o", color=COLOURS[0], label="measured")
    if truth is not None:
        ax.plot(x, 1e3 * truth.sel(area=found["area"].values), "_", color=COLOURS[1], markersize=18, label="truth")
        ax.legend(frameon=False, fontsize=9, loc="upper left")
    ax.set_xticks(x, found["area"].values)
    ax.set_ylim(0, 1.1 * np.nanmax(high))
    return label(ax, x="area, from early to late", y=f"{name} (ms)", title=title)


def decays(found: xr.Dataset, order: Sequence[str]) -> Axes:
    """Draw how correlations of counts decay with the time between them (points), and the fits (lines), by area."""
    (ax,) = slide(1, width=6.0)
    for colour, area in zip(_shades(len(order)), order, strict=True):
        one = found.sel(area=area)
        lag = np.linspace(float(found["lag"].min()), float(found["lag"].max()), 100)
        fit = float(one["amplitude"]) * (np.exp(-lag / float(one["timescale"])) + float(one["offset"]))
        ax.plot(1e3 * found["lag"], one["autocorrelation"], "o", markersize=4, color=colour, label=str(area))
        ax.plot(1e3 * lag, fit, color=colour)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return label(ax, x="time between two counts (ms)", y="correlation", title="Later areas remember for longer")


def shared(correlations: xr.DataArray, order: Sequence[str], *, title: str) -> Axes:
    """Draw noise correlations (unit, unit2), units sorted by area."""
    (ax,) = slide(1, width=4.8, height=4.0)
    homes = correlations["area"].values
    units = np.concatenate([np.flatnonzero(homes == area) for area in order])
    square(ax, correlations.values[np.ix_(units, units)], name="correlation", symmetric=True)
    ends = np.cumsum([(homes == area).sum() for area in order])
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color=GREY, linewidth=0.6)
        ax.axvline(end - 0.5, color=GREY, linewidth=0.6)
    middle = ends - np.diff(np.r_[0, ends]) / 2 - 0.5
    ax.set_xticks(middle, order, rotation=45, ha="right")
    ax.set_yticks(middle, order)
    ax.tick_params(length=0)
    return label(ax, title=title)


def other_orders(found: xr.Dataset, *, title: str) -> Axes:
    """Draw the correlations that all orders of the areas give, and that of the named one."""
    (ax,) = slide(1, width=5.0, height=2.8)
    ax.hist(found["null"], bins=21, range=(-1.05, 1.05), color=GREY)
    observed = float(found["correlation"])
    ax.axvline(observed, color=COLOURS[1], linewidth=2)
    ax.text(observed, 1.01, "observed", transform=ax.get_xaxis_transform(), color=COLOURS[1], ha="center", fontsize=8)
    ax.set_xlim(-1.15, 1.15)
    return label(ax, x="rank correlation with the order", y="orders of the areas", title=title)
