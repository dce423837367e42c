"""The section on decoding: what a read-out can tell from the units, against chance."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report import figures_activity
from neurodata4ml.report.facts import FEW_AREAS, asked_for, colours_of, level, level_words, n_units, noted, span
from neurodata4ml.report.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    bounds,
    column,
    compact,
    count,
    interval,
    labels,
    listing,
    named,
    number,
    p_value,
    plain,
    values,
)
from neurodata4ml.results import Results


@needs("decoding", "Decoding")
def decoding(results: Results) -> Section:
    """What a linear read-out can tell from the units, against chance."""
    array, colours = results.arrays["decoding"], colours_of(results)
    target = asked_for(results)
    figures = []
    if "accuracy_window" in array:
        figures.append(
            Shown(
                figures_activity.decoding_whole_window(array, colours),
                f"Balanced accuracy of reading the {target} from the whole window. Bars are {level_words(array)} "
                "intervals; the grey tick is chance.",
            )
        )
    if "accuracy" in array:
        figures.append(
            Shown(
                figures_activity.decoding_over_time(array, colours),
                f"Accuracy of reading the {target} from each time bin alone. The grey line is chance, the grey band "
                "holds 95\u00a0% of the shuffles, and the bar at the foot marks bins above chance (p < 0.05, "
                "corrected for all bins).",
            )
        )
    return Section(
        "",
        question=f"How well can the {target} be read out of the units, and when?",
        answer=decoding_sentences(results),
        figures=tuple(figures),
        tables=(_decoding_table(results, array),),
        reading=_decoding_reading(array),
        warnings=(*noted(array), *_without_p(array), *_below_chance(array)),
    )


def decoding_sentences(results: Results) -> tuple[str, ...]:
    """Return accuracy against chance, one sentence per area, or one for all when they are many."""
    array = results.arrays["decoding"]
    areas, attrs = labels(array, "area"), array.attrs
    accuracy, low, high, chance, p = _window(array)
    target = f"the {_target(results)}"
    if len(areas) > FEW_AREAS:
        middle = np.nanmedian(chance) if np.isfinite(chance).any() else np.nan
        return (
            f"{span(areas, accuracy, f'the balanced accuracy of reading {target}')[:-1]}; chance is "
            f"{number(middle)}, and {int(np.sum(p < 0.05))} of {count(len(areas), 'area')} exceed it (p < 0.05 each, "
            "not corrected for the number of areas).",
        )
    return tuple(
        f"From {named(area)}, {target} is read with a balanced accuracy of "
        f"{interval(accuracy[i], low[i], high[i], level=level(array))} against a chance of {number(chance[i])} "
        f"({p_value(p[i], attrs.get('n_shuffles'))}; {count(attrs.get('n_trials'), 'trial')}, "
        f"{count(n_units(results, area), 'unit')})."
        if np.isfinite(accuracy[i])
        else f"How well {target} is read from {named(area)} is not available."
        for i, area in enumerate(areas)
    )


def decoding_in_short(results: Results) -> str:
    """Return accuracy against chance in one sentence for all areas."""
    array = results.arrays["decoding"]
    areas, target = labels(array, "area"), _target(results)
    if len(areas) > FEW_AREAS or len(areas) == 1:
        return decoding_sentences(results)[0]
    accuracy, low, high, chance, p = _window(array)
    if not np.isfinite(accuracy).any():
        return f"How well the {target} of a trial is read is not available."
    parts = [
        f"{interval(accuracy[i], low[i], high[i], level=level(array))} from {named(area)} "
        f"(chance {number(chance[i])}, {p_value(p[i])})"
        for i, area in enumerate(areas)
    ]
    trials = count(array.attrs.get("n_trials"), "trial")
    return f"The {target} of a trial is read with a balanced accuracy of {listing(parts)} over {trials}."


def _target(results: Results) -> str:
    """Return what is read out, with the number of its classes."""
    attrs, name = results.arrays["decoding"].attrs, asked_for(results)
    return f"{name} ({count(attrs['n_classes'], 'class', 'classes')})" if "n_classes" in attrs else name


def _window(array: xr.Dataset) -> list[np.ndarray]:
    """Return accuracy, its interval, chance and p from the whole window, each by area."""
    names = ("accuracy_window", "accuracy_window_low", "accuracy_window_high", "chance_window", "p_window")
    return [column(array, name, array.sizes["area"]) for name in names]


def _decoding_table(results: Results, array: xr.Dataset) -> Table:
    areas, time, rows = labels(array, "area"), values(array, "time"), []
    for area in areas:
        course = np.atleast_1d(values(array, "accuracy", area=area))
        peak = int(np.nanargmax(course)) if np.isfinite(course).any() else None
        cells = [values(array, name, area=area) for name in ("accuracy_window", "chance_window", "p_window")]
        low, high = (values(array, f"accuracy_window_{end}", area=area) for end in ("low", "high"))
        first = np.flatnonzero(np.atleast_1d(values(array, "p_value_corrected", area=area)) < 0.05)
        rows.append(
            (
                area,
                f"{n_units(results, area) or ''}",
                number(cells[0]),
                bounds(low, high),
                number(cells[1]),
                number(cells[2]),
                "" if peak is None else f"{number(course[peak])} at {compact(time[peak])} s",
                f"{compact(time[first[0]])} s" if first.size else "never",
            )
        )
    columns = (
        "area",
        "units",
        "accuracy",
        f"{level_words(array)} interval",
        "chance",
        "p",
        "peak over time",
        "first above chance",
    )
    return Table("Read-out of every area", columns, tuple(rows))


def _decoding_reading(array: xr.Dataset) -> tuple[str, ...]:
    attrs = array.attrs
    decoder = {"lda": "linear discriminant analysis"}.get(
        str(attrs.get("decoder")), plain(attrs.get("decoder", "a linear read-out"))
    )
    folds = {"block": "whole blocks of trials", "contiguous": "contiguous runs of trials"}.get(
        str(attrs.get("folds")), plain(attrs.get("folds", "trials"))
    )
    shuffles = f"{count(attrs['n_shuffles'], 'shuffle')} of the labels" if "n_shuffles" in attrs else "shuffled labels"
    return (
        f"The read-out is {decoder}, trained on some trials and tested on others; {folds} are held out together, so "
        "that slow drift cannot help. Balanced accuracy is the mean over classes of the fraction that is read "
        "correctly.",
        f"Chance is what the same procedure reaches on {shuffles}"
        + (f" ({plain(attrs['null_scheme'])})" if attrs.get("null_scheme") else "")
        + "; p counts the observed labels among the shuffles. Over time, each bin is compared with the "
        "maximum over all bins of each shuffle, in standard deviations of its own shuffles.",
        "The interval says how far these trials determine the accuracy; p asks whether labels without meaning do as "
        "well. Near chance one can speak where the other does not.",
    )


def _without_p(array: xr.Dataset) -> tuple[str, ...]:
    why = str(array.attrs.get("no_p", "")).rstrip(".")
    return (f"There is no p-value: {plain(why, 400)}.",) if why else ()


def _below_chance(array: xr.Dataset) -> tuple[str, ...]:
    areas = labels(array, "area")
    high, chance = (column(array, name, len(areas)) for name in ("accuracy_window_high", "chance_window"))
    below = [named(a) for a, bad in zip(areas, high < chance, strict=True) if bad]
    if not below:
        return ()
    return (
        f"Accuracy lies below chance in {listing(below)}. That is a sign of a design in which the classes of "
        "training and test trials depend on each other, not of information.",
    )
