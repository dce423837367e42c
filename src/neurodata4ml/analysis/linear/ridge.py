"""Ridge regression and classification of held-out samples, for many labellings at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.across import across_evidence
from neurodata4ml.analysis.linear.evidence import Evidence, Kept, Learner, gather_evidence, make_job
from neurodata4ml.analysis.linear.ridge_choice import EveryPenalty, GivenPenalty, choose_inside
from neurodata4ml.analysis.linear.ridge_loo import LeaveOneOut
from neurodata4ml.analysis.linear.ridge_many import Ridge
from neurodata4ml.analysis.linear.ridge_weighted import WeightedRidge, class_weights

Fold = tuple[np.ndarray, np.ndarray]


def ridge_evidence(
    x: np.ndarray,
    folds: Sequence[Fold],
    targets: np.ndarray,
    *,
    n_classes: int = 0,
    alpha: float | Sequence[float] | np.ndarray = 1.0,
    inner: Sequence[Sequence[Fold]] | None = None,
    alpha_per_target: bool = False,
    balanced: bool = False,
    standardise: bool = True,
    across_times: bool = False,
    dtype: Any = np.float64,
    n_jobs: int | None = None,
    keep: Kept | None = None,
) -> Iterator[Evidence]:
    """Yield what ridge predicts of held-out samples, for every labelling, fold and bin of time.

    As scikit-learn's ``Ridge`` and ``RidgeClassifier`` (targets 1 for the own class and -1 for others), behind
    ``StandardScaler``, fitted again for each: but the Gram matrix of a bin is computed once, a fold takes its part,
    and one factorisation serves all labellings, whose predictions are one matrix product (Hoerl & Kennard 1970,
    Technometrics 12:55, eq. 2.1). Units that never change in a fold's training samples are left out.

    Parameters
    ----------
    x : ndarray (n_times, n_samples, n_units)
        Of any numeric type; it is converted piece by piece.
    folds : sequence of (train, test)
        Positions of samples. What is in neither is not read.
    targets : ndarray of float (n_sets, n_samples, n_outputs), or of int (n_sets, n_samples)
        Values, or classes from 0 where ``n_classes`` is given; one labelling per row.
    n_classes : int
        0 for regression.
    alpha : float or 1-D array
        The penalty. From several, each training set takes the one of least mean squared error (over outputs too,
        weighted where ``balanced``), the first of equal ones; ``Evidence.chosen`` says which.
    inner : sequence of sequences of (train, test), optional
        For every fold, the inner folds that choose (positions among all samples; scaling is learnt inside).
        Without: leave-one-out, as ``RidgeCV`` and ``RidgeClassifierCV``.
    alpha_per_target : bool
        Choose a penalty for each output (regression).
    balanced : bool
        Weigh samples so that classes count alike (``class_weight="balanced"``). Weights follow the labels, so that
        labellings share no factorisation: many times as dear.
    standardise : bool
        Divide each unit by its standard deviation in the training samples.
    across_times : bool
        Test in every bin what is learnt in one.
    dtype : float64 or float32
        Of the large products and of the values. Factorisations are float64 in any case; float32 keeps four digits.
    n_jobs : int, optional
        Threads; by default, the cores that this process may use. The result has the same bits for any number.
    keep : list, optional
        See ``evidence.Kept``.

    Yields
    ------
    Evidence
        In pieces of some 32 MB.
    """
    x, targets, alphas = np.asarray(x), np.asarray(targets), np.atleast_1d(np.asarray(alpha, dtype=np.float64))
    job = partial(make_job, x, labels=targets, standardise=standardise, dtype=dtype, n_jobs=n_jobs)
    n_outputs = n_classes or targets.shape[2]
    learner: Learner
    if len(alphas) > 1 and inner is not None:
        every = WeightedRidge(n_classes, alphas, every=True) if balanced else EveryPenalty(n_classes, n_outputs, alphas)
        flat = job([fold for each in inner for fold in each], learner=every)
        weights = class_weights(targets, folds, n_classes) if balanced else None
        n_inner = [len(each) for each in inner]
        chosen = choose_inside(flat, n_inner, targets, alphas, weights=weights, per_target=alpha_per_target)
        learner = WeightedRidge(n_classes, alphas, chosen) if balanced else GivenPenalty(n_classes, n_outputs, chosen)
    elif balanced:
        learner = WeightedRidge(n_classes, alphas)
    elif len(alphas) > 1:
        learner = LeaveOneOut(n_classes, n_outputs, alphas, alpha_per_target)
    else:
        many = len(targets) * n_outputs > max(len(test) for _, test in folds)
        learner = Ridge(n_classes, n_outputs, float(alphas[0]), hat=many and not across_times)
    made = job(folds, learner=learner, keep=keep)
    yield from across_evidence(made) if across_times else gather_evidence(made)
