"""Ridge encoding: every unit with the penalty that inner folds choose for it, in the form that is cheapest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted, tested
from neurodata4ml.analysis.encoding.random_features import mapped
from neurodata4ml.analysis.linear.ridge_left_out import ridge_left_out
from neurodata4ml.analysis.linear.ridge_targets import ridge_targets
from neurodata4ml.analysis.linear.ridge_turned import Problem
from neurodata4ml.errors import DesignError

N_ALPHAS, LEAST, MOST = 10, 1e-4, 1e5
"""The penalties tried, in units of the mean eigenvalue: from next to none to one that leaves little but the mean."""

CENTRED = "nothing: features and responses are centred in the training rows of each fold"

OWN: dict[str, Any] = {
    "choose": "folds",
    "standardise": True,
    "form": None,
    "kernel": None,
    "n_random": None,
    "gamma": None,
}
"""Parameters of ridge alone; see ``ridge``."""


def ridge(features: list[np.ndarray], y: np.ndarray, folds: Sequence[Fold], options: Options) -> Predicted:
    """Predict responses by ridge regression, each target with its own penalty.

    Penalties are in absolute units where ``alphas`` are given; else ten from 1e-4 to 1e5 times the mean eigenvalue of
    the features' inner products (n times the number of features, over the smaller of the two).

    Parameters
    ----------
    features : list of ndarray (n, n_features)
        Several are fitted side by side with one penalty.
    y : ndarray (n, n_targets)
    folds : sequence of (train, test)
    options : Options
        ``own``: ``choose`` ("folds": the inner folds; "leave-one-out": each training row in turn, by its closed form);
        ``standardise`` (features are z-scored in every training set; False: centred only); ``form`` ("primal", "dual",
        or None: primal where there are more rows than features); ``kernel`` and ``n_random`` (random features, see
        ``random_features.mapped``); ``gamma`` of the RBF kernel.

    Returns
    -------
    Predicted
        ``chosen["alpha"]`` (unit, fold).

    Raises
    ------
    DesignError
        Penalties that are not positive, an unknown option, or no inner folds to choose in.
    """
    own = {**OWN, **options.own}
    require_choices(own)
    features, approximation = mapped(features, own["kernel"], own["n_random"], own["gamma"], options.seed)
    problem = Problem(tuple(features), y, options.weights, bool(own["standardise"]))
    alphas = penalties(options.alphas, problem)
    if own["choose"] == "leave-one-out" and len(alphas) > 1:
        found = ridge_left_out(problem, folds, alphas, form=own["form"], n_jobs=options.n_jobs)
    else:
        require_inner(options.inner, alphas, len(folds))
        found = ridge_targets(problem, folds, alphas, options.inner, form=own["form"], n_jobs=options.n_jobs)
    row, fold = tested(folds)
    about = {
        "form": found.form + (f" after {approximation}" if approximation else ""),
        "alphas": alphas.tolist(),
        "chosen_by": _chosen_by(own["choose"], alphas),
        **({} if own["standardise"] else {"standardised": CENTRED}),
    }
    return Predicted(found.values, row, fold, {"alpha": (("unit", "fold"), found.alpha.T)}, about)


def penalties(alphas: np.ndarray | None, problem: Problem) -> np.ndarray:
    """Return the penalties to try, ascending: those given, or ten relative to the mean eigenvalue."""
    if alphas is None:
        return np.logspace(np.log10(LEAST), np.log10(MOST), N_ALPHAS) * mean_eigenvalue(problem)
    given = np.sort(np.atleast_1d(np.asarray(alphas, dtype=np.float64)).ravel())
    if not given.size or not np.all(np.isfinite(given)) or given[0] <= 0:
        message = (
            f"alphas takes one or more penalties above 0; got {np.asarray(alphas).tolist()!r}. "
            f"For example alphas=np.logspace(0, 6, 10); without, ten that suit the features."
        )
        raise DesignError(message)
    return given


def mean_eigenvalue(problem: Problem) -> float:
    """Return the mean eigenvalue of the inner products of all rows: their trace over the rank they may have."""
    n, p = len(problem.y), problem.n_features
    if problem.standardise:
        return n * p / min(n - 1, p)
    trace = sum(float(band.var(axis=0, dtype=np.float64).sum()) for band in problem.bands) * n
    return (trace or 1.0) / min(n - 1, p)


def require_inner(inner: Sequence[Sequence[Fold]], alphas: np.ndarray, n_folds: int) -> None:
    """Refuse to choose among penalties where there are no inner folds."""
    if len(alphas) > 1 and (len(inner) < n_folds or any(not each for each in inner)):
        message = (
            f"The {len(alphas)} penalties are chosen in folds inside the training rows, and some training sets are too "
            f'small for that. Give one penalty, alphas=[1e3], or choose="leave-one-out".'
        )
        raise DesignError(message)


def require_choices(own: dict[str, Any]) -> None:
    """Refuse unknown words among ridge's own parameters."""
    for name, known in (("choose", ("folds", "leave-one-out")), ("form", (None, "primal", "dual"))):
        if own[name] not in known:
            message = f"ridge takes {name} as one of {', '.join(map(repr, known))}; got {own[name]!r}."
            raise DesignError(message)


def _chosen_by(choose: str, alphas: np.ndarray) -> str:
    if len(alphas) == 1:
        return "given"
    if choose == "leave-one-out":
        return "least squared error with each training row left out in turn, per unit"
    return "least squared error, averaged over inner folds of the same design, per unit"
