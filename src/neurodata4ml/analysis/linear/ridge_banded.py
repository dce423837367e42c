"""Ridge with a penalty of its own for every band of features: a random search that all targets share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurodata4ml.analysis.linear.ridge_dual import Dual, turn
from neurodata4ml.analysis.linear.ridge_primal import Primal
from neurodata4ml.analysis.linear.ridge_turned import Problem, Turned, blocks
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.linear.training_sets import Fold, TrainingSet, training_sets

_TARGETS = 512
"""Targets searched at once, so that errors of all candidates stay small."""

Ready = list[np.ndarray] | tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class FoundBands:
    """What the search found.

    Attributes
    ----------
    values : list of ndarray (n_bands, n_test, n_targets)
        What each band adds to the predictions of a fold, which are their sum and ``mean``.
    mean : ndarray (n_folds, n_targets)
        Of the training rows.
    alpha : ndarray (n_folds, n_targets)
    weight : ndarray (n_folds, n_targets, n_bands)
        Of each band; the penalty of a band is ``alpha`` over its weight.
    form : "primal" or "dual"
    """

    values: list[np.ndarray]
    mean: np.ndarray
    alpha: np.ndarray
    weight: np.ndarray
    form: str


def banded_targets(
    problem: Problem,
    folds: Sequence[Fold],
    alphas: np.ndarray,
    inner: Sequence[Sequence[Fold]],
    weights: np.ndarray,
    *,
    form: str | None = None,
    n_jobs: int | None = None,
) -> FoundBands:
    """Predict the test rows of each fold by ridge on bands that are multiplied by the roots of their weights.

    For each target, the weights and the penalty of least mean squared error in the inner folds (Dupré la Tour et al.
    2022, NeuroImage 264:119728, eq. 5 and 11): of equal ones, the first weights and the largest penalty.

    Parameters
    ----------
    problem : Problem
    folds, inner, form, n_jobs
        See ``ridge_targets``.
    alphas : ndarray (n_alphas,)
    weights : ndarray (n_candidates, n_bands)

    Returns
    -------
    FoundBands
    """
    form = form or ("primal" if len(problem.y) > problem.n_features else "dual")
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))
    some = [
        _search(replace(problem, y=problem.y[:, part]), folds, alphas, inner, weights, form, n_jobs)
        for part in blocks(problem.y.shape[1], _TARGETS)
    ]
    if len(some) == 1:
        return some[0]
    values = [np.concatenate(each, axis=2) for each in zip(*(found.values for found in some), strict=True)]
    mean, alpha, weight = (
        np.concatenate([getattr(found, name) for found in some], axis=1) for name in ("mean", "alpha", "weight")
    )
    return FoundBands(values, mean, alpha, weight, form)


def _search(
    problem: Problem,
    folds: Sequence[Fold],
    alphas: np.ndarray,
    inner: Sequence[Sequence[Fold]],
    weights: np.ndarray,
    form: str,
    n_jobs: int | None,
) -> FoundBands:
    within = training_sets(inner, len(problem.y))
    outer = [TrainingSet(np.sort(train), (np.asarray(test),), (k,)) for k, (train, test) in enumerate(folds)]
    solver = _Solver(problem, [*within, *outer], form, n_jobs)
    n_targets = problem.y.shape[1]
    errors = np.zeros((len(folds), len(weights), len(alphas), n_targets))

    def look(each: TrainingSet) -> list[list[np.ndarray]]:
        ready, result = solver.ready(each), []
        for weight in weights:
            turned = solver.turned(each, ready, weight)
            tests = enumerate(each.tests)
            result.append([turned.errors(i, problem.y[t], alphas, problem.weights_of(t)) for i, t in tests])
        return result

    for each, found in zip(within, in_threads(look, within, n_jobs=n_jobs), strict=True):
        for candidate, mine in enumerate(found):
            for asker, error in zip(each.asker, mine, strict=True):
                errors[asker, candidate] += error / len(inner[asker])
    # the first weights, and of their penalties the last, of equal ones
    best = errors[:, :, ::-1].reshape(len(folds), -1, n_targets).argmin(axis=1)
    candidate, alpha = best // len(alphas), alphas[len(alphas) - 1 - best % len(alphas)]

    def predict(each: TrainingSet) -> np.ndarray:
        return solver.parts(each, weights, candidate[each.asker[0]], alpha[each.asker[0]])

    values = in_threads(predict, outer, n_jobs=n_jobs)
    mean = np.stack([problem.mean(each.train) for each in outer])
    return FoundBands(values, mean, alpha, weights[candidate], form)


class _Solver:
    """One problem in its primal or dual form, for any weights of the bands."""

    def __init__(self, problem: Problem, sets: list[TrainingSet], form: str, n_jobs: int | None) -> None:
        self.problem = problem
        self.dual = Dual(problem, n_jobs) if form == "dual" else None
        self.primal = Primal(problem, sets, n_jobs) if form != "dual" else None
        self.sizes = [band.shape[1] for band in problem.bands]

    def ready(self, each: TrainingSet) -> Ready:
        """Return what all weights share."""
        if self.primal is not None:
            return self.primal.standardised(each)
        assert self.dual is not None
        return list(next(self.dual.grams([each])))

    def turned(self, each: TrainingSet, ready: Ready, weight: np.ndarray) -> Turned:
        """Decompose a training set with these weights."""
        if self.primal is not None:
            gram, products, mean, factor = ready
            root = np.repeat(np.sqrt(weight), self.sizes)
            return self.primal.turn(each, gram * root * root[:, None], products * root[:, None], mean, factor * root)
        return turn(self.problem, each, np.tensordot(weight, np.stack(ready), axes=1))

    def parts(self, each: TrainingSet, weights: np.ndarray, candidate: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """Return what each band adds to the predictions (n_bands, n_test, n_targets)."""
        ready = self.ready(each)
        result = np.zeros((len(self.sizes), len(each.tests[0]), len(alpha)))
        for c in np.unique(candidate).tolist():
            mine, weight = np.flatnonzero(candidate == c), weights[c]
            turned = self._by_band(each, ready, weight)
            coefficients = turned.products[:, mine] / (turned.spectrum[:, None] + alpha[mine])
            for b, test in enumerate(turned.tests):
                result[b][:, mine] = test @ coefficients
        return result

    def _by_band(self, each: TrainingSet, ready: Ready, weight: np.ndarray) -> Turned:
        """Decompose a training set; the tests are what each band adds to the coordinates of the test rows."""
        if self.primal is not None:
            gram, products, mean, factor = ready
            root = np.repeat(np.sqrt(weight), self.sizes)
            gram, products, factor = gram * root * root[:, None], products * root[:, None], factor * root
            return self.primal.turn(each, gram, products, mean, factor, bands=np.cumsum([0, *self.sizes]))
        grams = [w * gram for w, gram in zip(weight, ready, strict=True)]
        return turn(self.problem, each, np.sum(grams, axis=0), bands=grams)
