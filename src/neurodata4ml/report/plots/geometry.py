"""Plots of distances: squares of stimuli or representations, and what lies around every unit."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.report.figures import drawings
from neurodata4ml.report.figures.canvas import Colours, rasterise_if_many
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    along,
    area_colours,
    areas_of,
    floats,
    names_of,
    step_of,
    whole,
    with_units,
)
from neurodata4ml.report.words import distance_words, plain

PAIR = ("stimulus", "stimulus2")


def square(ax: Axes, x: xr.DataArray) -> None:
    """Draw distances of every pair as a square, the diagonal blank, with names and a colour bar with units."""
    row = str(x.dims[0])
    values = floats(x).copy()
    np.fill_diagonal(values, np.nan)
    names = names_of(x, row)
    precision = x.name == "noise_precision"
    what = "inverse noise covariance" if precision else _distance(x)
    limits = dict(zip(("vmin", "vmax"), x.attrs.get("shades", ()), strict=False))
    drawings.shades(ax, values, bar=what, around=0.0 if precision else None, square=True, **limits)
    homes = _groups(x, row)
    if homes is not None:
        drawings.name_groups(ax, "x", homes, row)
        drawings.name_groups(ax, "y", homes, "")
    else:
        drawings.name_axis(ax, "x", names, row, limit=14)
        drawings.name_axis(ax, "y", names, "", limit=14)


def around_units(ax: Axes, x: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw what was found around every unit (the mean distance of stimuli) against where the unit lies."""
    value = _mean_distance(x)
    where = _positions(x)
    homes = areas_of(x) or [""] * value.size
    colours = colours or area_colours(homes)
    what = _distance(x) if x.ndim > 1 else plain(x.name or "statistic", 24)
    label = f"mean {what}" if x.ndim > 1 else what
    if len(where) >= 2:
        first, second = (floats(x[name]) for name in where[:2])
        shown = ax.scatter(first, second, c=value, cmap="viridis", s=18)
        ax.figure.colorbar(shown, ax=ax, fraction=0.05, pad=0.03).set_label(label)
        ax.set(xlabel=_named(x, where[0]), ylabel=_named(x, where[1]))
        return
    at = floats(x[where[0]]) if where else np.arange(value.size, dtype=float)
    for home in dict.fromkeys(homes):
        here = np.array(homes) == home
        drawn = ax.plot(
            at[here],
            value[here],
            "o",
            color=colours[home],
            markersize=4,
            alpha=0.8,
            markeredgewidth=0,
            label=plain(home, 24) or None,
        )
        rasterise_if_many(drawn, value.size)
    ax.set(xlabel=_named(x, where[0]) if where else "unit", ylabel=label)
    if len(set(homes)) > 1:
        drawings.legend_below(ax, columns=4)


def squares(x: xr.DataArray) -> Panels:
    """Cut an RDM into one square for each label of its other dims, with the same shades for the same distances."""
    others = [str(d) for d in x.dims if d not in PAIR]
    known = floats(x)[..., ~np.eye(x.sizes["stimulus"], dtype=bool)] if x.dims[-2:] == PAIR else np.array([np.nan])
    if others and np.isfinite(known).any():
        x = x.assign_attrs(shades=(float(np.nanmin(known)), float(np.nanmax(known))))
    return along(*others)(x.transpose(*others, *PAIR)) if others else whole(x)


def _distance(x: xr.DataArray) -> str:
    if x.name == "shape_distance":
        return with_units("distance in shape", x.attrs.get("units"))
    return with_units(distance_words(x.attrs.get("distance", "distance")), x.attrs.get("units"))


def _groups(x: xr.DataArray, row: str) -> list[str] | None:
    """Return the group of every row where neighbours share one: areas of units, classes of stimuli."""
    found = areas_of(x, row)
    for name, coord in x.coords.items():
        if found is None and coord.dims == (row,) and name != row and str(name).endswith("group"):
            found = [str(v) for v in coord.values]
    if found is None:
        return None
    runs = sum(a != b for a, b in pairwise(found)) + 1
    return found if 1 < runs == len(set(found)) else None


def _mean_distance(x: xr.DataArray) -> np.ndarray:
    if x.ndim == 1:
        return floats(x)
    n = x.sizes["stimulus"]
    pairs = floats(x.transpose("unit", "stimulus", "stimulus2"))[:, ~np.eye(n, dtype=bool)]
    known = np.isfinite(pairs)
    total = np.where(known, pairs, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _positions(x: xr.DataArray) -> list[str]:
    """Return the coordinates that say where units lie, as ``searchlight`` was told them."""
    asked = json.loads(x.attrs["steps"])[-1].get("positions", []) if "steps" in x.attrs else []
    asked = asked.split(", ") if isinstance(asked, str) else asked
    return [str(name) for name in asked if name in x.coords]


def _named(x: xr.DataArray, name: str) -> str:
    return with_units(plain(name, 24), x[name].attrs.get("units"))


def _is_square(x: Any) -> bool:
    pairs = [("stimulus", "stimulus2"), ("representation", "representation2"), ("unit", "unit2")]
    return isinstance(x, xr.DataArray) and any(tuple(map(str, x.dims)) == pair for pair in pairs)


PLOTS = [
    Plot(
        "a searchlight",
        "mean distance around every unit against its place",
        lambda x: isinstance(x, xr.DataArray) and step_of(x) == "searchlight",
        around_units,
        size=lambda x: (4.8, 3.8),
    ),
    Plot(
        "distances",
        "a square of all pairs, with units; one per area or time",
        lambda x: isinstance(x, xr.DataArray) and {"stimulus", "stimulus2"} <= set(x.dims),
        square,
        squares,
        lambda x: (4.4, 3.7),
        square=True,
    ),
    Plot("a square", "of representations, or of units", _is_square, square, size=lambda x: (4.6, 3.8), square=True),
]
"""Lines of the register."""
