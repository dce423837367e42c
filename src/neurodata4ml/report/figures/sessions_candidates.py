"""Figures of candidates beside areas over many recordings: one row for each candidate, one dot for each recording."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, Colours, palette, picture
from neurodata4ml.report.figures.comparison import MARKER, MOST_ROWS
from neurodata4ml.report.figures.sessions_marks import (
    LINES,
    Crowd,
    crowd_of,
    ends_of,
    mean_mark,
    recordings_row,
    row_height,
)
from neurodata4ml.report.words import (
    column,
    labels,
    listing,
    metric_words,
    named,
    number,
    plain,
    score_words,
    texts,
    values,
)


@picture
def similarity_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the similarity of every candidate to every area, in each recording and as their mean.

    Parameters
    ----------
    array : Dataset
        ``similarity`` (session, area, candidate) over recordings; ``ceiling`` (session, area) over recordings;
        ``among_best`` (area, candidate), ``claim`` (area); coordinate ``kind`` (candidate).
    kept : Dataset
        ``subject`` (session).
    colours : mapping of area to colour, optional
    """
    metric = metric_words(array.attrs.get("metric", "similarity"))
    figure = _panels(array, kept, "similarity", metric, colours, "ceiling of raw" if "raw" in array else "ceiling")
    return (
        figure,
        f"Similarity ({metric}) of candidates, mean over recordings. Highest: {_highest(array, 'similarity')}.",
    )


@picture
def encoding_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw how well every candidate predicts single units, in each recording and as their mean.

    Parameters
    ----------
    array : Dataset
        ``median`` (session, area, candidate) and ``ceiling`` (session, area) over recordings; ``among_best``,
        ``claim``; coordinate ``kind`` (candidate).
    kept : Dataset
        ``subject`` (session).
    colours : mapping of area to colour, optional
    """
    score = score_words(array.attrs.get("score", "r"))
    figure = _panels(array, kept, "median", f"{score}, median", colours, "ceiling")
    return figure, f"Prediction of single units ({score}), mean over recordings. Highest: {_highest(array, 'median')}."


def _panels(array: xr.Dataset, kept: xr.Dataset, name: str, label: str, colours: Colours, limit: str) -> Figure:
    areas, names = labels(array, "area"), labels(array, "candidate")
    colours, crowd = colours or palette(areas), crowd_of(array, kept)
    if len(areas) * len(names) > MOST_ROWS:
        return _shades(array, areas, names, name, label)
    height = 0.4 + row_height(crowd, dense=True) * len(names)
    figure, axes = marks.panels(len(areas), most_columns=3 if len(areas) > 2 else 2, row_height=height, extra=0.4)
    for ax, area in zip(axes, areas, strict=True):
        _panel(ax, array, area, names, name, crowd, colours.get(area, INK))
        ax.set_title(plain(area, 28))
    marks.label_outer(axes, plain(label, 28), "")
    _legend(figure, axes[0], array, texts(array, "kind"), limit)
    return figure


def _panel(ax: Axes, array: xr.Dataset, area: str, names: list[str], name: str, crowd: Crowd, colour: str) -> None:
    rows = marks.label_rows(ax, names, 30, ruled=False)
    for at in rows[:-1]:
        ax.axhline(at + 0.5, color=MUTED, linewidth=0.3, alpha=0.6, zorder=0)
    marks.bands(ax, len(names))
    kinds = texts(array, "kind", "network")
    kinds = kinds if len(kinds) == len(names) else ["network"] * len(names)
    among = np.nan_to_num(column(array, "among_best", len(names), area=area)) > 0
    among &= bool(values(array, "claim", area=area))  # where nothing is claimed, none is marked
    for row, candidate, kind, filled in zip(rows, names, kinds, among, strict=True):
        where = {"area": area, "candidate": candidate}
        recordings_row(ax, row, column(array, name, crowd.n, **where), crowd, colour)
        mean_mark(ax, row, *ends_of(array, name, **where), filled=bool(filled), marker=MARKER.get(kind, "o"))
    ceiling, low, high = ends_of(array, "ceiling", area=area)
    if np.isfinite(ceiling):
        ax.axvline(ceiling, color=INK, linewidth=1, linestyle=LINES["ceiling"], zorder=1)
        if np.isfinite(low):
            ax.axvspan(low, high, color=MUTED, alpha=0.35, linewidth=0, zorder=0)
    ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0)


def _legend(figure: Figure, ax: Axes, array: xr.Dataset, kinds: list[str], limit: str) -> None:
    sampled = "animal" if array.attrs.get("sampled") == "animal" else "recording"
    ax.plot([], [], "o", color=MUTED, markersize=3.5, label="one recording")
    ax.plot([], [], "o-", color=INK, markersize=5, linewidth=1.8, label=f"mean over {sampled}s: in the set")
    ax.plot([], [], "o-", color=INK, markerfacecolor=PAPER, markersize=5, linewidth=1.8, label="not in the set")
    for kind, said in (("untrained", "untrained twin"), ("baseline", "baseline")):
        if kind in kinds:
            ax.plot([], [], MARKER[kind], color=INK, markerfacecolor=PAPER, markersize=5, label=said)
    if "ceiling" in array:
        ax.plot([], [], color=INK, linewidth=1, linestyle=LINES["ceiling"], label=f"{limit}, mean")
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3 if len(figure.axes) > 1 else 2,
        handlelength=1.8,
    )


def _shades(array: xr.Dataset, areas: list[str], names: list[str], name: str, label: str) -> Figure:
    """Draw means of areas by candidates as shades, a dot where a candidate is in the set."""
    figure = Figure(figsize=(marks.WIDTH, min(1.6 + 0.19 * len(areas), 14)), layout="constrained")
    ax = figure.subplots()
    mean = array[f"{name}_mean"].transpose("area", "candidate").values.astype(float)
    shades = ax.imshow(mean, cmap="cividis", aspect="auto", interpolation="none")
    among = array["among_best"].transpose("area", "candidate").values & array["claim"].values[:, None]
    rows, columns = np.nonzero(among)
    ax.plot(columns, rows, "o", color="white", markeredgecolor="black", markersize=3.5, markeredgewidth=0.6)
    ax.set_yticks(range(len(areas)), [plain(a, 24) for a in areas], fontsize=7)
    ax.set_xticks(range(len(names)), [plain(n, 24) for n in names], rotation=60, ha="right", fontsize=7)
    marks.plain_bar(figure.colorbar(shades, ax=ax, fraction=0.03), f"{label}, mean over recordings; dot: in the set")
    return figure


def _highest(array: xr.Dataset, name: str) -> str:
    said = []
    for area in labels(array, "area"):
        mean = np.atleast_1d(values(array, f"{name}_mean", area=area))
        if np.isfinite(mean).any():
            at = int(np.nanargmax(mean))
            said.append(f"{named(area)} {labels(array, 'candidate')[at]} {number(mean[at])}")
    return listing(said, 8)
