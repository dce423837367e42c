"""Figures of the population: the path it takes through a trial, and the dimensions it fills."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import (
    INK,
    MANY_POINTS,
    MUTED,
    PAPER,
    Colours,
    condition_colour,
    palette,
    picture,
    rasterise_if_many,
)
from neurodata4ml.report.words import column, event, labels, listing, number, percent, plain, values


@picture
def latents(latents: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the trial-averaged trajectory of each condition through the first two components.

    Parameters
    ----------
    latents : Dataset
        ``latents`` (area, condition, time, component); ``explained_variance`` (area, component) as ratios.
    colours : mapping of area to colour, optional
    """
    areas, conditions = labels(latents, "area")[: marks.MOST_PANELS], labels(latents, "condition")
    colours = colours or palette(areas)
    array = latents["latents"].transpose("area", "condition", "time", "component", missing_dims="ignore")
    time, few = values(latents, "time"), len(conditions) <= drawings.FEW_CONDITIONS
    figure, axes = marks.panels(len(areas), most_columns=3, row_height=2.5, share=False, extra=0.35 * few)
    lines, said = [], []
    for i, (ax, area) in enumerate(zip(axes, areas, strict=True)):
        paths = np.asarray(array.values[i], dtype=float)
        if few:
            lines = [drawings.path(ax, time, p, condition_colour(j, len(paths))) for j, p in enumerate(paths)]
        else:
            drawings.paths(ax, time, paths, colours.get(area, INK))
        rasterise_if_many(ax.lines, paths[..., 0].size * len(areas), limit=MANY_POINTS)
        shares = np.atleast_1d(values(latents, "explained_variance", area=area))
        drawings.name_components(ax, shares, paths.shape[-1], event(latents))
        ax.set_title(plain(area, 28))
        if np.isfinite(shares).any():
            which = "two components" if paths.shape[-1] > 1 else "one component"
            said.append(f"{area} {percent(np.nansum(shares[:2]))} of the variance in {which}")
    if few:
        names = [plain(c, 16) for c in conditions]
        figure.legend(lines, names, loc="outside lower center", ncols=len(names), handlelength=1.1, columnspacing=1)
    return figure, f"Trajectories of {len(conditions)} conditions: {listing(said or areas, 8)}."


@picture
def dimensionality(dimensionality: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the participation ratio of every area: cross-validated with interval, naive, and its limit.

    Parameters
    ----------
    dimensionality : Dataset
        ``participation_ratio``, ``participation_ratio_cv``, ``low``, ``high``, ``bias_limit``, each (area), in
        dimensions.
    colours : mapping of area to colour, optional
    """
    areas = labels(dimensionality, "area")
    colours = colours or palette(areas)
    signal, naive, limit, low, high = (
        column(dimensionality, name, len(areas))
        for name in ("participation_ratio_cv", "participation_ratio", "bias_limit", "low", "high")
    )
    figure = Figure(figsize=(marks.WIDTH * 0.63, marks.row_height(len(areas)) + 0.5), layout="constrained")
    ax = figure.subplots()
    y = marks.label_rows(ax, areas)
    for i, area in enumerate(areas):
        one = slice(i, i + 1)
        marks.dots(ax, y[one], signal[one], low[one], high[one], colour=colours.get(area, INK))
    ax.plot(naive, y, "o", color=MUTED, markerfacecolor=PAPER, markersize=5, label="naive, of the trial means")
    ax.plot(limit, y, "|", color=MUTED, markersize=11, markeredgewidth=1.6, label="white noise of this size")
    ax.plot([], [], "o", color=INK, markersize=5, label="cross-validated, with interval")
    ax.set_xlim(0, np.nanmax(np.concatenate([signal, naive, limit, high, [1.0]])) * 1.06)
    ax.set_xlabel("participation ratio (dimensions)")
    figure.legend(loc="outside upper right", ncols=2, columnspacing=1.2, handlelength=1.2)
    said = [f"{a} {number(s)} cross-validated, {number(n)} naive" for a, s, n in zip(areas, signal, naive, strict=True)]
    return figure, f"Participation ratio: {listing(said, 8)}."
