"""How much of a unit's response repeats from trial to trial."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.halves import half_means, split_halves
from neurodata4ml.analysis.linear.stimuli import fold_labels
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.power import reliability_of_means
from neurodata4ml.analysis.reliability.trials import by_unit_within_reach, shown_trials, why_undefined
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.analysis.similarity.representations import trial_values
from neurodata4ml.dims import add_step, feature_dim, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

__all__ = ["noise_ceiling", "reliability"]

_ROUNDING = 1e-24
"""Variance below this fraction of the mean square is rounding: the means are all the same."""

_ENOUGH_STIMULI = 4
"""With fewer conditions the variance of their means is hardly known."""

_BATCH = 10
"""Splits whose means are held at once."""


def reliability(x: xr.DataArray, *, method: str = "anova", n_splits: int = 100, seed: int = 0) -> xr.DataArray:
    """Reliability of each unit's mean responses: their expected correlation with those of as many new trials.

    With signal variance s2 (between stimuli), trial noise v and n trials each, R = s2 / (s2 + v / n). A perfect
    model correlates with the observed means by sqrt(R) and explains R of their variance. Values below 0 mean that
    no signal was found, and stay. Two or three stimuli hardly determine it, and warn. Blank and invalid trials are
    dropped.

    Parameters
    ----------
    x : DataArray (trial, unit), with the coordinate ``stimulus`` and perhaps ``block``; e.g. rates in Hz
    method : "anova" or "split_half"
        ``"anova"``: 1 - v * mean(1 / n_i) / (variance of the means), v pooled within stimuli; exact for unequal n_i
        (with equal ones it is the noise ceiling of Allen et al. 2022, Nat. Neurosci. 25:116, without clipping).
        With blocks, what moves all stimuli of a block alike is taken out first: it is no noise between stimuli.
        ``"split_half"``: correlation across stimuli of the means of random halves, whole blocks in either, averaged
        over splits and then stepped up to all trials by Spearman-Brown, 2 r / (1 + r).
    n_splits, seed : int
        For ``"split_half"``.

    Returns
    -------
    DataArray (unit), unitless, at most 1; NaN for a unit whose mean responses are all the same, which
    ``attrs["undefined"]`` counts

    Raises
    ------
    DesignError
        No repeated stimulus, fewer than two stimuli, trials without a label, an unknown method, values that are
        not finite, or no real numbers.
    DimensionError
        No labelled array (trial, unit).
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_splits, "n_splits", least=1)
    if method not in ("anova", "split_half"):
        message = f"Unknown method {method!r}. Type reliability(x, method='anova') or method='split_half'."
        raise DesignError(message)
    x = shown_trials(x, step="reliability")
    values, _ = by_unit_within_reach(trial_values(x, step="reliability"))
    labels = trial_labels(x, "stimulus", step="reliability")
    folds, kind = fold_labels(x, step="reliability")
    n_stimuli = len(np.unique(labels))
    if n_stimuli < 2:
        message = f"reliability compares stimuli and needs at least 2; got {n_stimuli}. Choose another by=."
        raise DesignError(message)
    if n_stimuli < _ENOUGH_STIMULI:
        message = (
            f"reliability: with {n_stimuli} conditions the reliability of a unit is hardly determined, because its "
            f"signal is the spread of {n_stimuli} means. Choose a column with more values with by=."
        )
        warnings.warn(message, stacklevel=2)
    if method == "anova":
        found = reliability_of_means(values, labels, folds if kind == "block" else None)
    else:
        half = split_halves(labels, folds, kind, n_splits=n_splits, seed=seed)
        found = half_correlation(values, labels, half)
        found = 2 * found / (1 + found)
    dim = feature_dim(x, step="reliability")
    coords = {name: c.variable for name, c in x.coords.items() if c.dims == (dim,)}
    out = xr.DataArray(found, dims=dim, coords=coords, name="reliability")
    undefined = why_undefined(np.isnan(found), "their mean responses never change")
    out.attrs = {**provenance(x), "units": "1", "method": method, "folds": kind, "undefined": "; ".join(undefined)}
    return add_step(out, "reliability", method=method, n_splits=n_splits, seed=seed)


def half_correlation(values: np.ndarray, labels: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return the correlation of the two halves' means across stimuli, averaged over splits, per unit."""
    stimuli, stimulus = np.unique(labels, return_inverse=True)
    total = np.zeros(values.shape[1])
    for start in range(0, half.shape[1], _BATCH):
        means = half_means(values, stimulus, half[:, start : start + _BATCH], len(stimuli))
        means -= means.mean(axis=2, keepdims=True)
        norms = np.sqrt(np.sum(means**2, axis=2)).prod(axis=1)
        norms[norms <= _ROUNDING * np.mean(values**2, axis=0)] = np.nan
        total += np.sum(np.sum(means[:, 0] * means[:, 1], axis=1) / norms, axis=0)
    return np.asarray(total / half.shape[1])
