"""Tables of similarities in words: numbers, why some are missing, tests and their correction."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import (
    count,
    estimate,
    listed,
    names,
    number,
    percent,
    span,
    things,
    value_of,
)

Parts = list[tuple[str, str]]
"""Headings, and what stands under them."""

SHARED = (
    "Similarity shows shared geometry for these stimuli: which of them the two sides keep apart, and how far. It does "
    "not show how either side comes to it."
)

ALPHA = 0.05

_NO_SIGNAL = (
    "what two halves of the trials share is not above 0, so that no similarity can be corrected for noise; more trials "
    "or units, or fewer conditions, would help"
)

_CONSTANT = "one side does not vary between the stimuli, or has no distance defined"


def metric_of(result: xr.Dataset) -> str:
    """Return the name of the metric."""
    return str(result.attrs["metric"])


def sizes(result: xr.Dataset) -> str:
    """Return n and p: ``118 stimuli, 60 units and 4,096 features``."""
    parts = [count(result.attrs["n_stimuli"], "stimulus", "stimuli")]
    for name, noun in (("n_units", "unit"), ("n_features", "feature")):
        if name in result and np.isfinite(result[name].values.astype(float)).all():
            matched = name == "n_units" and "n_units_matched" in result.attrs
            parts.append(span(result.attrs["n_units_matched"] if matched else result[name].values, noun))
    return listed(parts)


def is_corrected(result: xr.Dataset) -> bool:
    """Return whether trial noise was taken out of the similarity."""
    return "raw" in result and bool(result["raw"].notnull().any())


def numbers(result: xr.Dataset) -> str:
    """Return the similarities with their intervals, and why some are missing."""
    return f"{rows_of(result, 'similarity')} {_undefined(result)}"


def rows_of(result: xr.Dataset, name: str) -> str:
    """Return the numbers row by row: each candidate where there are few, else the highest and the lowest."""
    if "x" not in result[name].dims:
        return _row(result, name)
    areas = names(result, "x")
    rows = [f"{area}: {_row(result.isel(x=i), name)}" for i, area in enumerate(areas[:8])]
    more = f" And {len(areas) - 8} more." if len(areas) > 8 else ""
    return " ".join(rows) + more


def _row(row: xr.Dataset, name: str) -> str:
    if "y" not in row[name].dims:
        return f"{_cell(row, name)}."
    labels = names(row, "y")
    if bool(row[name].isnull().all()):
        return "not defined."
    order = np.argsort(-np.nan_to_num(row[name].values, nan=-np.inf), kind="stable")
    told = [f"{labels[k]} {_cell(row.isel(y=int(k)), name)}" for k in order]
    if len(told) > 5:
        told = [*told[:4], f"lowest {told[-1]}"]
    return f"{', '.join(told)}."


def _cell(cell: xr.Dataset, name: str) -> str:
    return estimate(cell[name], value_of(cell, "low"), value_of(cell, "high"))


def _undefined(result: xr.Dataset) -> str:
    """Say why numbers or intervals are missing."""
    absent = result["similarity"].isnull()
    said = []
    if bool(absent.any()):
        noisy = absent & result["raw"].notnull() if is_corrected(result) else xr.zeros_like(absent)
        for missing, why in ((noisy, _NO_SIGNAL), (absent & ~noisy, _CONSTANT)):
            if bool(missing.any()):
                said.append(f"Not defined{which(missing)}: {why}.")
    if "low" in result and bool((result["low"].isnull() & ~absent).any()):
        said.append("Some have no interval: when one part is left out, a stimulus has no trials, or nothing varies.")
    return " ".join(said)


def which(mask: xr.DataArray) -> str:
    """Return which cells, by name: `` for V1 and conv1``; nothing where there is one cell."""
    if not mask.dims:
        return ""
    if "y" in mask.dims and len(mask.dims) == 2:
        whole = mask.all("y")
        if bool((mask == whole).all()):  # whole rows are named by their own name
            mask = whole
    labels = {dim: names(mask, str(dim)) for dim in mask.dims}
    cells = [
        " and ".join(labels[dim][i] for dim, i in zip(mask.dims, place, strict=True))
        for place in np.argwhere(mask.values)
    ]
    return f" for {'; '.join(cells[:5])}" + (f" and {len(cells) - 5} more" if len(cells) > 5 else "")


def confidence(result: xr.Dataset) -> str:
    """Return ``95 % intervals``."""
    return f"{percent(result.attrs.get('confidence', 0.95))} intervals"


def over(result: xr.Dataset) -> str:
    """Return what the interval is over."""
    return listed([things(part) for part in str(result.attrs.get("over", "")).split(", ") if part]) or "nothing"


def spread(values: xr.DataArray) -> str:
    """Return the one value there is, or the lowest and the highest."""
    known = values.values[np.isfinite(values.values)]
    if not known.size:
        return "Not defined"
    low, high = number(known.min()), number(known.max())
    return low if low == high else f"{low} to {high}, cell by cell,"


def tests(result: xr.Dataset) -> str:
    """Return p, and over how many questions it is corrected."""
    if "p_value" not in result:
        return ""
    n_tests, shuffles = int(result.attrs.get("n_tests", 1)), int(result.attrs.get("n_shuffles", 0))
    how = f"stimuli exchanged {count(shuffles, 'time')}, one-sided"
    if not result["p_value"].dims:
        family = value_of(result, "p_value_corrected")
        after = f"; {number(family)} after correction" if n_tests > 1 and np.isfinite(family) else ""
        least = ", the smallest that these allow" if np.isclose(float(result["p_value"]), 1 / (1 + shuffles)) else ""
        return f"p = {number(result['p_value'])}{least}{after} ({how}). Effect size and interval come first."
    return f"{corrected(result, how)} Effect sizes and intervals come first."


def corrected(result: xr.Dataset, how: str) -> str:
    """Return how many of the tests have a small p."""
    n_tests = int(result.attrs.get("n_tests", 1))
    name = "p_value_corrected" if "p_value_corrected" in result else "p_value"
    correction = str(result.attrs.get("correction", "max-t" if name == "p_value_corrected" else "none"))
    n_small = int((result[name] <= ALPHA).sum())
    n_small = n_small // 2 if "y2" in result[name].dims else n_small
    by = f"corrected by {correction} for all" if correction != "none" else "not corrected, over"
    verb = "has" if n_tests == 1 else "have"
    return f"{n_small} of {count(n_tests, 'test')} {verb} p of at most {ALPHA:g} ({by} {n_tests:,}; {how})."
