"""Sections on the population: the path it takes through a trial, and the dimensions it fills."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, colours_of, level, level_words, n_units, noted, span
from neurodata4ml.report.figures import population as figures_population
from neurodata4ml.report.figures.drawings import FEW_CONDITIONS
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.sections.spectrum import of_spectrum, spectrum_sentences
from neurodata4ml.report.words import bin_words, bounds, column, count, interval, labels, named, number, percent, values
from neurodata4ml.results import Results

REDUCERS = {
    "pca": ("principal components", "directions in the space of units, ordered by the variance they carry"),
    "fa": ("factors", "what units share; each unit keeps a noise of its own"),
    "ica": ("independent components", "directions along which activity is as far from Gaussian as it can be"),
    "nmf": ("non-negative parts", "patterns of units that only add"),
    "dpca": ("demixed components", "each carries, as far as can be, one of the things that vary: time, or conditions"),
    "gpfa": ("smooth factors", "trajectories of single trials, each with a time scale of its own"),
    "tca": ("tensor components", "each one pattern of units, one course in time and one weight per condition"),
    "cebra": ("embedding dimensions", "learnt so that moments near in time, or alike in behaviour, lie together"),
}
"""Method -> what its components are called, and what they are."""


@needs("latents", "Latent trajectories")
def latents(results: Results) -> Section:
    """The path of the population through its first components."""
    array = results.arrays["latents"]
    areas = labels(array, "area")
    reducer, about = REDUCERS.get(str(array.attrs.get("method", "pca")), ("components", "a position for each sample"))
    answer: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    if "explained_variance" in array:
        shares = [np.atleast_1d(values(array, "explained_variance", area=area)) for area in areas]
        answer, tables = _variance_sentences(results, areas, shares, reducer), (_variance_table(array, areas, shares),)
    after = str(array.attrs.get("averaged")) == "after"
    in_bins = f" in bins of {bin_words(array)}" if bin_words(array) else ""
    return Section(
        "",
        question="What path does the population take through a trial?",
        answer=answer or (f"The {reducer} of this method carry no stated share of the variance.",),
        figures=(
            Shown(
                figures_population.latents(array, colours_of(results)),
                f"{'Paths of single trials, averaged by condition,' if after else 'Trial-averaged activity'}{in_bins} "
                f"in the first {'two ' if array.sizes.get('component', 0) > 1 else ''}{reducer}. "
                + (
                    "Each line is one condition, its circle is the event."
                    if array.sizes.get("condition", 0) <= FEW_CONDITIONS
                    else "Each thin line is one condition; the thick one is their mean, a dot per time bin."
                ),
            ),
        ),
        tables=tables,
        reading=(
            f"The {reducer}: {about}. They describe; they are no test. The axes of different areas are not "
            "comparable, and signs are arbitrary.",
        ),
        warnings=noted(array),
    )


def _variance_sentences(results: Results, areas: list[str], shares: list[np.ndarray], reducer: str) -> tuple[str, ...]:
    """Return how much of the variance the first two components carry; of one where there is only one."""
    n = min(2, max(share.size for share in shares))
    first = np.array([np.nansum(share[:n]) if np.isfinite(share).any() else np.nan for share in shares])
    which = f"two {reducer}" if n > 1 else f"of the {reducer}"
    after = str(results.arrays["latents"].attrs.get("averaged")) == "after"
    of = "the responses" if after else "the trial-averaged responses"
    if len(areas) > FEW_AREAS:
        return (span(areas, 100 * first, f"the variance that {'two' if n > 1 else 'one of the'} {reducer} carry", "%"),)
    return tuple(
        f"In {named(a)}, the first {which} {'carry' if n > 1 else 'carries'} {percent(v)} of the variance of {of} of "
        f"{count(n_units(results, a), 'unit')}."
        if np.isfinite(v)
        else f"The variance that the {reducer} of {named(a)} carry is not available."
        for a, v in zip(areas, first, strict=True)
    )


def _variance_table(array: xr.Dataset, areas: list[str], shares: list[np.ndarray]) -> Table:
    """Return the share of every component; of demixed ones, what each belongs to."""
    n = max(share.size for share in shares)
    components = [f"component {i + 1}" for i in range(n)]
    rows = tuple((a, *(percent(v, 1) for v in share)) for a, share in zip(areas, shares, strict=True))
    if "marginalization" in array:
        square = np.asarray(array["marginalization"].transpose("area", "component").values, dtype=object)
        rows = tuple(
            (a, *(f"{cell} ({named(of)})" for cell, of in zip(cells, line, strict=True)))
            for (a, *cells), line in zip(rows, square, strict=True)
        )
    return Table("Share of the variance", ("area", *components), rows)


@needs("dimensionality", "Dimensionality")
def dimensionality(results: Results) -> Section:
    """How many dimensions the responses fill."""
    array = results.arrays["dimensionality"]
    if str(array.attrs.get("method", "participation")) != "participation":
        return of_spectrum(results)
    return Section(
        "",
        question="How many dimensions do the responses to the stimuli fill?",
        answer=dimensionality_sentences(results),
        figures=(
            Shown(
                figures_population.dimensionality(array, colours_of(results)),
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
    if str(array.attrs.get("method", "participation")) != "participation":
        return spectrum_sentences(results)
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
