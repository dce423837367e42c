"""What several sections ask of the results: areas and their colours, levels, warnings, ranges."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.canvas import palette
from neurodata4ml.report.words import as_float, confidence, count, named, number, plain
from neurodata4ml.results import Results

SIMULATED = "These data are simulated: they show that the analysis finds what was built in, not how a brain works."

FEW_AREAS = 4
"""Up to this many areas get a sentence each; more get one sentence with the range."""


def colours_of(results: Results) -> dict[str, str]:
    """Return the colour that every area keeps through the page."""
    return palette(results.data.get("areas") or {})


def n_units(results: Results, area: str) -> int | None:
    """Return how many units of an area were analysed, where known."""
    found = (results.data.get("areas") or {}).get(area)
    return None if found is None else int(found)


def level(array: xr.Dataset) -> float:
    """Return the confidence level of the intervals of a result (0.95 unless it says otherwise)."""
    stated = as_float(array.attrs.get("confidence", 0.95))
    return stated if 0 < stated < 1 else 0.95


def level_words(array: xr.Dataset) -> str:
    """Return the confidence level of the intervals of a result as per cent."""
    return confidence(level(array))


def noted(array: xr.Dataset) -> tuple[str, ...]:
    """Return the warnings that an analysis left in its attributes."""
    found = array.attrs.get("warnings", ())
    return (found,) if isinstance(found, str) else tuple(map(str, found))


def span(areas: list[str], estimate: np.ndarray, what: str, units: str = "") -> str:
    """Return one sentence for many areas: the lowest, the highest and the median."""
    estimate = np.asarray(estimate, dtype=float)
    if not np.isfinite(estimate).any():
        return f"{what} is not available in any of {count(len(areas), 'area')}."
    lowest, highest = areas[int(np.nanargmin(estimate))], areas[int(np.nanargmax(estimate))]
    suffix = f"\u00a0{units}" if units else ""
    return (
        f"Across {count(len(areas), 'area')}, {what} runs from {number(np.nanmin(estimate))}{suffix} "
        f"({named(lowest)}) to {number(np.nanmax(estimate))}{suffix} ({named(highest)}); the median is "
        f"{number(np.nanmedian(estimate))}{suffix}."
    )


def asked_for(results: Results) -> str:
    """Return the name of what varied between trials, as it was asked for."""
    target = results.arrays["decoding"].attrs.get("target") if "decoding" in results.arrays else None
    return plain(results.spec.get("by") or target or "stimulus", 60)


def is_simulated(results: Results) -> bool:
    """Return whether the data say that they are simulated."""
    return str(results.data.get("simulated") or "").strip().lower() not in ("", "no", "false", "0", "none")
