"""Match units with units: how well single axes of two representations agree, which no rotation may mix."""

from __future__ import annotations

from math import lcm

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, in_range

_MOST_COPIES = 1500
"""Up to so many copies of units, matching copies one to one is faster than solving the transport as a program."""


def unit_columns(x: np.ndarray) -> np.ndarray:
    """Return the units' responses centred, each of length 1; units that never vary are left out."""
    x = centred(in_range(x))
    norms = np.linalg.norm(x, axis=0)
    return np.asarray(x[:, norms > 0] / norms[norms > 0])


def one_to_one(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean correlation of units matched in pairs so that it is largest, from ``unit_columns``: in [-1, 1].

    Each unit of the smaller side has a partner of its own (Li et al. 2015, arXiv:1511.07543); the others have none.
    """
    from scipy.optimize import linear_sum_assignment

    correlations = x.T @ y
    if not correlations.size:
        return float("nan")
    return float(np.clip(correlations[linear_sum_assignment(correlations, maximize=True)].mean(), -1.0, 1.0))


def soft_matching(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean correlation under the best soft matching, from ``unit_columns``: in [-1, 1].

    ``max_T sum T_ij r_ij`` over T >= 0 whose rows sum to 1/p and columns to 1/q: every unit counts alike, and shares
    itself out among partners (Khosla & Williams 2024, arXiv:2311.09466). Exact; with p = q the one-to-one
    matching is the answer.
    """
    correlations = x.T @ y
    if not correlations.size:
        return float("nan")
    p, q = correlations.shape
    copies = lcm(p, q)
    if copies > max(p, q, _MOST_COPIES):
        return _transported(correlations)
    from scipy.optimize import linear_sum_assignment

    # corners of transports between p and q equal shares lie at multiples of 1 / lcm(p, q): copies, one to one
    many = np.repeat(np.repeat(correlations, copies // p, axis=0), copies // q, axis=1)
    return float(np.clip(many[linear_sum_assignment(many, maximize=True)].mean(), -1.0, 1.0))


def _transported(correlations: np.ndarray) -> float:
    """Solve the transport as a linear program."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    p, q = correlations.shape
    rows = kron(eye_array(p), np.ones((1, q)))
    columns = kron(np.ones((1, p)), eye_array(q))
    shares = np.concatenate([np.full(p, 1.0 / p), np.full(q, 1.0 / q)])
    found = linprog(-correlations.ravel(), A_eq=vstack([rows, columns]).tocsr(), b_eq=shares, method="highs")
    return float(np.clip(-found.fun, -1.0, 1.0))
