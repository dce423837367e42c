"""Ridge encoding: every unit with the penalty that inner folds choose for it, in the form that fits the size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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

Z_SCORED = "features are z-scored in the training rows of each fold; responses are centred there"

CENTRED = "nothing: features and responses are centred in the training rows of each fold"

PROJECTED = (
    "features are z-scored over all rows (no response is seen in that), then projected at random; the projections and "
    "responses are centred in the training rows of each fold"
)

FORMS = ("exact", "primal", "dual", "random")

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
        ``standardise`` (features are z-scored in every training set; False: centred only); ``form`` ("primal": by
        features; "dual": by rows; "exact": the cheaper of these, which give the same numbers; "random": random
        features, approximately; None: exact while rows or features are at most 10,000, above that random, with a
        warning);
        ``kernel``, ``n_random`` and ``gamma`` of random features, see ``random_features.mapped``.

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
    seen = mapped(features, own, options.seed)
    scaled = bool(own["standardise"]) and not seen.projected
    problem = Problem(tuple(seen.bands), y, options.weights, scaled)
    exact = replace(problem, bands=tuple(features), standardise=bool(own["standardise"]))
    alphas = penalties(options.alphas, exact if seen.projected else problem)
    form = own["form"] if own["form"] in ("primal", "dual") else None
    if own["choose"] == "leave-one-out" and len(alphas) > 1:
        found = ridge_left_out(problem, folds, alphas, form=form, n_jobs=options.n_jobs)
    else:
        require_inner(options.inner, alphas, len(folds))
        found = ridge_targets(problem, folds, alphas, options.inner, form=form, n_jobs=options.n_jobs)
    row, fold = tested(folds)
    scaling = Z_SCORED if scaled else PROJECTED if own["standardise"] else CENTRED
    about = {
        "form": f"random: {found.form} after {seen.words}" if seen.words else found.form,
        "alphas": alphas.tolist(),
        "chosen_by": _chosen_by(own["choose"], alphas),
        "standardised": scaling,
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
    for name, known in (("choose", ("folds", "leave-one-out")), ("form", (None, *FORMS))):
        if own[name] not in known:
            message = f"ridge takes {name} as one of {', '.join(map(repr, known))}; got {own[name]!r}."
            raise DesignError(message)


def _chosen_by(choose: str, alphas: np.ndarray) -> str:
    if len(alphas) == 1:
        return "given"
    if choose == "leave-one-out":
        return "least squared error with each training row left out in turn, per unit"
    return "least squared error, averaged over inner folds of the same design, per unit"
