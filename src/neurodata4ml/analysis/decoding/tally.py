"""Scores of all labellings from pieces of held-out predictions, added up as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.decoding.scoring import HeldOut, Score


@dataclass(frozen=True)
class Tally:
    """Scores; ``...`` stands for (n_times,), or (n_times, n_test_times).

    Attributes
    ----------
    score : ndarray (...)
        Of the observed labels: pooled over folds, then averaged over repeats.
    by_fold : ndarray (n_folds, ...)
        Of the first repeat; NaN where a fold has nothing to score.
    by_repeat : ndarray (n_repeats, ...)
    null : ndarray (n_shuffles, ...)
    left_out : ndarray (n_groups, ...)
        ``score`` without the test samples of each group, the fitted decoders held fixed.
    predicted : ndarray (n_times, n_samples)
        Of the observed labels in the first repeat, each sample by the decoder of the time it was taken at.
    picked : ndarray of int (n_folds, n_times) or None
        The candidates that inner folds chose, for the observed labels in the first repeat.
    """

    score: np.ndarray
    by_fold: np.ndarray
    by_repeat: np.ndarray
    null: np.ndarray
    left_out: np.ndarray
    predicted: np.ndarray
    picked: np.ndarray | None


@dataclass
class _Sums:
    """Parts of the score, still growing: for all labellings, for the folds of the observed one, without each group."""

    total: np.ndarray
    folds: np.ndarray
    without: np.ndarray
    predicted: np.ndarray
    picked: np.ndarray


def tally(
    pieces: Iterable[HeldOut],
    score: Score,
    shape: tuple[int, int, int, int],
    groups: np.ndarray,
) -> Tally:
    """Add up the parts of a score over pieces.

    Parameters
    ----------
    pieces : iterable of HeldOut
        See ``held_out``.
    score : Score
    shape : (n_sets, n_repeats, n_folds, n_times)
        ``n_folds``: the most of any repeat.
    groups : ndarray of int (n_samples,)
        What is left out together to see how sure the score is, from 0.
    """
    sums: _Sums | None = None
    any_picked = False
    for held in pieces:
        parts = score.parts(held)
        if sums is None:
            sums = _empty(parts, shape, groups, held)
        _add(sums, held, parts, score, groups)
        any_picked |= held.picked is not None
    if sums is None:
        message = "There are no folds to score."
        raise ValueError(message)
    by_repeat = score.value(sums.total)
    return Tally(
        score=by_repeat[:, 0].mean(axis=0),
        by_fold=score.value(sums.folds),
        by_repeat=by_repeat[:, 0],
        null=by_repeat[:, 1:].mean(axis=0),
        left_out=score.value(sums.without).mean(axis=0),
        predicted=sums.predicted,
        picked=sums.picked if any_picked else None,
    )


def _empty(parts: np.ndarray, shape: tuple[int, int, int, int], groups: np.ndarray, held: HeldOut) -> _Sums:
    n_sets, n_repeats, n_folds, n_times = shape
    lead = (n_times, *parts.shape[2:])
    return _Sums(
        total=np.zeros((n_repeats, n_sets, *lead)),
        folds=np.zeros((n_folds, *lead)),
        without=np.zeros((n_repeats, int(groups.max()) + 1, *lead)),
        predicted=np.zeros((n_times, len(groups)), dtype=held.predicted.dtype),
        picked=np.zeros((n_folds, n_times), dtype=np.int64),
    )


def _add(sums: _Sums, held: HeldOut, parts: np.ndarray, score: Score, groups: np.ndarray) -> None:
    # labellings of a piece follow each other, so that this is a view
    rows = slice(int(held.sets[0]), int(held.sets[-1]) + 1)
    sums.total[held.repeat, rows, held.times] += parts
    if held.sets[0] != 0:
        return
    inside = groups[held.test]
    for group in range(sums.without.shape[1]):
        mine = inside == group
        rest = score.parts(held.only(~mine)) if mine.any() else parts[:1]
        sums.without[held.repeat, group, held.times] += rest[0]
    if held.repeat == 0:
        sums.folds[held.fold, held.times] += parts[0]
        _keep(sums, held)


def _keep(sums: _Sums, held: HeldOut) -> None:
    if held.picked is not None:
        sums.picked[held.fold, held.times] = held.picked[0]
    said = held.predicted[0]
    if said.ndim == 2:
        sums.predicted[held.times, held.test] = said
        return
    for i, t in enumerate(range(held.times.start, held.times.stop)):
        sums.predicted[t, held.test] = said[i, t]
