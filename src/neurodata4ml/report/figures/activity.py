"""Figures of what the units do: rasters, rates, read-out and reliability."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import (
    INK,
    MANY_POINTS,
    MUTED,
    Colours,
    condition_colour,
    palette,
    picture,
    rasterise_if_many,
)
from neurodata4ml.report.words import (
    compact,
    event,
    labels,
    listing,
    number,
    percent,
    plain,
    score_words,
    texts,
    values,
)

MOST_RASTERS = 6

LONGEST_AREA = 12
"""Letters of an area's name that fit beside the unit's above a raster."""


@picture
def raster(psth: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the spikes of example units: one row per trial, one tick per spike.

    Parameters
    ----------
    psth : Dataset
        ``raster_time`` (mark) in s, ``raster_trial`` (mark) row numbers, ``raster_unit`` (mark) unit labels and,
        where known, ``raster_area`` (mark); ``raster_condition`` (raster_block) and its first row,
        ``raster_begins`` (raster_block).
    colours : mapping of area to colour, optional
    """
    time, trial = values(psth, "raster_time").ravel(), values(psth, "raster_trial").ravel()
    unit = np.array(texts(psth, "raster_unit"))
    area = np.array(texts(psth, "raster_area")) if "raster_area" in psth.variables else np.full(unit.shape, "")
    colours = colours or palette(dict.fromkeys(area))
    shown = list(dict.fromkeys(unit))[:MOST_RASTERS]
    figure, axes = marks.panels(len(shown), most_columns=4 if len(shown) == 4 else 3, row_height=1.7)
    spikes = []
    for ax, name in zip(axes, shown, strict=True):
        here = unit == name
        home = area[here][0]
        lines = ax.plot(
            time[here],
            trial[here],
            "|",
            color=colours.get(home, MUTED) if home else MUTED,
            markersize=2.2,
            markeredgewidth=0.8,
        )
        rasterise_if_many(lines, time.size)
        marks.mark_onset(ax, time)
        ax.set_title(plain(f"unit {name}" + (f" ({home})" if 0 < len(home) <= LONGEST_AREA else ""), 34))
        spikes.append(int(here.sum()))
    n_rows = int(psth.attrs.get("raster_trials", np.nanmax(trial, initial=0) + 1))
    axes[0].set_ylim(n_rows, -1)
    marks.label_outer(axes, f"time from {event(psth)} (s)", "trial, by condition")
    if "raster_condition" in psth:
        _part_conditions(axes, texts(psth, "raster_condition"), values(psth, "raster_begins"), n_rows)
    said = listing([f"unit {name} fires {n:,} spikes" for name, n in zip(shown, spikes, strict=True)], len(shown))
    return figure, f"Spike rasters over {n_rows:,} trials, sorted by condition: {said}."


def _part_conditions(axes: list[Axes], names: list[str], begins: np.ndarray, n_rows: int) -> None:
    """Draw a line between conditions, and name each in the place of the numbers of rows."""
    for ax in axes:
        for begin in begins[1:]:
            ax.axhline(begin - 0.5, color=MUTED, linewidth=0.8)
        ax.tick_params(axis="y", length=0)
    middles = (begins + np.append(begins[1:], n_rows)) / 2
    axes[0].set_yticks(middles, [plain(name, 16) for name in names])


@picture
def rate(psth: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the mean firing rate of every area around onset, with its interval.

    Parameters
    ----------
    psth : Dataset
        ``rate`` (area, time) in Hz; ``low`` and ``high`` of the same dims.
    colours : mapping of area to colour, optional
    """
    areas, time = labels(psth, "area")[: marks.MOST_PANELS], values(psth, "time")
    colours = colours or palette(areas)
    figure, axes = marks.panels(len(areas))
    peaks = []
    for ax, area in zip(axes, areas, strict=True):
        mean, low, high = (values(psth, name, area=area) for name in ("rate", "low", "high"))
        drawings.curve(ax, time, mean, low, high, colour=colours.get(area, INK))
        marks.mark_onset(ax, time)
        ax.set_title(plain(area, 28))
        peaks.append(f"{area} {_peak(time, mean, 'Hz')}")
    axes[0].set_ylim(bottom=0)
    marks.label_outer(axes, f"time from {event(psth)} (s)", "firing rate (Hz)")
    return figure, f"Mean firing rate against time from {event(psth)}. Peaks: {listing(peaks, 8)}."


@picture
def rate_by_condition(psth: xr.Dataset) -> tuple[Figure, str]:
    """Draw the mean firing rate of every area for each condition.

    Parameters
    ----------
    psth : Dataset
        ``rate_by_condition`` (area, condition, time) in Hz.
    """
    areas, time = labels(psth, "area")[: marks.MOST_PANELS], values(psth, "time")
    conditions = labels(psth, "condition")
    figure, axes = marks.panels(len(areas), extra=0.35)
    lines, best = [], []
    for ax, area in zip(axes, areas, strict=True):
        rates = values(psth, "rate_by_condition", area=area)
        lines = [
            drawings.curve(ax, time, one, colour=condition_colour(i, len(conditions)), linewidth=1.1)
            for i, one in enumerate(rates)
        ]
        rasterise_if_many(lines, rates.size * len(areas), limit=MANY_POINTS)
        marks.mark_onset(ax, time)
        ax.set_title(plain(area, 28))
        if np.isfinite(rates).any():
            peak = np.unravel_index(np.nanargmax(rates), rates.shape)
            best.append(f"{area} reaches {number(rates[peak])} Hz for {conditions[peak[0]]}")
    axes[0].set_ylim(bottom=0)
    marks.label_outer(axes, f"time from {event(psth)} (s)", "firing rate (Hz)")
    names = [plain(c, 16) for c in conditions]
    figure.legend(
        lines, names, loc="outside lower center", ncols=min(len(names), 12), handlelength=1.1, columnspacing=1
    )
    return figure, f"Mean firing rate for each of {len(conditions)} conditions. {listing(best, 8)}."


@picture
def decoding_over_time(decoding: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw read-out accuracy against time, with the band of the shuffles and a bar where it exceeds them.

    Parameters
    ----------
    decoding : Dataset
        ``accuracy``, ``null_low``, ``null_high``, ``chance``, ``p_value_corrected``, each (area, time), unitless.
    colours : mapping of area to colour, optional
    """
    areas, time = labels(decoding, "area")[: marks.MOST_PANELS], values(decoding, "time")
    colours = colours or palette(areas)
    figure, axes = marks.panels(len(areas))
    peaks = []
    for ax, area in zip(axes, areas, strict=True):
        accuracy = values(decoding, "accuracy", area=area)
        chance, low, high = (values(decoding, name, area=area) for name in ("chance", "null_low", "null_high"))
        drawings.beside_chance(ax, time, chance, low, high)
        drawings.curve(ax, time, accuracy, colour=colours.get(area, INK))
        above = np.broadcast_to(values(decoding, "p_value_corrected", area=area) < 0.05, time.shape)
        drawings.significant(ax, time, above, colour=colours.get(area, INK))
        marks.mark_onset(ax, time)
        ax.set_title(plain(area, 28))
        peaks.append(f"{area} {_peak(time, accuracy)}{_above(decoding, above)}")
    drawings.room_at_foot(axes[0])
    score = score_words(decoding.attrs.get("scoring", "balanced_accuracy"))
    marks.label_outer(axes, f"time from {event(decoding)} (s)", score)
    return figure, f"Decoding ({score}) against time from {event(decoding)}. Peaks: {listing(peaks, 8)}."


@picture
def decoding_whole_window(decoding: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the accuracy from the whole window, one row per area, with interval and chance.

    Parameters
    ----------
    decoding : Dataset
        ``accuracy_window`` with ``_low`` and ``_high``, and ``chance_window``, each (area), unitless.
    colours : mapping of area to colour, optional
    """
    areas = labels(decoding, "area")
    colours = colours or palette(areas)
    accuracy, chance = values(decoding, "accuracy_window"), values(decoding, "chance_window")
    low, high = values(decoding, "accuracy_window_low"), values(decoding, "accuracy_window_high")
    low, high, chance = (np.broadcast_to(v, accuracy.shape) for v in (low, high, chance))
    figure = Figure(figsize=(marks.WIDTH * 0.63, marks.row_height(len(areas)) + 0.3), layout="constrained")
    ax = figure.subplots()
    y = marks.label_rows(ax, areas)
    for i, area in enumerate(areas):
        one = slice(i, i + 1)
        marks.dots(ax, y[one], accuracy[one], low[one], high[one], colour=colours.get(area, INK))
    ax.plot(chance, y, "|", color=MUTED, markersize=11, markeredgewidth=1.6, label="chance (mean of shuffles)")
    highest = np.nanmax(np.concatenate([accuracy, high, chance, [0.0]]))
    lowest = np.nanmin(np.concatenate([accuracy, low, chance, [0.0]]))
    most = 1.02 if 0.5 < highest <= 1 else highest * 1.15 + 0.01
    ax.set_xlim(lowest * 1.15, most)
    score = score_words(decoding.attrs.get("scoring", "balanced_accuracy"))
    ax.set_xlabel(f"{score}, whole window")
    figure.legend(loc="outside upper right")
    said = [f"{a} {number(v)} against chance {number(c)}" for a, v, c in zip(areas, accuracy, chance, strict=True)]
    return figure, f"Decoding ({score}) from the whole window: {listing(said, 8)}."


@picture
def reliability(reliability: xr.Dataset, colours: Colours = None) -> tuple[Figure, str]:
    """Draw the reliability of every unit, one row of dots per area, the median as a bar.

    Parameters
    ----------
    reliability : Dataset
        ``reliability`` (unit), unitless, with the coordinate ``area`` (unit).
    colours : mapping of area to colour, optional
    """
    value = values(reliability, "reliability")
    home = np.array(texts(reliability, "area", "all units"))
    home = np.full(value.shape, home[0]) if home.size != value.size else home
    areas = list(dict.fromkeys(home))
    colours = colours or palette(areas)
    figure = Figure(figsize=(marks.WIDTH * 0.63, 0.7 + 0.42 * len(areas)), layout="constrained")
    ax = figure.subplots()
    marks.label_rows(ax, areas)
    said = []
    for row, area in enumerate(areas):
        one = value[(home == area) & np.isfinite(value)]
        median = drawings.spread(ax, row, one, colour=colours.get(area, INK), n=value.size)
        if one.size:
            said.append(
                f"{area} median {number(median)} over {one.size} units, {percent(np.mean(one > 0.5))} above 0.5"
            )
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_xlim(min(-0.05, np.nanmin(value, initial=0) - 0.05), 1.03)
    ax.set_xlabel("reliability of the mean response of each unit")
    return figure, f"Reliability of single units: {listing(said, 8)}."


def _peak(time: np.ndarray, value: np.ndarray, units: str = "") -> str:
    if not np.isfinite(value).any():
        return "not available"
    at = int(np.nanargmax(value))
    return f"{number(value[at])}{' ' + units if units else ''} at {compact(time[at])} s"


def _above(decoding: xr.Dataset, above: np.ndarray) -> str:
    if "p_value_corrected" not in decoding:
        return ""
    return f", above shuffles in {int(above.sum())} of {above.size} bins"
