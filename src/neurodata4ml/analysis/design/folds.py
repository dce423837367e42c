"""Folds: which samples each fold tests, which it may learn from, and what was decided about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Folds:
    """Which fold each sample is tested in; a cross-validator as scikit-learn takes them (``cv=``).

    Attributes
    ----------
    fold : ndarray of int (n_samples,)
        From 0; -1 for what is neither trained on nor tested (blank and invalid trials).
    kind : str
        ``"block"`` (whole blocks), ``"contiguous"`` (stretches of time), ``"stimulus"`` (whole stimuli),
        ``"session"`` (whole sessions), ``"trial"`` (dealt in turn, where a leak was allowed) or ``"given"``.
    why : str
        Why these folds, as a sentence that a report can print.
    gap : ndarray of bool (n_folds, n_samples), optional
        What fold ``k`` must not learn from although another fold tests it: too near to its test samples (purged).
    purge : float
        Seconds left between test and training samples; 0 without.
    leak : str
        The reason for which a leak was allowed; "" where nothing leaks.
    notes : tuple of str
        What a reader should know besides.
    remake : callable (labels) -> ndarray of int (n_samples,), optional
        How the folds follow from the labels, where they do (class-balanced folds): a shuffle must deal them again.
    """

    fold: np.ndarray
    kind: str
    why: str = ""
    gap: np.ndarray | None = None
    purge: float = 0.0
    leak: str = ""
    notes: tuple[str, ...] = ()
    remake: Callable[[np.ndarray], np.ndarray] | None = field(default=None, compare=False, repr=False)

    @property
    def n_folds(self) -> int:
        """The number of folds: fewer than were asked for where there are fewer blocks."""
        return int(self.fold.max()) + 1

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of training and of test samples, fold by fold."""
        for k in range(self.n_folds):
            learnt = (self.fold >= 0) & (self.fold != k)
            if self.gap is not None:
                learnt &= ~self.gap[k]
            yield np.flatnonzero(learnt), np.flatnonzero(self.fold == k)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_folds


def digest_of(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> str:
    """Return the SHA-256 of all positions of training and test samples, so that equal folds can be told from others.

    Parameters
    ----------
    pairs : iterable of (train, test), each ndarray of int
        Fold by fold. Of each, how many positions there are and then these, as 64-bit little-endian integers.
    """
    found = hashlib.sha256()
    for positions in (part for pair in pairs for part in pair):
        found.update(np.array([len(positions)], dtype="<i8").tobytes())
        found.update(np.ascontiguousarray(positions, dtype="<i8").tobytes())
    return found.hexdigest()
