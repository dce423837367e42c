"""Partial least squares: a few directions of features that covary most with all responses together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from neurodata4ml.analysis.encoding.pls_components import Components, components
from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted, empty
from neurodata4ml.analysis.linear.threads import in_threads, one_blas_thread
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

N_COMPONENTS = 25
"""Brain-Score's convention (Schrimpf et al. 2018, bioRxiv 407007); a convention, not an optimum."""


def pls(features: list[np.ndarray], y: np.ndarray, folds: Sequence[Fold], options: Options) -> Predicted:
    """Predict responses by partial least squares regression (PLS2).

    All targets share the components, so that the prediction of a unit depends on which units are fitted with it, and
    units with much variance steer it unless ``scale`` is true. The answers are those of scikit-learn's
    ``PLSRegression`` with a small ``tol``, and of ikpls (Engstrøm 2024, JOSS 9:6533).

    One sum of products of all rows serves all folds: each takes away the rows it leaves out. Where there are fewer rows
    than features, features are first turned into as many directions as there are rows, which changes no prediction.

    Parameters
    ----------
    features : list of ndarray (n, n_features)
        Several are set side by side.
    y : ndarray (n, n_targets)
    folds : sequence of (train, test)
    options : Options
        ``own``: ``n_components``, a whole number (25 is Brain-Score's), or several of which inner folds choose one for
        each target by squared error; ``scale``, whether features and responses are divided by their standard deviation
        in training (no, in Brain-Score's convention). Rows are not weighted.

    Returns
    -------
    Predicted
        ``chosen["n_components"]`` (unit, fold): how many were used; fewer than asked for where training holds no more
        (its rank). NaN for targets that do not change in training, and where no feature does.

    Raises
    ------
    DesignError
        ``n_components`` below 1, fewer than two training rows, or several numbers of components and no inner folds.
    """
    asked = _require_numbers(options.own.get("n_components", N_COMPONENTS))
    if len(asked) > 1 and any(not inner for inner in options.inner or [()]):
        message = (
            f"PLS chooses among n_components={list(asked)} in inner folds, and there are too few rows to make them. "
            f"Give one number: n_components={asked[0]}."
        )
        raise DesignError(message)
    with one_blas_thread():
        rows = _prepare(features, y, scale=bool(options.own.get("scale", False)))
    values, row, fold, places = empty(folds, y.shape[1])
    used = np.zeros((y.shape[1], len(folds)), dtype=np.int64)

    def one(k: int) -> None:
        train, test = folds[k]
        choice = np.zeros(y.shape[1], dtype=int)
        if len(asked) > 1:
            losses = [_losses(rows, inner, asked) for inner in options.inner[k]]
            choice = np.argmin(np.sum(losses, axis=0), axis=0)
        fitted = _fit(rows, train, max(asked))
        guesses = _predict(rows, fitted, test, asked)
        values[places[k]] = np.take_along_axis(guesses, choice[None, None, :], axis=0)[0]
        used[:, k] = np.minimum(np.asarray(asked)[choice], len(fitted.model.loadings))

    in_threads(one, range(len(folds)), n_jobs=options.n_jobs)
    about = {
        "n_components": list(asked) if len(asked) > 1 else asked[0],
        "scale": rows.scale,
        "fitted": "all targets share the components of partial least squares",
    }
    return Predicted(values, row, fold, {"n_components": (("unit", "fold"), used)}, about)


class _Rows(NamedTuple):
    """Features and responses about the means of all rows, and sums of products (empty where folds do not share them).

    ``size``: the largest absolute value of each feature, where features are scaled.
    """

    x: np.ndarray
    y: np.ndarray
    y_mean: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    scale: bool
    size: np.ndarray


class _Fitted(NamedTuple):
    """A model of centred, scaled features, and how to get there and back."""

    model: Components
    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray
    y_scale: np.ndarray


def _prepare(features: list[np.ndarray], y: np.ndarray, *, scale: bool) -> _Rows:
    """Centre, turn wide features, and add up products."""
    x = np.concatenate(features, axis=1) if len(features) > 1 else features[0]
    x = np.asarray(x, dtype=np.float64)
    size = np.abs(x).max(axis=0, initial=0.0) if scale else np.empty(0)
    x = x - x.mean(axis=0)
    if len(x) < x.shape[1] and not scale:
        # X = R' Q' with orthonormal Q: PLS asks for inner products of rows only, which R' has too
        x = np.ascontiguousarray(np.asarray(np.linalg.qr(x.T, mode="r")).T)
    y = np.asarray(y, dtype=np.float64)
    y_mean = y.mean(axis=0)
    y = y - y_mean
    shared = len(x) >= x.shape[1]
    gram, cross = (x.T @ x, x.T @ y) if shared else (np.empty((0, 0)), np.empty((0, 0)))
    return _Rows(x, y, y_mean, gram, cross, scale, size)


def _fit(rows: _Rows, train: np.ndarray, n_components: int) -> _Fitted:
    """Fit the components of some rows."""
    if len(train) < 2:
        message = f"PLS fits on at least 2 rows; a fold leaves {len(train)} to learn from. Ask for fewer folds."
        raise DesignError(message)
    x_mean, y_mean = rows.x[train].mean(axis=0), rows.y[train].mean(axis=0)
    x_scale, y_scale = _scales(rows, train, x_mean, y_mean)
    cross, product = _products(rows, train, x_mean, y_mean)
    heard = np.where(np.isnan(x_scale), 0.0, 1.0 / x_scale)
    model = components(
        heard[:, None] * cross * np.where(np.isnan(y_scale), 0.0, 1.0 / y_scale),
        lambda v: heard * product(heard * v),
        min(n_components, len(train) - 1, rows.x.shape[1]),
    )
    return _Fitted(model, x_mean, heard, y_mean, y_scale)


def _scales(rows: _Rows, train: np.ndarray, x_mean: np.ndarray, y_mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what features and responses are divided by: NaN for those that do not change in training, else 1."""
    y = rows.y[train] - y_mean
    size = np.abs(rows.y).max(axis=0, initial=0.0) + np.abs(rows.y_mean)
    y_scale = np.sqrt(np.sum(y**2, axis=0) / (len(train) - 1))
    y_scale = np.where(y_scale <= 1e-12 * size, np.nan, y_scale)
    if not rows.scale:
        return np.ones(len(x_mean)), np.where(np.isnan(y_scale), np.nan, 1.0)
    x_scale = np.sqrt(np.sum((rows.x[train] - x_mean) ** 2, axis=0) / (len(train) - 1))
    return np.where(x_scale <= 1e-12 * rows.size, np.nan, x_scale), y_scale


def _products(
    rows: _Rows, train: np.ndarray, x_mean: np.ndarray, y_mean: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return X'Y of centred training rows, and how to multiply by X'X."""
    left_out = np.ones(len(rows.x), dtype=bool)
    left_out[train] = False
    if not len(rows.gram) or 2 * left_out.sum() > len(rows.x) or len(np.unique(train)) < len(train):
        x = rows.x[train] - x_mean
        return x.T @ (rows.y[train] - y_mean), lambda v: (x @ v) @ x
    other, n = rows.x[left_out], len(train)
    cross = rows.cross - other.T @ rows.y[left_out] - n * np.outer(x_mean, y_mean)
    return cross, lambda v: rows.gram @ v - (other @ v) @ other - (n * float(x_mean @ v)) * x_mean


def _predict(rows: _Rows, fitted: _Fitted, test: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Return predictions (n_numbers, n_test, n_targets) with the first so many components."""
    scores = ((rows.x[test] - fitted.x_mean) * fitted.x_scale) @ fitted.model.rotations
    if not scores.shape[1]:
        # no feature that changes covaries with any response
        return np.full((len(numbers), len(test), len(fitted.y_mean)), np.nan)
    loadings = fitted.model.loadings
    guesses = np.stack([scores[:, :n] @ loadings[:n] for n in numbers])
    return np.asarray(guesses * fitted.y_scale + (fitted.y_mean + rows.y_mean))


def _losses(rows: _Rows, fold: Fold, numbers: Sequence[int]) -> np.ndarray:
    """Return sums of squared errors (n_numbers, n_targets) in an inner test set; 0 for what cannot be predicted."""
    train, test = fold
    guesses = _predict(rows, _fit(rows, train, max(numbers)), test, numbers)
    return np.asarray(np.nan_to_num(np.sum((guesses - (rows.y[test] + rows.y_mean)) ** 2, axis=1)))


def _require_numbers(given: object) -> tuple[int, ...]:
    numbers = tuple(given) if isinstance(given, list | tuple | np.ndarray | range) else (given,)
    if not numbers:
        message = "n_components takes a whole number, or several to choose from; got none. Type n_components=25."
        raise DesignError(message)
    for number in numbers:
        require_whole(number, "n_components", least=1)
    return tuple(int(number) for number in numbers)
