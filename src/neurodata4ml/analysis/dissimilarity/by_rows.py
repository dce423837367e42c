"""Products of different folds from chunks of a few trials and all columns: each is computed once, wide as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.crossing import Crossing, Sides
from neurodata4ml.analysis.dissimilarity.means import drop_rounding
from neurodata4ml.analysis.dissimilarity.wide import BLOCK, Columns
from neurodata4ml.analysis.linear.stimuli import sum_rows


def by_rows(trials: Columns, crossing: Crossing, sides: Sides) -> np.ndarray:
    """Return ``sum_{k != l} left_k . right_l`` over folds; takes memory of three times the means of all stimuli."""
    total: Any = 0.0
    other: Any = 0.0
    same: Any = 0.0
    for left, right, own in (
        _trials(trials, crossing, sides) if crossing.of_trials else _blocks(trials, crossing, sides)
    ):
        total = total + left if isinstance(total, float) else np.add(total, left, out=total)
        if right is not None:
            other = other + right if isinstance(other, float) else np.add(other, right, out=other)
        same = same + own
    return np.asarray(total @ (total if isinstance(other, float) else other).T - same)


def _trials(
    trials: Columns, crossing: Crossing, sides: Sides
) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray]]:
    n_stimuli, n_trials = len(crossing.stimuli), trials.shape[0]
    shift: tuple[np.ndarray, np.ndarray] | None = None
    for rows in _split(np.arange(n_trials), trials):
        left, right = sides(trials.block(rows=rows))
        # any shift cancels; that of the first trials keeps the digits
        shift = shift or (left.mean(axis=0), left.mean(axis=0) if right is None else right.mean(axis=0))
        left = drop_rounding(left - shift[0], shift[0])
        right = None if right is None else drop_rounding(right - shift[1], shift[1])
        own = np.einsum("tu,tu->t", left, left if right is None else right)
        stimulus = crossing.stimulus[rows]
        summed = None if right is None else sum_rows(right, stimulus, n_stimuli)
        yield sum_rows(left, stimulus, n_stimuli), summed, np.diag(np.bincount(stimulus, own, n_stimuli))


def _blocks(
    trials: Columns, crossing: Crossing, sides: Sides
) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray]]:
    for fold in range(crossing.n_folds):
        sums = np.zeros((len(crossing.stimuli), trials.shape[1]))
        for rows in _split(np.flatnonzero(crossing.fold == fold), trials):
            sums += sum_rows(trials.block(rows=rows), crossing.stimulus[rows], len(sums))
        sums /= crossing.counts[:, fold, None]
        left, right = (None if side is None else _weighed(side, crossing.weights[fold]) for side in sides(sums))
        if left is not None:
            yield left, right, left @ (left if right is None else right).T


def _weighed(means: np.ndarray, weight: float) -> np.ndarray:
    mean = means.mean(axis=0)
    means -= mean
    drop_rounding(means, mean)
    means *= weight
    return means


def _split(rows: np.ndarray, trials: Columns) -> list[np.ndarray]:
    """Return rows that are read together: as many chunks as make a block, one at least."""
    n_rows = max(1, BLOCK // (8 * trials.shape[1]))
    ends = np.cumsum(trials.values.chunks[0])
    chunk, count = np.unique(np.searchsorted(ends, rows, side="right"), return_counts=True)
    block = (np.cumsum(count) - 1) // max(n_rows, 1) if len(chunk) > 1 else np.zeros(1, dtype=int)
    return np.split(rows, np.cumsum(count)[:-1][np.diff(block) > 0])
