"""Inner products of whitened trials when units are more than trials: no matrix of units by units is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.noise import (
    NO_INVERSE,
    ledoit_wolf_weight,
    n_free_of,
    refuse_silent,
    schaefer_strimmer_weight,
)
from neurodata4ml.analysis.dissimilarity.wide import Columns
from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.errors import DesignError


def trial_products(trials: Columns, labels: np.ndarray, method: str) -> tuple[np.ndarray, int]:
    """Return ``X S^-1 X'`` (n_trials, n_trials) for a shrunk noise covariance S, and how many units never vary.

    Both estimators are ``S = a I + b R' R`` with R the residuals (n_trials, n_units); for ``"schaefer-strimmer"`` that
    holds of columns divided by the standard deviation of their noise. By the identity of Woodbury (1950)::

        X S^-1 X' = (X X' - X R' (a / b I + R R')^-1 R X') / a

    and all products on the right, and the weights of both estimators, follow from ``X X'``, for R is X minus the means
    of stimuli. As much work as trials^2 x units, and trials^3.

    Parameters
    ----------
    trials : Columns (n_trials, n_units)
    labels : ndarray (n_trials,)
    method : str
        ``"ledoit-wolf"`` or ``"schaefer-strimmer"``.
    """
    is_scaled = method == "schaefer-strimmer"
    n_free = n_free_of(labels)
    products: Any = 0.0
    fourth, n_varying = 0.0, 0
    start = 0
    for block in trials:
        values = block - block.mean(axis=0)
        residuals = values - _of_stimuli(values, labels)
        varies = ~refuse_silent(block, residuals, first=start)
        start, n_varying = start + block.shape[1], n_varying + int(varies.sum())
        if not varies.all():
            values, residuals = values[:, varies], residuals[:, varies]
        if is_scaled:
            spread = np.sqrt(np.einsum("tu,tu->u", residuals, residuals) / n_free)
            values, residuals = values / spread, residuals / spread
            fourth += float(np.sum(residuals**4))
        products = products + values @ values.T
    between = products - _of_stimuli(products.T, labels).T
    inside = between - _of_stimuli(between, labels)
    sizes, whole = np.diag(inside), float(np.sum(inside**2))
    if is_scaled:
        weight = schaefer_strimmer_weight(sizes, whole, fourth, n_free, n_varying)
        identity = weight
    else:
        weight = ledoit_wolf_weight(sizes, whole, n_varying)
        identity = weight * sizes.sum() / n_varying / n_free
    return _woodbury(products, between, inside, identity, (1.0 - weight) / n_free), start - n_varying


def _woodbury(
    products: np.ndarray, between: np.ndarray, inside: np.ndarray, identity: float, low_rank: float
) -> np.ndarray:
    """Return ``X (a I + b R' R)^-1 X'`` from ``X X'``, ``X R'`` and ``R R'``."""
    from scipy.linalg import cho_factor, cho_solve

    if identity <= 0:
        raise DesignError(NO_INVERSE)
    if low_rank <= 0:
        return products / identity
    inside = inside + identity / low_rank * np.eye(len(inside))
    factor = cho_factor(inside, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray((products - between @ cho_solve(factor, between.T, check_finite=False)) / identity)


def _of_stimuli(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    stimuli, means = stimulus_means(values, labels)
    return np.asarray(means[np.searchsorted(stimuli, labels)])
