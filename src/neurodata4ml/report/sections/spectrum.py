"""The section on dimensions where a spectrum was asked for: cvPCA, or components above those of unrelated units."""

from __future__ import annotations

import numpy as np

from neurodata4ml.report.facts import FEW_AREAS, colours_of, n_units, noted, span
from neurodata4ml.report.figures import encoding as figures_encoding
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.words import column, count, labels, named, number, percent, plain, sentence, values
from neurodata4ml.results import Results


def of_spectrum(results: Results) -> Section:
    """Return the section on the variance along each component, or on how many components count."""
    array = results.arrays["dimensionality"]
    cross_validated = "signal_variance" in array
    name = "signal_variance" if cross_validated else "variance"
    return Section(
        "",
        question="How many dimensions do the responses to the stimuli fill?",
        answer=spectrum_sentences(results),
        figures=(
            Shown(
                figures_encoding.spectrum(array, name, colours_of(results)),
                "Variance of the signal along each component, cross-validated over repeats; what noise alone adds is "
                "0 on average. Where it is not above 0, nothing is drawn."
                if cross_validated
                else "Variance along each component (solid) beside what unrelated units would show (dotted).",
            ),
        ),
        tables=(_table(results),),
        reading=(_CVPCA if cross_validated else _PARALLEL,),
        warnings=(*noted(array), *_no_exponent(results)),
    )


_CVPCA = (
    "cvPCA: components are found in one half of the trials and their variance is measured against the other half, so "
    "that trial noise adds nothing on average. There is no interval, and no single number of dimensions: the curve is "
    "the result."
)

_PARALLEL = (
    "Parallel analysis: a component counts as long as its variance, and that of all before it, exceeds what the units "
    "would show if each had an order of its own. Single trials are looked at, so that noise which units share counts "
    "too. There is no interval."
)


def spectrum_sentences(results: Results) -> tuple[str, ...]:
    """Return what a spectrum says in one sentence per area, or in one for all when they are many."""
    array = results.arrays["dimensionality"]
    areas = labels(array, "area")
    if "n_components" in array:
        n = column(array, "n_components", len(areas))
        if len(areas) > FEW_AREAS:
            return (span(areas, n, "the number of components above those of unrelated units"),)
        return tuple(
            f"In {named(a)} ({count(n_units(results, a), 'unit')}), {count(v, 'component')} of single trials "
            f"{'exceeds' if v == 1 else 'exceed'} what unrelated units would show."
            for a, v in zip(areas, n, strict=True)
        )
    signal, naive = (column(array, name, len(areas)) for name in ("signal_total", "naive_total"))
    share = signal / naive
    if len(areas) > FEW_AREAS:
        return (span(areas, 100 * share, "the share of the variance of mean responses that is signal", "%"),)
    parts = [_half(values(array, "signal_variance", area=area)) for area in areas]
    return tuple(
        f"In {named(a)} ({count(n_units(results, a), 'unit')}), {percent(v)} of the variance of the mean responses is "
        f"signal, half of it along the first {'component' if k == 1 else count(k, 'component')}."
        for a, v, k in zip(areas, share, parts, strict=True)
    )


def _half(spectrum: np.ndarray) -> int:
    """Return how many components carry half of the signal."""
    total = np.nancumsum(spectrum)
    return int(np.searchsorted(total, total[-1] / 2) + 1)


def _table(results: Results) -> Table:
    array = results.arrays["dimensionality"]
    names = {
        "n_components": "components above chance",
        "signal_total": "variance of the signal",
        "naive_total": "variance of the means",
        "exponent": "exponent of the decay",
    }
    shown = {name: label for name, label in names.items() if name in array}
    rows = tuple(
        (area, f"{n_units(results, area) or ''}", *(number(values(array, name, area=area)) for name in shown))
        for area in labels(array, "area")
    )
    return Table("Spectrum of every area", ("area", "units", *shown.values()), rows)


def _no_exponent(results: Results) -> tuple[str, ...]:
    why = plain(results.arrays["dimensionality"].attrs.get("no_exponent", ""))
    return (sentence(f"No exponent is given: {why}"),) if why else ()
