"""Kendall's tau-a: how many pairs of pairs two RDMs put in the same order, less those that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import stats

_MANY = 4_000_000
"""Entries over all comparisons from which it pays to load numba (0.3 s) and, once, to compile (seconds)."""

_FEW = 64
"""Fewer entries are compared each with each."""

_LONG = 500_000
"""Entries from which a table of counts is longer than a merge sort, which is what scipy does."""


def places(pairs: np.ndarray) -> np.ndarray:
    """Return all that counting needs of one vector, (5, n_pairs) int32, sorted once however often it is compared.

    Rows: the entries by rising value; dense ranks; each entry's place; how many are below it; how many not above it.
    """
    pairs = np.asarray(pairs)
    n = len(pairs)
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    rises = np.append(0, 1 + np.flatnonzero(ordered[1:] != ordered[:-1]))[: n or None]
    ends = np.append(rises[1:], n)
    sizes = ends - rises
    out = np.empty((5, n), dtype=np.int32)
    out[0] = order
    out[1, order] = np.repeat(np.arange(len(rises)), sizes)
    out[2, order] = np.arange(n)
    out[3, order] = np.repeat(rises, sizes)
    out[4, order] = np.repeat(ends, sizes)
    return out


def tau_a(a: np.ndarray, b: np.ndarray) -> float:
    """Concordant minus discordant over all pairs of entries, from ``places``: in [-1, 1] (Kendall 1938).

    NaN where all entries of one vector are equal: it has no order.
    """
    return float(taus([a], [b])[0, 0])


def taus(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """Return tau-a of every vector of ``a`` with every one of ``b``, (n_a, n_b), from ``places`` of each.

    Counted by scipy where they are few, by compiled loops where they are many: whole numbers, so the same bits.
    """
    n = a[0].shape[1] if len(a) else 0
    if n < 2 or not len(b):
        return np.full((len(a), len(b)), np.nan)
    out = np.empty((len(a), len(b)), dtype=np.int64)
    if len(a) * len(b) * n < _MANY or n > _LONG:
        for i, one in enumerate(a):
            out[i] = [_balance(one[1], other[1]) for other in b]
    else:
        from neurodata4ml.analysis.similarity.concordance import balances

        balances(np.stack(a), np.stack(b), out)
    ordered = np.ix_(*([one[1].any() for one in vectors] for vectors in (a, b)))
    found = np.full(out.shape, np.nan)
    found[ordered] = out[ordered] / (n * (n - 1) / 2)
    return found


def _balance(a: np.ndarray, b: np.ndarray) -> int:
    """Return concordant minus discordant pairs, from dense ranks: scipy's tau-b without its correction for ties."""
    n = len(a)
    if n < _FEW:
        return int(np.sum(np.sign(a[:, None] - a) * np.sign(b[:, None] - b))) // 2
    free = [n * (n - 1) / 2 - float(np.sum(count * (count - 1.0))) / 2 for count in map(np.bincount, (a, b))]
    if min(free) <= 0:
        return 0
    # a whole number behind rounding of 1e-16 of it
    return round(float(stats.kendalltau(a, b, method="asymptotic").statistic) * sqrt(free[0]) * sqrt(free[1]))
