"""Any scikit-learn estimator, fitted again for every labelling and time of a fold, several at a time in threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.decoding.decoders import Chosen
from neurodata4ml.analysis.decoding.fits import decide, fit, predict
from neurodata4ml.analysis.decoding.nested import choose
from neurodata4ml.analysis.decoding.pieces import Fold, cleaned, piece
from neurodata4ml.analysis.decoding.question import Question
from neurodata4ml.analysis.decoding.scoring import HeldOut, Score
from neurodata4ml.analysis.linear.threads import in_threads

_CHUNK = 4_000_000
"""Numbers held at once: responses as floats, or what was predicted (32 MB)."""


@dataclass(frozen=True)
class _Task:
    X: np.ndarray
    y: np.ndarray
    tell: np.ndarray


def refit(
    question: Question, chosen: Chosen, score: Score, fold: Fold, *, across_times: bool, n_jobs: int | None
) -> Iterator[HeldOut]:
    """Yield the predictions of one fold, some times after the other; see ``held_out``."""
    n_classes, n_times = question.n_classes, len(question.responses)
    many = len(chosen.candidates) > 1

    def run(task: _Task) -> tuple[np.ndarray, np.ndarray | None, int]:
        best = choose(chosen, score, task.X, task.y, fold.inner, n_classes) if many else 0
        y = task.y[fold.train]
        fitted = fit(chosen, chosen.candidates[best], task.X[fold.train], y)
        decision = decide(fitted, task.tell, n_classes) if score.decides else None
        return predict(fitted, task.tell, y), decision, best

    every = cleaned(question, fold.train, slice(0, n_times))[:, fold.test] if across_times else None
    for times in _chunks(question, fold, across_times=across_times):
        X = cleaned(question, fold.train, times)
        tells = [X[t, fold.test] if every is None else every.reshape(-1, every.shape[-1]) for t in range(len(X))]
        tasks = [_Task(X[t], question.sets[s], tells[t]) for s in fold.sets for t in range(len(X))]
        said = in_threads(run, tasks, n_jobs=n_jobs)
        lead = (len(fold.sets), len(X), *((n_times,) if across_times else ()), len(fold.test))
        predicted = np.stack([p for p, _, _ in said]).reshape(lead)
        decided = [d for _, d, _ in said if d is not None]
        decision = np.stack(decided).reshape(*lead, n_classes) if decided else None
        picked = np.array([best for _, _, best in said]).reshape(lead[:2]) if many else None
        yield piece(question, fold, fold.sets, times, predicted, decision=decision, picked=picked)


def _chunks(question: Question, fold: Fold, *, across_times: bool) -> Iterator[slice]:
    n_times, n_samples, n_units = question.responses.shape
    answers = len(fold.sets) * len(fold.test) * max(question.n_classes, 1) * (n_times if across_times else 1)
    step = max(1, _CHUNK // max(1, n_samples * n_units, answers))
    for start in range(0, n_times, step):
        yield slice(start, min(start + step, n_times))
