"""The section on decoding: what a read-out can tell from the units, against chance."""

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
)
from neurodata4ml.report.figures import activity as figures_activity
from neurodata4ml.report.sections.decoding_reading import bins_meant, reading
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    bin_words,
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
    score_words,
    values,
)
from neurodata4ml.results import Results


@needs("decoding", "Decoding")
def decoding(results: Results) -> Section:
    """What a read-out can tell from the units, against chance."""
    array, colours = results.arrays["decoding"], colours_of(results)
    target, score = _read(results), _score(array)
    figures = []
    if "accuracy_window" in array:
        figures.append(
            Shown(
                figures_activity.decoding_whole_window(array, colours),
                f"{score[:1].upper()}{score[1:]} of reading the {target} from the whole window. Bars are "
                f"{level_words(array)} intervals; the grey tick is chance.",
            )
        )
    if "accuracy" in array:
        figures.append(
            Shown(
                figures_activity.decoding_over_time(array, colours),
                f"{score[:1].upper()}{score[1:]} of reading the {target} from each time bin{_of_width(array)} "
                f"alone. The grey line is chance{_band_words(array)}{_bar_words(array)}.",
            )
        )
    return Section(
        "",
        question=f"How well can the {target} be read out of the units, and when?",
        answer=decoding_sentences(results),
        figures=tuple(figures),
        tables=(_decoding_table(results, array),),
        reading=reading(array),
        warnings=(*noted(array), *_without_p(array), *_below_chance(array)),
    )


def decoding_sentences(results: Results) -> tuple[str, ...]:
    """Return accuracy against chance, one sentence per area, or one for all when they are many."""
    array = results.arrays["decoding"]
    if "accuracy_window" not in array:
        return _course_sentences(results)
    areas, attrs = labels(array, "area"), array.attrs
    accuracy, low, high, chance, p = _window(array)
    target, score = f"the {_target(results)}", _score(array)
    if len(areas) > FEW_AREAS:
        middle = np.nanmedian(chance) if np.isfinite(chance).any() else np.nan
        return (
            f"{span(areas, accuracy, f'the {score} of reading {target}')[:-1]}; chance is "
            f"{number(middle)}, and {int(np.sum(p < 0.05))} of {count(len(areas), 'area')} exceed it (p < 0.05 each, "
            "not corrected for the number of areas).",
        )
    return tuple(
        f"From {named(area)}, {target} is read with {_article(score)} of "
        f"{interval(accuracy[i], low[i], high[i], level=level(array))} against a chance of {number(chance[i])} "
        f"({p_value(p[i], attrs.get('n_shuffles'))}; {count(attrs.get('n_trials'), 'trial')}, "
        f"{count(n_units(results, area), 'unit')}){_unless_told(p[i])}."
        if np.isfinite(accuracy[i])
        else f"How well {target} is read from {named(area)} is not available."
        for i, area in enumerate(areas)
    )


def decoding_in_short(results: Results) -> str:
    """Return accuracy against chance in one sentence for all areas."""
    array = results.arrays["decoding"]
    areas, target = labels(array, "area"), _target(results)
    if "accuracy_window" not in array:
        return " ".join(_course_sentences(results)[:1])
    if len(areas) > FEW_AREAS or len(areas) == 1:
        return decoding_sentences(results)[0]
    accuracy, low, high, chance, p = _window(array)
    if not np.isfinite(accuracy).any():
        return f"How well the {target} of a trial is read is not available."
    parts = [
        f"{interval(accuracy[i], low[i], high[i], level=level(array))} from {named(area)} "
        f"(chance {number(chance[i])}, {p_value(p[i])}{_unless_told(p[i])})"
        for i, area in enumerate(areas)
    ]
    trials = count(array.attrs.get("n_trials"), "trial")
    return f"The {target} of a trial is read with {_article(_score(array))} of {listing(parts)} over {trials}."


def _unless_told(p: float) -> str:
    return ": not told from chance" if p >= 0.05 else ""


def course_sentence(results: Results) -> str:
    """Return when the read-out of a few areas is best, bin by bin; nothing where time was not asked for."""
    array = results.arrays["decoding"]
    several = "accuracy" in array and array.sizes.get("time", 1) > 1
    return _course_sentences(results)[0] if several and array.sizes["area"] <= FEW_AREAS else ""


def _course_sentences(results: Results) -> tuple[str, ...]:
    """Return when the read-out is best, where it was asked for over time alone."""
    array = results.arrays["decoding"]
    areas, time, parts = labels(array, "area"), values(array, "time"), []
    for area in areas:
        course = np.atleast_1d(values(array, "accuracy", area=area))
        if np.isfinite(course).any():
            at = _best_bin(array, course)
            p = np.atleast_1d(values(array, "p_value_corrected", area=area))
            is_tested = p.size == course.size and np.isfinite(p[at])
            said = f", {p_value(p[at])} corrected for all bins" if is_tested else ""
            parts.append(f"{number(course[at])} from {named(area)} at {compact(time[at])}\u00a0s{said}")
    if not parts:
        return (f"How well the {_target(results)} is read is not available.",)
    score = _score(array)
    said = f"{_article(score)} of {listing(parts)}{bins_meant(array)}"
    return (f"Bin by bin, the {_target(results)} is read best with {said}.",)


def _score(array: xr.Dataset) -> str:
    return score_words(array.attrs.get("scoring", "balanced_accuracy"))


def _of_width(array: xr.Dataset) -> str:
    width = bin_words(array)
    return f" of {width}, drawn at its middle," if width else ""


def _band_words(array: xr.Dataset) -> str:
    return ", the grey band holds 95\u00a0% of the shuffles" if "null_low" in array else ""


def _bar_words(array: xr.Dataset) -> str:
    if "p_value_corrected" not in array:
        return ""
    return ", and the bar at the foot marks bins better than chance (p < 0.05, corrected for all bins)"


def _best_bin(array: xr.Dataset, course: np.ndarray) -> int:
    lowest = str(array.attrs.get("scoring")) == "median_error"
    return int(np.nanargmin(course) if lowest else np.nanargmax(course))


def _article(score: str) -> str:
    return f"{'an' if score[0] in 'aeioR' else 'a'} {score}"


def _read(results: Results) -> str:
    """Return what is read out: what the study asked for, unless the read-out had a target of its own."""
    stated = results.arrays["decoding"].attrs.get("target")
    return plain(stated, 60) if stated not in (None, "stimulus") else asked_for(results)


def _target(results: Results) -> str:
    """Return what is read out, with the number of its classes."""
    attrs, name = results.arrays["decoding"].attrs, _read(results)
    return f"{name} ({count(attrs['n_classes'], 'class', 'classes')})" if attrs.get("n_classes") else name


def _window(array: xr.Dataset) -> list[np.ndarray]:
    """Return accuracy, its interval, chance and p from the whole window, each by area."""
    names = ("accuracy_window", "accuracy_window_low", "accuracy_window_high", "chance_window", "p_window")
    return [column(array, name, array.sizes["area"]) for name in names]


def _decoding_table(results: Results, array: xr.Dataset) -> Table:
    areas, time, rows = labels(array, "area"), values(array, "time"), []
    corrected = "p_value_corrected" in array
    for area in areas:
        course = np.atleast_1d(values(array, "accuracy", area=area))
        peak = _best_bin(array, course) if np.isfinite(course).any() else None
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
                *((f"{compact(time[first[0]])} s" if first.size else "never",) if corrected else ()),
            )
        )
    columns = (
        "area",
        "units",
        _score(array),
        f"{level_words(array)} interval",
        "chance",
        "p",
        "peak over time",
        *(("first above chance",) if corrected else ()),
    )
    return Table("Read-out of every area", columns, tuple(rows))


def _without_p(array: xr.Dataset) -> tuple[str, ...]:
    why = str(array.attrs.get("no_p", "")).rstrip(".")
    return (f"There is no p-value: {plain(why, 400)}.",) if why else ()


def _below_chance(array: xr.Dataset) -> tuple[str, ...]:
    areas = labels(array, "area")
    if str(array.attrs.get("scoring")) == "median_error":  # there, low is good
        return ()
    high, chance = (column(array, name, len(areas)) for name in ("accuracy_window_high", "chance_window"))
    below = [named(a) for a, bad in zip(areas, high < chance, strict=True) if bad]
    if not below:
        return ()
    return (
        f"The read-out lies below chance in {listing(below)}. That is a sign of a design in which the classes of "
        "training and test trials depend on each other, not of information.",
    )
