"""Scores of held-out predictions, as sums over samples that can be pooled over folds and taken apart again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class HeldOut:
    """What a decoder said about the test samples of one fold, for some labellings and some times.

    Attributes
    ----------
    sets : ndarray of int (n_sets,)
        Which labellings; 0 is the observed one.
    times : slice
        Which times were learnt from.
    repeat, fold : int
        Which dealing of folds, and which fold of it.
    test : ndarray of int (n_test,)
        Positions of the test samples.
    predicted : ndarray (n_sets, n_times, [n_test_times,] n_test)
        Codes of classes, or values of a continuous target.
    decision : ndarray (n_sets, n_times, [n_test_times,] n_test, n_classes) or None
        Evidence for each class, where a score asks for it; only its order among samples counts.
    truth : ndarray (n_sets, n_test)
        The labels of these samples in each labelling.
    reference : ndarray (n_sets,)
        Mean of a continuous target over the training samples; 0 for classes.
    n_classes : int
        0 for a continuous target.
    n_samples : int
        All samples, of which ``test`` are some.
    picked : ndarray of int (n_sets, n_times), optional
        Which of the decoder's candidates inner folds chose.
    """

    sets: np.ndarray
    times: slice
    repeat: int
    fold: int
    test: np.ndarray
    predicted: np.ndarray
    decision: np.ndarray | None
    truth: np.ndarray
    reference: np.ndarray
    n_classes: int
    n_samples: int
    picked: np.ndarray | None = None

    def only(self, keep: np.ndarray) -> HeldOut:
        """Return the first labelling alone, of the test samples where ``keep``."""
        return replace(
            self,
            sets=self.sets[:1],
            test=self.test[keep],
            predicted=self.predicted[:1, ..., keep],
            decision=None if self.decision is None else self.decision[:1, ..., keep, :],
            truth=self.truth[:1, keep],
            reference=self.reference[:1],
        )


@dataclass(frozen=True)
class Score:
    """A score as sums over samples: ``value(sum of parts over folds)`` is the score pooled over folds.

    Attributes
    ----------
    parts : callable HeldOut -> ndarray (n_sets, n_times, [n_test_times,] n_parts)
        Sums over the test samples of one fold.
    value : callable ndarray (..., n_parts) -> ndarray (...)
        NaN where a fold holds nothing to score.
    continuous : bool
        For continuous targets, otherwise for classes.
    decides : bool
        It needs decision values.
    sign : int
        -1 where less is better.
    bounded : bool
        A share of samples, from 0 to 1.
    units : str
        "1", or "" for those of the target.
    """

    parts: Callable[[HeldOut], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    continuous: bool = False
    decides: bool = False
    sign: int = 1
    bounded: bool = False
    units: str = "1"


def find_score(scoring: str | None, *, continuous: bool) -> Score:
    """Return the score of this name: a key of ``SCORES``, or a scikit-learn scorer that asks for predictions only.

    Raises
    ------
    DesignError
        The score is unknown, or does not fit the target.
    """
    kind = "continuous targets" if continuous else "classes"
    fitting = [name for name, score in SCORES.items() if score.continuous == continuous]
    name = fitting[0] if scoring is None else scoring
    if name in SCORES:
        if SCORES[name].continuous != continuous:
            message = f"scoring={name!r} is not for {kind}; use {', '.join(fitting)}."
            raise DesignError(message)
        return SCORES[name]
    return _scikit_learn(name, f"decode knows the scores {', '.join(fitting)} for {kind}", continuous=continuous)


def score_name(scoring: str | None, *, continuous: bool) -> str:
    """Return the name of the score: the default where none is asked for."""
    return scoring or next(name for name, score in SCORES.items() if score.continuous == continuous)


def _scikit_learn(name: str, known: str, *, continuous: bool) -> Score:
    from sklearn.metrics import get_scorer, get_scorer_names

    if name not in get_scorer_names():
        message = f"{known}, and scikit-learn's scorers of predictions such as 'f1_macro'; got {name!r}."
        raise DesignError(message)
    scorer = get_scorer(name)
    metric, sign, keywords = scorer._score_func, scorer._sign, scorer._kwargs
    if getattr(scorer, "_response_method", "predict") != "predict":
        message = f"{known}; {name!r} needs probabilities, which not every decoder has. Use 'auc'."
        raise DesignError(message)

    def value(parts: np.ndarray) -> np.ndarray:
        there, truth, predicted = _records(parts)
        out = np.full(there.shape[:-1], np.nan)
        for at in np.ndindex(out.shape):
            here = there[at] > 0
            if here.any():
                out[at] = sign * metric(truth[at][here], predicted[at][here], **keywords)
        return out

    return Score(_keep_all, value, continuous=continuous)


def _lead(held: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions (n_sets, n_points, n_test) with all times in one axis, and the truth (n_sets, 1, n_test)."""
    predicted = held.predicted
    n_points = math.prod(predicted.shape[1:-1])  # not -1: a fold that is left out whole leaves no sample to divide by
    return predicted.reshape(len(predicted), n_points, predicted.shape[-1]), held.truth[:, None, :]


def _shaped(held: HeldOut, parts: np.ndarray) -> np.ndarray:
    return np.asarray(parts.reshape(*held.predicted.shape[:-1], parts.shape[-1]))


def _counts(held: HeldOut) -> np.ndarray:
    """Return right answers per class, then samples per class."""
    predicted, truth = _lead(held)
    n_sets, n_points, _ = predicted.shape
    n_classes = held.n_classes
    cell = (np.arange(n_sets)[:, None] * n_points + np.arange(n_points))[..., None] * n_classes + truth
    right = np.bincount(cell[predicted == truth], minlength=n_sets * n_points * n_classes)
    all_of = np.bincount(cell.ravel(), minlength=n_sets * n_points * n_classes)
    shape = (n_sets, n_points, n_classes)
    return _shaped(held, np.concatenate([right.reshape(shape), all_of.reshape(shape)], axis=-1).astype(np.float64))


def _mean_ratio(parts: np.ndarray) -> np.ndarray:
    """Return the mean over classes of part / whole, over the classes that are there at all."""
    right, whole = np.split(parts, 2, axis=-1)
    there = whole > 0
    ratio = np.divide(right, whole, out=np.zeros_like(right), where=there)
    return _ratio(ratio.sum(axis=-1), there.sum(axis=-1))


def _total_ratio(parts: np.ndarray) -> np.ndarray:
    right, whole = np.split(parts, 2, axis=-1)
    return _ratio(right.sum(axis=-1), whole.sum(axis=-1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0))


def _pairs(held: HeldOut) -> np.ndarray:
    """Return, per class, pairs (one sample of it, one of another) that the evidence orders rightly, then all pairs."""
    if held.decision is None:
        message = "AUC needs decision values."
        raise ValueError(message)
    n_sets, n_test, n_classes = len(held.sets), len(held.test), held.n_classes
    decision = held.decision.reshape(n_sets, math.prod(held.predicted.shape[1:-1]), n_test, n_classes)
    which = range(1, 2) if n_classes == 2 else range(n_classes)
    right = np.empty((*decision.shape[:2], len(which)))
    pairs = np.empty_like(right)
    for i, c in enumerate(which):
        evidence = decision[..., 1] - decision[..., 0] if n_classes == 2 else decision[..., c]
        mine = (held.truth == c)[:, None, :]
        n_mine = mine.sum(axis=-1)
        # Mann & Whitney 1947: the ranks of one class, less those among itself
        ranks = rankdata(evidence, axis=-1) if n_test else evidence
        right[..., i] = np.where(mine, ranks, 0.0).sum(axis=-1) - n_mine * (n_mine + 1) / 2
        pairs[..., i] = n_mine * (n_test - n_mine)
    return _shaped(held, np.concatenate([right, pairs], axis=-1))


def _squares(held: HeldOut) -> np.ndarray:
    """Return squared errors, then squared distances to the mean of the training samples."""
    predicted, truth = _lead(held)
    wrong = ((truth - predicted) ** 2).sum(axis=-1)
    spread = ((truth - held.reference[:, None, None]) ** 2).sum(axis=-1)
    return _shaped(held, np.stack([wrong, np.broadcast_to(spread, wrong.shape)], axis=-1))


def _explained(parts: np.ndarray) -> np.ndarray:
    return 1 - _ratio(parts[..., 0], parts[..., 1])


def _moments(held: HeldOut) -> np.ndarray:
    """Return sums of squares of truth and prediction, and of their products, each about its mean in this fold."""
    predicted, truth = _lead(held)
    if truth.shape[-1] == 0:
        return np.zeros((*held.predicted.shape[:-1], 3))
    said, true = (v - v.mean(axis=-1, keepdims=True) for v in (predicted, truth))
    squares = np.broadcast_to((true**2).sum(axis=-1), predicted.shape[:2])
    return _shaped(held, np.stack([squares, (said**2).sum(axis=-1), (said * true).sum(axis=-1)], axis=-1))


def _correlation(parts: np.ndarray) -> np.ndarray:
    return _ratio(parts[..., 2], np.sqrt(parts[..., 0] * parts[..., 1]))


def _keep_all(held: HeldOut) -> np.ndarray:
    """Return every sample's place, truth and prediction: for scores that are no sums."""
    predicted, truth = _lead(held)
    out = np.zeros((*predicted.shape[:2], 3, held.n_samples))
    out[..., 0, held.test] = 1.0
    out[..., 1, held.test] = truth
    out[..., 2, held.test] = predicted
    return _shaped(held, out.reshape(*predicted.shape[:2], -1))


def _records(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    there, truth, predicted = np.split(parts, 3, axis=-1)
    return there, truth, predicted


def _median_error(parts: np.ndarray) -> np.ndarray:
    there, truth, predicted = _records(parts)
    error = np.where(there > 0, np.abs(truth - predicted), np.nan)
    known = there.any(axis=-1)
    out = np.full(known.shape, np.nan)
    out[known] = np.nanmedian(error[known], axis=-1)
    return out


SCORES: dict[str, Score] = {
    "balanced_accuracy": Score(_counts, _mean_ratio, bounded=True),
    "auc": Score(_pairs, _mean_ratio, decides=True, bounded=True),
    "accuracy": Score(_counts, _total_ratio, bounded=True),
    "r2": Score(_squares, _explained, continuous=True),
    "r": Score(_moments, _correlation, continuous=True),
    "median_error": Score(_keep_all, _median_error, continuous=True, sign=-1, units=""),
}
"""Scores by name; the first of each kind (for classes, for continuous targets) is the default.

``"balanced_accuracy"``: mean over classes of the share of its samples named rightly, pooled over folds.
``"auc"``: share of pairs (a sample of the class, one of another) that decision values order rightly, mean over
classes (two classes: the second against the first). Only pairs inside a fold count, since decision values of
different folds share no scale: the mean of the folds' AUC, weighted by their pairs.
``"accuracy"``: the share named rightly; a frequent class earns it for nothing.
``"r2"``: 1 - sum of squared errors / sum of squared distances to the mean of each fold's *training* samples, pooled
over folds. ``"r"``: the correlation inside folds (each fold centred), pooled. ``"median_error"``: of the absolute
error, in units of the target.
"""
