"""How sure a score is: its interval from leaving out groups of held-out samples, widened for what folds share."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.design.trials import block_labels, time_order
from neurodata4ml.analysis.inference.jackknife import jackknife

CONFIDENCE = 0.95
"""Coverage of every interval."""

_ENOUGH_BLOCKS, _N_GROUPS = 10, 20
"""As many blocks are left out one by one; where there are fewer, as many stretches of time."""

_ROUNDING = 1e-12
"""A standard error below this is 0 but for the last bits."""


def groups_of(x: xr.DataArray, dim: str) -> tuple[np.ndarray, str]:
    """Return which samples are left out together, (n_samples,) from 0, and what these groups are.

    Blocks where there are at least 10, else 20 stretches of time: what drifts together is left out together.
    """
    blocks = block_labels(x)
    names, code = np.unique([] if blocks is None else blocks, return_inverse=True)
    if len(names) >= _ENOUGH_BLOCKS:
        return code, "block"
    n_samples = x.sizes[dim]
    groups = np.empty(n_samples, dtype=np.int64)
    groups[time_order(x)] = np.arange(n_samples) * min(_N_GROUPS, n_samples) // n_samples
    return groups, "contiguous"


def score_interval(
    score: np.ndarray, left_out: np.ndarray, *, n_folds: int, n_samples: int, bounded: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of a score, from its values without each group of test samples; see ``accuracy_interval``.

    Parameters
    ----------
    score : ndarray (...)
    left_out : ndarray (n_groups, ...)
        The score without each group, the fitted decoders held fixed.
    n_folds, n_samples : int
    bounded : bool
        The score is a share of samples: its interval ends at 0 and 1, which costs no coverage, and where no group
        changes it, Wilson's interval stands in.

    Returns
    -------
    (low, high) : ndarrays (...)
    """
    n_groups = len(left_out)
    if n_groups < 2:
        return np.full(np.shape(score), np.nan), np.full(np.shape(score), np.nan)
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt((n_groups - 1) / n_groups * spread) * np.sqrt(1 + 1 / (n_folds - 1))
    width = stats.t.ppf(0.5 + CONFIDENCE / 2, n_groups - 1) * error
    low, high = np.array(score - width), np.array(score + width)
    for at in np.argwhere(error < _ROUNDING) if bounded else ():
        low[tuple(at)], high[tuple(at)] = _wilson(float(score[tuple(at)]), n_samples, CONFIDENCE)
    return (np.clip(low, 0, 1), np.clip(high, 0, 1)) if bounded else (low, high)


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
        ``estimate``, ``se``, ``low``, ``high``, ``replicate``; see ``jackknife``. The interval ends at 0 and 1. Where
        every replicate is the same (all trials right, or all wrong) the jackknife sees no error, and ``low`` to
        ``high`` is the Wilson score interval for as many independent trials instead.
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
    return found.assign(se=factor * found["se"], low=low.clip(0, 1), high=high.clip(0, 1))


def _with_wilson(found: xr.Dataset, n_trials: int) -> xr.Dataset:
    low, high = _wilson(float(found["estimate"]), n_trials, found.attrs["confidence"])
    return found.assign(low=((), low), high=((), high))


def _wilson(share: float, n: int, confidence: float) -> tuple[float, float]:
    low, high = stats.binomtest(round(share * n), n).proportion_ci(confidence, method="wilson")
    return float(low), float(high)
