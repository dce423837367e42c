"""The section on truth: for simulated data, every estimate beside what is true."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import SIMULATED, colours_of, level, level_words, noted
from neurodata4ml.report.figures import truth as figures_truth
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import bounds, column, count, listing, number, percent, plain, texts
from neurodata4ml.results import Results


@needs("truth", "Estimate beside truth")
def truth(results: Results) -> Section:
    """Whether the analysis finds what was built in."""
    array = results.arrays["truth"]
    figures = [
        Shown(
            figures_truth.estimate_beside_truth(array, colours_of(results)),
            f"Estimates with {level_words(array)} intervals; the upright tick is the truth.",
        )
    ]
    if figures_truth.point_kinds(array):
        figures.append(
            Shown(
                figures_truth.points_beside_truth(array),
                "Many numbers of one kind, each a dot, all areas together; about 1,000 of each area are drawn, at even "
                "steps. On the line, estimate and truth agree.",
            )
        )
    return Section(
        "",
        question="These data are simulated, so the truth is known. Does the analysis find it?",
        answer=truth_sentences(array),
        figures=tuple(figures),
        tables=(_truth_table(array),),
        reading=(SIMULATED,),
        warnings=noted(array),
    )


def truth_sentences(array: xr.Dataset) -> tuple[str, ...]:
    """Return how many intervals hold the truth, which do not, and the shares of rows that hold many numbers."""
    inside, share, single = _inside(array), _share(array), ~_many(array)
    said_level = level_words(array)
    outside = [plain(name, 80) for name, hit, one in zip(_names(array), inside, single, strict=True) if one and not hit]
    misses = (1 - level(array)) * single.sum()
    by_chance = f" (about {misses:.0f} would miss by chance)" if misses >= 0.5 else ""
    kinds = len(dict.fromkeys(texts(array, "quantity")))
    said = [
        f"The truth lies inside the {said_level} interval of {int(inside[single].sum())} of "
        f"{count(int(single.sum()), 'estimate')} ({count(kinds, 'quantity', 'quantities')}); "
        + (f"outside: {listing(outside, 6)}{by_chance}." if outside else "none lies outside.")
    ]
    shares = share[~single & np.isfinite(share)]
    if shares.size:
        said.append(
            f"Where a quantity is many numbers, one for each unit, pair or bin, their {said_level} intervals hold the "
            f"truth in {percent(shares.min(), 1)} to {percent(shares.max(), 1)} of cases."
        )
    return tuple(said)


def _truth_table(array: xr.Dataset) -> Table:
    n = array.sizes["row"]
    estimate, low, high, true, entries = (
        column(array, name, n) for name in ("estimate", "low", "high", "truth", "n_entries")
    )
    units = texts(array, "units") if "units" in array.variables else [""] * n
    many, share, inside = _many(array), _share(array), _inside(array)
    rows = []
    for i, name in enumerate(_names(array)):
        verdict = "inside" if inside[i] else "outside"
        found = f"{percent(share[i], 1)} inside" if many[i] else verdict
        digits = _digits(estimate[i], low[i], high[i])
        span = f"{entries[i]:,.0f} intervals" if many[i] else bounds(low[i], high[i], digits)
        unit = "" if units[i] == "1" else units[i].replace("^2", "²")
        rows.append((name, number(estimate[i], digits), span, number(true[i], digits), unit, found))
    columns = ("quantity", "estimate", f"{level_words(array)} interval", "truth", "unit", "truth is")
    return Table("Every estimate beside the truth", columns, tuple(rows))


def _digits(estimate: float, low: float, high: float) -> int:
    """Return how many digits it takes to tell an estimate from the ends of its interval."""
    apart = (d for d in range(3, 7) if len({number(v, d) for v in (low, estimate, high)}) == 3)
    return next(apart, 3)


def _names(array: xr.Dataset) -> list[str]:
    parts = [texts(array, name) for name in ("quantity", "area", "what") if name in array.variables]
    return [", ".join(filter(None, row)) for row in zip(*parts, strict=True)]


def _inside(array: xr.Dataset) -> np.ndarray:
    return np.asarray(column(array, "inside", array.sizes["row"]) > 0)


def _share(array: xr.Dataset) -> np.ndarray:
    return column(array, "share_inside", array.sizes["row"])


def _many(array: xr.Dataset) -> np.ndarray:
    """Return which rows stand for many numbers, with the mean as estimate."""
    return np.asarray(column(array, "n_entries", array.sizes["row"]) > 1)
