"""Poisson regression: counts of each unit as an exponential of features, for responses that are counts of spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurodata4ml.analysis.encoding.poisson_fit import Fit, fit_poisson
from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted, empty
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.errors import DesignError

ALPHAS = tuple(10.0**k for k in (-3, -2, -1, 0, 1, 2, 3))
"""Penalties per sample, of z-scored features: from hardly any to one that leaves little but the mean."""

_BLOCK = 128
"""Units fitted at once: the same for any number of threads, so that sums have the same bits."""

_CONSTANT = 1e-10
"""A feature whose spread is below this share of its size does not change."""


def poisson(features: list[np.ndarray], y: np.ndarray, folds: Sequence[Fold], options: Options) -> Predicted:
    """Predict rates of counts by Poisson regression with a logarithmic link and a ridge penalty.

    For each unit, the minimum of ``sum_i w_i (mu_i - y_i log mu_i) / sum_i w_i + alpha |coef|^2 / 2`` with
    ``log mu = intercept + z coef``, z the features z-scored in training (McCullagh & Nelder 1989, ch. 6; what
    scikit-learn's ``PoissonRegressor`` minimises). Mean counts weighted by their numbers of trials give exactly the fit
    on trials. Each unit has the penalty with the least Poisson deviance in inner folds.

    Parameters
    ----------
    features : list of ndarray (n, n_features)
        Several are set side by side.
    y : ndarray (n, n_targets)
        Counts, or mean counts; rates in Hz are no counts, but only the penalty and not the fit minds the unit.
    folds : sequence of (train, test)
    options : Options
        ``weights``: trials per row; ``alphas``: penalties to choose from.

    Returns
    -------
    Predicted
        Values above 0: rates, in the unit of ``y``. NaN for units without a single spike in training (their log rate
        is minus infinity): ``about["silent"]`` counts them. ``chosen["alpha"]`` (unit, fold).

    Raises
    ------
    DesignError
        Negative responses, penalties that are not above 0, fewer than two training rows, several penalties and no inner
        folds.
    """
    x = np.concatenate([np.asarray(space, dtype=np.float64) for space in features], axis=1)
    y = np.asarray(y, dtype=np.float64)
    if y.size and float(np.nanmin(y)) < 0:
        message = (
            f"A Poisson regression predicts counts, 0 or more; got {float(np.nanmin(y)):.4g}. "
            f"Give spike counts, not z-scored or baseline-corrected responses, or type encoder='ridge'."
        )
        raise DesignError(message)
    alphas = _require_alphas(options, len(folds))
    weights = np.ones(len(y)) if options.weights is None else np.asarray(options.weights, dtype=np.float64)
    values, row, fold, places = empty(folds, y.shape[1])
    blocks = [slice(a, min(a + _BLOCK, y.shape[1])) for a in range(0, y.shape[1], _BLOCK)]
    chosen = np.full((y.shape[1], len(folds)), np.nan)
    undone = np.zeros((y.shape[1], len(folds)), dtype=bool)

    def one(task: tuple[int, slice]) -> None:
        k, block = task
        train, test = folds[k]
        count = y[:, block]
        alpha = np.full(count.shape[1], alphas[0])
        if len(alphas) > 1:
            losses = np.sum([_losses(x, count, weights, inner, alphas) for inner in options.inner[k]], axis=0)
            alpha = alphas[len(alphas) - 1 - np.argmin(losses[::-1], axis=0)]  # of equals, the larger
        view = _view(x, train)
        fit, heard = _fit(view, count[train], weights[train], alpha)
        values[places[k], block] = _rates(view, x[test], fit, heard)
        chosen[block, k] = np.where(heard, alpha, np.nan)
        undone[block, k] = heard & ~fit.done

    in_threads(one, [(k, block) for k in range(len(folds)) for block in blocks], n_jobs=options.n_jobs)
    about = {
        "alphas": alphas.tolist(),
        "fitted": "each target alone: Poisson, log link, ridge",
        "silent": int(np.isnan(chosen).any(axis=1).sum()),
        "silent_means": "targets without a spike in the training rows of some fold; their predictions there are NaN",
        "not_converged": int(undone.any(axis=1).sum()),
    }
    return Predicted(values, row, fold, {"alpha": (("unit", "fold"), chosen)}, about)


class _View(NamedTuple):
    """Features as training sees them: ``(x - mean) / scale @ turn`` has as few columns as rows allow."""

    mean: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    own: np.ndarray


def _view(x: np.ndarray, train: np.ndarray) -> _View:
    """Z-score features, and turn them to their principal axes: the penalty and the fit are the same in any axes."""
    if len(train) < 2:
        message = f"A Poisson regression is fitted on at least 2 rows; a fold leaves {len(train)}. Ask for fewer folds."
        raise DesignError(message)
    mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
    scale = np.where(scale > _CONSTANT * np.abs(x[train]).max(axis=0, initial=0.0), scale, np.inf)
    z = (x[train] - mean) / scale
    left, size, turn = np.linalg.svd(z, full_matrices=False)
    keep = size > 1e-12 * (size[0] if len(size) else 0.0)
    return _View(mean, scale, turn[keep].T, left[:, keep] * size[keep])


def _fit(
    view: _View, y: np.ndarray, weights: np.ndarray, alpha: np.ndarray, start: Fit | None = None
) -> tuple[Fit, np.ndarray]:
    """Fit units that fire; return also which do. Those that do not have an intercept of minus infinity."""
    heard = np.sum(y * weights[:, None], axis=0) > 0
    begin = None if start is None else Fit(*(part[..., heard] for part in start))
    found = fit_poisson(view.own, y[:, heard], weights, alpha[heard], begin)
    fit = Fit(np.full(len(heard), -np.inf), np.zeros((view.own.shape[1], len(heard))), np.ones(len(heard), dtype=bool))
    fit.intercept[heard], fit.coef[:, heard], fit.done[heard] = found
    return fit, heard


def _rates(view: _View, x: np.ndarray, fit: Fit, heard: np.ndarray) -> np.ndarray:
    """Return rates; NaN for units that never fired, and infinite where a test row lies far out of training."""
    log_rate = fit.intercept + (((x - view.mean) / view.scale) @ view.turn) @ fit.coef
    with np.errstate(over="ignore"):
        return np.where(heard, np.exp(log_rate), np.nan)


def _losses(x: np.ndarray, y: np.ndarray, weights: np.ndarray, fold: Fold, alphas: np.ndarray) -> np.ndarray:
    """Return losses (n_alphas, n_units) in an inner test set; 0 for units that do not fire in its training set."""
    train, test = fold
    view, w = _view(x, train), weights[test][:, None]
    z = ((x[test] - view.mean) / view.scale) @ view.turn
    losses, fit = np.zeros((len(alphas), y.shape[1])), None
    # from the largest penalty down, each begins where the last ended
    for i in range(len(alphas) - 1, -1, -1):
        fit, heard = _fit(view, y[train], weights[train], np.full(y.shape[1], alphas[i]), fit)
        log_rate = np.where(heard, fit.intercept, 0.0) + z @ fit.coef
        with np.errstate(over="ignore"):
            losses[i] = np.where(heard, np.sum(w * (np.exp(log_rate) - y[test] * log_rate), axis=0), 0.0)
    return losses


def _require_alphas(options: Options, n_folds: int) -> np.ndarray:
    alphas = np.sort(np.asarray(ALPHAS if options.alphas is None else options.alphas, dtype=np.float64).ravel())
    if not len(alphas) or not np.isfinite(alphas).all() or alphas[0] <= 0:
        message = f"A Poisson regression takes penalties above 0; got {alphas.tolist()}. Type alphas=[0.01, 0.1, 1.0]."
        raise DesignError(message)
    if len(alphas) > 1 and (len(options.inner) < n_folds or any(not inner for inner in options.inner)):
        message = (
            f"A Poisson regression chooses among alphas={alphas.tolist()} in inner folds, and there are too few rows "
            f"to make them. Give one: alphas=[{alphas[-1]:g}]."
        )
        raise DesignError(message)
    return alphas
