"""Halves of the trials that share no fold: two looks at the same stimuli whose noise is independent."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.linear.threads import one_blas_thread
from neurodata4ml.errors import DesignError

_DRAWS = 100
"""Attempts at a split of whole blocks before giving up; one suffices unless stimuli miss many blocks."""


def split_halves(labels: np.ndarray, folds: np.ndarray, kind: str, *, n_splits: int, seed: int) -> np.ndarray:
    """Random balanced halves of the trials, several times.

    With blocks, whole blocks go to one half or the other. With trials as folds (or where no split of the blocks
    leaves every stimulus in both halves) each stimulus's folds are dealt out in turn, so that halves differ by one
    at most.

    Parameters
    ----------
    labels, folds : ndarray (n_trials,)
        Stimulus and fold of each trial.
    kind : "block" or "trial"
        What the folds are; see ``fold_labels``.
    n_splits : int
    seed : int

    Returns
    -------
    ndarray of bool (n_trials, n_splits), True in the first half

    Raises
    ------
    DesignError
        A stimulus lies in one fold only.
    """
    rng = np.random.default_rng(seed)
    stimuli, stimulus = np.unique(labels, return_inverse=True)
    fold_names, fold = np.unique(folds, return_inverse=True)
    cells, cell = np.unique(stimulus * max(len(fold_names), 1) + fold, return_inverse=True)
    of_stimulus, of_fold = np.divmod(cells, max(len(fold_names), 1))
    alone = stimuli[np.bincount(of_stimulus, minlength=len(stimuli)) < 2]
    if len(alone) or not len(stimuli):
        names = ", ".join(map(str, alone[:5])) or "there are no trials"
        message = (
            f"Split halves need every stimulus in at least 2 blocks or trials; {len(alone)} have fewer: {names}. "
            f"Drop them: x.isel(trial=~x.stimulus.isin([...]).values)."
        )
        raise DesignError(message)
    whole = kind == "block"
    draws = np.stack([_draw(of_stimulus, of_fold, whole, rng) for _ in range(n_splits)], axis=1)
    return np.asarray(draws[cell])


def half_means(values: np.ndarray, stimulus: np.ndarray, half: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Mean response per split, half and stimulus.

    Parameters
    ----------
    values : ndarray (n_trials, n_units)
    stimulus : ndarray of int (n_trials,)
        The stimulus of each trial, counted from 0.
    half : ndarray of bool (n_trials, n_splits)
    n_stimuli : int

    Returns
    -------
    ndarray (n_splits, 2, n_stimuli, n_units), NaN where a half lacks a stimulus
    """
    n_splits = half.shape[1]
    order = np.argsort(stimulus, kind="stable")
    edges = np.searchsorted(stimulus[order], np.arange(n_stimuli + 1))
    means = np.empty((n_splits, 2, n_stimuli, values.shape[1]))
    with one_blas_thread():
        for i in range(n_stimuli):
            rows = order[edges[i] : edges[i + 1]]
            within = half[rows].T
            member = np.stack([within, ~within], axis=1).reshape(2 * n_splits, len(rows)).astype(np.float64)
            counts = member.sum(axis=1)
            counts[counts == 0] = np.nan
            means[:, :, i] = (member @ values[rows] / counts[:, None]).reshape(n_splits, 2, -1)
    return means


def _draw(of_stimulus: np.ndarray, of_fold: np.ndarray, whole: bool, rng: np.random.Generator) -> np.ndarray:
    """Return one split as bool per cell (one stimulus in one fold)."""
    n_stimuli = of_stimulus.max() + 1
    for _ in range(_DRAWS if whole else 0):
        n_folds = of_fold.max() + 1
        first: np.ndarray = (rng.permutation(n_folds) < n_folds // 2)[of_fold]
        covered = [np.bincount(of_stimulus[part], minlength=n_stimuli).min() > 0 for part in (first, ~first)]
        if all(covered):
            return first
    return _deal(of_stimulus, rng)


def _deal(of_stimulus: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deal the cells of each stimulus in random order to one half and the other in turn."""
    order = np.lexsort((rng.random(len(of_stimulus)), of_stimulus))
    sorted_stimulus = of_stimulus[order]
    place = np.arange(len(order)) - np.searchsorted(sorted_stimulus, sorted_stimulus)
    starts = rng.integers(0, 2, size=of_stimulus.max() + 1)  # who gets the odd one out
    out = np.empty(len(order), dtype=bool)
    out[order] = (place + starts[sorted_stimulus]) % 2 == 0
    return out
