"""Figures that set areas beside each other: similarity from as many units of each, and areas by depth of layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, Colours, palette, picture
from neurodata4ml.report.words import column, labels, listing, metric_words, number, plain, values

_MARKERS = ("o", "s", "D", "^", "v", "P")
"""One shape for each area as well as one colour, for those who do not see the colours."""


@picture
def matched_similarity(similarity: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the similarity of every candidate from as many units of every area, the areas side by side.

    Parameters
    ----------
    similarity : Dataset
        ``matched``, ``matched_low``, ``matched_high``, each (area, candidate), unitless.
    colours : mapping of area to colour, optional
    """
    areas, names = labels(similarity, "area"), labels(similarity, "candidate")
    colours = colours or palette(areas)
    height = 0.6 + len(names) * max(0.22, 0.09 * len(areas)) + 0.2 * -(-len(areas) // 4)
    figure = Figure(figsize=(marks.WIDTH, min(height + 0.35, 40)), layout="constrained")
    ax = figure.subplots()
    y = marks.label_rows(ax, names, 34)
    known = [0.0, 1.0]
    for k, area in enumerate(areas):
        at = y + (k - (len(areas) - 1) / 2) * 0.7 / max(len(areas), 1)
        ends = [column(similarity, v, len(names), area=area) for v in ("matched", "matched_low", "matched_high")]
        colour, marker = colours.get(area, INK), _MARKERS[k % len(_MARKERS)]
        marks.dots(ax, at, *ends, colour=colour, marker=marker)
        ax.plot([], [], marker, color=colour, markersize=5, label=plain(area, 28))
        known += [float(v) for end in ends for v in end[np.isfinite(end)]]
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_xlim(min(known) - 0.04, max(known) + 0.04)
    metric = metric_words(similarity.attrs.get("metric", "similarity"))
    ax.set_xlabel(f"similarity from as many units of every area ({metric})")
    figure.legend(loc="outside lower center", ncols=4, handlelength=1.4)
    highest = [_highest(similarity, area) for area in areas]
    return figure, f"Similarity ({metric}) from as many units of each area. Highest: {listing(highest, 8)}."


@picture
def hierarchy(similarity: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the depth of the layer that each area shares most with, areas from early to late.

    Parameters
    ----------
    similarity : Dataset
        ``hierarchy`` (network_name); ``hierarchy_depth``, ``hierarchy_depth_low``, ``hierarchy_depth_high``
        (network_name, area); attribute ``order``.
    colours : mapping of area to colour, optional
    """
    areas = [str(a) for a in np.atleast_1d(similarity.attrs.get("order", labels(similarity, "area")))]
    names = labels(similarity, "network_name")
    colours = colours or palette(areas)
    figure, axes = marks.panels(len(names), most_columns=2, row_height=2.2)
    for ax, name in zip(axes, names, strict=True):
        depth, low, high = (
            np.array([float(values(similarity, f"hierarchy_depth{e}", network_name=name, area=a)) for a in areas])
            for e in ("", "_low", "_high")
        )
        hierarchy_panel(ax, areas, depth, low, high, colours=colours, twin="untrained" in name)
        score = number(values(similarity, "hierarchy", network_name=name))
        ax.set_title(f"{plain(name, 28)}: score {score}")
    marks.label_outer(axes, "area, from early to late", "depth of the layer (0 first, 1 last)")
    said = [f"{name} {number(values(similarity, 'hierarchy', network_name=name))}" for name in names]
    return figure, f"Depth of the layer that each of {len(areas)} areas shares most with. Scores: {listing(said, 8)}."


def hierarchy_panel(
    ax: Axes,
    areas: list[str],
    depth: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    colours: Mapping[str, str],
    twin: bool = False,
) -> None:
    """Draw depth by area with its interval; an untrained twin hollow."""
    x = np.arange(len(areas), dtype=float)
    ax.plot(x, depth, color=MUTED, linewidth=1, zorder=1)
    for k, area in enumerate(areas):
        colour = colours.get(area, INK)
        ax.vlines(x[k], low[k], high[k], color=colour, linewidth=1.3)
        face = PAPER if twin else colour
        ax.plot(x[k], depth[k], "^" if twin else "o", color=colour, markerfacecolor=face, markersize=6)
    ax.set_xticks(x, [plain(area, 12) for area in areas], rotation=30 if len(areas) > 6 else 0)
    ax.set_xlim(-0.4, len(areas) - 0.6)
    ax.set_ylim(-0.06, 1.06)


def _highest(similarity: xr.Dataset, area: str) -> str:
    value = column(similarity, "matched", similarity.sizes["candidate"], area=area)
    if not np.isfinite(value).any():
        return f"{area} not available"
    at = int(np.nanargmax(value))
    return f"{area} {labels(similarity, 'candidate')[at]} {number(value[at])}"
