"""Figures of many recordings: one row for each area, one dot for each recording, and courses over time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.facts import level_words
from neurodata4ml.report.figures import marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, palette, picture, rasterise_if_many
from neurodata4ml.report.figures.drawings import band
from neurodata4ml.report.figures.sessions_marks import (
    LINES,
    Crowd,
    crowd_of,
    ends_of,
    legend_entries,
    limit_mark,
    mean_mark,
    recordings_row,
    row_height,
)
from neurodata4ml.report.words import column, count, event, labels, listing, named, number, plain, score_words, values

FEW = 12
"""Up to so many recordings, rows of dots are half a page wide, so that a phone shows most of them."""


@picture
def recording_sizes(kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw how many units every recording has, by area.

    Parameters
    ----------
    kept : Dataset
        ``n_units_of_area`` (session, area); ``subject`` (session).
    colours : mapping of area to colour, optional
    """
    areas = labels(kept, "area")
    figure, ax, crowd = _rows(kept, kept, areas, colours, "n_units_of_area", means=False)
    ax.set_xlabel("units of the area")
    ax.set_xlim(left=0)
    found = [values(kept, "n_units_of_area", area=area) for area in areas]
    said = [
        f"{named(area)} {number(np.nanmin(v))} to {number(np.nanmax(v))} in {np.isfinite(v).sum()}"
        for area, v in zip(areas, found, strict=True)
        if np.isfinite(v).any()
    ]
    return figure, f"Units by area in {count(crowd.n, 'recording')}: {listing(said, 8)}."


@picture
def rates_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the mean firing rate of every recording and area: ``mean_rate`` (session, area) in Hz, over recordings."""
    return _described(array, kept, colours, "mean_rate", "firing rate, mean over the window (Hz)")


@picture
def decoding_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw ``accuracy_window`` (session, area) of every recording beside its chance, ``chance_window``."""
    score = score_words(array.attrs.get("scoring", "balanced_accuracy"))
    return _described(array, kept, colours, "accuracy_window", score, chance="chance_window")


@picture
def dimensions_of_recordings(
    array: xr.Dataset, kept: xr.Dataset, name: str, label: str, colours: Colours = None
) -> tuple[Figure, str]:
    """Draw the dimensions of every recording and area: the variable ``name`` (session, area), over recordings."""
    return _described(array, kept, colours, name, label)


@picture
def reliability_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the median reliability of every recording and area: ``median`` (session, area), over recordings."""
    return _described(array, kept, colours, "median", "reliability, median over the units")


@picture
def consistency_of_recordings(array: xr.Dataset, kept: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw how well the others foretell the distances of each recording: ``consistency`` (session, area)."""
    return _described(array, kept, colours, "consistency", "correlation with the mean distances of the others")


def _described(
    array: xr.Dataset, kept: xr.Dataset, colours: Colours, name: str, label: str, *, chance: str = ""
) -> tuple[Figure, str]:
    """Return rows of dots for one quantity, and what they show."""
    areas = labels(array, "area")
    figure, ax, crowd = _rows(array, kept, areas, colours, name, chance=chance)
    ax.set_xlabel(label)
    said = []
    for area in areas:
        mean, low, high = ends_of(array, name, area=area)
        between = f" ({number(low)} to {number(high)})" if np.isfinite(low) else ""
        said.append(f"{named(area)} {number(mean)}{between}")
    beside = f"; chance {number(np.nanmean(values(array, f'{chance}_mean')))}" if chance else ""
    alt = f"{label[:1].upper()}{label[1:]}, of {count(crowd.n, 'recording')}; mean: {listing(said, 8)}{beside}."
    return figure, alt


def _rows(
    array: xr.Dataset,
    kept: xr.Dataset,
    areas: list[str],
    colours: Colours,
    name: str,
    *,
    chance: str = "",
    means: bool = True,
) -> tuple[Figure, Axes, Crowd]:
    """Return one row for each area, with a dot for each recording."""
    colours, crowd = colours or palette(areas), crowd_of(array, kept)
    height = 1.05 + len(areas) * row_height(crowd)
    figure = Figure(figsize=(marks.WIDTH * (0.62 if crowd.n <= FEW else 0.8), min(height, 40)), layout="constrained")
    ax = figure.subplots()
    rows = marks.label_rows(ax, areas, ruled=False)
    for row, area in zip(rows, areas, strict=True):
        recordings_row(ax, row, column(array, name, crowd.n, area=area), crowd, colours.get(area, INK))
        if means:
            mean_mark(ax, row, *ends_of(array, name, area=area))
        if chance:
            limit_mark(ax, row, ends_of(array, chance, area=area)[0], "chance")
    if means:
        level = level_words(array) if f"{name}_mean_low" in array else ""
        legend_entries(ax, crowd, _sampled(array), level, ["chance"] if chance else [])
        figure.legend(loc="outside lower center", ncols=2 if crowd.n <= FEW else 3, handlelength=1.8)
    elif crowd.joined:
        ax.plot([], [], "o-", color=MUTED, markersize=4, linewidth=0.8, label="one recording (joined: one animal)")
        figure.legend(loc="outside lower center", handlelength=1.8)
    return figure, ax, crowd


@picture
def rate_course_of_recordings(array: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the rate over time of every recording, and their mean: ``rate`` (session, area, time) in Hz."""
    figure, said = _courses(array, "rate", "firing rate (Hz)", colours)
    return figure, f"Firing rate over time, mean over recordings; highest: {listing(said, 8)}."


@picture
def decoding_course_of_recordings(array: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw ``accuracy`` (session, area, time) of every recording, their mean, and ``chance``."""
    score = score_words(array.attrs.get("scoring", "balanced_accuracy"))
    figure, said = _courses(array, "accuracy", score, colours, chance="chance")
    return figure, f"{score[:1].upper()}{score[1:]} over time, mean over recordings; highest: {listing(said, 8)}."


def _courses(
    array: xr.Dataset, name: str, label: str, colours: Colours, *, chance: str = ""
) -> tuple[Figure, list[str]]:
    """Return one panel for each area: thin lines are recordings, the thick one their mean within its interval."""
    areas = labels(array, "area")[: marks.MOST_PANELS]
    colours, time = colours or palette(areas), values(array, "time")
    figure, axes = marks.panels(len(areas), most_columns=3, extra=0.4)
    said = []
    for ax, area in zip(axes, areas, strict=True):
        each = values(array, name, area=area)
        thin = ax.plot(
            time, each.T, color=MUTED, linewidth=0.6, alpha=float(np.interp(len(each), [5, 60], [0.6, 0.25]))
        )
        rasterise_if_many(thin, each.size, limit=20_000 // len(areas))
        mean, low, high = (values(array, f"{name}_{end}", area=area) for end in ("mean", "mean_low", "mean_high"))
        band(ax, time, low, high, colour=colours.get(area, INK), alpha=0.3)
        ax.plot(time, mean, color=colours.get(area, INK), linewidth=1.8)
        if chance:
            ax.plot(time, values(array, f"{chance}_mean", area=area), color=INK, linewidth=1, linestyle=LINES["chance"])
        marks.mark_onset(ax, time)
        ax.set_title(plain(area, 28))
        if np.isfinite(mean).any():
            at = int(np.nanargmax(mean))
            said.append(f"{named(area)} {number(mean[at])} at {time[at]:g} s")
    marks.label_outer(axes, f"time from {event(array)} (s)", label)
    axes[0].plot([], [], color=MUTED, linewidth=0.6, label="one recording")
    axes[0].plot([], [], color=INK, linewidth=1.8, label=f"mean over {_sampled(array)}s")
    axes[0].fill_between([], [], [], color=MUTED, alpha=0.4, linewidth=0, label=f"its {level_words(array)} interval")
    if chance:
        axes[0].plot([], [], color=INK, linewidth=1, linestyle=LINES["chance"], label="chance, mean")
    columns = 4 if len(axes) > 1 else 2
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, handlelength=1.8)
    return figure, said


def _sampled(array: xr.Dataset) -> str:
    return "animal" if array.attrs.get("sampled") == "animal" else "recording"
