"""Similarities of RDMs in which every pair of stimuli counts a given number of times: resamples as matrix products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from neurodata4ml.analysis.linear.threads import in_threads

Weighted = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

_CHUNK = 500_000
"""Pair weights made at once (4 MB): what stays in a core's cache while all products are made of it."""

_ROUNDING = 1e-12
"""A spread below this fraction of the sum of squares is rounding."""


def pair_weights(weights: np.ndarray) -> np.ndarray:
    """Return how often each pair (i, j), i < j, is drawn, shape (n_resamples, n_pairs): ``w_i w_j``.

    Pairs of a stimulus with its own copy are no pairs of different stimuli, and have no place here.

    Parameters
    ----------
    weights : ndarray (n_resamples, n_stimuli)
        How often each stimulus is drawn.
    """
    first, second = np.triu_indices(weights.shape[1], 1)
    return np.asarray(weights[:, first] * weights[:, second], dtype=np.float64)


def n_stimuli_of(n_pairs: int) -> int:
    """Return the number of stimuli that have ``n_pairs`` pairs."""
    return round((1 + float(np.sqrt(1 + 8 * n_pairs))) / 2)


def weighted(function: Weighted, x: np.ndarray, ys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the similarity of ``x`` with every row of ``ys`` in every resample, shape (n_resamples, n_rows).

    Parameters
    ----------
    function : callable
        A value of ``WEIGHTED``.
    x : ndarray (n_pairs,)
    ys : ndarray (n_rows, n_pairs)
    weights : ndarray (n_resamples, n_stimuli)
        How often each stimulus is drawn. Pairs that are NaN on either side are left out, of that row only.
    """
    known = ~np.isnan(x)
    rows = [known & ~np.isnan(y) for y in ys]
    whole = np.array([bool(row.all()) for row in rows])
    out = np.empty((len(weights), len(ys)))
    if whole.any():
        out[:, whole] = in_chunks(lambda w: function(w, x, ys[whole]), weights, len(x))
    for k in np.flatnonzero(~whole):
        if not rows[k].any():
            out[:, k] = np.nan
            continue
        some, mine, other = rows[k], x[rows[k]], ys[k][None, rows[k]]
        out[:, k] = in_chunks(partial(_of_some, function, some, mine, other), weights, len(x))
    return out


def _of_some(function: Weighted, some: np.ndarray, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the similarity in draws of which only ``some`` pairs are known on both sides."""
    return function(weights[:, some], x, y)[:, 0]


def in_chunks(function: Callable[[np.ndarray], np.ndarray], weights: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return ``function`` of the pair weights of all resamples, some at a time and several at once."""
    step = max(1, _CHUNK // max(n_pairs, 1))
    parts = [weights[start : start + step] for start in range(0, len(weights), step)]
    return np.concatenate(in_threads(lambda part: function(pair_weights(part)), parts))


def pearson(weights: np.ndarray, x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return the weighted Pearson correlation (n_resamples, n_rows); NaN where one side does not vary."""
    x, ys = x - x.mean(), ys - ys.mean(axis=1, keepdims=True)
    count = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = weights @ x / count, weights @ ys.T / count[:, None]
        of_x = weights * x
        xx, yy, xy = of_x @ x, weights @ (ys**2).T, of_x @ ys.T
        xy -= count[:, None] * mean_x[:, None] * mean_y
        return _ratio(xy, _spread(xx, count * mean_x**2), _spread(yy, count[:, None] * mean_y**2))


def cosine(weights: np.ndarray, x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return the weighted cosine (n_resamples, n_rows); NaN where one side is 0."""
    of_x = weights * x
    return _ratio(of_x @ ys.T, of_x @ x, weights @ (ys**2).T)


def spearman(weights: np.ndarray, x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of weighted ranks (n_resamples, n_rows); NaN where one side does not vary."""
    ranking = Ranking.of(np.vstack([x, ys]))
    out = np.empty((len(weights), len(ys)))
    for k, weight in enumerate(weights):
        ranks, w = ranking.centred(weight)
        of_x = ranks[0] * w
        out[k] = _ratio(ranks[1:] @ of_x, np.dot(of_x, ranks[0]), (ranks[1:] ** 2) @ w)
    return out


def rho_a(weights: np.ndarray, x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return rho-a (n_resamples, n_rows): ``12 <a, b> / (N^3 - N)`` of the weighted ranks, N pairs being drawn.

    NaN where one side does not vary.
    """
    ranking = Ranking.of(np.vstack([x, ys]))
    out = np.empty((len(weights), len(ys)))
    for k, weight in enumerate(weights):
        ranks, w = ranking.centred(weight)
        n, varies = w.sum(), np.asarray(ranks.any(axis=1))
        found = 12.0 * (ranks[1:] @ (ranks[0] * w)) / (n**3 - n) if varies[0] else np.nan
        out[k] = np.where(varies[1:], found, np.nan)
    return out


WEIGHTED: dict[str, Weighted] = {
    "rsa_pearson": pearson,
    "rsa_cosine": cosine,
    "rsa_spearman": spearman,
    "rsa_rho_a": rho_a,
}
"""Metrics on pairs by name: (weights (n_resamples, n_pairs), x (n_pairs,), ys (n_rows, n_pairs)) -> similarity."""


@dataclass(frozen=True)
class Ranking:
    """Vectors sorted once, from which the ranks among any weighted part of their entries follow by adding up.

    Attributes
    ----------
    order : ndarray of int (n_rows, n_pairs)
        What sorts each vector.
    level : ndarray of int (n_rows, n_pairs) or None
        In sorted order, which distinct value it is; None where no vector has ties.
    """

    order: np.ndarray
    level: np.ndarray | None

    @classmethod
    def of(cls, values: np.ndarray) -> Ranking:
        """Sort each row of ``values``."""
        order = np.argsort(values, axis=1, kind="stable")
        new = np.diff(np.take_along_axis(values, order, axis=1), axis=1) > 0
        level = np.pad(np.cumsum(new, axis=1), ((0, 0), (1, 0)))
        return cls(order, None if new.all() else level)

    def centred(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ranks minus their mean (n_rows, n_kept), and the weights (n_kept,) of the entries that count.

        Ranks are those of the list in which each entry stands ``weight`` times (whole numbers); copies and other ties
        share the mean of their ranks.
        """
        kept = weight > 0
        w = weight[kept]
        chosen = kept[self.order]
        place = (np.cumsum(kept) - 1)[self.order[chosen]].reshape(len(self.order), -1)
        own = w[place]
        upto = np.cumsum(own, axis=1)
        if self.level is None:
            rank = upto - 0.5 * own
        else:
            level = self.level[chosen].reshape(place.shape)
            edge = np.diff(level, axis=1, prepend=-1, append=level.max(initial=0) + 1) > 0
            before = np.maximum.accumulate(np.where(edge[:, :-1], upto - own, 0.0), axis=1)
            after = np.where(edge[:, 1:], upto, np.inf)[:, ::-1]
            rank = 0.5 * (before + np.minimum.accumulate(after, axis=1)[:, ::-1])
        out = np.empty_like(rank)
        np.put_along_axis(out, place, rank - 0.5 * w.sum(), axis=1)
        return out, w


def _spread(squares: np.ndarray, of_mean: np.ndarray) -> np.ndarray:
    """Return a weighted sum of squares about the mean; 0 where what is left is rounding."""
    left = squares - of_mean
    return np.asarray(np.where(left > _ROUNDING * squares, left, 0.0))


def _ratio(cross: np.ndarray, xx: np.ndarray, yy: np.ndarray) -> np.ndarray:
    """Return cross / sqrt(xx yy), with ``xx`` (n_resamples,) or a number; NaN where either is 0."""
    product = np.asarray(xx)[..., None] * yy
    return np.asarray(cross / np.sqrt(np.where(product > 0, product, np.nan)))
