"""Poisson regression of many units at once: Newton steps whose equations are solved by conjugate gradients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_TOLERANCE = 1e-9
"""Largest entry of the gradient, per sample and in units of the mean count, at which a unit is done."""

_MOST_NEWTON = 100
_MOST_GRADIENTS = 200
_MOST_HALVINGS = 40

_ARMIJO = 1e-4
"""Share of the promised decrease that a step must bring (Nocedal & Wright 2006, eq. 3.4)."""


class Fit(NamedTuple):
    """Coefficients of log rates.

    Attributes
    ----------
    intercept : ndarray (n_units,)
    coef : ndarray (n_features, n_units)
    done : ndarray of bool (n_units,)
        Whether the gradient became as small as was asked for.
    """

    intercept: np.ndarray
    coef: np.ndarray
    done: np.ndarray


def fit_poisson(x: np.ndarray, y: np.ndarray, weights: np.ndarray, alpha: np.ndarray, start: Fit | None = None) -> Fit:
    """Minimise ``sum_i w_i (mu_i - y_i log mu_i) / sum_i w_i + alpha |coef|^2 / 2``, ``log mu = intercept + x coef``.

    What scikit-learn's ``PoissonRegressor`` minimises, for every unit with its own ``alpha``; the intercept is free.
    Convex, so that any way down ends in the same place. Steps that overflow count as no decrease, and are halved.

    Parameters
    ----------
    x : ndarray (n, n_features)
        Best with columns of mean 0 and orthogonal, so that the equations of a step are nearly diagonal.
    y : ndarray (n, n_units)
        Counts, or means of counts; every unit with at least one.
    weights : ndarray (n,)
        Above 0.
    alpha : ndarray (n_units,)
        Above 0.
    start : Fit, optional
        Where to begin; without, at the mean rate.
    """
    weights = (weights / weights.sum())[:, None]
    mean = np.sum(weights * y, axis=0)
    design = np.column_stack([np.ones(len(x)), x])
    squares = np.sum(weights * design**2, axis=0)[:, None]
    beta = np.zeros((design.shape[1], y.shape[1]))
    beta[0] = np.log(mean)
    if start is not None:
        beta[0], beta[1:] = start.intercept, start.coef
    done = np.zeros(y.shape[1], dtype=bool)
    penalty = np.vstack([np.zeros_like(alpha), np.tile(alpha, (x.shape[1], 1))])
    for _ in range(_MOST_NEWTON):
        left = np.flatnonzero(~done)
        if not len(left):
            break
        problem = _Problem(design, y[:, left], weights, penalty[:, left], squares)
        beta[:, left], moved, small = _newton(problem, beta[:, left], mean[left])
        done[left[small]] = True
        if not moved.any():
            break
    return Fit(beta[0], beta[1:], done)


class _Problem(NamedTuple):
    """The units that are not done yet."""

    design: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray
    squares: np.ndarray

    def loss(self, beta: np.ndarray) -> np.ndarray:
        """Return the penalised loss of each unit; infinite where rates overflow."""
        log_rate = self.design @ beta
        with np.errstate(over="ignore", invalid="ignore"):
            fitted = np.sum(self.weights * (np.exp(log_rate) - self.y * log_rate), axis=0)
            found = fitted + np.sum(self.penalty * beta**2, axis=0) / 2
        return np.where(np.isfinite(found), found, np.inf)

    def only(self, keep: np.ndarray) -> _Problem:
        """Return the problem of some units."""
        return self._replace(y=self.y[:, keep], penalty=self.penalty[:, keep])


def _newton(problem: _Problem, beta: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take one step; return coefficients, which units moved, and which were at their optimum before."""
    with np.errstate(over="ignore"):
        rate = problem.weights * np.exp(problem.design @ beta)
    gradient = problem.design.T @ (rate - problem.weights * problem.y) + problem.penalty * beta
    scale = np.sqrt(problem.squares)
    size = np.max(np.abs(gradient) / np.where(scale > 0, scale, 1.0), axis=0)
    small = size <= _TOLERANCE * np.maximum(mean, 1e-3)
    forcing = np.minimum(0.1, np.sqrt(size / np.maximum(mean, 1e-3)))
    step = _solve(problem, rate, -gradient, forcing)
    slope = np.sum(gradient * step, axis=0)
    beta, moved = _search(problem, beta, step, slope, small)
    return beta, moved, small


def _solve(problem: _Problem, rate: np.ndarray, right: np.ndarray, forcing: np.ndarray) -> np.ndarray:
    """Solve ``(X' diag(rate) X + penalty) step = right`` of every unit by preconditioned conjugate gradients."""
    diagonal = problem.squares * rate.sum(axis=0) + problem.penalty
    diagonal = np.where(diagonal > 0, diagonal, 1.0)
    step = np.zeros_like(right)
    residual = right.copy()
    scaled = residual / diagonal
    direction = scaled
    energy = first = np.sum(residual * scaled, axis=0)
    for _ in range(min(_MOST_GRADIENTS, 2 * len(right) + 10)):
        going = energy > forcing**2 * first
        if not going.any():
            break
        bent = problem.design.T @ (rate * (problem.design @ direction)) + problem.penalty * direction
        curvature = np.sum(direction * bent, axis=0)
        length = np.where(going & (curvature > 0), energy / np.where(curvature > 0, curvature, 1.0), 0.0)
        step = step + length * direction
        residual = residual - length * bent
        scaled = residual / diagonal
        fresh = np.sum(residual * scaled, axis=0)
        direction = scaled + np.where(going & (energy > 0), fresh / np.where(energy > 0, energy, 1.0), 0.0) * direction
        energy = np.where(going, fresh, energy)
    return step


def _search(
    problem: _Problem, beta: np.ndarray, step: np.ndarray, slope: np.ndarray, small: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Halve each unit's step until the loss has decreased enough; return coefficients, and which units moved."""
    before, length = problem.loss(beta), np.ones(beta.shape[1])
    # what cannot be told from rounding is a decrease; near the optimum Newton's own step is the best there is
    rounding = 1e-14 * np.maximum(np.abs(before), 1e-3)
    waiting = ~small
    moved = np.zeros(beta.shape[1], dtype=bool)
    for _ in range(_MOST_HALVINGS):
        some = np.flatnonzero(waiting)
        if not len(some):
            break
        trial = problem.only(some).loss(beta[:, some] + length[some] * step[:, some])
        good = trial <= before[some] + _ARMIJO * length[some] * slope[some] + rounding[some]
        moved[some[good]] = True
        waiting[some[good]] = False
        length[some[~good]] /= 2
    return beta + np.where(moved, length, 0.0) * step, moved
