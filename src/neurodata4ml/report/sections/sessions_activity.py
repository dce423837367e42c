"""Sections on what the units of many recordings do: rates, what can be read out, dimensions, reliability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, asked_for, colours_of, level_words
from neurodata4ml.report.figures import sessions as figures_sessions
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.sections.sessions_words import (
    mean_said,
    of_many,
    recordings_of,
    sentences_by_area,
    table_of_each,
    table_of_means,
)
from neurodata4ml.report.words import as_float, count, labels, listing, named, number, score_words, values
from neurodata4ml.results import Results


def dots_caption(array: xr.Dataset, what: str, *, intervals: bool = True) -> str:
    """Return what a row of dots shows, and how it is read."""
    by = "animals" if array.attrs.get("sampled") == "animal" else "recordings"
    known = as_float(array.attrs.get("n_animals")) > 0
    order = "; a line joins those of one animal" if known else ", in the same order in every row"
    interval = f" with its {level_words(array)} interval" if intervals else ""
    return f"{what} Each dot is one recording{order}. Below them: the mean over {by}{interval}."


@of_many("psth", "Responses over time")
def psth(results: Results) -> Section:
    """How strongly, and when, the units of all recordings respond."""
    array, kept, colours = results.arrays["psth_sessions"], results.arrays["sessions"], colours_of(results)
    figures = [
        Shown(
            figures_sessions.rates_of_recordings(array, kept, colours),
            dots_caption(array, "Firing rate, mean over the window and the units of the area."),
        )
    ]
    if "rate" in array:
        figures.append(
            Shown(
                figures_sessions.rate_course_of_recordings(array, colours),
                "Firing rate over time. Thin lines are recordings, the thick line is their mean, the band its "
                f"{level_words(array)} interval at each time alone; the dotted vertical line is the event.",
            )
        )
    said = sentences_by_area(
        array,
        "mean_rate",
        "firing rate",
        lambda area: f"{named(area)} fires at {mean_said(array, 'mean_rate', 'Hz', area=area)}.",
        "Hz",
    )
    return Section(
        "",
        question="How strongly do the units respond, and does that repeat over recordings?",
        answer=tuple(said),
        figures=tuple(figures),
        tables=(
            table_of_means(array, "mean_rate", "Firing rate over recordings (Hz)"),
            *table_of_each(array, "mean_rate", "Firing rate of each recording (Hz)"),
        ),
    )


@of_many("decoding", "Decoding")
def decoding(results: Results) -> Section:
    """What can be read out of the units of all recordings, against chance."""
    array, kept, colours = results.arrays["decoding_sessions"], results.arrays["sessions"], colours_of(results)
    target, score = _target(results), score_words(array.attrs.get("scoring", "balanced_accuracy"))
    figures: list[Shown] = []
    tables: list[Table] = []
    if "accuracy_window" in array:
        what = f"{score[:1].upper()}{score[1:]} of reading the {target} from the whole window; dotted: chance."
        figures.append(Shown(figures_sessions.decoding_of_recordings(array, kept, colours), dots_caption(array, what)))
        tables = [
            _decoding_table(array, score),
            *table_of_each(array, "accuracy_window", f"Each recording: {score}"),
        ]
    if "accuracy" in array:
        figures.append(
            Shown(
                figures_sessions.decoding_course_of_recordings(array, colours),
                f"{score[:1].upper()}{score[1:]} from each time bin alone. Thin lines are recordings, the thick line "
                f"is their mean, the band its {level_words(array)} interval at each time alone; dotted: chance.",
            )
        )
    return Section(
        "",
        question=f"How well can the {target} be read out of the units, and in how many recordings?",
        answer=_decoding_sentences(results),
        figures=tuple(figures),
        tables=tuple(tables),
        reading=_decoding_reading(array),
    )


def _target(results: Results) -> str:
    return asked_for(next(iter(results.sessions.values())))


def _decoding_sentences(results: Results) -> tuple[str, ...]:
    array = results.arrays["decoding_sessions"]
    if "accuracy_window" not in array:
        return (f"It was read bin by bin alone, in {recordings_of(array)}.",)
    score = score_words(array.attrs.get("scoring", "balanced_accuracy"))
    return tuple(
        sentences_by_area(
            array, "accuracy_window", f"{score} of reading the {_target(results)}", lambda a: _read(results, a)
        )
    )


def _read(results: Results, area: str) -> str:
    array = results.arrays["decoding_sessions"]
    score = score_words(array.attrs.get("scoring", "balanced_accuracy"))
    return (
        f"From {named(area)}, the {_target(results)} is read with {score} "
        f"{mean_said(array, 'accuracy_window', area=area)}, against a chance of "
        f"{number(values(array, 'chance_window_mean', area=area))}; {_counted(array, area)}."
    )


def _counted(array: xr.Dataset, area: str) -> str:
    """Return in how many recordings p is at most .05, and how many chance alone would give."""
    found, tested, expected = (
        as_float(values(array, f"p_window_{name}", area=area)) for name in ("significant", "tested", "expected")
    )
    if not tested > 0:
        return "no recording has a p-value"
    return f"p\u00a0≤\u00a00.05 in {found:.0f} of {count(tested, 'recording')}, {number(expected)} expected by chance"


def decoding_in_short(results: Results) -> str:
    """Return what can be read out over recordings as one sentence for the overview."""
    array = results.arrays["decoding_sessions"]
    sentences = _decoding_sentences(results)
    areas = labels(array, "area")
    if "gain" not in array:
        return " ".join(sentences)
    if len(areas) > FEW_AREAS:
        return f"{' '.join(sentences)[:-1]}; {_areas_above(array)}."
    parts = [
        f"{named(a)} {_short(array, a)}" for a in areas if np.isfinite(as_float(values(array, "gain_mean", area=a)))
    ]
    score = score_words(array.attrs.get("scoring", "balanced_accuracy"))
    if not parts:
        return sentences[0]
    return f"Over {recordings_of(array)}, the {_target(results)} is read ({score}) from {listing(parts, 8)}."


def _areas_above(array: xr.Dataset) -> str:
    """Return in how many areas the mean lies above chance by its interval, and what chance is."""
    low, chance = values(array, "gain_mean_low"), values(array, "chance_window_mean")
    if not np.isfinite(low).any():
        return f"chance is {number(np.nanmedian(chance))}, and there is no interval over so few"
    above = int((low > 0).sum())
    beyond = f"{above} of {count(low.size, 'area')} exceed it by their interval"
    return f"chance is {number(np.nanmedian(chance))}, and {beyond}"


def _short(array: xr.Dataset, area: str) -> str:
    low = as_float(values(array, "gain_mean_low", area=area))
    held = "" if not np.isfinite(low) else ", above chance" if low > 0 else ", not shown to be above chance"
    return (
        f"at {mean_said(array, 'accuracy_window', short=True, area=area)} (chance "
        f"{number(values(array, 'chance_window_mean', area=area))}{held}; {_counted(array, area)})"
    )


def _decoding_table(array: xr.Dataset, score: str) -> Table:
    def gained(area: str) -> str:
        mean, low, high = (values(array, f"gain_{end}", area=area) for end in ("mean", "mean_low", "mean_high"))
        return f"{number(mean)} ({number(low)} to {number(high)})" if np.isfinite(as_float(low)) else number(mean)

    def counts(area: str) -> str:
        found, tested, by_chance = (
            as_float(values(array, f"p_window_{name}", area=area)) for name in ("significant", "tested", "expected")
        )
        return f"{found:.0f} of {tested:.0f} ({number(by_chance)})"

    more: dict[str, Callable[[str], str]] = {
        "chance": lambda area: number(values(array, "chance_window_mean", area=area)),
        "better than chance by": gained,
    }
    if "p_window_tested" in array:
        more["p ≤ 0.05 in (by chance)"] = counts
        more["p combined"] = lambda area: number(values(array, "p_combined", area=area))
    return table_of_means(array, "accuracy_window", f"Reading out: {score} over recordings", more)


def _decoding_reading(array: xr.Dataset) -> tuple[str, ...]:
    said = [
        "A mean above chance says that some recordings hold the information, not that each does; the number of "
        "recordings with p ≤ 0.05 says more of that. Recordings with few units or trials may hold it and not show it."
    ]
    if "p_combined" in array:
        said.append(
            "p combined (Fisher) asks whether none of these recordings holds the information: where it is small, at "
            "least one does. It is about these recordings, and not about others."
        )
    return tuple(said)


_DIMENSIONS = {
    "participation_ratio_cv": ("cross-validated participation ratio", "dimensions"),
    "participation_ratio": ("participation ratio of the trial means, which noise inflates", "dimensions"),
    "n_components": ("components above those of unrelated units", "components"),
    "exponent": ("exponent of the decay of the spectrum", ""),
    "signal_total": ("cross-validated variance of the signal", ""),
}
"""Variable -> what it is, and its units; the first that is there is the one to show."""


@of_many("dimensionality", "Dimensionality")
def dimensionality(results: Results) -> Section:
    """How many dimensions the responses of all recordings fill."""
    array, kept = results.arrays["dimensionality_sessions"], results.arrays["sessions"]
    shown = [name for name in _DIMENSIONS if name in array]
    if not shown:
        return Section("", missing="No recording has a number of dimensions.")
    what = _DIMENSIONS[shown[0]][0]
    figure = figures_sessions.dimensions_of_recordings(array, kept, shown[0], what, colours_of(results))
    return Section(
        "",
        question="How many dimensions do the responses fill, and does that repeat over recordings?",
        answer=dimensionality_sentences(results),
        figures=(Shown(figure, dots_caption(array, f"{what[:1].upper()}{what[1:]}.")),),
        tables=(
            *(table_of_means(array, name, f"{_DIMENSIONS[name][0].capitalize()}, over recordings") for name in shown),
            *table_of_each(array, shown[0], f"{what.capitalize()}, of each recording"),
        ),
        reading=(
            "More units and more stimuli show more dimensions, so recordings of different size differ for that reason "
            "alone: compare areas within recordings, or recordings of equal size.",
        ),
    )


def dimensionality_sentences(results: Results) -> tuple[str, ...]:
    """Return the dimensions over recordings, one sentence per area, or one for all when they are many."""
    array = results.arrays["dimensionality_sessions"]
    name = next((name for name in _DIMENSIONS if name in array), "")
    if not name:
        return ()
    what, units = _DIMENSIONS[name]
    return tuple(
        sentences_by_area(
            array, name, what, lambda a: f"In {named(a)}, the {what} is {mean_said(array, name, units, area=a)}.", units
        )
    )


@of_many("reliability", "Reliability")
def reliability(results: Results) -> Section:
    """How well the mean responses of the units of all recordings repeat."""
    array, kept = results.arrays["reliability_sessions"], results.arrays["sessions"]
    figure = figures_sessions.reliability_of_recordings(array, kept, colours_of(results))
    return Section(
        "",
        question="How well would the mean response of a unit repeat, and is that so in every recording?",
        answer=reliability_sentences(results),
        figures=(Shown(figure, dots_caption(array, "Median reliability over the units of the area.")),),
        tables=(
            table_of_means(array, "median", "Median reliability over recordings"),
            *table_of_each(array, "median", "Median reliability of each recording"),
        ),
        reading=(
            "Reliability is the correlation to expect between these mean responses and those of a second, equal "
            "experiment. More trials make it larger, so recordings with more repeats have more of it.",
        ),
    )


def reliability_sentences(results: Results) -> tuple[str, ...]:
    """Return the median reliability over recordings, one sentence per area, or one for all when they are many."""
    array = results.arrays["reliability_sessions"]
    return tuple(
        sentences_by_area(
            array,
            "median",
            "median reliability of a unit",
            lambda a: (
                f"In {named(a)}, half of the units have a reliability above {mean_said(array, 'median', area=a)}."
            ),
        )
    )
