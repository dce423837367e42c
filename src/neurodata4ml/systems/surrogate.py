"""A spike has no useful slope, so learning borrows one: the surrogate derivative."""

from __future__ import annotations

import numpy as np

BETA = 10.0
"""Steepness of the surrogate: large, and only potentials near the threshold learn."""


def spike(potential: np.ndarray) -> np.ndarray:
    """Return 1 where a potential has reached its threshold of 1, else 0."""
    return (potential >= 1).astype(float)


def surrogate(potential: np.ndarray, *, beta: float = BETA) -> np.ndarray:
    """Stand in for the derivative of a spike: ``1 / (1 + beta |U - 1|)^2``.

    Zenke & Ganguli 2018, Neural Computation 30:1514 (arXiv:1705.11146), the negative side of a fast sigmoid's slope.
    """
    return np.asarray(1 / (1 + beta * np.abs(potential - 1)) ** 2)


def smooth_spike(potential: np.ndarray, *, beta: float = BETA) -> np.ndarray:
    """Return the function whose derivative is the surrogate: ``(U - 1) / (1 + beta |U - 1|)``.

    A network of these in the place of spikes has true gradients, which the learning rule must equal.
    """
    above = potential - 1
    return np.asarray(above / (1 + beta * np.abs(above)))
