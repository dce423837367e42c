"""Figures of brain beside network: how alike their patterns are, and what unlike ones would seem to be."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.facts import level_words
from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, Colours, palette, picture
from neurodata4ml.report.words import (
    as_float,
    column,
    labels,
    listing,
    metric_words,
    number,
    plain,
    texts,
    values,
)

MARKER = {"network": "o", "untrained": "^", "baseline": "s", "brain": "D"}
MOST_ROWS = 160
"""Area panels times candidates that can be shown as rows of dots; beyond it, a table of shades."""


@picture
def similarity(similarity: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the similarity of every candidate to every area, with interval, raw value and ceiling.

    Parameters
    ----------
    similarity : Dataset
        ``similarity``, ``low``, ``high``, ``raw``, ``among_best``, each (area, candidate); ``ceiling``, ``best``
        (area); coordinate ``kind`` (candidate); attribute ``metric``.
    colours : mapping of area to colour, optional
    """
    areas, names = labels(similarity, "area"), labels(similarity, "candidate")
    colours = colours or palette(areas)
    metric = metric_words(similarity.attrs.get("metric", "similarity"))
    said = listing([f"{a} {_best(similarity, a)}" for a in areas], 8)
    alt = f"Similarity ({metric}) of {len(names)} candidates to {len(areas)} areas. Highest: {said}."
    if len(areas) * len(names) > MOST_ROWS:
        return _similarity_shades(similarity, areas, names, metric), alt
    figure, axes = marks.panels(len(areas), most_columns=3, row_height=marks.row_height(len(names)) + 0.2, extra=0.25)
    for ax, area in zip(axes, areas, strict=True):
        similarity_rows(ax, similarity, area, names, colours.get(area, INK))
        marks.bands(ax, len(names))
        ax.set_title(plain(area, 28))
    marks.label_outer(axes, plain(metric, 26), "")
    handles, legend = axes[0].get_legend_handles_labels()
    figure.legend(handles, legend, loc="outside lower center", ncols=3, handlelength=1.4)
    return figure, alt


@picture
def biased_similarity(similarity: xr.Dataset) -> tuple[Figure, str]:
    """Draw the biased metric beside what it would give for independent data of the same size.

    Parameters
    ----------
    similarity : Dataset
        ``biased`` and ``biased_null``, each (area, candidate), unitless.
    """
    areas, names = labels(similarity, "area")[: marks.MOST_PANELS], labels(similarity, "candidate")
    figure, axes = marks.panels(len(areas), most_columns=3, row_height=marks.row_height(len(names)) + 0.1, extra=0.25)
    highest = 0.0
    for ax, area in zip(axes, areas, strict=True):
        y = marks.label_rows(ax, names, 30)
        biased, null = (column(similarity, name, len(names), area=area) for name in ("biased", "biased_null"))
        ax.hlines(y, null, biased, color=MUTED, linewidth=1)
        ax.plot(
            null,
            y,
            "|",
            color=MUTED,
            markersize=9,
            markeredgewidth=1.6,
            label="independent data of this size",
        )
        ax.plot(biased, y, "o", color=INK, markersize=4.5, label="biased value")
        highest = max(highest, float(np.nanmax(null, initial=0.0)))
        ax.set_xlim(0, 1.02)
        ax.set_title(plain(area, 28))
    marks.label_outer(axes, "biased similarity", "")
    handles, legend = axes[0].get_legend_handles_labels()
    figure.legend(handles, legend, loc="outside lower center", ncols=2, handlelength=1.4)
    return figure, f"Biased similarity and its null; independent data would reach up to {number(highest)}."


def _best(similarity: xr.Dataset, area: str) -> str:
    value = values(similarity, "similarity", area=area)
    if not np.isfinite(value).any():
        return "not available"
    at = int(np.nanargmax(value))
    return f"{labels(similarity, 'candidate')[at]} {number(value[at])}"


def similarity_rows(ax: Axes, similarity: xr.Dataset, area: str, names: list[str], colour: str) -> None:
    """Draw the candidates of one area from top to bottom: value with interval, raw value, ceiling and null."""
    y = marks.label_rows(ax, names, 30)
    n = len(names)
    value, low, high, raw = (column(similarity, v, n, area=area) for v in ("similarity", "low", "high", "raw"))
    best = np.nan_to_num(column(similarity, "among_best", n, area=area)) > 0
    if "claim" in similarity:  # where nothing is claimed all are among the best, and none is marked
        best &= bool(values(similarity, "claim", area=area))
    kinds = texts(similarity, "kind", "network")
    kinds = kinds if len(kinds) == len(names) else ["network"] * len(names)
    ceiling_band(ax, similarity, area)
    null = column(similarity, "null_value", n, area=area)
    if np.isfinite(null).any():
        ax.plot(null, y, "x", color=MUTED, markersize=4, markeredgewidth=1, label="unrelated data (null)")
    if "raw" in similarity:
        ax.plot(raw, y, "|", color=MUTED, markersize=8, markeredgewidth=1.4, label="raw value, noise left in")
    for kind in dict.fromkeys(kinds):
        one = np.array([k == kind for k in kinds])
        marks.dots(
            ax,
            y[one],
            value[one],
            low[one],
            high[one],
            colour=colour,
            filled=best[one],
            marker=MARKER.get(kind, "o"),
        )
    for label, marker, face in (
        ("in the set", "o", INK),
        ("not in the set", "o", PAPER),
        *([("untrained twin", "^", PAPER)] if "untrained" in kinds else []),
        *([("baseline", "s", PAPER)] if "baseline" in kinds else []),
    ):
        ax.plot([], [], marker, color=INK, markerfacecolor=face, markersize=5, label=label)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    known = np.concatenate([value, low, high, raw, null, [0.0, 1.0]])
    known = known[np.isfinite(known)]
    ax.set_xlim(known.min() - 0.04, known.max() + 0.04)


def ceiling_band(ax: Axes, similarity: xr.Dataset, area: str) -> None:
    """Draw the noise ceiling as a dashed line within the band of its interval."""
    ceiling, low, high = (as_float(values(similarity, f"ceiling{end}", area=area)) for end in ("", "_low", "_high"))
    if not np.isfinite(ceiling):
        return
    of_what = "ceiling of the raw value" if "raw" in similarity else "noise ceiling"
    ax.axvline(ceiling, color=INK, linewidth=1, linestyle=(0, (4, 2)), label=of_what)
    if np.isfinite(low) and np.isfinite(high):
        ax.axvspan(low, high, color=MUTED, alpha=0.35, linewidth=0, label=f"its interval ({level_words(similarity)})")


def _similarity_shades(similarity: xr.Dataset, areas: list[str], names: list[str], metric: str) -> Figure:
    """Draw areas by candidates as shades, a dot where a candidate is among the best."""
    size = (marks.WIDTH, min(1.6 + 0.19 * len(areas), 14))
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    shape = (len(areas), len(names))
    value = similarity["similarity"].transpose("area", "candidate").values.astype(float)
    shades = ax.imshow(value, cmap="cividis", aspect="auto", interpolation="none", vmin=0, vmax=1)
    best = (
        np.zeros(shape)
        if "among_best" not in similarity
        else similarity["among_best"].transpose("area", "candidate").values
    )
    rows, columns = np.nonzero(np.asarray(best, dtype=float) > 0)
    ax.plot(columns, rows, "o", color="white", markeredgecolor="black", markersize=3.5, markeredgewidth=0.6)
    ax.set_yticks(range(len(areas)), [plain(a, 24) for a in areas], fontsize=7)
    ax.set_xticks(range(len(names)), [plain(n, 24) for n in names], rotation=60, ha="right", fontsize=7)
    marks.plain_bar(figure.colorbar(shades, ax=ax, fraction=0.03), f"similarity ({metric}); dot: in the set")
    return figure
