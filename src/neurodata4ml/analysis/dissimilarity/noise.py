"""The covariance of trial noise across units, shrunk so that its inverse exists with few trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.errors import DesignError


def noise_precision(values: np.ndarray, labels: np.ndarray, *, method: str = "ledoit-wolf") -> np.ndarray:
    """Inverse noise covariance from single trials: residuals around the mean of each stimulus.

    The degrees of freedom are trials minus stimuli. (``prec_from_measurements`` of rsatoolbox 0.3.2 takes
    (stimuli - 1) * repeats, which is too many; its ``prec_from_unbalanced`` agrees with this.)

    Parameters
    ----------
    values : ndarray (n_trials, n_units)
    labels : ndarray (n_trials,)
        The stimulus of each trial.
    method : str
        A key of ``PRECISIONS``.

    Returns
    -------
    ndarray (n_units, n_units), in inverse squared units of ``values``

    Raises
    ------
    DesignError
        An unknown method, no stimulus with two trials, or units whose responses never vary.
    """
    if method not in PRECISIONS:
        message = f"Unknown precision {method!r}. Type one of {', '.join(PRECISIONS)}, a matrix, or None."
        raise DesignError(message)
    stimuli, means = stimulus_means(values, labels)
    n_free = len(values) - len(stimuli)
    if n_free < 1:
        message = (
            f"The noise precision needs repeated stimuli; got {len(values)} trials of {len(stimuli)} stimuli. "
            f"Type precision=None."
        )
        raise DesignError(message)
    residuals = values - means[np.searchsorted(stimuli, labels)]
    silent = np.flatnonzero(~residuals.any(axis=0))
    if len(silent):
        message = (
            f"The noise precision needs units whose responses vary between trials; {len(silent)} never do "
            f"(at positions {', '.join(map(str, silent[:5]))}). Drop them: x.isel(unit=...), or type precision=None."
        )
        raise DesignError(message)
    return np.linalg.inv(PRECISIONS[method](residuals, n_free))


def ledoit_wolf(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Covariance shrunk to a multiple of the identity (Ledoit & Wolf 2004, J. Multivar. Anal. 88:365, sec. 3.2).

    Parameters
    ----------
    residuals : ndarray (n_trials, n_units), mean 0
    n_free : int
        Degrees of freedom that the sum of squares is divided by.
    """
    n_trials, n_units = residuals.shape
    sample = residuals.T @ residuals / n_trials
    target = np.trace(sample) / n_units * np.eye(n_units)
    spread = np.sum((sample - target) ** 2)
    error = (np.sum(np.sum(residuals**2, axis=1) ** 2) / n_trials - np.sum(sample**2)) / n_trials
    weight = min(1.0, error / spread) if spread > 0 else 1.0
    return np.asarray((weight * target + (1.0 - weight) * sample) * n_trials / n_free)


def schaefer_strimmer(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Covariance whose correlations are shrunk to 0 (Schaefer & Strimmer 2005, SAGMB 4:32, target D).

    Written as rsatoolbox 0.3.2 does (``shrinkage_diag``), so that published crossnobis distances can be repeated.

    Parameters
    ----------
    residuals : ndarray (n_trials, n_units), mean 0
    n_free : int
        Degrees of freedom that the sum of squares is divided by.
    """
    n_trials, n_units = residuals.shape
    covariance = residuals.T @ residuals / n_free
    scaled = residuals / np.sqrt(np.diag(covariance))
    mean = scaled.T @ scaled / (n_trials - 1)
    square = (scaled**2).T @ scaled**2 / (n_trials - 1)
    error = n_trials / n_free**2 * (square - mean**2)
    off = ~np.eye(n_units, dtype=bool)
    spread = np.sum(mean[off] ** 2)
    weight = float(np.clip(np.sum(error[off]) / spread, 0.0, 1.0)) if spread > 0 else 1.0
    return np.asarray(np.where(off, (1.0 - weight) * covariance, covariance))


def diagonal(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Variances alone: each unit is divided by its own noise (univariate noise normalisation)."""
    return np.asarray(np.diag(np.sum(residuals**2, axis=0) / n_free))


PRECISIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "ledoit-wolf": ledoit_wolf,
    "schaefer-strimmer": schaefer_strimmer,
    "diagonal": diagonal,
}
"""Covariance estimators whose inverse can weigh the units of a crossnobis distance."""
