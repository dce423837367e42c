"""Plots of likeness: candidates beside a brain with ceiling and null, differences between them, areas by depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.report.facts import level_words
from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.across import hierarchy_panel
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, Colours, palette
from neurodata4ml.report.figures.comparison import similarity_rows
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    along,
    area_colours,
    floats,
    holds,
    names_of,
    rows_high,
    variable,
)
from neurodata4ml.report.words import as_float, metric_words, number, p_value, plain

SIGNIFICANT = 0.05
DASHES = ((0, (1, 1)), (0, (3, 1, 1, 1)), (0, (5, 1)))
"""Of baselines, which have no depth."""


def candidates(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw the similarity of every candidate to one area with interval, ceiling and null; filled: in the set."""
    area, colour = _area_and_colour(found, colours)
    similarity_rows(ax, found, area, names_of(found, "candidate"), colour)
    ax.set_xlabel(metric_words(found.attrs.get("metric", "similarity")))
    if not np.isfinite(variable(found, "similarity")).any():
        drawings.nothing(ax, found.attrs.get("undefined", ""))
    drawings.legend_below(ax)


def by_depth(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw similarity against the depth of the layer, one line per network; baselines as lines across."""
    _, colour = _area_and_colour(found, colours)
    part = found.isel(area=0)
    depth = variable(part, "depth", (part.sizes["candidate"],))
    network, names = (names_of_coord(part, name) for name in ("network", "candidate"))
    _ceiling_across(ax, part)
    null = variable(part, "null_value", (1,))
    ax.axhline(float(np.mean(null)) if np.isfinite(null).all() else 0.0, color=MUTED, linewidth=0.8)
    for name in dict.fromkeys(network):
        here = np.flatnonzero((np.array(network) == name) & np.isfinite(depth))
        if here.size:
            _network(ax, part.isel(candidate=here[np.argsort(depth[here], kind="stable")]), plain(name, 26), colour)
    for k, i in enumerate(np.flatnonzero(~np.isfinite(depth))):
        value = as_float(part["similarity"][int(i)])
        ax.axhline(value, color=INK, linewidth=1, linestyle=DASHES[k % len(DASHES)], label=plain(names[int(i)], 26))
    metric = metric_words(found.attrs.get("metric", "similarity"))
    ax.set(xlabel="depth of the layer (0 first, 1 last); filled: in the set", ylabel=metric, xlim=(-0.05, 1.07))
    drawings.legend_below(ax)


def _network(ax: Axes, part: xr.Dataset, name: str, colour: str) -> None:
    """Draw the layers of one network, first to last: a line with intervals, hollow where not in the set."""
    depth, value, low, high = (floats(part[v]) for v in ("depth", "similarity", "low", "high"))
    twin = names_of_coord(part, "kind")[0] == "untrained"
    colour, marker, line, at = (MUTED, "^", "--", depth + 0.012) if twin else (colour, "o", "-", depth)
    best = np.nan_to_num(variable(part, "among_best", value.shape)) > 0
    best &= bool(part["claim"]) if "claim" in part else True  # where nothing is claimed, none is marked
    ax.plot(at, value, line, color=colour, linewidth=1.2)
    ax.vlines(at, low, high, color=colour, linewidth=1.2)
    for some, face in ((best, colour), (~best, PAPER)):
        ax.plot(at[some], value[some], marker, color=colour, markersize=5, markerfacecolor=face)
    ax.plot([], [], marker + line, color=colour, markersize=5, linewidth=1.2, label=name)


def _area_and_colour(found: xr.Dataset, colours: Colours) -> tuple[str, str]:
    area = str(found["area"].values[0])
    return area, (colours or area_colours(found.attrs["areas"])).get(area, INK)


def names_of_coord(part: xr.Dataset, name: str) -> list[str]:
    """Return a coordinate of the candidates as text."""
    return [str(v) for v in part[name].values] if name in part.coords else [""] * part.sizes["candidate"]


def sides(found: xr.Dataset) -> Panels:
    """Cut a comparison into metrics and areas, called alike whoever made it: dims (area, candidate)."""
    found = found.rename({old: new for old, new in (("x", "area"), ("y", "candidate")) if old in found.dims})
    found = found.drop_vars(["replicate", *(v for v in found.data_vars if found[v].dtype.kind == "O")], errors="ignore")
    panels: Panels = []
    for title, part in along("metric")(found):
        if "metric" in part.coords:
            part = part.assign_attrs(metric=str(part["metric"].values))
        title = metric_words(title) if title else ""
        for dim, name in (("area", "brain"), ("candidate", "similarity")):
            if dim not in part.dims:
                part = part.expand_dims({dim: [name]})
        areas = names_of(part, "area")
        for i, area in enumerate(areas):
            said = ", ".join(filter(None, (area if len(areas) > 1 or area != "brain" else "", title)))
            panels.append((said, part.isel(area=[i]).assign_attrs(areas=areas)))
    return panels


def differences(ax: Axes, found: xr.Dataset) -> None:
    """Draw how much more one candidate has than another (row less column); dot: corrected p < 0.05."""
    value = floats(found["difference"].transpose("y", "y2"))
    names = names_of(found, "y")
    drawings.shades(ax, value, bar="difference (row less column)", around=0.0, square=True)
    rows, columns = np.nonzero(floats(found["p_value_corrected"].transpose("y", "y2")) < SIGNIFICANT)
    ax.plot(columns, rows, "o", color="white", markeredgecolor="black", markersize=5, markeredgewidth=0.8)
    drawings.name_axis(ax, "x", names, "dot: corrected p < 0.05", limit=22)
    drawings.name_axis(ax, "y", names, "", limit=22)


def against_reference(ax: Axes, found: xr.Dataset) -> None:
    """Draw how far every candidate is from zero or from the ceiling, with its interval; filled: corrected p < 0.05."""
    names = names_of(found, "y") if "y" in found.dims else ["similarity"]
    value, low, high, p = (np.atleast_1d(floats(found[v])) for v in ("difference", "low", "high", "p_value_corrected"))
    y = marks.label_rows(ax, names, 30)
    marks.dots(ax, y, value, low, high, colour=palette([""])[""], filled=p < SIGNIFICANT)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_xlabel(f"similarity less {plain(found.attrs.get('reference', 'reference'), 20)}; filled: corrected p < 0.05")


def models(ax: Axes, found: xr.Dataset) -> None:
    """Draw the similarity of every model to several subjects with its interval; the ceiling is the band."""
    names = names_of(found, "model")
    value, low, high, p = (floats(found[v]) for v in ("similarity", "low", "high", "p_null_corrected"))
    y = marks.label_rows(ax, names, 30)
    lower, upper = as_float(found["lower"]), as_float(found["upper"])
    if np.isfinite(lower + upper):
        ax.axvspan(lower, upper, color=MUTED, alpha=0.35, linewidth=0, label="ceiling (lower to upper bound)")
    ax.plot(floats(found["null_value"]) + 0 * value, y, "x", color=MUTED, markersize=4, label="independent RDMs (null)")
    marks.dots(ax, y, value, low, high, colour=palette([""])[""], filled=p < SIGNIFICANT)
    ax.plot([], [], "o", color=palette([""])[""], markersize=5, label="corrected p < 0.05")
    n = found.attrs.get("n_subjects")
    ax.set_xlabel(f"{metric_words(found.attrs.get('metric', 'similarity'))}, mean over {n} subjects")
    drawings.legend_below(ax)


def depths(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw the depth of the layer that each area shares most with, areas from early to late, with the correlation."""
    order = [name.strip() for name in str(found.attrs.get("order", "")).split(",")]
    areas = order if set(order) == set(names_of(found, "area")) else names_of(found, "area")
    at = found.sel(area=areas)
    hierarchy_panel(
        ax,
        areas,
        *(floats(at[v]) for v in ("depth", "depth_low", "depth_high")),
        colours=colours or area_colours(areas),
    )
    ends = f" ({number(found['low'])} to {number(found['high'])})" if np.isfinite(as_float(found["low"])) else ""
    ax.set_title(f"rank correlation {number(found['correlation'])}{ends}, {p_value(found['p_value'])}")
    ax.set(xlabel="area, from early to late", ylabel="depth of the layer (0 first, 1 last)")


def _ceiling_across(ax: Axes, part: xr.Dataset) -> None:
    ceiling, low, high = (
        as_float(part[v]) if v in part else np.nan for v in ("ceiling", "ceiling_low", "ceiling_high")
    )
    if np.isfinite(ceiling):
        ax.axhline(
            ceiling,
            color=INK,
            linewidth=1,
            linestyle=(0, (4, 2)),
            label="ceiling of the raw value" if "raw" in part else "noise ceiling",
        )
    if np.isfinite(low + high):
        ax.axhspan(low, high, color=MUTED, alpha=0.35, linewidth=0, label=f"its interval ({level_words(part)})")


def _has_depth(found: Any) -> bool:
    """Tell whether candidates are layers whose depth is known, and enough of them to be a line."""
    if not _is_comparison(found) or "depth" not in found.coords:
        return False
    known = floats(found["depth"])
    return len(set(known[np.isfinite(known)])) > 2


def _is_comparison(found: Any) -> bool:
    return holds("similarity", "low", "high", "null_value")(found) and "model" not in found.dims


def _rows(part: xr.Dataset) -> tuple[float, float]:
    return 5.6, rows_high(part.sizes.get("candidate", part.sizes.get("model", part.sizes.get("y", 1)))) + 0.5


PLOTS = [
    Plot(
        "layers by depth",
        "similarity by depth of layer, twin and baselines, ceiling as a band",
        _has_depth,
        by_depth,
        sides,
        lambda part: (4.8, 4.0),
    ),
    Plot(
        "a comparison",
        "similarity with interval, ceiling, null; filled: in the set",
        _is_comparison,
        candidates,
        sides,
        _rows,
    ),
    Plot(
        "differences of candidates",
        "every two of them, a dot where p < 0.05",
        lambda r: holds("difference")(r) and "y2" in r.dims and "model" not in r.dims,
        differences,
        along("x"),
        lambda r: (4.6, 3.8),
        square=True,
    ),
    Plot(
        "distance from a reference",
        "similarity less zero or ceiling, with interval",
        lambda r: holds("difference", "low", "p_value_corrected")(r) and "reference" in r.attrs,
        against_reference,
        along("x"),
        lambda r: (5.2, rows_high(r.sizes.get("y", 1))),
    ),
    Plot(
        "models beside subjects",
        "similarity with interval, ceiling as a band",
        holds("similarity", "lower", "upper", "p_null"),
        models,
        size=_rows,
    ),
    Plot(
        "a hierarchy",
        "depth of the nearest layer by area, with interval",
        holds("correlation", "depth", "depth_low"),
        depths,
        size=lambda r: (4.6, 3.0),
    ),
]
"""Lines of the register."""
