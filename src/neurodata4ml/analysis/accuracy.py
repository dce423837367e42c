"""How sure an accuracy is: the interval of a balanced accuracy from its held-out predictions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference import jackknife


def accuracy_interval(decoded: xr.Dataset, x: xr.DataArray, *, target: str = "stimulus") -> xr.Dataset:
    """Jackknife the balanced accuracy over groups of trials, the fitted decoders held fixed.

    Were they fitted anew without each group, they would learn from fewer trials and be other decoders; and the spread
    of accuracies over folds is no standard error, as folds share their training trials.

    Parameters
    ----------
    decoded : Dataset
        From ``decode`` without ``over``: ``prediction`` (trial).
    x : DataArray with dim ``trial``
        What was decoded, with the coordinates ``target`` and, where there are blocks, ``block``.

    Returns
    -------
    Dataset
        ``estimate``, ``se``, ``low``, ``high``, ``replicate``; see ``jackknife``.
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

    return jackknife(balanced, hit)
