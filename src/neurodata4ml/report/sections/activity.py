"""Sections on what the units do: responses over time, and how well they repeat."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import (
    FEW_AREAS,
    asked_for,
    colours_of,
    level,
    level_words,
    n_units,
    noted,
    span,
    undefined,
)
from neurodata4ml.report.figures import activity as figures_activity
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    bin_words,
    compact,
    count,
    event,
    interval,
    labels,
    named,
    number,
    percent,
    texts,
    values,
)
from neurodata4ml.results import Results


@needs("psth", "Responses over time")
def psth(results: Results) -> Section:
    """When and how strongly the units respond: rasters and firing rates."""
    array, colours = results.arrays["psth"], colours_of(results)
    figures = []
    if array.sizes.get("mark", 0) and "raster_time" in array:
        figures.append(
            Shown(
                figures_activity.raster(array, colours),
                _raster_words(results, array),
            )
        )
    if "rate" in array:
        band = f" The band is the {level_words(array)} interval of the mean." if "low" in array else ""
        figures.append(
            Shown(
                figures_activity.rate(array, colours),
                f"Firing rate, mean over trials and units of each area.{band}",
            )
        )
    if "rate_by_condition" in array:
        figures.append(
            Shown(
                figures_activity.rate_by_condition(array),
                f"The same rate for each condition of {asked_for(results)}.",
            )
        )
    return Section(
        "",
        question="When, and how strongly, do the units respond?",
        answer=_rate_answer(results, array),
        figures=tuple(figures),
        reading=(
            "Time is in seconds from the aligning event. Rates are spike counts divided by the width of the bin, so "
            "their unit is spikes per second (Hz). The interval is over stretches of trials: other trials, these same "
            "units. It is of one bin; the largest of many bins is somewhat too large, as it was picked for its size.",
        ),
        warnings=noted(array),
    )


def _rate_answer(results: Results, array: xr.Dataset) -> tuple[str, ...]:
    if "rate" not in array:
        return ()
    areas, time = labels(array, "area"), values(array, "time")
    rates = np.array([values(array, "rate", area=area) for area in areas])
    if len(areas) > FEW_AREAS:
        return (span(areas, _peaks(rates), "the peak rate", "Hz"),)
    said = []
    for area, one in zip(areas, rates, strict=True):
        if not np.isfinite(one).any():
            said.append(f"The rate of {named(area)} is not available.")
            continue
        at = int(np.nanargmax(one))
        low, high = (np.broadcast_to(values(array, name, area=area), one.shape)[at] for name in ("low", "high"))
        said.append(
            f"{named(area)} fires most at {compact(time[at])}\u00a0s from {event(array)}: "
            f"{interval(one[at], low, high, units='Hz', level=level(array))} in that bin{_width(array)}, mean of "
            f"{count(n_units(results, area), 'unit')}."
        )
    return tuple(said)


def _width(array: xr.Dataset) -> str:
    width = bin_words(array)
    return f" of {width}" if width else ""


def _raster_words(results: Results, array: xr.Dataset) -> str:
    """Return what a row of the raster is: trials are sorted by condition, and not all of them are shown."""
    shown, all_trials = array.attrs.get("raster_trials"), array.attrs.get("n_trials")
    some = f"; {shown:,} of {all_trials:,} trials, at even steps" if shown and all_trials and shown < all_trials else ""
    lines = " Lines part the conditions." if "raster_condition" in array else ""
    return (
        f"The busiest units (neurons) of each area. Each row is one trial, sorted by {asked_for(results)} and then by "
        f"time{some}; each tick is one spike.{lines} The dotted line is the event."
    )


def _peaks(rows: np.ndarray) -> np.ndarray:
    return np.array([np.nanmax(row) if np.isfinite(row).any() else np.nan for row in rows])


_RELIABILITIES = {
    "anova": " Here it is one minus the share of noise in the variance of the means (analysis of variance).",
    "split_half": " Here it is the correlation of the means of random halves of the trials, stepped up to all of them "
    "(Spearman and Brown).",
}


@needs("reliability", "Reliability")
def reliability(results: Results) -> Section:
    """How well the mean response of each unit would repeat."""
    array, colours = results.arrays["reliability"], colours_of(results)
    rows = []
    for area, value in reliability_by_area(array).items():
        known = value[np.isfinite(value)]
        quarters = np.quantile(known, [0.25, 0.5, 0.75]) if known.size else [np.nan] * 3
        above = percent(np.mean(known > 0.5)) if known.size else "not available"
        rows.append(
            (
                area,
                f"{known.size}",
                number(quarters[1]),
                f"{number(quarters[0])} to {number(quarters[2])}",
                above,
            )
        )
    return Section(
        "",
        question="How well would the mean response of each unit repeat?",
        answer=reliability_sentences(results),
        figures=(
            Shown(
                figures_activity.reliability(array, colours),
                "Each dot is one unit, the bar is the median of its area.",
            ),
        ),
        tables=(
            Table(
                "Reliability of single units",
                ("area", "units", "median", "middle half", "above 0.5"),
                tuple(rows),
            ),
        ),
        reading=(
            "Reliability is the correlation to expect between these mean responses and those of a second, equal "
            "experiment. Its square root bounds the correlation that even a perfect model of a unit can reach. "
            "Negative values are estimates of a reliability near zero and are kept."
            + _RELIABILITIES.get(str(array.attrs.get("method")), ""),
        ),
        warnings=(*noted(array), *undefined(array)),
    )


def reliability_by_area(array: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the reliabilities of the units of every area."""
    value, home = values(array, "reliability"), texts(array, "area", "all units")
    home = home * value.size if len(home) != value.size else home
    return {area: value[[h == area for h in home]] for area in dict.fromkeys(home)}


def reliability_sentences(results: Results) -> tuple[str, ...]:
    """Return the median reliability, one sentence per area, or one for all when they are many."""
    by_area = reliability_by_area(results.arrays["reliability"])
    medians = np.array([np.nanmedian(v) if np.isfinite(v).any() else np.nan for v in by_area.values()])
    if len(by_area) > FEW_AREAS:
        return (span(list(by_area), medians, "the median reliability of a unit"),)
    return tuple(
        f"Half of the {count(np.isfinite(v).sum(), 'unit')} of {named(a)} have a reliability above {number(m)}."
        for (a, v), m in zip(by_area.items(), medians, strict=True)
    )
