"""What passes between the door of encoding, the encoders and the scores: a question, and held-out predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

Fold = tuple[np.ndarray, np.ndarray]
"""Positions of training and of test rows."""

Fact = tuple[tuple[str, ...], np.ndarray]
"""Dims and values; the dims "fold" and "unit" get their labels at the door."""


@dataclass(frozen=True)
class Options:
    """What an encoder may need beside features, responses and folds.

    Attributes
    ----------
    inner : sequence of sequences of (train, test)
        For every fold, the inner folds of the same design that choose what is to be chosen (positions among all rows;
        a row of the outer test set is in none). Empty where there are too few rows for that.
    weights : ndarray (n,), optional
        What each row counts in the fit: the number of trials behind a mean response. None where all count alike.
    alphas : ndarray, optional
        Penalties to choose from, ascending; None for those of the encoder.
    bands : tuple of str
        The name of each space of features.
    seed : int
    n_jobs : int, optional
        Threads; results have the same bits for any number.
    own : mapping
        Parameters of this encoder alone, with its defaults filled in (``Encoder.own``).
    """

    inner: Sequence[Sequence[Fold]] = ()
    weights: np.ndarray | None = None
    alphas: np.ndarray | None = None
    bands: tuple[str, ...] = ("features",)
    seed: int = 0
    n_jobs: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Predicted:
    """Predictions of rows that were held out: those of the first fold, then those of the second, and so on.

    A row that several folds test (folds dealt more than once) stands here several times.

    Attributes
    ----------
    values : ndarray (n_tested, n_targets)
        NaN where nothing can be predicted, as for targets that do not change in training.
    row, fold : ndarray of int (n_tested,)
        Which row is predicted, and by which fold.
    chosen : mapping of name to (dims, values)
        What inner folds chose, e.g. ``{"alpha": (("unit", "fold"), array)}``.
    about : mapping
        How it was done, in words and numbers that can be stored: they become attributes of the result.
    """

    values: np.ndarray
    row: np.ndarray
    fold: np.ndarray
    chosen: Mapping[str, Fact] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """What a score compares: held-out responses with their predictions, for some targets.

    Attributes
    ----------
    truth, predicted : ndarray (n_tested, n_targets)
        Mean responses and predictions, in the order of ``Predicted.values``.
    row : ndarray of int (n_tested,)
    trials : ndarray (n_trials, n_targets), optional
        Single trials, where there are any.
    of_trial : ndarray of int (n_trials,), optional
        The row of each trial.
    reference : ndarray (n_tested, n_targets), optional
        The mean of each target over the training rows of the fold that tests the row: what a model without features
        predicts.
    fold : ndarray of int (n_tested,), optional
    """

    truth: np.ndarray
    predicted: np.ndarray
    row: np.ndarray
    trials: np.ndarray | None = None
    of_trial: np.ndarray | None = None
    reference: np.ndarray | None = None
    fold: np.ndarray | None = None


def empty(folds: Sequence[Fold], n_targets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[slice]]:
    """Return values (n_tested, n_targets) of NaN to fill in, rows and folds of each, and where each fold's stand."""
    row, fold = tested(folds)
    ends = np.cumsum([0, *(len(test) for _, test in folds)]).tolist()
    return np.full((len(row), n_targets), np.nan), row, fold, [slice(a, b) for a, b in pairwise(ends)]


def tested(folds: Sequence[Fold]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are tested, fold by fold, and the fold of each (n_tested,)."""
    row = np.concatenate([np.asarray(test, dtype=np.int64) for _, test in folds])
    return row, np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
