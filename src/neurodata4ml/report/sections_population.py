"""Sections on the population: the path it takes through a trial, and the dimensions it fills."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report import figures_population
from neurodata4ml.report.facts import FEW_AREAS, colours_of, level, level_words, n_units, noted, span
from neurodata4ml.report.section import Section, Shown, Table, needs
from neurodata4ml.report.words import bounds, column, count, interval, labels, named, number, percent, values
from neurodata4ml.results import Results


@needs("latents", "Latent trajectories")
def latents(results: Results) -> Section:
    """The path of the population through its first components."""
    array = results.arrays["latents"]
    areas = labels(array, "area")
    reducer = {"pca": "principal components", "fa": "factors"}.get(str(array.attrs.get("method", "pca")), "components")
    shares = [np.atleast_1d(values(array, "explained_variance", area=area)) for area in areas]
    first_two = np.array([np.nansum(share[:2]) if np.isfinite(share).any() else np.nan for share in shares])
    answer: tuple[str, ...]
    if len(areas) > FEW_AREAS:
        answer = (span(areas, 100 * first_two, f"the variance that two {reducer} carry", "%"),)
    else:
        answer = tuple(
            f"In {named(a)}, the first two {reducer} carry {percent(v)} of the variance "
            f"of the trial-averaged responses of {count(n_units(results, a), 'unit')}."
            if np.isfinite(v)
            else f"The variance that the {reducer} of {named(a)} carry is not available."
            for a, v in zip(areas, first_two, strict=True)
        )
    components = [f"component {i + 1}" for i in range(max(share.size for share in shares))]
    rows = tuple((a, *(percent(v, 1) for v in share)) for a, share in zip(areas, shares, strict=True))
    return Section(
        "",
        question="What path does the population take through a trial?",
        answer=answer,
        figures=(
            Shown(
                figures_population.latents(array, colours_of(results)),
                f"Trial-averaged activity in the first two {reducer}. "
                + (
                    "Each line is one condition, its circle is the event."
                    if array.sizes.get("condition", 0) <= figures_population.FEW_CONDITIONS
                    else "Each thin line is one condition; the thick one is their mean, a dot per time bin."
                ),
            ),
        ),
        tables=(Table("Share of the variance", ("area", *components), rows),),
        reading=(
            f"The {reducer} are directions in the space of units (the columns of the data matrix), ordered by the "
            "variance they carry. They describe; they are no test. The axes of different areas are not comparable, "
            "and signs are arbitrary.",
        ),
        warnings=noted(array),
    )


@needs("dimensionality", "Dimensionality")
def dimensionality(results: Results) -> Section:
    """How many dimensions the responses fill."""
    array, colours = results.arrays["dimensionality"], colours_of(results)
    return Section(
        "",
        question="How many dimensions do the responses to the stimuli fill?",
        answer=dimensionality_sentences(results),
        figures=(
            Shown(
                figures_population.dimensionality(array, colours),
                f"Participation ratio of every area. Filled: cross-validated over repeats, with {level_words(array)} "
                "interval. Hollow: of the trial means, which noise inflates. Tick: what pure noise of this size "
                "would give.",
            ),
        ),
        tables=(_dimensionality_table(results, array),),
        reading=(
            "The participation ratio is (Σλ)² / Σλ², where λ are the variances along the principal axes of the mean "
            "responses: 1 when one axis carries everything, the number of units when all axes carry the same. Noise "
            "adds dimensions and few stimuli hide some, so the cross-validated value is the one to quote.",
        ),
        warnings=noted(array),
    )


def dimensionality_sentences(results: Results) -> tuple[str, ...]:
    """Return the participation ratios, one sentence per area, or one for all when they are many."""
    array = results.arrays["dimensionality"]
    areas = labels(array, "area")
    name = "participation_ratio_cv" if "participation_ratio_cv" in array else "participation_ratio"
    value, low, high, limit = (column(array, v, len(areas)) for v in (name, "low", "high", "bias_limit"))
    kind = "cross-validated " if name.endswith("cv") else "naive "
    if len(areas) > FEW_AREAS:
        return (span(areas, value, f"the {kind}participation ratio", "dimensions"),)
    return tuple(
        f"The responses of {named(a)} ({count(n_units(results, a), 'unit')}) fill "
        f"{interval(value[i], low[i], high[i], units='dimensions', level=level(array))} by the {kind}participation "
        f"ratio; white noise of this size would seem to fill {number(limit[i])}."
        if np.isfinite(value[i])
        else f"The dimensionality of {named(a)} is not available."
        for i, a in enumerate(areas)
    )


def _dimensionality_table(results: Results, array: xr.Dataset) -> Table:
    names = ("participation_ratio_cv", "participation_ratio", "bias_limit")
    rows = []
    for area in labels(array, "area"):
        cv, naive, limit = (number(values(array, name, area=area)) for name in names)
        inside = bounds(values(array, "low", area=area), values(array, "high", area=area))
        rows.append((area, f"{n_units(results, area) or ''}", cv, inside, naive, limit))
    columns = (
        "area",
        "units",
        "cross-validated",
        f"{level_words(array)} interval",
        "naive",
        "white noise",
    )
    return Table("Participation ratio, in dimensions", columns, tuple(rows))
