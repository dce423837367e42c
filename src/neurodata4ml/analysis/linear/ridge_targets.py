"""Ridge of many targets, each with a penalty of its own that inner folds choose, in held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from neurodata4ml.analysis.linear.ridge_dual import Dual
from neurodata4ml.analysis.linear.ridge_primal import Primal
from neurodata4ml.analysis.linear.ridge_turned import Form, Problem, Turned
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.linear.training_sets import Fold, TrainingSet, training_sets
from neurodata4ml.cores import n_cores

Result = TypeVar("Result")


@dataclass(frozen=True)
class Found:
    """Predictions of every fold, with the penalties that were chosen.

    Attributes
    ----------
    values : ndarray (n_tested, n_targets)
        Test rows of the first fold, then of the second, and so on.
    alpha : ndarray (n_folds, n_targets)
    error : ndarray (n_folds, n_targets)
        Mean squared error in the inner folds with the chosen penalty, averaged over these; NaN without choice.
    form : "primal" or "dual"
    """

    values: np.ndarray
    alpha: np.ndarray
    error: np.ndarray
    form: str


def ridge_targets(
    problem: Problem,
    folds: Sequence[Fold],
    alphas: np.ndarray,
    inner: Sequence[Sequence[Fold]],
    *,
    form: str | None = None,
    n_jobs: int | None = None,
) -> Found:
    """Predict the test rows of each fold; of several penalties each target takes the one of least error.

    The error is the mean squared error of each inner fold, averaged over inner folds, as in scikit-learn's
    ``GridSearchCV``; of equal penalties the largest wins. Everything is learnt from training rows: means, scales and
    penalties. Each distinct training set is decomposed once (Hoerl & Kennard 1970, Technometrics 12:55, eq. 2.1).

    Parameters
    ----------
    problem : Problem
    folds : sequence of (train, test)
    alphas : ndarray (n_alphas,)
    inner : sequence of sequences of (train, test)
        For each fold; empty ones where there is one penalty.
    form : {"primal", "dual"}, optional
        By default primal where there are more rows than features. Both give the same numbers.
    n_jobs : int, optional

    Returns
    -------
    Found
    """
    form = form or ("primal" if len(problem.y) > problem.n_features else "dual")
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))
    chooses = len(alphas) > 1
    within = training_sets(inner, len(problem.y)) if chooses else []
    outer = [TrainingSet(np.sort(train), (np.asarray(test),), (k,)) for k, (train, test) in enumerate(folds)]
    made: Form = Dual(problem, n_jobs) if form == "dual" else Primal(problem, [*within, *outer], n_jobs)
    alpha, error = (
        np.full((len(folds), problem.y.shape[1]), alphas[0]),
        np.full((len(folds), problem.y.shape[1]), np.nan),
    )
    if chooses:
        alpha, error = _choose(made, within, alphas, len(folds), n_jobs)

    values, places = room_for(folds, problem.y.shape[1])

    def predict(each: TrainingSet, turned: Turned) -> None:
        turned.predict(0, alpha[each.asker[0]], values[places[each.asker[0]]])

    each_set(made, outer, predict, n_jobs)
    return Found(values, alpha, error, form)


def room_for(folds: Sequence[Fold], n_targets: int) -> tuple[np.ndarray, list[slice]]:
    """Return an array (n_tested, n_targets) for the predictions of all folds, and where those of each stand."""
    ends = np.cumsum([0, *(len(test) for _, test in folds)]).tolist()
    return np.empty((ends[-1], n_targets)), [slice(a, b) for a, b in pairwise(ends)]


def each_set(
    form: Form, sets: list[TrainingSet], work: Callable[[TrainingSet, Turned], Result], n_jobs: int | None
) -> list[Result]:
    """Return ``work(set, decomposition)`` of every training set; the threads share them out."""
    size = group_size(form, len(sets), n_jobs)
    groups = [sets[i : i + size] for i in range(0, len(sets), size)]

    def run(group: list[TrainingSet]) -> list[Result]:
        return [work(each, turned) for each, turned in zip(group, form.turned(group), strict=True)]

    return [result for group in in_threads(run, groups, n_jobs=n_jobs) for result in group]


def group_size(form: Form, n_sets: int, n_jobs: int | None) -> int:
    """Return how many training sets share one pass over the features: as many as a quarter of the input has room for.

    Which sets go together changes no bit of their results.
    """
    if not isinstance(form, Dual):
        return 1
    n, problem = len(form.problem.y), form.problem
    each_thread = -(-n_sets // (n_cores() if n_jobs is None else max(1, int(n_jobs))))
    if not problem.standardise:
        return each_thread
    room: int = n * (problem.n_features + problem.y.shape[1]) // (4 * n * n * len(problem.bands))
    return max(1, min(each_thread, room))


def _choose(
    form: Form, within: list[TrainingSet], alphas: np.ndarray, n_folds: int, n_jobs: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the penalty of least error (n_folds, n_targets), and that error."""
    problem = form.problem

    def errors(each: TrainingSet, turned: Turned) -> list[np.ndarray]:
        tests = enumerate(each.tests)
        return [turned.errors(i, problem.y[test], alphas, problem.weights_of(test)) for i, test in tests]

    total, count = np.zeros((n_folds, len(alphas), problem.y.shape[1])), np.zeros(n_folds)
    for each, found in zip(within, each_set(form, within, errors, n_jobs), strict=True):
        for asker, mine in zip(each.asker, found, strict=True):
            total[asker] += mine
            count[asker] += 1
    total /= count[:, None, None]
    # the last of equal ones: the simplest model
    best = len(alphas) - 1 - total[:, ::-1].argmin(axis=1)
    return alphas[best], np.take_along_axis(total, best[:, None], axis=1)[:, 0]
