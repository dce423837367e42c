"""Crossnobis RDMs of halves of the trials, of all random splits at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.design.halves import half_means
from neurodata4ml.analysis.linear.stimuli import sum_rows


@dataclass(frozen=True)
class Design:
    """Which trials may meet inside a half: those of different blocks, or where blocks are too few any two.

    Attributes
    ----------
    n_stimuli, n_folds : int
    by_block : bool
        Every half is made of whole blocks, two or more of which hold each stimulus.
    """

    n_stimuli: int
    n_folds: int
    by_block: bool

    @classmethod
    def of(cls, stimulus: np.ndarray, fold: np.ndarray, half: np.ndarray) -> Design:
        """Look at all trials: codes (n_trials,) of stimulus and fold, and the halves (n_trials, n_splits)."""
        n_stimuli, n_folds = int(stimulus.max()) + 1, int(fold.max()) + 1
        first = np.unique(fold, return_index=True)[1]
        whole = len(fold) > n_folds and bool((half == half[first][fold]).all())
        if not whole:
            return cls(n_stimuli, n_folds, False)
        there = np.zeros((n_folds, n_stimuli))
        there[fold, stimulus] = 1
        fewest = min((side.T @ there).min() for side in (half[first].astype(float), 1.0 - half[first]))
        return cls(n_stimuli, n_folds, bool(fewest >= 2))


def half_rdms(
    values: np.ndarray, stimulus: np.ndarray, fold: np.ndarray, half: np.ndarray, design: Design
) -> np.ndarray:
    """Crossnobis distances (identity for noise) of both halves of every split; see ``cross_gram``.

    Parameters
    ----------
    values : ndarray (n_trials, n_units)
        All trials, or those that a jackknife left.
    stimulus, fold : ndarray of int (n_trials,)
        Codes, counted over all trials.
    half : ndarray of bool (n_trials, n_splits)
    design : Design
        Of all trials, so that no replicate is made in another way.

    Returns
    -------
    ndarray (n_splits, 2, n_pairs), in the squared units of ``values``; NaN where a stimulus meets itself nowhere
    """
    function = _of_blocks if design.by_block else _of_trials
    gram, pairs = function(values, stimulus, fold, half, design)
    gram = gram / np.where(pairs > 0, pairs, np.nan)
    first, second = np.triu_indices(design.n_stimuli, 1)
    own = np.einsum("...ii->...i", gram)
    distances = own[..., first] + own[..., second] - 2 * gram[..., first, second]
    return np.asarray(distances / values.shape[1])


def _of_blocks(
    values: np.ndarray, stimulus: np.ndarray, fold: np.ndarray, half: np.ndarray, design: Design
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of products of trials of different blocks, and how many there are, (n_splits, 2, n, n) each."""
    n, n_folds, n_splits = design.n_stimuli, design.n_folds, half.shape[1]
    sums = sum_rows(values, fold * n + stimulus, n_folds * n).reshape(n_folds, n, -1)
    counts = np.bincount(fold * n + stimulus, minlength=n_folds * n).reshape(n_folds, n).astype(np.float64)
    inside = (sums @ sums.swapaxes(1, 2)).reshape(n_folds, -1)
    inside_counts = (counts[:, :, None] * counts[:, None, :]).reshape(n_folds, -1)
    member = np.zeros((n_splits, n_folds))
    member[:, fold] = half.T
    sides = np.stack([member, 1.0 - member], axis=1).reshape(2 * n_splits, n_folds)
    total = (sides @ sums.reshape(n_folds, -1)).reshape(2 * n_splits, n, -1)
    count = sides @ counts
    gram = total @ total.swapaxes(1, 2) - (sides @ inside).reshape(-1, n, n)
    pairs = count[:, :, None] * count[:, None, :] - (sides @ inside_counts).reshape(-1, n, n)
    shape = (n_splits, 2, n, n)
    return gram.reshape(shape), pairs.reshape(shape)


def _of_trials(
    values: np.ndarray, stimulus: np.ndarray, _fold: np.ndarray, half: np.ndarray, design: Design
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of products of different trials, and how many there are, (n_splits, 2, n, n) each."""
    n, n_splits = design.n_stimuli, half.shape[1]
    side = np.stack([half.T, ~half.T], axis=1).reshape(2 * n_splits, -1)
    count = np.stack([np.bincount(stimulus[part], minlength=n) for part in side]).astype(np.float64)
    lengths = np.einsum("tu,tu->t", values, values)
    squares = np.stack([np.bincount(stimulus[part], lengths[part], minlength=n) for part in side])
    total = half_means(values, stimulus, half, n).reshape(2 * n_splits, n, -1) * count[:, :, None]
    gram, pairs = total @ total.swapaxes(1, 2), count[:, :, None] * count[:, None, :]
    on = np.arange(n)
    gram[:, on, on] -= squares
    pairs[:, on, on] -= count
    return gram.reshape(n_splits, 2, n, n), pairs.reshape(n_splits, 2, n, n)
