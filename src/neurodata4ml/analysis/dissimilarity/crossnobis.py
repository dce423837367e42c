"""Cross-validated distances of single trials: crossnobis and the Poisson divergence, without what noise adds."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.by_rows import by_rows
from neurodata4ml.analysis.dissimilarity.crossing import Crossing, Sides
from neurodata4ml.analysis.dissimilarity.groups import Groups
from neurodata4ml.analysis.dissimilarity.means import distances_of_gram, drop_rounding, inner, without_means
from neurodata4ml.analysis.dissimilarity.poisson import with_prior
from neurodata4ml.analysis.dissimilarity.whitening import Whitened, whiten
from neurodata4ml.analysis.dissimilarity.wide import Columns, columns
from neurodata4ml.analysis.linear.threads import stream_threads

_TILE = 1 << 20
"""Bytes of the means of one block and some columns (1 MB)."""


def crossnobis(
    values: Any, labels: np.ndarray, folds: np.ndarray | Crossing, precision: str | np.ndarray | None = None
) -> np.ndarray:
    """Cross-validated Mahalanobis distance over the number of units; expectation 0 for equal responses.

    ``d_ij = sum_{k != l} u_k u_l (b_i - b_j)_k S^-1 (b_i - b_j)_l' / (P sum_{k != l} u_k u_l)``: Walther et al. 2016,
    NeuroImage 137:188, eq. 13, with the weights of ``Crossing`` where counts are unequal. Never clipped at 0.

    Parameters
    ----------
    values : ndarray (n_trials, n_units), ``wide.Columns`` of it, or ``Whitened`` trials
        ``Columns`` may have other axes in front.
    labels, folds : ndarray (n_trials,)
        The stimulus and the fold of each trial; or the ``Crossing`` of both in place of folds.
    precision : str or ndarray (n_units, n_units), optional
        A key of ``PRECISIONS``, or the inverse noise covariance itself.

    Returns
    -------
    ndarray (..., n_stimuli, n_stimuli), in the squared units of ``values``; stimuli in sorted order

    Raises
    ------
    DesignError
        A stimulus in fewer than two folds.
    """
    return _distances(values, labels, folds, precision, lambda means: (means, None))


def poisson_cv(values: Any, labels: np.ndarray, folds: np.ndarray | Crossing) -> np.ndarray:
    """Cross-validated symmetrised Poisson divergence over the number of units; expectation 0 for equal responses.

    ``d_ij = <(l_i - l_j)_k . (log l_i - log l_j)_l> / P`` over all ordered pairs of different folds, ``l`` as in
    ``poisson``. (rsatoolbox 0.3.2 means this too, but returns the last of its folds alone.) For unequal responses the
    logarithm of few counts is too low on average: unbiased at 0 only. Parameters and result as in ``crossnobis``.
    """

    def sides(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rates = with_prior(means)
        return rates, np.log(rates)

    return _distances(values, labels, folds, None, sides)


def _distances(
    values: Any, labels: np.ndarray, folds: np.ndarray | Crossing, precision: str | np.ndarray | None, sides: Sides
) -> np.ndarray:
    crossing = folds if isinstance(folds, Crossing) else Crossing.of(labels, folds)
    white = values if isinstance(values, Whitened) else whiten(columns(values), labels, precision)
    if white.gram is not None:
        return crossing.distances_of_gram(white.gram) / white.n_units
    trials = white.values
    if trials.is_cut_by_rows and (crossing.of_trials or crossing.is_complete):
        kernel = by_rows(trials, crossing, sides)
    else:
        kernel = _by_columns(trials, crossing, sides)
    if crossing.of_trials or crossing.is_complete:
        return distances_of_gram(kernel / crossing.pairs) / white.n_units
    return np.asarray(kernel / crossing.pairs / white.n_units)


def _by_columns(trials: Columns, crossing: Crossing, sides: Sides) -> np.ndarray:
    """Return the sum over blocks of columns of the products of different folds (of differences, for `_of_pairs`)."""
    kernel_of = _of_trials if crossing.of_trials else _of_blocks if crossing.is_complete else _of_pairs
    # a block of trials is small enough to stay near the processor with so many columns
    least = _TILE // (8 * max(1, trials.shape[-2] // crossing.n_folds)) if kernel_of is _of_blocks else 1

    def of_part(part: slice) -> np.ndarray:
        block = trials.raw(part)
        if block.ndim == 2:
            return kernel_of(block, crossing, sides)
        found = np.stack([kernel_of(one, crossing, sides) for one in block.reshape(-1, *block.shape[-2:])])
        return found.reshape(*block.shape[:-2], *found.shape[1:])

    total: Any = 0.0
    # a lazy block is read by the threads of dask, one at a time, so that memory holds no more than one
    for kernel in stream_threads(of_part, trials.parts(least=least), n_jobs=1 if trials.is_lazy else None):
        total = total + kernel
    return np.asarray(total)


def _of_trials(block: np.ndarray, crossing: Crossing, sides: Sides) -> np.ndarray:
    """Return sum_{t != t'} x_t . x_t' for trials of every pair of stimuli."""
    left, right = sides(np.asarray(block, dtype=np.float64))
    left = without_means(left)
    right = left if right is None else without_means(right)
    sums = crossing.trials_of_stimuli.sums
    total = sums(left)
    other = total if right is left else sums(right)
    own = np.bincount(crossing.stimulus, np.einsum("tu,tu->t", left, right))
    return np.asarray(total @ other.T - np.diag(own))


def _of_blocks(block: np.ndarray, crossing: Crossing, sides: Sides) -> np.ndarray:
    """Return sum_{k != l} u_k u_l b_ik . b_jl; what a block has more of, in all stimuli, is taken out first."""
    total = np.zeros((len(crossing.stimuli), block.shape[1]))
    other: np.ndarray | None = None
    kernel = np.zeros((len(total), len(total)))
    for (rows, stimuli), weight in zip(crossing.trials_of_folds, crossing.weights, strict=True):
        left, right = sides(stimuli.means(np.asarray(block[rows], dtype=np.float64)))
        left = _weighed(left, weight)
        total += left
        if right is not None:
            right = _weighed(right, weight)
            other = right if other is None else other + right
        kernel -= inner(left, right)
    return np.asarray(kernel + inner(total, other))


def _weighed(means: np.ndarray, weight: float) -> np.ndarray:
    centred = without_means(means)
    if weight < 1.0:
        centred *= weight
    return np.asarray(centred)


def _of_pairs(block: np.ndarray, crossing: Crossing, sides: Sides) -> np.ndarray:
    """Return, where stimuli are missing from blocks, the summed products of differences of every pair of stimuli.

    With m_k = 1 where block k holds both, ``sum_{k != l} m_k m_l u_k u_l (b_i - b_j)_k . (c_i - c_j)_l``: the product
    of the two sums over all blocks less that of each block with itself.
    """
    left, right = sides(crossing.trials_of_cells.means(np.asarray(block, dtype=np.float64)))
    there = (crossing.counts > 0).astype(np.float64)
    one = _laid_out(left, crossing)
    two = one if right is None else _laid_out(right, crossing)
    found = np.empty((len(there), len(there)))
    for i, own in enumerate(there):
        differences = _summed(one, there, i, own)
        others = differences if two is one else _summed(two, there, i, own)
        found[i] = np.einsum("jp,jp->j", differences, others)
    for k, held in enumerate(there.T):
        found -= np.outer(held, held) * distances_of_gram(inner(one[:, k], None if two is one else two[:, k]))
    np.fill_diagonal(found, 0.0)
    return found


def _laid_out(means: np.ndarray, crossing: Crossing) -> np.ndarray:
    """Return weighted means (n_stimuli, n_folds, n_columns), each without the mean of its block; 0 where missing."""
    fold = crossing.cells % crossing.n_folds
    centred = drop_rounding(means - Groups(fold).means(means)[fold], means.mean(axis=0))
    centred *= crossing.weights[fold, None]
    out = np.zeros((len(crossing.stimuli) * crossing.n_folds, means.shape[1]))
    out[crossing.cells] = centred
    return out.reshape(len(crossing.stimuli), crossing.n_folds, -1)


def _summed(means: np.ndarray, there: np.ndarray, i: int, own: np.ndarray) -> np.ndarray:
    """Return the sums (n_stimuli, n_columns) of what stimulus i has more than each other, over blocks with both."""
    return np.asarray(there @ means[i] - np.tensordot(own, means, axes=(0, 1)))
