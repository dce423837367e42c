"""Figures of estimates beside the truth of a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette, picture, rasterise_if_many
from neurodata4ml.report.words import column, count, listing, number, plain, texts, values

MOST_ROWS = 120
"""More rows than this are left to the table."""

POINTS = {"response": ("mean response", "Hz"), "distance": ("distance", "spikes²")}
"""Prefix of a pair of arrays -> what it is, and in which units."""


@picture
def estimate_beside_truth(truth: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw every estimate with its interval beside the true value, one panel per quantity, in its own units.

    Parameters
    ----------
    truth : Dataset
        Dim ``row``: ``quantity``, ``area``, ``what``, ``units`` (str), ``estimate``, ``low``, ``high``, ``truth``,
        ``inside`` (bool).
    colours : mapping of area to colour, optional
    """
    bounded = np.isfinite(column(truth, "low", truth.sizes["row"]) + column(truth, "high", truth.sizes["row"]))
    truth = truth.isel(row=np.flatnonzero(bounded if bounded.any() else ~bounded)[:MOST_ROWS])
    units = texts(truth, "units") if "units" in truth.variables else [""] * truth.sizes["row"]
    quantity = list(zip(texts(truth, "quantity"), units, strict=True))
    names = list(dict.fromkeys(quantity))
    colours = colours or palette(dict.fromkeys(texts(truth, "area")))
    sizes = [quantity.count(name) for name in names]
    columns = _two_columns(sizes)
    # a column whose rows carry long names needs more room for the same axis
    widths = [1.4 if any(sizes[i] > len(colours) for i in chosen) else 1.0 for chosen in columns]
    tallest = max(sum(sizes[i] + 4.2 for i in column) for column in columns)
    figure = Figure(figsize=(marks.WIDTH, 0.4 + 0.175 * tallest), layout="constrained")
    grid = figure.add_gridspec(1, len(columns), width_ratios=widths)
    for k, chosen in enumerate(columns):
        rows = grid[0, k].subgridspec(len(chosen), 1, height_ratios=[sizes[i] + 1.0 for i in chosen])
        axes = [figure.add_subplot(rows[row, 0]) for row in range(len(chosen))]
        for ax, i in zip(axes, chosen, strict=True):
            here = [row for row, name in enumerate(quantity) if name == names[i]]
            _truth_panel(ax, truth.isel(row=here), names[i][0], colours)
    marker = [
        axes[0].plot([], [], "o", color=INK, markersize=4.5, label="estimate with interval")[0],
        axes[0].plot([], [], "|", color=INK, markersize=10, markeredgewidth=1.8, label="truth")[0],
        axes[0].plot([], [], "X", color=INK, markersize=5.5, label="truth outside the interval")[0],
    ]
    figure.legend(handles=marker, loc="outside upper center", ncols=3)
    inside = int(np.nansum(values(truth, "inside")))
    return (
        figure,
        f"Estimate beside truth for {len(quantity)} rows of {len({name for name, _ in names})} quantities; {inside} "
        "intervals hold the truth.",
    )


@picture
def points_beside_truth(truth: xr.Dataset) -> tuple[Figure, str]:
    """Draw estimated against true values where a quantity is many numbers, one panel per kind.

    Parameters
    ----------
    truth : Dataset
        Pairs ``<kind>_estimate`` and ``<kind>_truth`` of one dim, e.g. ``response_estimate`` (response_point) in Hz.
    """
    kinds = point_kinds(truth)
    figure, axes = marks.panels(len(kinds), most_columns=3, row_height=2.6, share=False)
    n_points = sum(truth[f"{kind}_truth"].size for kind in kinds)
    said = []
    for ax, kind in zip(axes, kinds, strict=True):
        x, y = values(truth, f"{kind}_truth").ravel(), values(truth, f"{kind}_estimate").ravel()
        known = np.isfinite(x) & np.isfinite(y)
        drawn = ax.plot(x, y, "o", color=MUTED, markersize=2.2, markeredgewidth=0, alpha=0.6)
        rasterise_if_many(drawn, n_points)
        ends = [np.min(np.append(x[known], 0)), np.max(np.append(y[known], 0))]
        ax.plot(ends, ends, color=INK, linewidth=0.9)
        name, units = POINTS.get(kind, (kind, ""))
        unit = f" ({units})" if units else ""
        ax.set(xlabel=f"true {name}{unit}", ylabel=f"estimated {name}{unit}")
        r = np.corrcoef(x[known], y[known])[0, 1] if known.sum() > 2 else np.nan
        said.append(f"{count(known.sum(), name)} correlate with the truth by {number(r)}")
    return figure, f"Estimate against truth: {listing(said)}."


def point_kinds(truth: xr.Dataset) -> list[str]:
    """Return the kinds of numbers that are there as pairs of estimate and truth."""
    return [kind for kind in POINTS if f"{kind}_estimate" in truth and f"{kind}_truth" in truth]


def _two_columns(sizes: Sequence[int]) -> list[list[int]]:
    """Return the panels of two columns of about one height, in reading order down each."""
    if len(sizes) == 1:
        return [[0]]
    heights = np.cumsum([size + 4.2 for size in sizes])
    first = max(1, min(len(sizes) - 1, int(np.argmin(np.abs(heights - heights[-1] / 2))) + 1))
    return [list(range(first)), list(range(first, len(sizes)))]


def _truth_panel(ax: Axes, rows: xr.Dataset, name: str, colours: Mapping[str, str]) -> None:
    n = rows.sizes["row"]
    areas, what = (texts(rows, v) if v in rows.variables else [""] * n for v in ("area", "what"))
    same = len(set(what)) == 1 and len(set(areas)) == n
    rows_named = areas if same else [", ".join(filter(None, pair)) for pair in zip(areas, what, strict=True)]
    y = marks.label_rows(ax, rows_named, limit=32)
    estimate, low, high, true = (column(rows, v, n) for v in ("estimate", "low", "high", "truth"))
    inside = np.nan_to_num(column(rows, "inside", n)) > 0
    for i in range(n):
        one = slice(i, i + 1)
        marks.dots(
            ax,
            y[one],
            estimate[one],
            low[one],
            high[one],
            colour=colours.get(areas[i], INK),
            marker="o" if inside[i] else "X",
        )
    ax.plot(true, y, "|", color=INK, markersize=10, markeredgewidth=1.6)
    ax.tick_params(labelsize=7.5)
    ax.set_title(plain(name, 36), fontsize=8.5)
    unit = texts(rows, "units")[0].replace("^2", "²")
    said = [what[0] if same else "", "" if unit == "1" else f"({unit})" if unit else ""]
    ax.set_xlabel(plain(" ".join(filter(None, said)), 40), fontsize=7.5, labelpad=1, color=MUTED)
    ax.locator_params(axis="x", nbins=5)
    known = np.concatenate([estimate, low, high, true])
    known = known[np.isfinite(known)]
    if known.size:
        pad = max(np.ptp(known), abs(known).max() * 0.02, 1e-9) * 0.08
        ax.set_xlim(known.min() - pad, known.max() + pad)
