"""Banded ridge: several layers fitted jointly, each with a penalty of its own, and what each of them explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted, empty
from neurodata4ml.analysis.encoding.ridge import (
    CENTRED,
    LEAST,
    MOST,
    N_ALPHAS,
    mean_eigenvalue,
    penalties,
    require_inner,
)
from neurodata4ml.analysis.linear.ridge_banded import FoundBands, banded_targets
from neurodata4ml.analysis.linear.ridge_turned import Problem
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

OWN: dict[str, Any] = {"n_iter": 100, "standardise": True, "form": None, "unique": True}
"""Parameters of banded ridge alone; see ``banded``."""

CONCENTRATIONS = (0.1, 1.0)
"""Of the Dirichlet distributions that weights are drawn from in turn: nearly one layer alone, and any mixture."""


def banded(features: list[np.ndarray], y: np.ndarray, folds: Sequence[Fold], options: Options) -> Predicted:
    """Predict responses from several spaces of features, whose relative penalties are searched for at random.

    Weights of the spaces are drawn from a simplex (Dupré la Tour et al. 2022, NeuroImage 264:119728, section 2.4;
    equal weights first) and, with the penalty, chosen for each target by squared error in the inner folds. Each space
    is divided by the root of its number of features first, so that equal weights give equal variances.

    Parameters
    ----------
    features : list of ndarray (n, n_features)
    y : ndarray (n, n_targets)
    folds : sequence of (train, test)
    options : Options
        ``own``: ``n_iter``, how many weights are tried; ``standardise`` and ``form`` as in ``ridge``; ``unique``,
        whether the model is fitted again without each space (as many searches more as there are spaces).

    Returns
    -------
    Predicted
        ``chosen``: ``alpha`` (unit, fold); ``weight`` (layer, unit, fold); ``share`` (layer, unit): the part of R2
        that belongs to the predictions of each space (they add up to R2; below 0 where a space does harm);
        ``without`` (layer, unit): R2 of the model without a space, its weights searched for anew; ``unique`` (layer,
        unit): what R2 loses by that.

    Raises
    ------
    DesignError
        No inner folds to choose in, or an ``n_iter`` below 1.
    """
    own = {**OWN, **options.own}
    require_whole(own["n_iter"], "n_iter", least=1)
    if own["form"] not in (None, "primal", "dual"):
        message = f"banded takes form as one of None, 'primal', 'dual'; got {own['form']!r}."
        raise DesignError(message)
    problem = Problem(tuple(features), y, options.weights, bool(own["standardise"]))
    alphas = _penalties(options.alphas, problem)
    require_inner(options.inner, np.append(alphas, 0.0), len(folds))
    found = _fit(problem, folds, alphas, options, own, range(len(features)))
    values, row, fold, places = empty(folds, y.shape[1])
    for k, place in enumerate(places):
        values[place] = found.values[k].sum(axis=0) + found.mean[k]
    chosen = {
        "alpha": (("unit", "fold"), found.alpha.T),
        "weight": (("layer", "unit", "fold"), found.weight.transpose(2, 1, 0)),
        "share": (("layer", "unit"), _shares(found, y, folds)),
    }
    if own["unique"] and len(features) > 1:
        full = chosen["share"][1].sum(axis=0)
        without = np.empty((len(features), y.shape[1]))
        for b in range(len(features)):
            rest = [other for other in range(len(features)) if other != b]
            without[b] = _shares(_fit(problem, folds, alphas, options, own, rest), y, folds).sum(axis=0)
        chosen |= {"without": (("layer", "unit"), without), "unique": (("layer", "unit"), full - without)}
    about = {
        "form": found.form,
        "alphas": alphas.tolist(),
        "chosen_by": f"weights of layers (the best of {own['n_iter']}, drawn with the seed) and penalty: least squared "
        f"error, averaged over inner folds of the same design, per unit",
        "partition": "share: products of partial predictions with the responses, which add up to R2; unique: R2 minus "
        "R2 of the model without the layer; R2 is against the mean of the training rows, all held-out rows pooled",
        **({} if own["standardise"] else {"standardised": CENTRED}),
    }
    return Predicted(values, row, fold, chosen, about)


def candidates(n_bands: int, n_iter: int, seed: int) -> np.ndarray:
    """Return weights (n_iter, n_bands) that add up to 1: equal ones, then draws of both concentrations in turn."""
    if n_bands == 1:
        return np.ones((1, 1))
    rng = np.random.default_rng(seed)
    drawn = [rng.dirichlet([CONCENTRATIONS[i % 2]] * n_bands) for i in range(n_iter - 1)]
    return np.array([np.full(n_bands, 1 / n_bands), *drawn])


def _fit(
    problem: Problem,
    folds: Sequence[Fold],
    alphas: np.ndarray,
    options: Options,
    own: dict[str, Any],
    bands: Sequence[int],
) -> FoundBands:
    mine = tuple(problem.bands[b] for b in bands)
    sizes = np.array([band.shape[1] for band in mine])
    weights = candidates(len(mine), own["n_iter"], options.seed) / sizes
    part = Problem(mine, problem.y, problem.weights, problem.standardise)
    found = banded_targets(part, folds, alphas, options.inner, weights, form=own["form"], n_jobs=options.n_jobs)
    return FoundBands(found.values, found.mean, found.alpha, found.weight * sizes, found.form)


def _penalties(alphas: np.ndarray | None, problem: Problem) -> np.ndarray:
    if alphas is not None:
        return penalties(alphas, problem)
    # spaces of variance 1, together as large as their mean
    size = mean_eigenvalue(problem) / problem.n_features
    return np.logspace(np.log10(LEAST), np.log10(MOST), N_ALPHAS) * size


def _shares(found: FoundBands, y: np.ndarray, folds: Sequence[Fold]) -> np.ndarray:
    """Return the part of R2 (n_bands, n_targets) that each band explains, over all held-out rows.

    ``sum p_b (2 y - p) / sum y^2`` with responses y and predictions p measured from the training mean, and p_b what
    the band adds to p: the product measure (Dupré la Tour et al. 2022, eq. 14).
    """
    explained, total = np.zeros((found.weight.shape[2], y.shape[1])), np.zeros(y.shape[1])
    for k, (_, test) in enumerate(folds):
        truth = y[test] - found.mean[k]
        rest = 2 * truth - found.values[k].sum(axis=0)
        explained += np.einsum("bnt,nt->bt", found.values[k], rest)
        total += np.einsum("nt,nt->t", truth, truth)
    return np.asarray(explained / np.where(total > 0, total, np.nan))
