"""The section on encoding: how well the features of each candidate predict single units."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, colours_of, level, level_words, n_units, noted
from neurodata4ml.report.figures import encoding as figures_encoding
from neurodata4ml.report.sections.best import twin_sentences
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    as_float,
    bounds,
    count,
    interval,
    labels,
    listing,
    named,
    number,
    plain,
    score_words,
    texts,
    values,
)
from neurodata4ml.results import Results

ENCODERS = {
    "ridge": "ridge regression, its penalty chosen for every unit inside the training stimuli",
    "banded": "banded ridge regression: all candidates in one model, each with a penalty of its own",
    "pls": "partial least squares",
    "poisson": "Poisson regression, its penalty chosen inside the training stimuli",
}
"""Encoder -> how people call it."""


@needs("encoding", "Predicting single units")
def encoding(results: Results) -> Section:
    """How well each candidate predicts single units, beside their ceiling."""
    array, colours = results.arrays["encoding"], colours_of(results)
    score = score_words(array.attrs.get("score", "r"))
    caption = (
        f"Median {score} over the units of each area, with {level_words(array)} interval over units. Triangles: the "
        "network without its training."
    )
    if "ceiling" in array:
        caption += " Dashed line: what a perfect model would reach, the median over units."
    return Section(
        "",
        question="How well do the features of each candidate predict the response of a single unit to a new stimulus?",
        answer=(*encoding_sentences(results), *twin_sentences(array, " (median over units)")),
        figures=(Shown(figures_encoding.encoding(array, colours), caption),),
        tables=(*(_table(array, area) for area in labels(array, "area")), *_unique_table(array)),
        reading=_reading(array),
        warnings=noted(array),
    )


def encoding_sentences(results: Results) -> tuple[str, ...]:
    """Return the candidate that predicts best, one sentence per area, or one for all when they are many."""
    array = results.arrays["encoding"]
    areas, score = labels(array, "area"), score_words(array.attrs.get("score", "r"))
    best = {area: best_of(array, area) for area in areas}
    if len(areas) > FEW_AREAS:
        names = [name for name in best.values() if name]
        tally = sorted({name: names.count(name) for name in names}.items(), key=lambda one: -one[1])
        said = listing([f"{named(name)} in {n}" for name, n in tally])
        return (f"Units are predicted best ({score}, median over units), of {len(areas)} areas, from {said}.",)
    return tuple(_best_sentence(results, array, area, name, score) for area, name in best.items())


def _best_sentence(results: Results, array: xr.Dataset, area: str, name: str, score: str) -> str:
    if not name:
        return f"How well the units of {named(area)} are predicted is not available."
    middle, low, high = (values(array, f"median{e}", area=area, candidate=name) for e in ("", "_low", "_high"))
    ceiling = as_float(values(array, "ceiling", area=area))
    limit = f", where a perfect model would reach {number(ceiling)}" if np.isfinite(ceiling) else ""
    corrected = as_float(values(array, "median_corrected", area=area, candidate=name))
    noise = f"; {number(corrected)} with the noise taken out" if np.isfinite(corrected) else ""
    return (
        f"The {count(n_units(results, area), 'unit')} of {named(area)} are predicted best from {named(name)}: median "
        f"{score} {interval(middle, low, high, level=level(array))} over units{limit}{noise}{_next(array, area, name)}."
    )


def _next(array: xr.Dataset, area: str, best: str) -> str:
    """Return the candidates whose median lies within the interval of the best: these stimuli do not tell them apart."""
    low = as_float(values(array, "median_low", area=area, candidate=best))
    middles = {
        name: as_float(values(array, "median", area=area, candidate=name)) for name in labels(array, "candidate")
    }
    others = [
        name for name, middle in sorted(middles.items(), key=lambda one: -one[1]) if middle >= low and name != best
    ]
    said = [f"{named(name)} ({number(middles[name])})" for name in others]
    return (
        f". Within that interval lie {listing(said, 4)} as well"
        if len(said) > 1
        else (f". Within that interval lies {said[0]} as well" if said else "")
    )


def best_of(array: xr.Dataset, area: str) -> str:
    """Return the candidate with the highest median; nothing where none is defined."""
    middle = np.atleast_1d(values(array, "median", area=area))
    return labels(array, "candidate")[int(np.nanargmax(middle))] if np.isfinite(middle).any() else ""


def _table(array: xr.Dataset, area: str) -> Table:
    names, kinds = labels(array, "candidate"), texts(array, "kind")
    kinds = kinds if len(kinds) == len(names) else [""] * len(names)
    score = score_words(array.attrs.get("score", "r"))
    corrected = "median_corrected" in array
    rows = []
    for name, kind in zip(names, kinds, strict=True):
        at = {"area": area, "candidate": name}
        row = [name, kind, number(values(array, "median", **at))]
        row.append(bounds(values(array, "median_low", **at), values(array, "median_high", **at)))
        if corrected:
            row += [
                number(values(array, "median_corrected", **at)),
                bounds(values(array, "median_corrected_low", **at), values(array, "median_corrected_high", **at)),
            ]
        rows.append(tuple(row))
    own = f"{level_words(array)} interval"
    columns: tuple[str, ...] = ("candidate", "kind", f"median {score}", own)
    if corrected:
        columns += (score_words(array.attrs.get("corrected", "")), own)
    ceiling = as_float(values(array, "ceiling", area=area))
    limit = f"; ceiling {number(ceiling)}" if np.isfinite(ceiling) else "; ceiling not available"
    return Table(f"Units of {area} predicted from every candidate{limit}", columns, tuple(rows))


def _unique_table(array: xr.Dataset) -> tuple[Table, ...]:
    """Return what each candidate explains alone, where all were fitted jointly."""
    if "unique" not in array:
        return ()
    areas, home = labels(array, "area"), np.array(texts(array, "area_of_unit"))
    alone = array["unique"].transpose("part", "unit").values.astype(float)
    rows = tuple(
        (part, *(number(np.nanmedian(line[home == area])) for area in areas))
        for part, line in zip(labels(array, "part"), alone, strict=True)
    )
    return (Table("R² that only this candidate explains, median over units", ("candidate", *areas), rows),)


def _reading(array: xr.Dataset) -> tuple[str, ...]:
    attrs = array.attrs
    encoder = ENCODERS.get(str(attrs.get("encoder")), plain(attrs.get("encoder", "a regression")))
    stimuli = count(attrs.get("n_stimuli"), "stimulus", "stimuli")
    said = [
        f"The model is {encoder}; it is learnt from most of {stimuli} and scored on those held out, in "
        f"{count(attrs.get('n_folds'), 'part')}. Whole stimuli are held out, so that no image is both learnt and "
        "tested. The interval is over units (a bootstrap): other units of these areas, these same stimuli. The best "
        "of several candidates is picked by the scores that are shown, so its own is somewhat too high.",
        "To predict a unit is not to share its geometry: a large set of features can predict what a small one cannot, "
        "trained or not, so the twin and the baselines are what a network must beat.",
    ]
    if "ceiling" in array:
        said.append(
            "The ceiling follows from how well each unit's mean responses repeat; a score against noisy responses "
            "cannot be expected above it."
        )
    return tuple(said)
