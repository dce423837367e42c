"""What several sections ask of the results: areas and their colours, levels, warnings, ranges."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from neurodata4ml.report.figures.canvas import palette
from neurodata4ml.report.words import (
    as_float,
    confidence,
    count,
    metric_words,
    named,
    number,
    plain,
    score_words,
    sentence,
)
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


def explained(array: xr.Dataset) -> tuple[tuple[str, str], ...]:
    """Return what the numbers of a section are, in the words of the analysis itself: pairs of heading and text."""
    said = array.attrs.get("explained", ())
    parts = [
        _in_words(str(one)).replace("`", "").partition(": ") for one in ([said] if isinstance(said, str) else said)
    ]
    return tuple((head, sentence(text)) if text else ("Note", sentence(head)) for head, _, text in parts)


def _in_words(said: str) -> str:
    """Return a sentence of the analysis with the names of metrics and scores as people say them."""
    said = re.sub(r"\b(?:cka|rsa)_[a-z_]+\b", lambda name: metric_words(name.group()), said)
    for name, words in (("by crossnobis distance", "by the crossnobis distance"), ("lda", "a linear discriminant")):
        said = re.sub(rf"\b{name}\b", words, said)
    return re.sub(r"\b[a-z]+_[a-z_]+\b(?!`)", lambda name: score_words(name.group()), said)


def noted(array: xr.Dataset) -> tuple[str, ...]:
    """Return the warnings that an analysis left in its attributes."""
    found = array.attrs.get("warnings", ())
    return tuple(_in_words(str(one)) for one in ([found] if isinstance(found, str) else found))


def over_time(array: xr.Dataset) -> tuple[str, ...]:
    """Return where the RDMs of every bin of time are, which a page cannot show."""
    if "rdm_over_time" not in array:
        return ()
    dims = [str(dim) for dim in array["rdm_over_time"].dims if dim not in ("part", "stimulus", "stimulus2")]
    bins = count(array.sizes[dims[0]] if dims else None, "bin")
    return (f"The squares are of the whole window. Those of {bins} stand in results.nc, as rdms/rdm_over_time.",)


def undefined(array: xr.Dataset) -> tuple[str, ...]:
    """Return why some numbers are not available, where the analysis said so."""
    why = plain(array.attrs.get("undefined", ""))
    return (sentence(f"Not available: {why}"),) if why else ()


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
