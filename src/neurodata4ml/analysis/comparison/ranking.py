"""Which of several candidates explain a brain best, and which of them cannot be told from the best."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference.jackknife import interval


def among_best(
    similarity: xr.DataArray,
    replicate: xr.DataArray,
    *,
    null: xr.DataArray | float = 0.0,
    margin: float = 0.03,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Which candidates cannot be told from the best one.

    A candidate is among the best if its difference from the best is below ``margin``, or if the jackknife interval
    of that difference includes 0. Differences are taken within replicates, so that noise common to both cancels.
    Nothing is claimed where no candidate's similarity is by its own interval above what independent data give, which
    of biased metrics is well above 0, or where that of the highest is not known (NaN): all candidates are among the
    best then. Otherwise a candidate whose difference is not known is not among them.
    Intervals of differences are Bonferroni-corrected for the number of candidates less one: the truly best candidate
    is among the best with a probability of at least ``confidence``; those of candidates alone for their number.

    Parameters
    ----------
    similarity : DataArray (..., y)
    replicate : DataArray (group, ..., y)
        Both from ``compare``.
    null : DataArray (..., y) or float
        What independent data give.
    margin : float
        Candidates closer than this count as one answer, however sure the difference.
    confidence : float

    Returns
    -------
    Dataset with ``among_best`` (..., y) bool, ``claim`` (...) bool and ``best`` (...) str, empty without a claim
    """
    top = similarity.fillna(-np.inf).argmax("y")
    level = 1.0 - (1.0 - confidence) / max(similarity.sizes["y"] - 1, 1)
    gap = interval(similarity.isel(y=top) - similarity, replicate.isel(y=top) - replicate, confidence=level)
    near = gap.low.notnull() & ((gap.estimate < margin) | (gap.low <= 0))
    of_all = 1.0 - (1.0 - confidence) / max(similarity.sizes["y"], 1)
    alone = interval(similarity, replicate, confidence=of_all).low
    claim = (alone > null).any("y") & alone.isel(y=top).drop_vars("y").notnull()
    best = similarity["y"].astype(object).isel(y=top).drop_vars("y").where(claim, "")
    return xr.Dataset({"among_best": near | ~claim, "claim": claim, "best": best})
