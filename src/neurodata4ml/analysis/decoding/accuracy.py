"""How sure an accuracy is: the interval of a balanced accuracy from its held-out predictions."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference import jackknife

_ROUNDING = 1e-12
"""A standard error below this is 0 but for the last bits."""


def accuracy_interval(decoded: xr.Dataset, x: xr.DataArray, *, target: str = "stimulus") -> xr.Dataset:
    """Jackknife the balanced accuracy over groups of trials, the fitted decoders held fixed, and widen it for them.

    Fitted anew without each group, decoders would learn from fewer trials and be others. Held fixed, the luck of their
    training trials, which folds share, is not seen: the variance is multiplied by ``1 + n_test / n_train``. That is
    the correction of Nadeau & Bengio (2003, Mach. Learn. 52:239) applied to trials and not to folds, whose errors
    hardly move together; on simulated sessions the error exceeded the jackknife's by as much (sd ratio 1.14).

    Parameters
    ----------
    decoded : Dataset
        From ``decode`` without ``over``: ``prediction`` (trial), ``attrs["n_folds"]``.
    x : DataArray with dim ``trial``
        What was decoded, with the coordinates ``target`` and, where there are blocks, ``block``.

    Returns
    -------
    Dataset
        ``estimate``, ``se``, ``low``, ``high``, ``replicate``; see ``jackknife``. Where every replicate is the same
        (all trials right, or all wrong) the jackknife sees no error, and ``low`` to ``high`` is the Wilson score
        interval for as many independent trials instead.
    """
    trials = decoded["prediction"]["trial"]
    shown = x.sel(trial=trials)
    classes, label = np.unique(shown[target].values, return_inverse=True)
    hit = xr.DataArray(decoded["prediction"].values == shown[target].values, dims="trial").astype(float)
    hit = hit.assign_coords(label=("trial", label))
    if "block" in shown.coords:
        hit = hit.assign_coords(block=("trial", shown["block"].values))

    def balanced(part: xr.DataArray) -> float:
        n = np.bincount(part["label"], minlength=len(classes))
        right = np.bincount(part["label"], weights=part.values, minlength=len(classes))
        return float((right[n > 0] / n[n > 0]).mean())

    found = _widened(jackknife(balanced, hit), np.sqrt(1 + 1 / (decoded.attrs["n_folds"] - 1)))
    return _with_wilson(found, hit.sizes["trial"]) if float(found["se"]) < _ROUNDING else found


def _widened(found: xr.Dataset, factor: float) -> xr.Dataset:
    low, high = (found["estimate"] + factor * (found[bound] - found["estimate"]) for bound in ("low", "high"))
    return found.assign(se=factor * found["se"], low=low, high=high)


def _with_wilson(found: xr.Dataset, n_trials: int) -> xr.Dataset:
    right = round(float(found["estimate"]) * n_trials)
    low, high = stats.binomtest(right, n_trials).proportion_ci(found.attrs["confidence"], method="wilson")
    return found.assign(low=((), low), high=((), high))
