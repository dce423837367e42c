"""Figures of models of single units beside their ceilings, and of variance along components."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette, picture
from neurodata4ml.report.words import compact, labels, listing, number, plain, score_words, texts, values


@picture
def encoding(encoding: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the median score of every candidate in every area, with its interval over units and the ceiling.

    Parameters
    ----------
    encoding : Dataset
        ``median``, ``median_low``, ``median_high`` (area, candidate), ``ceiling`` (area), ``kind`` (candidate).
    colours : mapping of area to colour, optional
    """
    areas, names = labels(encoding, "area")[: marks.MOST_PANELS], labels(encoding, "candidate")
    colours = colours or palette(areas)
    score = score_words(encoding.attrs.get("score", "r"))
    twin = np.array([kind == "untrained" for kind in texts(encoding, "kind")] or [False] * len(names))
    figure, axes = marks.panels(len(areas), most_columns=2, row_height=marks.row_height(len(names)), extra=0.25)
    said = []
    for i, (ax, area) in enumerate(zip(axes, areas, strict=True)):
        middle, low, high = (values(encoding, f"median{end}", area=area) for end in ("", "_low", "_high"))
        y = marks.label_rows(ax, names, 32)
        colour = colours.get(area, INK)
        for here, marker in ((~twin, "o"), (twin, "^")):
            marks.dots(ax, y[here], middle[here], low[here], high[here], colour=colour, marker=marker)
        ceiling = float(values(encoding, "ceiling", area=area))
        if np.isfinite(ceiling):
            ax.axvline(ceiling, color=MUTED, linestyle=(0, (4, 2)), linewidth=1)
        ax.axvline(0, color=MUTED, linewidth=0.6)
        ax.set_title(plain(area, 28))
        ax.tick_params(axis="y", labelleft=i % 2 == 0)
        if np.isfinite(middle).any():
            best = int(np.nanargmax(middle))
            said.append(f"{area} highest for {names[best]}, {number(middle[best])}, ceiling {number(ceiling)}")
    marks.label_outer(axes, f"{score}, median over units", "")
    return figure, f"How well every candidate predicts single units ({score}): {listing(said, 8)}."


@picture
def spectrum(dimensionality: xr.Dataset, name: str, colours: Colours = None) -> tuple[Figure, str]:
    """Draw variance against the rank of the component, both on logarithmic axes, one line per area.

    Parameters
    ----------
    dimensionality : Dataset
        The variable ``name`` and perhaps ``threshold``, each (area, component).
    name : str
    colours : mapping of area to colour, optional
    """
    areas = labels(dimensionality, "area")
    colours = colours or palette(areas)
    figure = Figure(figsize=(marks.WIDTH * 0.62, 3.0), layout="constrained")
    ax = figure.subplots()
    said = []
    for area in areas:
        for variable, style in ((name, "-"), ("threshold", ":")):
            line = np.atleast_1d(values(dimensionality, variable, area=area))
            above = np.where(line > 0, line, np.nan)
            if np.isfinite(above).any():
                label = plain(area, 28) if variable == name else None
                ax.plot(np.arange(1, line.size + 1), above, style, color=colours.get(area, INK), label=label)
        first = np.atleast_1d(values(dimensionality, name, area=area))[0]
        said.append(f"{area} {number(first)} along the first")
    ax.set(xscale="log", yscale="log", xlabel="component", ylabel="variance")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper right", ncols=3)
    return figure, f"Variance along each component: {listing(said, 8)}."
