"""Plots of single units: what repeats, what can be explained, and how well each is predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.errors import DesignError
from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    area_colours,
    areas_of,
    floats,
    holds,
    label_of,
    names_of,
    rows_high,
    shaped,
    with_units,
)
from neurodata4ml.report.words import as_float, metric_words, number, plain

SUMMARY = {"reliability": "reliability", "ncsnr": "noise ceiling SNR", "noise_ceiling": "noise ceiling (% of variance)"}
NOT_SCORES = ("alpha", "weight", "share", "without", "unique", "prediction", "lambda")
"""What ``encode`` returns besides scores."""


def spread(ax: Axes, x: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw one number of every unit as dots, a row per area, the median as a bar."""
    homes = areas_of(x) or ["all units"] * x.sizes["unit"]
    rows = list(dict.fromkeys(homes))
    value = floats(x)
    spreads(ax, rows, [value[np.array(homes) == row] for row in rows], colours or area_colours(rows))
    why = x.attrs.get("undefined")
    ax.set_xlabel(
        with_units(plain(x.attrs.get("long_name", x.name or "value"), 40).replace("_", " "), x.attrs.get("units"))
        + " of each unit"
        + (f"; {plain(why, 60)}" if why else "")
    )


def spreads(ax: Axes, rows: list[str], values: list[np.ndarray], colours: Any, *, marked: bool = True) -> None:
    """Draw rows of dots, one per unit; the number beside a row is its median."""
    marks.label_rows(ax, rows, 26)
    n = sum(one.size for one in values)
    for at, (row, one) in enumerate(zip(rows, values, strict=True)):
        median = drawings.spread(ax, at, one, colour=colours.get(row, INK), n=n)
        said = number(median) if np.isfinite(median) else "not available"
        if marked:
            ax.text(1.01, at, said, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.locator_params(axis="x", nbins=6)


def ordered(ax: Axes, x: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw one number of every unit with its interval, units in rising order, in the colour of their area."""
    name = next(str(v) for v in x.data_vars if not str(v).endswith(("_low", "_high")))
    value, low, high = (floats(x[v]) for v in (name, f"{name}_low", f"{name}_high"))
    homes = np.array(areas_of(x) or [""] * value.size)
    colours = colours or area_colours(homes)
    order = np.argsort(value, kind="stable")  # NaN last
    place = np.empty(order.size)
    place[order] = np.arange(order.size)
    for home in dict.fromkeys(homes):
        here = homes == home
        ax.vlines(
            place[here],
            low[here],
            high[here],
            color=colours.get(home, INK),
            linewidth=0.9,
            alpha=0.5,
            rasterized=value.size > 400,
        )
        ax.plot(
            place[here],
            value[here],
            "o",
            color=colours.get(home, INK),
            markersize=3,
            markeredgewidth=0,
            label=plain(home, 22) or None,
        )
    ax.axhline(0, color=MUTED, linewidth=0.8)
    missing = int((~np.isfinite(value)).sum())
    ax.set(
        xlabel="units in rising order" + (f"; {missing} without a value" if missing else ""),
        ylabel=SUMMARY.get(name, name),
    )
    if len(set(homes)) > 1:
        drawings.legend_below(ax)


def three_summaries(found: xr.Dataset) -> Panels:
    """Cut a noise summary into its three unitless numbers."""
    return [("", found[[name, f"{name}_low", f"{name}_high"]]) for name in SUMMARY if name in found]


def ceiling(ax: Axes, found: xr.Dataset) -> None:
    """Draw a noise ceiling with its interval, and its bounds where it has them."""
    rows = ["ceiling", *(name for name in ("lower", "upper") if name in found)]
    value = np.array([as_float(found[name]) for name in rows])
    ends = [
        np.array(
            [
                as_float(found[key]) if (key := end if name == "ceiling" else f"{name}_{end}") in found else np.nan
                for name in rows
            ]
        )
        for end in ("low", "high")
    ]
    y = marks.label_rows(ax, [{"lower": "lower bound", "upper": "upper bound"}.get(name, name) for name in rows], 26)
    marks.dots(ax, y, value, *ends, colour=palette([""])[""])
    known = [v for v in (*value, *ends[0], *ends[1], 0.0, 1.0) if np.isfinite(v)]
    ax.set_xlim(min(known) - 0.04, max(known) + 0.04)
    ax.set_xlabel(f"{metric_words(found.attrs.get('metric', 'similarity'))} that a perfect model would reach")
    if not np.isfinite(value).any():
        drawings.nothing(ax, found.attrs.get("undefined", ""))


def _tops(ceiling: Any, n_units: int) -> np.ndarray:
    """Return the ceiling of every unit, or one of all."""
    try:
        tops = np.atleast_1d(floats(ceiling))
    except (TypeError, ValueError):
        tops = np.empty(0)
    if tops.ndim != 1 or tops.size not in (1, n_units):
        message = (
            f"plot of an encoding takes as ceiling one number for each of its {n_units} units, as noise_ceiling and "
            f"reliability give them, or one of all; got {plain(repr(ceiling), 60)}."
        )
        raise DesignError(message)
    return tops


def predicted(ax: Axes, part: xr.Dataset, *, colours: Colours = None, ceiling: Any = None) -> None:
    """Draw how well every unit is predicted, a row per area or per layer, the ceiling of units as a band."""
    (name,) = part.data_vars
    x = part[name]
    layer = next((str(d) for d in x.dims if d != "unit"), None)
    if layer:
        rows, values = names_of(x, layer), list(floats(x.transpose(layer, "unit")))
        shades: Any = dict.fromkeys(rows, palette([""])[""]) if colours is None else colours
    else:
        homes = areas_of(x) or ["all units"] * x.sizes["unit"]
        rows = list(dict.fromkeys(homes))
        values, shades = [floats(x)[np.array(homes) == row] for row in rows], colours or area_colours(rows)
    spreads(ax, rows, values, shades)
    if ceiling is not None:
        tops = _tops(ceiling, x.sizes["unit"])
        low, middle, high = np.nanquantile(tops, [0.25, 0.5, 0.75])
        ax.axvspan(low, high, color=MUTED, alpha=0.25, linewidth=0)
        ax.axvline(middle, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    said = {
        "r": "correlation r of each unit with held-out stimuli",
        "r2": "R² of each unit in held-out stimuli",
        "unique": "R² that this layer alone explains",
    }.get(str(name), f"{plain(str(name), 24).replace('_', ' ')} of each unit")
    ax.set_xlabel(said + ("; band: ceiling of the middle half of units" if ceiling is not None else ""))
    ax.set_xlim(max(ax.get_xlim()[0], -1.2), None)


def scores(found: xr.Dataset) -> Panels:
    """Cut an encoding into its scores; of a banded one also what each layer adds by itself."""
    names = [str(v) for v in found.data_vars if f"{v}_fold" in found]
    names += ["unique"] if "unique" in found else []
    return [(f"of {label_of(found, 'encoder', 0)}" if "encoder" in found.dims else "", found[[name]]) for name in names]


def chosen(ax: Axes, found: xr.Dataset) -> None:
    """Draw the score of every layer (line: mean over units) and that of the chosen ones: naive, and honest."""
    units = next(str(d) for d in found["honest"].dims)
    each = floats(found["score"].transpose(units, "layer"))
    rows = [*names_of(found, "layer"), "chosen, naive", "chosen, honest"]
    values = [*each.T, floats(found["naive"]), floats(found["honest"])]
    colour, other = palette(["", "honest"]).values()
    spreads(ax, rows, values, {row: colour if row in rows[:-2] else other for row in rows})
    ax.axhline(len(rows) - 2.5, color=MUTED, linewidth=0.8)
    ax.set_xlim(max(ax.get_xlim()[0], -1.2), None)
    ax.set_xlabel(
        f"{plain(found.attrs.get('score', 'score'), 20)} of each {units} in held-out stimuli; "
        f"optimism {number(found.attrs.get('optimism'))}"
    )


def _n_rows(part: Any) -> int:
    x = part[next(iter(part.data_vars))] if isinstance(part, xr.Dataset) else part
    return x.sizes.get("layer", 0) or len(set(areas_of(x) or [""]))


PLOTS = [
    Plot(
        "a noise summary",
        "reliability, SNR and ceiling of every unit with intervals",
        holds("reliability", "ncsnr", "noise_ceiling"),
        ordered,
        three_summaries,
        lambda part: (4.2, 2.9),
    ),
    Plot(
        "a layer chosen for every unit",
        "scores of all layers; chosen naively, and honestly",
        holds("honest", "naive", "score"),
        chosen,
        size=lambda r: (5.6, rows_high(r.sizes["layer"] + 2) + 0.4),
    ),
    Plot(
        "an encoding",
        "scores of all units by area or layer, with a ceiling if given",
        lambda r: isinstance(r, xr.Dataset) and "encoder" in r.attrs and any(f"{v}_fold" in r for v in r.data_vars),
        predicted,
        scores,
        lambda part: (5.2, 0.8 + 0.42 * max(_n_rows(part), 2)),
    ),
    Plot(
        "a noise ceiling",
        "ceiling with interval and bounds",
        holds("ceiling", "low", "high"),
        ceiling,
        size=lambda r: (5.2, 1.0 + 0.3 * (3 if "lower" in r else 1)),
    ),
    Plot(
        "one number per unit",
        "dots by area with their median",
        shaped("unit"),
        spread,
        size=lambda x: (5.6, 0.8 + 0.42 * max(_n_rows(x), 2)),
    ),
]
"""Lines of the register."""
