"""Samples in parts that no fold divides: sums over any fold's training samples are sums over parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Partition:
    """The samples that folds use, ordered part by part.

    Attributes
    ----------
    order : ndarray of int (n_used,)
        Positions of the used samples; those of a part stand together. All other indices below count in this order.
    parts : list of slice
        Where each part stands. Each fold trains on a whole part, or on none of it.
    learnt : ndarray of bool (n_folds, n_parts)
        Whether a fold trains on a part.
    train, test : list of ndarray of int
        Each fold's samples; those of ``test`` as the fold gave them.
    """

    order: np.ndarray
    parts: list[slice]
    learnt: np.ndarray
    train: list[np.ndarray]
    test: list[np.ndarray]

    @property
    def n_folds(self) -> int:
        """The number of folds."""
        return len(self.train)


def partition(folds: Sequence[tuple[np.ndarray, np.ndarray]], n_samples: int) -> Partition:
    """Divide the samples into the largest parts that every fold takes or leaves whole.

    With ``K`` folds that test each sample once, these are the test samples of each; a purge adds a few more.
    """
    learns = np.zeros((n_samples, len(folds)), dtype=bool)
    used = np.zeros(n_samples, dtype=bool)
    for k, (train, test) in enumerate(folds):
        learns[train, k] = True
        used[train] = used[test] = True
    where = np.flatnonzero(used)
    pattern, part = np.unique(np.packbits(learns[where], axis=1), axis=0, return_inverse=True)
    order = np.argsort(part.ravel(), kind="stable")
    edges = np.searchsorted(part.ravel()[order], np.arange(len(pattern) + 1))
    new = np.empty(n_samples, dtype=np.int64)
    new[where[order]] = np.arange(len(where))
    return Partition(
        order=where[order],
        parts=[slice(int(a), int(b)) for a, b in pairwise(edges)],
        learnt=np.unpackbits(pattern, axis=1, count=len(folds)).astype(bool).T,
        train=[np.sort(new[train]) for train, _ in folds],
        test=[new[test] for _, test in folds],
    )


def over_parts(sums: list[np.ndarray], total: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Return the sum over the parts that are learnt: added up, or what is left of the total, whichever is shorter."""
    inside, outside = np.flatnonzero(learnt).tolist(), np.flatnonzero(~learnt).tolist()
    if len(outside) + 1 < len(inside):
        result = total.copy()
        for part in outside:
            result -= sums[part]
        return result
    result = np.zeros_like(total)
    for part in inside:
        result += sums[part]
    return result
