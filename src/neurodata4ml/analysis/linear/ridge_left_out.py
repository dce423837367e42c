"""Ridge of many targets, each with the penalty of least error when every training row is left out in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodata4ml.analysis.linear.ridge_dual import Dual
from neurodata4ml.analysis.linear.ridge_primal import Primal
from neurodata4ml.analysis.linear.ridge_targets import Found, each_set, room_for
from neurodata4ml.analysis.linear.ridge_turned import Form, Problem, Turned, blocks
from neurodata4ml.analysis.linear.threads import spread
from neurodata4ml.analysis.linear.training_sets import Fold, TrainingSet

_ROUGH = 1e-5
"""Relative error granted to float32, ten times the worst seen; errors nearer than that are computed again."""

_ROWS = 512
"""Rows multiplied at once."""

_TARGETS = 128
"""Targets in a block, tried together; fewer would be multiplied more slowly."""

_SMALL = 2_000_000
"""Numbers among the training rows' coordinates below which float64 is as good as float32."""


def ridge_left_out(
    problem: Problem, folds: Sequence[Fold], alphas: np.ndarray, *, form: str | None = None, n_jobs: int | None = None
) -> Found:
    """Predict the test rows of each fold with the penalty that leave-one-out among its training rows chooses.

    With leverages ``h_i`` the error of a row left out is its residual over ``1 - h_i`` (Rifkin & Lippert 2007,
    MIT-CSAIL-TR-2007-025); features keep the scale they have with the row. As scikit-learn's ``RidgeCV`` with
    ``alpha_per_target=True``; of equal penalties the largest wins. Errors are computed in float32, and in float64 for
    targets whose best two penalties are too near to tell; penalties that leverages rule out are not tried.

    Parameters
    ----------
    problem : Problem
    folds : sequence of (train, test)
    alphas : ndarray (n_alphas,)
    form : {"primal", "dual"}, optional
    n_jobs : int, optional

    Returns
    -------
    Found
    """
    form = form or ("primal" if len(problem.y) > problem.n_features else "dual")
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))
    sets = [
        TrainingSet(np.sort(train), (np.asarray(test), np.sort(train)), (k, k)) for k, (train, test) in enumerate(folds)
    ]
    made: Form = Dual(problem, n_jobs) if form == "dual" else Primal(problem, sets, n_jobs)

    values, places = room_for(folds, problem.y.shape[1])

    def work(each: TrainingSet, turned: Turned) -> tuple[np.ndarray, np.ndarray]:
        error = left_out_errors(turned, problem, each.train, alphas)
        best = len(alphas) - 1 - error[::-1].argmin(axis=0)
        least = np.take_along_axis(error, best[None], axis=0)[0]
        turned.predict(0, alphas[best], values[places[each.asker[0]]])
        return alphas[best], least

    alpha, error = zip(*each_set(made, sets, work, n_jobs), strict=True)
    return Found(values, np.stack(alpha), np.stack(error), form)


def left_out_errors(turned: Turned, problem: Problem, train: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Return the weighted mean squared error (n_alphas, n_targets) of training rows left out in turn.

    Of much data, infinity stands for what ``_at_least`` rules out. Where n - 1 eigenvectors span all that varies,
    residuals and one minus the leverages share the factor ``alpha``, which cancels: their digits are kept however
    small it is.
    """
    weights = problem.weights_of(train)
    root, size = np.sqrt(weights), np.sqrt(turned.spectrum)
    # orthonormal columns: training rows in the eigenvectors
    axes = turned.tests[1]
    axes /= size
    axes *= root[:, None]
    spans = len(turned.spectrum) == len(train) - 1
    filters = (1.0 if spans else turned.spectrum[:, None]) / (turned.spectrum[:, None] + alphas)
    left = np.square(axes) @ filters
    if not spans:
        # less than rounding: such a row cannot be left out, and its error counts for much
        left = np.maximum(1 - (weights / weights.sum())[:, None] - left, np.finfo(np.float64).eps)
    products = turned.products / size[:, None]
    if spans or axes.size < _SMALL:
        truth = _centred(problem, train, turned.mean, slice(None), np.float64)
        return np.asarray(_errors(axes, products, filters, left, truth, spans=spans) / weights.sum())
    return np.asarray(_of_much(problem, train, turned.mean, axes, products, filters, left) / weights.sum())


def _of_much(
    problem: Problem,
    train: np.ndarray,
    mean: np.ndarray,
    axes: np.ndarray,
    products: np.ndarray,
    filters: np.ndarray,
    left: np.ndarray,
) -> np.ndarray:
    """Return ``_errors`` in float32, of penalties that may be the best of a target; in float64 where two are near."""
    square = _squares(problem, train, mean)
    least = _at_least(products, filters, left, square)
    # targets that are likely to choose alike stand together
    order = least.argmin(axis=0).argsort(kind="stable")
    least, products, square = least[:, order], products[:, order], square[order]
    truth = _centred(problem, train, mean, order, np.float32)
    rough, shrunk = axes.astype(np.float32), (_ROUGH / left.min(axis=0))[:, None]
    likely = np.arange(len(least))[:, None] == least.argmin(axis=0)
    error = _errors(rough, products, filters, left, truth, spans=False, asked=likely)
    asked = least <= (error + shrunk * (error + np.sqrt(error * square))).min(axis=0)
    others = _errors(rough, products, filters, left, truth, spans=False, asked=asked & np.isinf(error))
    error = np.minimum(error, others)
    slack = shrunk * (error + np.sqrt(error * square))
    near = np.flatnonzero((np.isfinite(error) & (error <= slack + (error + slack).min(axis=0))).sum(axis=0) > 1)
    for some in (near[part] for part in blocks(len(near))):
        truth = _centred(problem, train, mean, order[some], np.float64)
        error[:, some] = _errors(axes, products[:, some], filters, left, truth, spans=False, asked=asked[:, some])
    result: np.ndarray = np.empty_like(error)
    result[:, order] = error
    return result


def _squares(problem: Problem, train: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the weighted sum of squares of each target about its mean."""
    total: np.ndarray = np.zeros(len(mean))
    weights = problem.weights_of(train)
    for rows in blocks(len(train), _ROWS):
        total += weights[rows] @ np.square(problem.y[train[rows]] - mean)
    return total


def _at_least(products: np.ndarray, filters: np.ndarray, left: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Return what the error of each penalty is at least (n_alphas, n_targets).

    It is at least the sum of squared residuals over the square of the largest ``left``, and that sum needs no row: it
    is what the filters take from the coordinates, and what lies outside these.
    """
    inside = np.square(products)
    outside = np.maximum(square - inside.sum(axis=0), 0.0)
    residual = np.square(1 - filters).T @ inside + outside - _ROUGH * square
    return np.asarray(residual / np.square(left.max(axis=0))[:, None])


def _errors(
    axes: np.ndarray,
    products: np.ndarray,
    filters: np.ndarray,
    left: np.ndarray,
    truth: np.ndarray,
    *,
    spans: bool,
    asked: np.ndarray | None = None,
) -> np.ndarray:
    """Return the summed squared errors (n_alphas, n_targets) of rows left out, in the precision of ``axes``.

    Where the rows span everything, fits come as ``filters`` of the residuals: see ``left_out_errors``. Infinity stands
    for blocks of targets of which none is ``asked``.
    """
    n_alphas, n_targets = filters.shape[1], products.shape[1]
    result = np.full((n_alphas, n_targets), np.inf)
    tried = [slice(None)] if asked is None else blocks(n_targets, _TARGETS)

    def one(task: tuple[int, slice]) -> None:
        a, mine = task
        weighed = (products[:, mine] * filters[:, a, None]).astype(axes.dtype)
        total = np.zeros(weighed.shape[1])
        share = (1 / left[:, a, None]).astype(axes.dtype)
        for some in blocks(len(axes), _ROWS):
            residual = axes[some] @ weighed
            if not spans:
                residual -= truth[some, mine]
            residual *= share[some]
            total += np.einsum("nt,nt->t", residual, residual)
        result[a, mine] = total

    spread(one, [(a, mine) for a in range(n_alphas) for mine in tried if asked is None or asked[a, mine].any()])
    return result


def _centred(
    problem: Problem, train: np.ndarray, mean: np.ndarray, some: slice | np.ndarray, dtype: type
) -> np.ndarray:
    """Return targets of training rows minus their mean, times the root of the rows' weights, row block by row block."""
    root = np.sqrt(problem.weights_of(train))[:, None]
    result: np.ndarray = np.empty((len(train), len(mean[some])), dtype=dtype)
    for rows in blocks(len(train), _ROWS):
        result[rows] = (problem.y[train[rows]][:, some] - mean[some]) * root[rows]
    return result
