"""The noise ceiling of every row of a comparison, from its single trials."""

from __future__ import annotations

import warnings
from typing import Any

import xarray as xr

from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.errors import DesignError


def with_ceiling(out: xr.Dataset, question: Question) -> xr.Dataset:
    """Add ``ceiling``, ``ceiling_low`` and ``ceiling_high`` (x) to a comparison of RDMs made from trials.

    Noise-corrected CKA brings its own. A metric or distance without a ceiling stays without, and
    ``attrs["no_ceiling"]`` says why.
    """
    if question.corrected or not question.from_trials or "ceiling" in out:
        return out
    if question.promise.on != "rdm" or question.distance != "crossnobis":
        why = "only RDMs of crossnobis distances, and cka_unbiased, have a ceiling that noise does not inflate"
        return out.assign_attrs(no_ceiling=why)
    settings: dict[str, Any] = {
        "metric": question.metric,
        "distance": question.distance,
        "confidence": question.confidence,
        "seed": question.seed,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # NaN ceilings are told by the comparison
            rows = [noise_ceiling(x, **settings) for x in question.xs.values()]
    except DesignError as error:
        return out.assign_attrs(no_ceiling=str(error))
    found = xr.concat([row[["ceiling", "low", "high"]] for row in rows], dim="x", combine_attrs="drop")
    named = {"low": "ceiling_low", "high": "ceiling_high"}
    return out.assign({named.get(str(key), str(key)): ("x", value.values) for key, value in found.items()})
