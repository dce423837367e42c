"""Sections on brain beside network: distances between stimuli, and the likeness of their patterns."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report import figures_comparison
from neurodata4ml.report.facts import FEW_AREAS, colours_of, level, level_words, n_units, noted
from neurodata4ml.report.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    as_float,
    bounds,
    count,
    distance_words,
    interval,
    labels,
    listing,
    metric_words,
    named,
    number,
    plain,
    texts,
    values,
)
from neurodata4ml.results import Results

_COLUMNS = (
    ("raw", "raw"),
    ("p_value_corrected", "p corrected"),
    ("rsa", "RSA"),
    ("biased", "biased (null)"),
)
_ONLY_IF_THERE = ("p_value_corrected", "rsa")


@needs("rdms", "Representational dissimilarity")
def rdms(results: Results) -> Section:
    """Which stimuli every representation tells apart."""
    array = results.arrays["rdms"]
    names, n = labels(array, "representation"), array.sizes["stimulus"]
    distance = distance_words(array.attrs.get("distance", "distance"))
    grouped = "group" in array.coords
    upper = np.triu_indices(n, 1)
    squares = array["rdm"].transpose("representation", "stimulus", "stimulus2").values.astype(float)
    kinds = texts(array, "kind") * (len(names) if len(texts(array, "kind")) != len(names) else 1)
    rows = []
    for name, kind, square in zip(names, kinds, squares, strict=True):
        pairs = square[upper]
        pairs = pairs[np.isfinite(pairs)]
        middle = np.median(pairs) if pairs.size else np.nan
        limits = bounds(pairs.min(), pairs.max()) if pairs.size else "not available"
        rows.append((name, kind, number(middle), limits, f"{pairs.size:,}"))
    return Section(
        "",
        question="Which stimuli does each representation tell apart?",
        answer=(
            f"Every pair of {count(n, 'stimulus', 'stimuli')} has a distance: {n * (n - 1) // 2:,} for each of "
            f"{count(len(names), 'representation')}.",
        ),
        figures=(
            Shown(
                figures_comparison.rdms(array),
                "One square per representation; row and column are stimuli"
                + (", ordered by group, white lines between groups" if grouped else " in one order for all")
                + ". Dark pairs are alike, bright pairs are told apart; the range of the distances stands below.",
            ),
        ),
        tables=(Table(f"Distances: {distance}", ("representation", "kind", "median", "range", "pairs"), tuple(rows)),),
        reading=(
            "A representation is the pattern of responses to each stimulus: units (neurons) of an area, or features "
            "of a network layer. Two representations share geometry when the same pairs of stimuli are near and far. "
            "Colours show ranks, because sizes of distances are not comparable between a brain and a network.",
        ),
        warnings=noted(array),
    )


@needs("similarity", "Brain beside network")
def similarity(results: Results) -> Section:
    """How alike every area and every candidate are."""
    array, colours = results.arrays["similarity"], colours_of(results)
    areas = labels(array, "area")
    raw = "raw" in array
    figures = [
        Shown(
            figures_comparison.similarity(array, colours),
            f"Similarity of every candidate to every area, with {level_words(array)} interval. "
            + ("Dots are corrected for noise, grey ticks are not. " if raw else "")
            + "Filled: not distinguishable from the best of that area.",
        )
    ]
    if "biased" in array and "biased_null" in array:
        figures.append(
            Shown(
                figures_comparison.biased_similarity(array),
                "The biased metric beside what it gives for data that have nothing in common (grey): only the excess "
                "means anything.",
            )
        )
    return Section(
        "",
        question="Which candidate shares the geometry of each area, and which alternatives fit as well?",
        answer=(*best_sentences(results), *alternative_sentences(results)),
        figures=tuple(figures),
        tables=tuple(_similarity_table(array, area) for area in areas),
        reading=_similarity_reading(array, raw=raw),
        warnings=(*noted(array), *_controls(array, areas)),
    )


def best_sentences(results: Results) -> tuple[str, ...]:
    """Return one sentence: the best candidate of every area, with interval and ceiling, for these stimuli."""
    array = results.arrays["similarity"]
    areas, names = labels(array, "area"), labels(array, "candidate")
    metric = metric_words(array.attrs.get("metric", "similarity"))
    stimuli = count(array.attrs.get("n_stimuli"), "stimulus", "stimuli")
    found = {area: best_of(array, area) for area in areas}
    if not any(found.values()):
        return (f"For these {stimuli}, no similarity between an area and a candidate is found to lie above zero.",)
    if len(areas) > FEW_AREAS:
        winners = [named(name) for name in found.values() if name]
        tally = sorted(
            {name: winners.count(name) for name in names if winners.count(name)}.items(), key=lambda v: -v[1]
        )
        said = listing([f"{name} in {n}" for name, n in tally])
        return (
            f"For these {stimuli}, the candidate that shares most geometry ({metric}) is, of {len(areas)} areas, "
            f"{said}.",
        )
    parts = [_best_part(results, array, area, name) for area, name in found.items()]
    scale = f"{metric}{', corrected for noise' if 'raw' in array else ''}; 1 is the same geometry"
    if str(array.attrs.get("metric", "")) not in ("cka", "procrustes"):
        scale += ", 0 is expected of unrelated data"
    return (f"For these {stimuli}, {', and '.join(parts)} ({scale}).",)


def _best_part(results: Results, array: xr.Dataset, area: str, name: str) -> str:
    size = n_units(results, area)
    among = f"{named(area)} ({count(size, 'unit')})" if size else named(area)
    if not name:
        return f"no candidate is found to share geometry with {among}: no similarity lies above zero"
    value, low, high, raw = (values(array, v, area=area, candidate=name) for v in ("similarity", "low", "high", "raw"))
    ceiling = as_float(values(array, "ceiling", area=area))
    limit = f", raw {number(raw)} of at most {number(ceiling)}" if "raw" in array else f", ceiling {number(ceiling)}"
    zero = ", which is not above zero" if as_float(low) <= 0 else ""
    found = interval(value, low, high, level=level(array))
    return f"{among} shares most geometry with {named(name)}: {found}{zero}{limit if np.isfinite(ceiling) else ''}"


def alternative_sentences(results: Results) -> tuple[str, ...]:
    """Return one sentence: the candidates of every area that cannot be told from its best."""
    array = results.arrays["similarity"]
    areas, names = labels(array, "area"), labels(array, "candidate")
    if "among_best" not in array:
        return ("Whether other candidates fit as well was not tested.",)
    if not any(best_of(array, a) for a in areas):
        return ("So no candidate is named the best.",)
    if len(names) < 2:
        return ("There is no other candidate to compare with.",)
    areas = [area for area in areas if best_of(array, area)]
    others = {a: [n for n in equals_of(array, a) if n != best_of(array, a)] for a in areas}
    if len(areas) > FEW_AREAS:
        alone = sum(not found for found in others.values())
        return (
            f"In {count(alone, 'area')} of {len(areas)} the best stands alone; in the others, up to "
            f"{max(map(len, others.values()))} of the {len(names) - 1} other candidates cannot be told from it.",
        )
    if not any(others.values()):
        return (
            f"None of the {len(names) - 1} other candidates fits equally well, in "
            f"{'either' if len(areas) == 2 else 'any'} area.",
        )
    parts = [f"{listing([named(n) for n in found]) if found else 'none'} in {named(a)}" for a, found in others.items()]
    return (
        f"Of the {len(names) - 1} other candidates, these fit equally well, as far as these trials can tell: "
        f"{'; '.join(parts)}.",
    )


def best_of(array: xr.Dataset, area: str) -> str:
    """Return the candidate named best for an area; nothing where none is above zero; unstated, the highest."""
    value, names = values(array, "similarity", area=area), labels(array, "candidate")
    if not np.isfinite(value).any():
        return ""
    stated = texts(array, "best") if "best" in array.variables else []
    if len(stated) == array.sizes["area"]:
        name = stated[labels(array, "area").index(area)]
        return name if name in names else ""
    return names[int(np.nanargmax(value))]


def equals_of(array: xr.Dataset, area: str) -> list[str]:
    """Return the candidates that are not distinguishable from the best of an area."""
    among = np.nan_to_num(np.atleast_1d(values(array, "among_best", area=area))) > 0
    return [name for name, yes in zip(labels(array, "candidate"), among, strict=True) if yes]


def _similarity_table(array: xr.Dataset, area: str) -> Table:
    names, kinds = labels(array, "candidate"), texts(array, "kind")
    kinds = kinds if len(kinds) == len(names) else [""] * len(names)
    best = equals_of(array, area) if "among_best" in array else [best_of(array, area)]
    claimed = bool(best_of(array, area))
    shown = [(v, label) for v, label in _COLUMNS if v in array or v not in _ONLY_IF_THERE]
    rows = []
    for name, kind in zip(names, kinds, strict=True):
        value, low, high = (values(array, v, area=area, candidate=name) for v in ("similarity", "low", "high"))
        others = [number(values(array, v, area=area, candidate=name)) for v, _ in shown]
        others[-1] += f" ({number(values(array, 'biased_null', area=area, candidate=name))})"
        told = ("yes" if name in best else "no") if claimed else "no claim"
        rows.append((name, kind, number(value), bounds(low, high), *others, told))
    columns = ("candidate", "kind", "similarity", f"{level_words(array)} interval", *(label for _, label in shown))
    ceiling = values(array, "ceiling", area=area)
    caption = f"{area} beside every candidate; noise ceiling {number(ceiling)}"
    return Table(caption, (*columns, "among the best"), tuple(rows))


def _similarity_reading(array: xr.Dataset, *, raw: bool) -> tuple[str, ...]:
    metric = metric_words(array.attrs.get("metric", "similarity"))
    said = [
        f"{metric[0].upper()}{metric[1:]} compares patterns of likeness among stimuli. It does not ask which unit "
        "matches which feature, and it holds for these stimuli: other stimuli may rank the candidates differently."
    ]
    if raw:
        said.append(
            "The raw value is computed from trial means, so noise lowers it: even a perfect model would reach only "
            "the ceiling. The corrected value divides that noise out, by comparing independent halves of the trials; "
            "it can exceed 1 by chance."
        )
    if "p_value_corrected" in array:
        said.append(
            "p: how often the stimuli, exchanged at random, give as high a raw similarity anywhere in the table; "
            f"corrected for {count(array.attrs.get('n_tests'), 'test')} ({plain(array.attrs.get('correction', ''))})."
            " A small p says that something is shared, not how much."
        )
    if "rsa" in array:
        said.append(
            "RSA: rank correlation (Spearman) of crossnobis distances in the brain with squared Euclidean distances in "
            "the candidate; not corrected for noise."
        )
    if array.attrs.get("assumed"):
        said.append(f"Assumed: {plain(array.attrs['assumed'])}")
    if "biased_null" in array:
        said.append(
            "The biased metric is above zero for unrelated data when features outnumber stimuli. It is printed, "
            "beside its null, only to compare with papers that report it."
        )
    return tuple(said)


def _controls(array: xr.Dataset, areas: list[str]) -> tuple[str, ...]:
    """Return a warning for every area in which a control fits as well as the best."""
    kinds = dict(zip(labels(array, "candidate"), texts(array, "kind") * 1, strict=False))
    said = []
    for area in areas:
        found = [n for n in equals_of(array, area) if kinds.get(n) in ("baseline", "untrained") or "untrained" in n]
        if found and best_of(array, area):
            said.append(
                f"In {named(area)}, {listing([named(n) for n in found])} (no training) cannot be told from the best: "
                "there, likeness to a trained layer is no evidence for what training adds."
            )
    return tuple(said)
