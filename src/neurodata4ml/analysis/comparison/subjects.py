"""Models beside the RDMs of several subjects, stimuli and subjects drawn again, with the noise ceiling of each draw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurodata4ml.analysis.comparison.weighted import Ranking, n_stimuli_of, pair_weights
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.errors import DesignError

_CHUNK = 300_000
"""Pair weights made at once (2.4 MB): what stays in a core's cache while all products are made of it."""

_ROUNDING = 1e-12

METRICS_OF_SUBJECTS = ("rsa_pearson", "rsa_cosine", "rsa_spearman")
"""Metrics of which the RDM that agrees best with all subjects is known."""


class Draws(NamedTuple):
    """What each draw gives.

    Attributes
    ----------
    similarity : ndarray (n_resamples, n_models)
        Mean over the drawn subjects.
    lower, upper : ndarray (n_resamples,)
        Mean similarity of a subject with all other subjects pooled, and with all pooled, itself included.
    """

    similarity: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def resampled_subjects(
    metric: str,
    subjects: np.ndarray,
    models: np.ndarray,
    weights: np.ndarray,
    subject_weights: np.ndarray | None = None,
) -> Draws:
    """Mean similarity of models with subjects, and the noise ceiling, for every draw of stimuli (and of subjects).

    Subjects are pooled so that the pool is as similar to all of them as can be: RDMs of norm 1 (cosine), z-scored
    (Pearson), ranked (Spearman), then averaged (Nili et al. 2014, PLoS Comput Biol 10:e1003553). In the lower bound
    all copies of a subject are left out together. Pearson and cosine are matrix products of pair weights; ranks are
    those of the pairs as drawn, from sums over each RDM sorted once. Pairs of copies have no weight.

    Parameters
    ----------
    metric : str
        One of ``METRICS_OF_SUBJECTS``.
    subjects : ndarray (n_subjects, n_pairs)
    models : ndarray (n_models, n_pairs)
    weights : ndarray of int (n_resamples, n_stimuli)
        From ``multiplicities``.
    subject_weights : ndarray of int (n_resamples, n_subjects), optional
        How often each subject is drawn; once, when left out.

    Returns
    -------
    Draws

    Raises
    ------
    DesignError
        An unknown metric, shapes that do not fit, values that are not finite.
    """
    subjects, models = np.asarray(subjects, dtype=np.float64), np.asarray(models, dtype=np.float64)
    weights = np.asarray(weights, dtype=np.float64)
    _check(metric, subjects, models, weights)
    if subject_weights is None:
        subject_weights = np.ones((len(weights), len(subjects)))
    subject_weights = np.asarray(subject_weights, dtype=np.float64)
    step = max(1, _CHUNK // subjects.shape[1])
    parts = [slice(k, k + step) for k in range(0, len(weights), step)]
    if metric == "rsa_spearman":
        ranking = Ranking.of(np.vstack([subjects, models]))
        found = in_threads(lambda part: _ranked(ranking, weights[part], subject_weights[part]), parts)
    else:
        if metric == "rsa_pearson":
            subjects, models = (rows - rows.mean(axis=1, keepdims=True) for rows in (subjects, models))
        products = _Products.of(subjects, models, centre=metric == "rsa_pearson")
        found = in_threads(lambda part: products.draws(pair_weights(weights[part]), subject_weights[part]), parts)
    return Draws(*(np.concatenate(each) for each in zip(*found, strict=True)))


class _Products(NamedTuple):
    """RDMs and their products with each other, to be summed with weights."""

    subjects: np.ndarray
    models: np.ndarray
    columns: np.ndarray
    centre: bool

    @classmethod
    def of(cls, subjects: np.ndarray, models: np.ndarray, *, centre: bool) -> _Products:
        a, b = np.triu_indices(len(subjects))
        squares = [subjects[a] * subjects[b], models**2]
        columns = np.vstack([*squares, subjects, models] if centre else squares).T
        return cls(subjects, models, np.ascontiguousarray(columns), centre)

    def draws(self, pairs: np.ndarray, v: np.ndarray) -> Draws:
        """Return what draws with pair weights (n_draws, n_pairs) and subject weights (n_draws, n_subjects) give."""
        n_subjects, n_models = len(self.subjects), len(self.models)
        n_products = n_subjects * (n_subjects + 1) // 2
        sums, count = pairs @ self.columns, pairs.sum(axis=1, keepdims=True)
        a, b = np.triu_indices(n_subjects)
        shared = np.empty((len(pairs), n_subjects, n_subjects))
        shared[:, a, b] = shared[:, b, a] = sums[:, :n_products]
        squares = sums[:, n_products : n_products + n_models]
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.centre:
                means = sums[:, n_products + n_models :] / count
                mean_s, mean_m = means[:, :n_subjects], means[:, n_subjects:]
                shared = shared - count[:, :, None] * mean_s[:, :, None] * mean_s[:, None, :]
                squares = squares - count * mean_m**2
            norms = np.sqrt(np.einsum("rss->rs", shared))
            scaled = v / norms
            cross = (pairs * (scaled @ self.subjects)) @ self.models.T
            if self.centre:
                cross -= count * (scaled * mean_s).sum(axis=1, keepdims=True) * mean_m
            # norms that are rounding: all drawn pairs are alike
            spread = np.where(squares > _ROUNDING * np.abs(self.models).max(axis=1) ** 2 * count, squares, np.nan)
            similarity = cross / (np.sqrt(spread) * v.sum(axis=1, keepdims=True))
            return Draws(similarity, *_ceiling(shared / (norms[:, :, None] * norms[:, None, :]), v))


def _ceiling(alike: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds from the similarities of subjects (n_draws, n_subjects, n_subjects) and their weights.

    The pool is the sum of RDMs of norm 1: its inner product with a subject is a sum of similarities.
    """
    with_pool = np.einsum("rst,rt->rs", alike, v)
    squared = (v * with_pool).sum(axis=1)
    total = v.sum(axis=1)
    upper = np.sqrt(squared) / total
    # without all copies of subject s
    others = squared[:, None] - 2.0 * v * with_pool + v**2
    lower = v * (with_pool - v) / np.sqrt(np.where(others > _ROUNDING, others, np.nan))
    return np.asarray(np.where(v > 0, lower, 0.0).sum(axis=1) / total), upper


def _ranked(ranking: Ranking, weights: np.ndarray, subject_weights: np.ndarray) -> Draws:
    """Return what draws give, one by one, where similarity is the correlation of ranks."""
    pairs = pair_weights(weights)
    n_subjects, n_rows = subject_weights.shape[1], len(ranking.order)
    out = Draws(np.empty((len(weights), n_rows - n_subjects)), np.empty(len(weights)), np.empty(len(weights)))
    for k, (pair, v) in enumerate(zip(pairs, subject_weights, strict=True)):
        ranks, w = ranking.centred(pair)
        norms = np.sqrt((ranks**2) @ w)
        norms[norms == 0] = np.nan
        subjects, total = ranks[:n_subjects], v.sum()
        weighed = w * ((v / norms[:n_subjects]) @ subjects)
        out.similarity[k] = ranks[n_subjects:] @ weighed / (norms[n_subjects:] * total)
        drawn = np.flatnonzero(v)
        pool = v @ subjects
        pools = np.vstack([pool, pool - v[drawn, None] * subjects[drawn]])
        pooled = Ranking.of(pools).centred(w)[0]
        spread = np.sqrt((pooled**2) @ w)
        spread[spread == 0] = np.nan
        out.upper[k] = pooled[0] @ weighed / (spread[0] * total)
        each = np.einsum("sp,sp->s", pooled[1:], w * subjects[drawn]) / (spread[1:] * norms[drawn])
        out.lower[k] = (v[drawn] * each).sum() / total
    return out


def _check(metric: str, subjects: np.ndarray, models: np.ndarray, weights: np.ndarray) -> None:
    if metric not in METRICS_OF_SUBJECTS:
        message = f"Subjects are pooled for the metrics {', '.join(METRICS_OF_SUBJECTS)}; got {metric!r}."
        raise DesignError(message)
    n_pairs = subjects.shape[-1]
    if subjects.ndim != 2 or models.ndim != 2 or models.shape[1] != n_pairs:
        message = (
            f"RDMs of subjects and of models are rows of pairs of the same stimuli; got shapes {subjects.shape} and "
            f"{models.shape}. Type rdm.values[np.triu_indices(n, 1)] for each."
        )
        raise DesignError(message)
    if weights.ndim != 2 or weights.shape[1] != n_stimuli_of(n_pairs):
        message = (
            f"{n_pairs} pairs are those of {n_stimuli_of(n_pairs)} stimuli; got weights of shape {weights.shape}. "
            f"Type multiplicities(n_stimuli, n_resamples, rng)."
        )
        raise DesignError(message)
    bad = int((~np.isfinite(subjects)).sum() + (~np.isfinite(models)).sum())
    if bad:
        message = f"RDMs of subjects and of models must be finite; {bad} values are not. Drop their stimuli."
        raise DesignError(message)
