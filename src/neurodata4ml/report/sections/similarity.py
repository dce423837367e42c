"""The section on brain beside network: how alike each area and each candidate are, and what fits as well."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import colours_of, level_words, noted, undefined
from neurodata4ml.report.figures import comparison as figures_comparison
from neurodata4ml.report.sections.across import across_figures, across_reading, across_sentences, across_tables
from neurodata4ml.report.sections.best import alternative_sentences, best_of, best_sentences, equals_of, twin_sentences
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    as_float,
    bounds,
    compact,
    count,
    distance_words,
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

_COLUMNS = (("raw", "raw"), ("p_value_corrected", "p corrected"), ("rsa", "RSA"))


@needs("similarity", "Brain beside network")
def similarity(results: Results) -> Section:
    """How alike every area and every candidate are."""
    array, colours = results.arrays["similarity"], colours_of(results)
    areas = labels(array, "area")
    figures = [Shown(figures_comparison.similarity(array, colours), _caption(array)), *across_figures(array, colours)]
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
        question="Which candidates share the geometry of each area, and which alternatives fit as well?",
        answer=(
            *best_sentences(results),
            *alternative_sentences(results),
            *twin_sentences(array),
            *across_sentences(array),
        ),
        figures=tuple(figures),
        tables=(*(_similarity_table(array, area) for area in areas), *across_tables(array), *_biased_table(array)),
        reading=(*_similarity_reading(array), *across_reading(array)),
        warnings=(*noted(array), *undefined(array), *_controls(array, areas)),
    )


def _caption(array: xr.Dataset) -> str:
    said = f"Similarity of every candidate to every area, with {level_words(array)} interval. "
    if "raw" in array:
        said += "Coloured marks are corrected for noise, grey ticks are not. "
    said += (
        "Filled: in the set of that area, not distinguishable from its highest. "
        "Triangles: the network without its training. "
    )
    if "null_value" in array:
        said += "Cross: what unrelated data of this size give. "
    if "ceiling" in array:
        what = "grey ticks" if "raw" in array else "values"
        said += f"Dashed line with its band: the noise ceiling of the {what}, and its {level_words(array)} interval."
    return said.strip()


def _similarity_table(array: xr.Dataset, area: str) -> Table:
    names, kinds = labels(array, "candidate"), texts(array, "kind")
    kinds = kinds if len(kinds) == len(names) else [""] * len(names)
    best = equals_of(array, area) if "among_best" in array else [best_of(array, area)]
    claimed = bool(best_of(array, area))
    shown = [(v, label) for v, label in _COLUMNS if v in array]
    rows = []
    for name, kind in zip(names, kinds, strict=True):
        value, low, high = (values(array, v, area=area, candidate=name) for v in ("similarity", "low", "high"))
        others = [number(values(array, v, area=area, candidate=name)) for v, _ in shown]
        null = f" ({number(values(array, 'null_value', area=area, candidate=name))})" if "null_value" in array else ""
        told = ("yes" if name in best else "no") if claimed else "no claim"
        rows.append((name, kind, number(value) + null, bounds(low, high), *others, told))
    of_null = " (null)" if "null_value" in array else ""
    labelled = ("candidate", "kind", f"similarity{of_null}", f"{level_words(array)} interval")
    columns = (*labelled, *(label for _, label in shown))
    return Table(f"{area} beside every candidate{_ceilings(array, area)}", (*columns, "in set"), tuple(rows))


def _ceilings(array: xr.Dataset, area: str) -> str:
    """Return the noise ceilings of an area with their intervals, where there are any."""
    said = []
    raw = " of raw" if "raw" in array else ""
    for name, what in (("ceiling", f"noise ceiling{raw}"), ("rsa_ceiling", "of RSA")):
        value, low, high = (as_float(values(array, v, area=area)) for v in (name, f"{name}_low", f"{name}_high"))
        if np.isfinite(value):
            digits = next((d for d in (2, 3) if number(low, d) != number(high, d)), 4)
            between = f" ({bounds(low, high, digits)})" if np.isfinite(low) and np.isfinite(high) else ""
            said.append(f"{what} {number(value, digits if between else 2)}{between}")
    return f"; {', '.join(said)}" if said else "; noise ceiling not available"


def _biased_table(array: xr.Dataset) -> tuple[Table, ...]:
    """Return the biased metric beside its null, one column for each area."""
    if "biased" not in array or "biased_null" not in array:
        return ()
    areas, names = labels(array, "area"), labels(array, "candidate")
    rows = tuple(
        (
            name,
            *(
                f"{number(values(array, 'biased', area=area, candidate=name))} "
                f"({number(values(array, 'biased_null', area=area, candidate=name))})"
                for area in areas
            ),
        )
        for name in names
    )
    return (Table("Biased similarity (and what independent data of this size give)", ("candidate", *areas), rows),)


def _similarity_reading(array: xr.Dataset) -> tuple[str, ...]:
    metric = metric_words(array.attrs.get("metric", "similarity"))
    said = [
        f"{metric[0].upper()}{metric[1:]} compares patterns of likeness among stimuli. It does not ask which unit "
        "matches which feature, and it holds for these stimuli: other stimuli may rank the candidates differently."
    ]
    if "among_best" in array:
        margin = as_float(array.attrs.get("margin"))
        near = f" lies below {compact(margin)}, or" if np.isfinite(margin) else ""
        said.append(
            "The set of an area holds the candidate of highest similarity and all that cannot be told from it: their "
            f"difference{near} has an interval that includes 0, corrected for the number of candidates. The set, not "
            "the highest alone, is the answer."
        )
    if "raw" in array:
        said.append(
            "The raw value is computed from trial means, so noise lowers it: even a perfect model would reach only "
            "the ceiling, which has an interval of its own. The corrected value divides that noise out, by comparing "
            "independent halves of the trials; it can exceed 1 by chance."
        )
    if "null_value" in array:
        said.append("Null: what unrelated data of this size would give. For an unbiased metric it is 0.")
    if "p_value_corrected" in array:
        said.append(_p_reading(array))
    if "rsa" in array:
        distance = distance_words(array.attrs.get("second_distance", "crossnobis"))
        ranks = metric_words(array.attrs.get("second_metric", "rsa_rho_a")).removeprefix("RSA, ")
        same = str(array.attrs.get("second_distance", "crossnobis")) not in ("crossnobis", "mahalanobis", "poisson")
        beside = "the same distance" if same else "the squared Euclidean distance"
        said.append(
            f"RSA: rank correlation ({ranks}) of the {distance} in the brain with {beside} in the candidate; not "
            "corrected for noise, so to be read beside its own ceiling."
        )
    if array.attrs.get("assumed"):
        assumed = plain(array.attrs["assumed"]).replace("; type match_units=True", "")  # the page has matched them
        said.append(f"Assumed: {assumed}")
    if "biased_null" in array:
        said.append(
            "The biased metric is above zero for unrelated data when features outnumber stimuli. It is printed, "
            "beside its null, only to compare with papers that report it."
        )
    return tuple(said)


def _p_reading(array: xr.Dataset) -> str:
    orders = as_float(array.attrs.get("n_shuffles"))
    smallest = f" {count(orders, 'order')} of the stimuli allow no p below {number(1 / (orders + 1))}." * (orders > 0)
    how = {"max-t": "max-T over all cells of the table", "holm": "Holm", "fdr": "false discovery rate"}
    correction = str(array.attrs.get("correction", ""))
    what = "raw similarity" if "raw" in array else "similarity"
    return (
        f"p: how often the stimuli, exchanged at random, give as high a {what}; corrected for "
        f"{count(array.attrs.get('n_tests'), 'test')} ({how.get(correction, plain(correction))}).{smallest} A small p "
        "says that something is shared, not how much."
    )


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
