"""A fold as decoders are given it, and the piece of held-out predictions that they give back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.decoding.confounds import without_confounds
from neurodata4ml.analysis.decoding.question import Parts, Question
from neurodata4ml.analysis.decoding.scoring import HeldOut
from neurodata4ml.analysis.linear.threads import one_blas_thread


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes
    ----------
    repeat, number : int
        Which dealing of folds, and which fold of it.
    train, test : ndarray of int
        Positions of samples.
    inner : list of (train, test)
        The folds inside the training samples, to choose hyper-parameters in.
    sets : ndarray of int
        The labellings that share this fold.
    """

    repeat: int
    number: int
    train: np.ndarray
    test: np.ndarray
    inner: Parts
    sets: np.ndarray


def piece(
    question: Question,
    fold: Fold,
    sets: np.ndarray,
    times: slice,
    predicted: np.ndarray,
    *,
    decision: np.ndarray | None = None,
    picked: np.ndarray | None = None,
) -> HeldOut:
    """Return predictions for some labellings and times of a fold, beside what is true of them."""
    continuous = question.classes is None
    labels = question.sets[sets]
    return HeldOut(
        sets=sets,
        times=times,
        repeat=fold.repeat,
        fold=fold.number,
        test=fold.test,
        predicted=predicted,
        decision=decision,
        truth=labels[:, fold.test],
        reference=labels[:, fold.train].mean(axis=1) if continuous else np.zeros(len(sets)),
        n_classes=question.n_classes,
        n_samples=question.sets.shape[1],
        picked=picked,
    )


def cleaned(question: Question, train: np.ndarray, times: slice) -> np.ndarray:
    """Return the responses at these times as floats, less what confounds explain in the training samples."""
    X = question.responses[times].astype(np.float64)
    if question.confounds is None:
        return X
    with one_blas_thread():
        return without_confounds(X, question.confounds, train)
