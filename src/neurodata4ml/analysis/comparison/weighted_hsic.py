"""HSIC_1 when stimuli are drawn more than once: a U-statistic in which no stimulus ever meets its own copy."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.linear.threads import in_threads

_CHUNK = 2_000_000
"""Coefficients of pairs made at once (16 MB)."""


def weighted_cka(x: np.ndarray, ys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return unbiased CKA of Gram matrices ``x`` and ``ys`` in every resample, shape (n_resamples, n_ys).

    HSIC_1 is the mean of ``K_ij (L_ij + L_kl - 2 L_ik)`` over all ordered quadruples of different stimuli (Song et al.
    2012, JMLR 13:1393, eq. 5). With multiplicities w, a quadruple counts ``w_i w_j w_k w_l`` times, and those in which
    a stimulus meets its copy do not count: given w, the weighted mean has the same expectation as the plain one. The
    sums over quadruples are reduced, by inclusion and exclusion, to sums over pairs and over stimuli.

    Parameters
    ----------
    x : ndarray (n, n)
    ys : ndarray (n_ys, n, n)
        Gram matrices, centred or not (what is the same for all entries of a row and column cancels); the diagonals are
        never read.
    weights : ndarray (n_resamples, n)

    Returns
    -------
    ndarray, NaN where fewer than 4 different stimuli are drawn, or where a self-term is not positive
    """
    n = len(x)
    weights = np.asarray(weights, dtype=np.float64)
    grams = np.concatenate([x[None], ys]) * (1.0 - np.eye(n))
    # the scale of a matrix does not matter, but its square should neither overflow nor vanish
    scale = np.abs(grams).max(axis=(1, 2), keepdims=True)
    grams = grams / np.where(scale > 0, scale, 1.0)
    step = max(1, _CHUNK // (n * n))
    parts = [weights[start : start + step] for start in range(0, len(weights), step)]
    return np.concatenate(in_threads(lambda part: _cka(grams, part), parts))


def _cka(grams: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return CKA of the first Gram matrix with the others (n_resamples, n_others)."""
    n_grams, n, _ = grams.shape
    first, second = np.triu_indices(n, 1)
    pairs = grams[:, first, second]
    coefficients = _of_pairs(weights, first, second)
    sums = np.einsum("gij,rj->gri", grams, weights, optimize=True)
    squares = np.einsum("gij,rj->gri", grams, weights**2, optimize=True)
    own = (coefficients @ (pairs**2).T).T
    own += np.stack([_of_rows(weights, sums[g], squares[g], sums[g], squares[g]) for g in range(n_grams)])
    cross = (coefficients * pairs[0]) @ pairs[1:].T
    cross += np.stack([_of_rows(weights, sums[0], squares[0], sums[g], squares[g]) for g in range(1, n_grams)], axis=1)
    product = (own[0] * own[1:]).T
    enough = ((weights > 0).sum(axis=1) >= 4)[:, None] & (own[0] > 0)[:, None] & (own[1:] > 0).T
    out = np.full(cross.shape, np.nan)
    np.divide(cross, np.sqrt(np.where(enough, product, 1.0)), out=out, where=enough)
    return out


def _of_pairs(w: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the factor of ``K_ij L_ij``, i < j, in the sum over quadruples, shape (n_resamples, n_pairs)."""
    a, b = w[:, first], w[:, second]
    total, squares = w.sum(axis=1, keepdims=True), (w**2).sum(axis=1, keepdims=True)
    # of K_ij L_ij: all (k, l) that are neither i, nor j, nor each other
    others = (total - a - b) ** 2 - (squares - a**2 - b**2)
    # of K_ij L_kl: quadruples that share two stimuli were taken away twice
    twice = 2.0 * a * b
    # of K_ij L_ik: triples with j = k were counted, with all l, and taken away with l = j and l = k
    triples = (total - a) * b + (total - b) * a - 2.0 * (a**2 + b**2)
    return np.asarray(2.0 * a * b * (others + twice + triples))


def _of_rows(w: np.ndarray, k: np.ndarray, k2: np.ndarray, l: np.ndarray, l2: np.ndarray) -> np.ndarray:  # noqa: E741
    """Return what the row sums of K and L, weighted by w (k, l) and by w^2 (k2, l2), add to the sum over quadruples."""
    apart = (w * k).sum(axis=1) * (w * l).sum(axis=1)
    total = w.sum(axis=1, keepdims=True)
    shared = ((-4.0 * w**2 - 2.0 * w * (total - w)) * k * l).sum(axis=1)
    return np.asarray(apart + shared + 2.0 * (w * (k2 * l + k * l2)).sum(axis=1))
