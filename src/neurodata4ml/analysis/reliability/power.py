"""Signal and noise of each unit as plain numbers: how much its mean responses differ, and how much its trials do."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.linear.stimuli import stimulus_means, sum_rows
from neurodata4ml.errors import DesignError

_ROUNDING = 1e-24
"""Variance below this fraction of the mean square is rounding: the values are all the same."""

_ABSENT = 1e-9
"""Directions of block effects with less than this share of the most trials are no directions: counts are exact."""


def noise_variance(values: np.ndarray, labels: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """Variance of single trials around the mean of their stimulus, v, pooled over stimuli.

    With blocks, what moves all stimuli of a block alike is taken out first: it is no noise between stimuli.

    Parameters
    ----------
    values : ndarray (n_trials, n_units)
    labels : ndarray (n_trials,)
        The stimulus of each trial.
    blocks : ndarray (n_trials,), optional

    Returns
    -------
    ndarray (n_units,), in the squared units of ``values``

    Raises
    ------
    DesignError
        No stimulus is repeated.
    """
    return _variances(values, labels, blocks)[0]


def signal_power(values: np.ndarray, labels: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """Variance of the noise-free mean responses between stimuli: unbiased, and so below 0 at times; never clipped.

    ``Var(means) - v * mean(1 / n_i)``. For equal repeats that are the blocks it is the signal power of Sahani & Linden
    2003 (NIPS 15, eq. 1), ``(Var(sum_i y_i) - sum_i Var(y_i)) / (n (n - 1))``.

    Parameters
    ----------
    values, labels, blocks
        As in ``noise_variance``.

    Returns
    -------
    ndarray (n_units,), in the squared units of ``values``

    Raises
    ------
    DesignError
        No stimulus is repeated.
    """
    noise, spread, per_mean = _variances(values, labels, blocks)
    return np.asarray(spread - noise * per_mean)


def reliability_of_means(values: np.ndarray, labels: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """Share of the variance of the observed means that is signal, R = signal power / Var(means).

    A perfect model correlates with the observed means by sqrt(R). At most 1; below 0 where no signal was found.

    Parameters
    ----------
    values, labels, blocks
        As in ``noise_variance``.

    Returns
    -------
    ndarray (n_units,), unitless; NaN for a unit whose mean responses are all the same

    Raises
    ------
    DesignError
        No stimulus is repeated.
    """
    noise, spread, per_mean = _variances(values, labels, blocks)
    size = np.mean(np.square(values, dtype=np.float64), axis=0)
    return np.asarray(1.0 - noise * per_mean / np.where(spread <= _ROUNDING * size, np.nan, spread))


def _variances(
    values: np.ndarray, labels: np.ndarray, blocks: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return v, the variance of the means, and the share of v that is in it: the mean of 1 / n_i."""
    stimuli, stimulus, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n_free = len(values) - len(stimuli)
    if blocks is not None:
        effects, n_effects = _block_effects(values, stimulus, blocks)
        values, n_free = values - effects, n_free - n_effects
    if n_free < 1:
        message = (
            f"reliability needs repeated stimuli; got {len(values)} trials of {len(stimuli)} stimuli. "
            f"Choose a coarser condition with by=."
        )
        raise DesignError(message)
    _, means = stimulus_means(values, stimulus)
    noise = np.sum((values - means[stimulus]) ** 2, axis=0) / n_free
    return noise, means.var(axis=0, ddof=1), float(np.mean(1.0 / counts))


def _block_effects(values: np.ndarray, stimulus: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, int]:
    """Return what each block adds to all its trials (least squares, stimuli fitted too), and how many are free."""
    block = np.unique(blocks, return_inverse=True)[1]
    table = np.zeros((stimulus.max() + 1, block.max() + 1))
    np.add.at(table, (stimulus, block), 1.0)
    per_stimulus = table.sum(axis=1)
    normal = np.diag(table.sum(axis=0)) - table.T @ (table / per_stimulus[:, None])
    residuals = values - stimulus_means(values, stimulus)[1][stimulus]
    sizes, directions = np.linalg.eigh(normal)
    free = sizes > _ABSENT * sizes[-1]
    kept = directions[:, free] / sizes[free]
    effects = kept @ (directions[:, free].T @ sum_rows(residuals, block, len(normal)))
    effects -= table.sum(axis=0) @ effects / len(values)
    return effects[block], int(free.sum())
