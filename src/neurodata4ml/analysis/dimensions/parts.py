"""Halves of the trials, so that noise never meets itself: which folds go to which half, and the means in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.linear.stimuli import Cells, fold_labels, sum_cells
from neurodata4ml.analysis.responses import trial_labels

_N_SPLITS = 50
"""Splits into halves that are averaged: more change the result by less than its own error."""


@dataclass(frozen=True)
class Halves:
    """Splits of the folds into halves A and B, in each of which every stimulus has enough folds.

    Attributes
    ----------
    labels, folds : ndarray (n_trials,)
    kind : str
        "block" or "trial": what the folds are.
    in_a : ndarray of int (n_splits, n_folds)
        1 where a fold lies in half A, 0 where it lies in B.
    """

    labels: np.ndarray
    folds: np.ndarray
    kind: str
    in_a: np.ndarray

    def sums(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (fold, stimulus, unit) and counts (fold, stimulus, 1) of the trials."""
        cells: Cells = sum_cells(values, self.labels, self.folds)
        shape = (self.in_a.shape[1], len(cells.stimuli))
        sums, counts = np.zeros((*shape, values.shape[1])), np.zeros((*shape, 1))
        sums[cells.fold, cells.stimulus], counts[cells.fold, cells.stimulus, 0] = cells.sums, cells.counts
        return sums, counts

    def means(self, values: np.ndarray, n_splits: int | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the mean responses (stimulus, unit) in half A and in half B, split by split."""
        sums, counts = self.sums(values)
        for in_a in self.in_a[:n_splits].astype(np.float64):
            first, second = (
                np.tensordot(half, sums, axes=1) / np.tensordot(half, counts, axes=1) for half in (in_a, 1 - in_a)
            )
            yield first, second


def choose_halves(trials: xr.DataArray, seed: int, *, least: int, step: str) -> Halves | None:
    """Return splits with ``least`` folds of every stimulus in both halves; None where a stimulus has too few trials.

    Folds are the blocks where that can be, so that noise shared inside a block never meets itself; else single trials.
    """
    labels = trial_labels(trials, "stimulus", step=step)
    folds, kind = fold_labels(trials, step=step)
    in_a = None if kind == "trial" else _halves(labels, folds, seed, least)
    if in_a is None:
        kind, folds = "trial", _repeat(labels)
        in_a = _halves(labels, folds, seed, least)
    return None if in_a is None else Halves(labels, folds, kind, in_a)


def _repeat(labels: np.ndarray) -> np.ndarray:
    """Return how often the stimulus of each trial was shown before."""
    order = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    repeat = np.empty(len(labels), dtype=np.int64)
    repeat[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return repeat


def _halves(labels: np.ndarray, folds: np.ndarray, seed: int, least: int) -> np.ndarray | None:
    """Return which folds lie in half A (split, fold), where each stimulus has ``least`` in both halves; or None.

    Neighbouring folds are parted by a coin, so that both halves see the whole session. The coin belongs to the fold's
    name: a jackknife that leaves a fold out finds the others where they were, and adds no scatter of its own.
    """
    names, fold = np.unique(folds, return_inverse=True)
    stimulus = np.unique(labels, return_inverse=True)[1]
    shown = np.zeros((stimulus.max() + 1, len(names)), dtype=np.int64)
    shown[stimulus, fold] = 1
    whole = names.dtype.kind in "iuf" and bool(np.all(names == np.floor(names)) and names.min() >= 0)
    place = names.astype(np.int64) if whole else np.arange(len(names))
    coins = [np.random.default_rng([seed, pair]).integers(0, 2, _N_SPLITS) for pair in place // 2]
    in_a = (np.stack(coins, axis=1) + place) % 2
    enough = ((in_a @ shown.T >= least) & ((1 - in_a) @ shown.T >= least)).all(axis=1)
    return in_a[enough] if enough.any() else None
