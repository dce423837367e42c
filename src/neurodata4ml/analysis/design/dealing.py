"""Deal samples to folds: cut time into stretches, or hand out whole groups (blocks, stimuli, sessions), class by class.

What is dealt follows from labels and times alone, never from the order in which samples are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurodata4ml.analysis.design.folds import Folds

Deal = Callable[[np.ndarray], np.ndarray]
"""The class of each group -> its fold."""


@dataclass(frozen=True)
class Groups:
    """Samples that must stay together, and how the groups are dealt.

    Attributes
    ----------
    code : ndarray of int (n_samples,)
        The group of each sample, from 0.
    deal : callable
        Class of each group -> its fold.
    """

    code: np.ndarray
    deal: Deal

    def fold(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the fold of every sample; with labels, balanced over classes (of a group: its commonest label)."""
        classes = np.zeros(self.code.max() + 1, dtype=np.int64)
        if labels is not None:
            label = np.unique(labels, return_inverse=True)[1]
            n = np.zeros((len(classes), label.max() + 1), dtype=np.int64)
            np.add.at(n, (self.code, label), 1)
            classes = n.argmax(axis=1)
        return np.asarray(self.deal(classes)[self.code])


@dataclass(frozen=True)
class Redeal:
    """Deal folds again for other labels: ``Folds.remake`` of folds that follow from labels.

    ``used`` are the positions of the samples that lie in folds, among ``n_samples``; ``gap`` makes the purge of
    new folds.
    """

    groups: Groups
    used: np.ndarray
    n_samples: int
    gap: Callable[[np.ndarray], np.ndarray | None]

    def __call__(self, labels: np.ndarray) -> np.ndarray:
        """Return the fold of every sample; labels of all samples, or of those that lie in folds."""
        return self._everywhere(self.groups.fold(self._of_used(labels)), -1)

    def gap_for(self, fold: np.ndarray) -> np.ndarray | None:
        """Return what each of these folds must not learn from."""
        gap = self.gap(fold[self.used])
        return None if gap is None else self._everywhere(gap.T, False).T

    def _of_used(self, labels: np.ndarray) -> np.ndarray:
        return labels[self.used] if len(labels) == self.n_samples else labels

    def _everywhere(self, values: np.ndarray, fill: Any) -> np.ndarray:
        every = np.full((self.n_samples, *values.shape[1:]), fill)
        every[self.used] = values
        return every


def remade(folds: Folds, labels: np.ndarray) -> Folds:
    """Deal folds again as they were dealt, for other (shuffled) labels; the same folds where labels had no say.

    Parameters
    ----------
    folds : Folds
        From ``splits``.
    labels : ndarray (n_samples,) or (n_used,)
        Of every sample, or of those that lie in folds, in any coding that sorts as the labels do. Where they differ
        within a group that is held out whole, its commonest counts.
    """
    if not isinstance(folds.remake, Redeal):
        return folds if folds.remake is None else replace(folds, fold=folds.remake(labels))
    fold = folds.remake(labels)
    return replace(folds, fold=fold, gap=folds.remake.gap_for(fold))


def cut(order: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the fold of each item when the items, in this order, are cut into ``n_folds`` stretches."""
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) * n_folds // len(order)
    return fold


def cut_in_each(order: np.ndarray, session: np.ndarray | None, n_folds: int) -> np.ndarray:
    """Cut every session into ``n_folds`` stretches, so that all are learnt from; all at once where one is too short."""
    if session is None or np.unique(session, return_counts=True)[1].min() < n_folds:
        return cut(order, n_folds)
    fold = np.empty(len(order), dtype=np.int64)
    for name in np.unique(session):
        mine = order[session[order] == name]
        fold[mine] = np.arange(len(mine)) * n_folds // len(mine)
    return fold


def in_turn(order: np.ndarray, labels: np.ndarray | None, n_folds: int) -> np.ndarray:
    """Deal the samples of each class in turn: neighbours lie in different folds, which leaks whatever is slow."""
    code = np.zeros(len(order), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    fold = np.empty(len(order), dtype=np.int64)
    for k in range(code.max() + 1):
        mine = order[code[order] == k]
        fold[mine] = np.arange(len(mine)) % n_folds
    return fold


def in_time(code: np.ndarray, order: np.ndarray, n_folds: int) -> Groups:
    """Deal whole groups by the time of their first sample, each class cut into stretches."""
    first = np.unique(code[order], return_index=True)[1]

    def deal(classes: np.ndarray) -> np.ndarray:
        fold = np.empty(len(first), dtype=np.int64)
        for k in range(classes.max() + 1):
            mine = np.flatnonzero(classes == k)
            fold[mine] = cut(np.argsort(first[mine], kind="stable"), n_folds)
        return fold

    return Groups(code, deal)


def by_chance(code: np.ndarray, strata: np.ndarray, n_folds: int, seed: int) -> Groups:
    """Deal whole groups in random order, the same number of each class, and as far as can be of each stratum."""

    def deal(classes: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(seed)
        fold = np.empty(len(classes), dtype=np.int64)
        n_dealt = 0
        for k in range(classes.max() + 1):
            mine = rng.permutation(np.flatnonzero(classes == k))
            mine = mine[np.argsort(strata[mine], kind="stable")]
            fold[mine] = (n_dealt + np.arange(len(mine))) % n_folds
            n_dealt += len(mine)
        return fold

    return Groups(code, deal)


def joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return groups, from 0, that keep both whole: samples that share either are together, and so on along chains."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row, column = np.unique(one, return_inverse=True)[1], np.unique(other, return_inverse=True)[1]
    n_rows, n_nodes = row.max() + 1, row.max() + column.max() + 2
    graph = coo_array((np.ones(len(row)), (row, n_rows + column)), shape=(n_nodes, n_nodes))
    return np.asarray(np.unique(connected_components(graph, directed=False)[1][row], return_inverse=True)[1])
