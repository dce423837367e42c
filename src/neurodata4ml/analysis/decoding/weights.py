"""What a linear decoder listens to (weights), and what the responses look like that it reads (patterns)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.linear.whole import patterns_of


def linear_weights(fitted: Any, n_classes: int) -> np.ndarray | None:
    """Return the weights of a fitted linear estimator, in its output per unit of the responses themselves.

    Parameters
    ----------
    fitted : estimator with ``coef_``, or a Pipeline of ``StandardScaler`` that ends in one
    n_classes : int
        0 for a regression.

    Returns
    -------
    ndarray (n_classes, n_units), (n_units,) for a regression, or None where the estimator is not linear
        What is the same for all classes decides nothing and is taken off: the weights of a unit add to 0 over
        classes. For two classes, the second minus the first is the weight of the decision value.
    """
    steps = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    before = [step for step in steps[:-1] if step not in (None, "passthrough")]
    coef = getattr(steps[-1], "coef_", None)
    if coef is None or hasattr(coef, "toarray") or not all(isinstance(step, StandardScaler) for step in before):
        return None
    weights = np.atleast_2d(np.asarray(coef, dtype=np.float64)).copy()
    for step in before:
        weights /= np.ones(weights.shape[1]) if step.scale_ is None else step.scale_
    if not n_classes:
        return weights[0] if len(weights) == 1 else None
    if len(weights) == 1 and n_classes == 2:
        weights = np.concatenate([-weights, weights]) / 2
    return weights - weights.mean(axis=0) if len(weights) == n_classes else None


def pattern(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how the responses change with the decoder's output: ``A = Cov(x) W Cov(s)^-1`` with ``s = W' x``.

    A weight can be large because a unit helps to cancel noise, without any signal of its own; its pattern is then 0
    (Haufe et al. 2014, NeuroImage 87:96, eq. 6). The outputs of all classes add to a constant, so the inverse is the
    pseudo-inverse.

    Parameters
    ----------
    weights : ndarray (n_outputs, n_units) or (n_units,)
    x : ndarray (n_samples, n_units)

    Returns
    -------
    ndarray of the shape of ``weights``: change of each unit per unit of the output
    """
    rows = np.atleast_2d(weights)
    centred = x - x.mean(axis=0)
    outputs = centred @ rows.T
    # Cov(x) W is the covariance of units with outputs, without the matrix of all units
    with_units, among = outputs.T @ centred / len(x), outputs.T @ outputs / len(x)
    return patterns_of(with_units, among).reshape(weights.shape)
