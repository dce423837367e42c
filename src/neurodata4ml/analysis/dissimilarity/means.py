"""Distances of mean responses: Euclidean, correlation and cosine, from one matrix of patterns."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.wide import columns

LARGEST, SMALLEST = 1e150, 1e-140
"""Beyond these squares of numbers, or sums of a few million of them, overflow, or lose digits."""

_ROUNDING = 1e-12
"""What varies less than this, relative to its size, is constant: a pattern, or a unit over stimuli."""

_ALIKE = 1e-14
"""One minus a correlation below this is rounding: the two patterns are the same."""


def euclidean(patterns: Any) -> np.ndarray:
    """Squared Euclidean distance over the number of features.

    ``d_ij = ||b_i - b_j||^2 / P``. Noise in the patterns adds to it: twice the variance of a mean, on average.

    Parameters
    ----------
    patterns : ndarray (..., n_stimuli, n_features), or ``wide.Columns`` of it

    Returns
    -------
    ndarray (..., n_stimuli, n_stimuli), in the squared units of ``patterns``
    """
    patterns = columns(patterns)
    gram: Any = 0.0
    for block in patterns:
        # centring keeps precision when the patterns are large and their differences small
        gram = gram + inner(without_means(block))
    return np.asarray(np.maximum(distances_of_gram(gram), 0.0) / patterns.shape[-1])


def correlation(patterns: Any) -> np.ndarray:
    """One minus the Pearson correlation of two patterns; NaN for a constant one. Shapes as in ``euclidean``.

    Each block of columns is centred on its own means, and what these differ by is added at the end (Chan, Golub &
    LeVeque 1983, The American Statistician 37:242, eq. 2.1b), so that a large offset costs no digits.
    """
    gram: Any = 0.0
    counts, means = [], []
    for block in columns(patterns):
        mean = block.mean(axis=-1, keepdims=True)
        gram = gram + inner(block - mean)
        counts.append(block.shape[-1])
        means.append(mean[..., 0])
    count, mean = np.array(counts, dtype=np.float64), np.stack(means, axis=-1)
    whole = mean @ count / count.sum()
    gram = gram + inner((mean - whole[..., None]) * np.sqrt(count))
    return _one_minus(gram, np.sqrt(_diagonal(gram) + count.sum() * whole**2))


def cosine(patterns: Any) -> np.ndarray:
    """One minus the cosine of the angle between two patterns; NaN for one that is 0. Shapes as in ``euclidean``."""
    gram: Any = 0.0
    for block in columns(patterns):
        gram = gram + inner(block)
    return _one_minus(gram, np.sqrt(_diagonal(gram)))


def without_means(values: np.ndarray) -> np.ndarray:
    """Return columns (..., n_rows, n_columns) minus their means; those that only differ by rounding are exactly 0."""
    mean = values.mean(axis=-2)
    return drop_rounding(values - mean[..., None, :], mean)


def drop_rounding(centred: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Set columns (..., n_rows, n_columns) that lie around ``mean`` (..., n_columns) by rounding alone to 0, in place.

    Without it the sums of a constant unit over unequal numbers of trials would differ in the last digit, and those
    differences would be correlated with something.
    """
    size = _ROUNDING * np.abs(mean)
    # a column can only be flat where its first entry is: few are looked at whole
    doubtful = (np.abs(centred[..., 0, :]) < size).reshape(-1, centred.shape[-1]).any(axis=0)
    at = np.flatnonzero(doubtful)
    if len(at):
        some = centred[..., at]
        centred[..., at] = np.where(np.abs(some).max(axis=-2, keepdims=True) < size[..., None, at], 0.0, some)
    return centred


def inner(left: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
    """Return the inner products of the rows of two matrices (..., n_rows, n_columns), or of one with itself."""
    if right is None and left.ndim > 2:
        return np.asarray(np.stack([inner(one) for one in left]))
    right = left if right is None else right
    return np.asarray(left @ np.swapaxes(right, -1, -2))


def distances_of_gram(gram: np.ndarray) -> np.ndarray:
    """Return ``G_ii + G_jj - G_ij - G_ji``: squared distances from inner products (..., n_stimuli, n_stimuli)."""
    own = _diagonal(gram)
    return np.asarray(own[..., :, None] + own[..., None, :] - gram - np.swapaxes(gram, -1, -2))


def _one_minus(gram: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return one minus the products of patterns of length 1; none for those shorter than rounding of ``size``.

    Nor for those whose squares float64 does not hold with all digits.
    """
    norm = np.sqrt(_diagonal(gram))
    norm[(norm <= _ROUNDING * size) | (norm < SMALLEST) | ~(norm < LARGEST)] = np.nan
    distances = 1.0 - gram / norm[..., :, None] / norm[..., None, :]
    one = np.arange(norm.shape[-1])
    distances[..., one, one] = np.where(np.isnan(norm), np.nan, 0.0)
    # a response that is the same to all stimuli has no distances, rather than those of rounding
    return np.asarray(np.clip(np.where(distances <= _ALIKE, 0.0, distances), 0.0, 2.0))


def _diagonal(gram: np.ndarray) -> np.ndarray:
    return np.diagonal(gram, axis1=-2, axis2=-1).copy()
