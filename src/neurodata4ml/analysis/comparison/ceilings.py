"""The noise ceiling of every row of a comparison, from its single trials."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.errors import DesignError


def with_ceiling(out: xr.Dataset, question: Question, *, matched: bool) -> xr.Dataset:
    """Add ``ceiling``, ``ceiling_low`` and ``ceiling_high`` (x) to a comparison of RDMs made from trials.

    Noise-corrected CKA brings its own; of one side's trials its interval is that of ``noise_ceiling``, unless the units
    were ``matched``. A metric or distance without a ceiling stays without, and ``attrs["no_ceiling"]`` says why.
    """
    if question.corrected:
        alone = question.over == ("trial",) and not question.two_sided and not matched
        return _redrawn(out, question) if alone else out
    if not question.from_trials or "ceiling" in out:
        return out
    if question.promise.on != "rdm" or question.distance != "crossnobis":
        why = "only RDMs of crossnobis distances, and cka_unbiased, have a ceiling that noise does not inflate"
        return out.assign_attrs(no_ceiling=why)
    try:
        rows = _rows(question, metric=question.metric, distance=question.distance)
    except DesignError as error:
        return out.assign_attrs(no_ceiling=str(error))
    found = xr.concat([row[["ceiling", "low", "high"]] for row in rows], dim="x", combine_attrs="drop")
    named = {"low": "ceiling_low", "high": "ceiling_high"}
    return out.assign({named.get(str(key), str(key)): ("x", value.values) for key, value in found.items()})


def _redrawn(out: xr.Dataset, question: Question) -> xr.Dataset:
    """Replace the interval of the ceiling by one that knows that only products of noise are left in it."""
    rows = _rows(question, metric=question.metric, n_groups=question.n_groups, n_splits=question.n_splits)
    known = out["ceiling"].notnull().values
    ends = {end: np.where(known, [float(row[end]) for row in rows], np.nan) for end in ("low", "high")}
    return out.assign({f"ceiling_{end}": ("x", values) for end, values in ends.items()})


def _rows(question: Question, **settings: Any) -> list[xr.Dataset]:
    """Return the ceiling of every ``x``; that some are NaN is told by the comparison."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        xs = question.xs.values()
        return [noise_ceiling(x, confidence=question.confidence, seed=question.seed, **settings) for x in xs]
