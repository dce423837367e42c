"""Plots of decoding: a score with interval, chance and null; over time; from one time to another; by area."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    area_colours,
    floats,
    holds,
    names_of,
    rows_high,
    variable,
    whole,
    with_units,
)
from neurodata4ml.report.words import as_float, number, p_value, percent, plain

SIGNIFICANT = 0.05
"""Below this corrected p a bin is marked: the level that the page uses."""

FEW_AREAS = 4
"""So many curves with their intervals can be told apart in one panel."""

BOUNDED = ("balanced_accuracy", "accuracy", "auc")
"""Scores between 0 and 1."""


def whole_window(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw the score of every area (or of all units) with its interval, the null behind it, and chance."""
    by = next((str(d) for d in found["score"].dims), None)
    areas = [str(v) for v in found[by].values] if by else [_what(found)]
    colours = colours or area_colours(areas if by else [""])
    score, low, high, chance = (np.atleast_1d(variable(found, v)) for v in ("score", "low", "high", "chance"))
    y = marks.label_rows(ax, areas, 30)
    null = np.atleast_2d(floats(found["null"].transpose(*([by] if by else []), "shuffle")))
    for i, area in enumerate(areas):
        violin(ax, null[i], y[i])
        one = slice(i, i + 1)
        colour = colours.get(area, palette([""])[""] if not by else INK)
        marks.dots(ax, y[one], score[one], low[one], high[one], colour=colour)
    if np.isfinite(chance).any():
        ax.plot(chance, y, "|", color=MUTED, markersize=13, markeredgewidth=1.6, label="chance (mean of shuffles)")
        ax.fill_between([], [], [], color=MUTED, alpha=0.35, linewidth=0, label=f"{null.shape[1]:,} shuffles")
        drawings.legend_below(ax, lines=1 if by else 2)
    _frame_score(ax, found, np.concatenate([score, low, high, chance, null.ravel()]))
    if not by:
        _say_p(ax, found)
    if not np.isfinite(score).any():
        drawings.nothing(ax)


def over_time(ax: Axes, found: xr.Dataset, *, colours: Colours = None) -> None:
    """Draw the score over time with its interval, the band of the shuffles, and bars where corrected p < 0.05."""
    by = next((str(d) for d in found["score"].dims if d != "time"), None)
    areas = [str(v) for v in found[by].values] if by else [str(found.attrs.get("area", ""))]
    colours = colours or area_colours(found.attrs.get("areas", areas))
    time = floats(found["time"])
    p = "p_value_corrected" if "p_value_corrected" in found else "p_value"
    for k, area in enumerate(areas):
        part = found.isel({by: k}) if by else found
        null = floats(part["null"].transpose("shuffle", "time"))
        low, high = np.quantile(null, [0.025, 0.975], axis=0) if len(null) else (np.nan, np.nan)
        shown = "chance" if k == 0 else ""
        drawings.beside_chance(ax, time, floats(part["chance"]), *((low, high) if not by else ()), label=shown)
        colour = colours.get(area, INK)
        ends = (variable(part, "low", time.shape), variable(part, "high", time.shape))
        drawings.curve(ax, time, floats(part["score"]), *ends, colour=colour, label=area if by else _what(found))
        drawings.significant(ax, time, floats(part[p]) < SIGNIFICANT, colour=colour, row=k)
    drawings.room_at_foot(ax, 0.05 + 0.03 * len(areas))
    marks.mark_onset(ax, time)
    corrected = ", corrected" if p.endswith("corrected") else ""
    said = "time (s); bar: p < 0.05" if "area" in found.attrs else "time from the event (s); bar at the foot: p < 0.05"
    ax.set(xlabel=said + corrected, ylabel=score_words(found))
    if found.attrs.get("area", areas[0]) == found.attrs.get("areas", areas)[0]:  # the others have the same
        ax.legend(loc="upper left")


def few_together(found: xr.Dataset) -> Panels:
    """Return up to four areas as one panel; more as one panel each."""
    by = next((str(d) for d in found["score"].dims if d != "time"), None)
    if by is None or found.sizes[by] <= FEW_AREAS:
        return whole(found)
    areas = names_of(found, by)
    return [(area, found.isel({by: i}).assign_attrs(area=area, areas=areas)) for i, area in enumerate(areas)]


def across_times(ax: Axes, found: xr.Dataset) -> None:
    """Draw the score learnt at one time (rows), tested at another (columns); corrected p < 0.05 outlined."""
    score = floats(found["score"].transpose("time", "time_test"))
    time = floats(found["time"])
    step = float(np.median(np.diff(time))) if time.size > 1 else 1.0
    ends = (time[0] - step / 2, time[-1] + step / 2)
    chance = floats(found["chance"])
    around = float(np.nanmean(chance)) if np.isfinite(chance).any() else None
    drawings.shades(
        ax, score, bar=score_words(found), around=around, square=True, extent=(*ends, *ends), origin="lower"
    )
    p = found.get("p_value_corrected")
    inside = floats(p.transpose("time", "time_test")) < SIGNIFICANT if p is not None else np.zeros(score.shape, bool)
    outline(ax, inside, np.linspace(*ends, time.size + 1))
    ax.plot(ends, ends, color="gray", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set(xlabel="tested at (s)", ylabel="learnt at (s)")
    ax.tick_params(length=3)
    if inside.any():
        ax.set_xlabel("tested at (s); outlined: corrected p < 0.05")


def outline(ax: Axes, inside: np.ndarray, edges: np.ndarray) -> None:
    """Draw the border of the cells that are inside; black on any paper, as the shades beneath are the same on all."""
    padded = np.pad(inside, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    for row, column in zip(rows, columns, strict=True):
        ax.plot(
            edges[[column, column + 1]], edges[[row, row]], color="black", linewidth=1.4, solid_capstyle="projecting"
        )
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    for row, column in zip(rows, columns, strict=True):
        ax.plot(
            edges[[column, column]], edges[[row, row + 1]], color="black", linewidth=1.4, solid_capstyle="projecting"
        )


def violin(ax: Axes, null: np.ndarray, y: float, height: float = 0.66) -> None:
    """Draw where the shuffles lie as a low histogram around a row."""
    null = null[np.isfinite(null)]
    if null.size < 2 or np.ptp(null) == 0:
        return
    counts, edges = np.histogram(null, bins=min(20, max(5, round(null.size**0.5))))
    tall = height / 2 * counts / counts.max()
    ax.fill_between(
        edges,
        y - np.append(tall, tall[-1]),
        y + np.append(tall, tall[-1]),
        step="post",
        color=MUTED,
        alpha=0.35,
        linewidth=0,
    )


def score_words(found: xr.Dataset) -> str:
    """Return the name of a score as people say it, with its units."""
    known = {"r2": "R²", "auc": "area under the ROC curve", "r": "correlation r", "median_error": "median error"}
    name = str(found.attrs.get("scoring", "score"))
    units = found["score"].attrs.get("units", "") if name == "median_error" else ""
    return with_units(known.get(name, plain(name.replace("_", " "), 40)), units)


def identified(ax: Axes, found: xr.Dataset) -> None:
    """Draw how alike every observed and every predicted sample are; the score, and what chance gives, below."""
    dim = next(str(d) for d in found["similarity"].dims if d != "candidate")
    drawings.shades(ax, floats(found["similarity"].transpose(dim, "candidate")), bar="correlation", around=0.0)
    drawings.name_axis(ax, "x", names_of(found, "candidate"), "predicted for")
    drawings.name_axis(ax, "y", names_of(found, dim), "observed at" if dim == "time" else "observed")
    share, chance = percent(as_float(found["beaten"])), percent(0.5)
    ax.set_title(f"{share} of the rivals beaten (chance {chance}), {p_value(as_float(found['p_value']))}", fontsize=9)


def weightings(ax: Axes, found: xr.Dataset) -> None:
    """Draw by how much weights from a brain beat every control, with intervals; filled: p < 0.05."""
    others = found.sel(weighting=[name for name in found["weighting"].values if name != "activity"])
    y = marks.label_rows(ax, [f"over {name}" for name in names_of(others, "weighting")], 26)
    gain, low, high = (floats(others[name]) for name in ("gain", "low", "high"))
    marks.dots(ax, y, gain, low, high, colour=palette([""])[""], filled=floats(others["p_value"]) < SIGNIFICANT)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_xlabel("gain in balanced accuracy; filled: p < 0.05")


def _what(found: xr.Dataset) -> str:
    target = plain(found.attrs.get("target", "target"), 24)
    n = found.attrs.get("n_units")
    return f"{target} from {n} units" if n else target


def _frame_score(ax: Axes, found: xr.Dataset, drawn: np.ndarray) -> None:
    """Leave room around what is drawn, from 0 for scores between 0 and 1."""
    known = drawn[np.isfinite(drawn)]
    lowest, highest = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if str(found.attrs.get("scoring")) in BOUNDED:
        lowest, highest = 0.0, min(1.02, max(highest * 1.12, 0.1))
    else:
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
        lowest, highest = lowest - 0.06 * (highest - lowest), highest + 0.06 * (highest - lowest)
    ax.set_xlim(lowest, highest if highest > lowest else lowest + 1)
    ax.set_xlabel(score_words(found))


def _say_p(ax: Axes, found: xr.Dataset) -> None:
    """Write score and p below the axis, or why there is no p."""
    p = as_float(found["p_value"])
    n = int(found.sizes.get("shuffle", 0))
    said = p_value(p, n) if np.isfinite(p) else "no p: " + (plain(found.attrs.get("no_p", ""), 52) or "no shuffles")
    ax.set_xlabel(f"{ax.get_xlabel()}: {number(found['score'])}\n{said}")


def _scored(*dims: str) -> Callable[[Any], bool]:
    """Match decodings whose score varies over these times."""
    decoded = holds("score", "null", "chance")
    return lambda found: decoded(found) and {"time", "time_test"} & set(found["score"].dims) == set(dims)


PLOTS = [
    Plot(
        "decoding across times",
        "learnt at one time, tested at another; clusters outlined",
        _scored("time", "time_test"),
        across_times,
        size=lambda r: (4.8, 4.0),
        square=True,
    ),
    Plot(
        "decoding over time",
        "score with interval, chance and its band; bars where p < 0.05",
        _scored("time"),
        over_time,
        few_together,
        size=lambda r: (5.6, 3.2),
    ),
    Plot(
        "decoding",
        "score with interval, chance and shuffles, by area",
        _scored(),
        whole_window,
        size=lambda r: (5.6, rows_high(r["score"].size) + 0.25),
    ),
    Plot(
        "an identification",
        "every observed beside every predicted sample; share of rivals beaten",
        holds("similarity", "rank", "told"),
        identified,
        size=lambda r: (4.8, 4.0),
    ),
    Plot(
        "weights from a brain",
        "gain over every control with its interval; filled where p < 0.05",
        holds("score", "weight", "gain"),
        weightings,
        size=lambda r: (5.6, rows_high(r.sizes["weighting"] - 1)),
    ),
]
"""Lines of the register."""
