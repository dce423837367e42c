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


def decays(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw how correlations of counts fall with time: points, and the fit of every area; of units, their mean."""
    (per,) = (str(d) for d in found["timescale"].dims)
    lag = floats(found["lag"])
    if per == "unit":
        _by_area(ax, found["timescale"], lag, floats(found["autocorrelation"].transpose("unit", "lag")), colours)
    else:
        names = names_of(found, per)
        shades = colours or area_colours(names)
        fine = np.linspace(lag.min(), lag.max(), 100)
        for k, name in enumerate(names):
            colour = shades.get(name, INK)
            tau, a, b = (float(found[one][k]) for one in ("timescale", "amplitude", "offset"))
            ax.plot(lag, floats(found["autocorrelation"].transpose(per, "lag"))[k], "o", color=colour, markersize=3.5)
            said = f"{name}: {1e3 * tau:.0f} ms" if np.isfinite(tau) else f"{name}: no fit"
            ax.plot(fine, a * (np.exp(-fine / tau) + b), color=colour, label=said)
        drawings.legend_below(ax)
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.set(xlabel="time between two counts (s)", ylabel="correlation over trials")


def noise_correlated(ax: Axes, x: xr.DataArray) -> None:
    """Draw the noise correlation of every two units, units of an area together."""
    x = x.transpose("unit", "unit2")
    homes = np.array(areas_of(x) or [""] * x.sizes["unit"])
    order = np.argsort(homes, kind="stable")
    drawings.shades(ax, floats(x)[np.ix_(order, order)], bar="noise correlation", around=0.0, square=True)
    if len(set(homes.tolist())) > 1:
        for which in ("x", "y"):
            drawings.name_groups(ax, which, homes[order].tolist(), "area")
    else:
        ax.set(xlabel="unit", ylabel="unit")


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
        "timescales",
        "correlation of counts by the time between them, with the fit of every area",
        holds("timescale", "autocorrelation"),
        decays,
    ),
    Plot(
        "noise correlations",
        "every two units, with the stimulus taken out, areas together",
        lambda r: isinstance(r, xr.DataArray) and r.name == "noise_correlation" and {"unit", "unit2"} == set(r.dims),
        noise_correlated,
        size=lambda r: (4.8, 4.0),
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
