"""Distinct training sets: folds inside folds often learn from the same rows, which are then decomposed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class TrainingSet:
    """Rows to learn from, and all that is asked of a model that learnt from them.

    Attributes
    ----------
    train : ndarray of int (n_train,)
        Sorted.
    tests : tuple of ndarray of int
        Rows to predict, one array per question.
    asker : tuple of int
        For each question, the fold that asks.
    """

    train: np.ndarray
    tests: tuple[np.ndarray, ...]
    asker: tuple[int, ...]


def training_sets(folds: Sequence[Sequence[Fold]], n_rows: int) -> list[TrainingSet]:
    """Gather the folds inside each of several folds by what they learn from.

    With K folds whose inner folds are the other K - 1 in turn, fold j inside fold k learns what fold k inside fold j
    learns: K (K - 1) questions are asked of K (K - 1) / 2 training sets.
    """
    gathered: dict[bytes, tuple[np.ndarray, list[np.ndarray], list[int]]] = {}
    for asker, inside in enumerate(folds):
        for train, test in inside:
            learns = np.zeros(n_rows, dtype=bool)
            learns[train] = True
            _, tests, askers = gathered.setdefault(learns.tobytes(), (np.flatnonzero(learns), [], []))
            tests.append(np.asarray(test, dtype=np.int64))
            askers.append(asker)
    return [TrainingSet(rows, tuple(tests), tuple(askers)) for rows, tests, askers in gathered.values()]
