"""Trials whose noise is the same in all units and shared by none: what a precision does before distances are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.noise import (
    PRECISIONS,
    inverse,
    known_precision,
    n_free_of,
    refuse_silent,
)
from neurodata4ml.analysis.dissimilarity.trial_space import trial_products
from neurodata4ml.analysis.dissimilarity.wide import Columns
from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.errors import DesignError

_CERTAIN = 1e-10
"""How far a precision matrix may be from symmetric, relative to its largest entry."""


@dataclass(frozen=True)
class Whitened:
    """Trials ready for a distance.

    Attributes
    ----------
    values : Columns (n_trials, n_units)
        Their inner products are those of the whitened responses, unless ``gram`` is given.
    n_units : int
        What the distance is divided by.
    gram : ndarray (n_trials, n_trials), optional
        The inner products, where units are more than trials.
    n_constant : int
        Units that never vary, where that is known before the columns are read.
    """

    values: Columns
    n_units: int
    gram: np.ndarray | None = None
    n_constant: int = 0

    @property
    def n_left_out(self) -> int:
        """Units that never vary, and have no noise to be weighed by; known once all columns were read."""
        return sum(self.values.constant.values()) if isinstance(self.values, Scaled) else self.n_constant


class Scaled(Columns):
    """Columns over the standard deviation of their noise; those that never vary are 0."""

    def __init__(self, trials: Columns, labels: np.ndarray) -> None:
        """Take the trials, and the stimulus of each."""
        super().__init__(trials.values, n_bytes=trials.n_bytes)
        self.labels = labels
        self.n_free = n_free_of(labels)
        self.constant: dict[int, int] = {}

    def block(self, part: slice = slice(None), rows: np.ndarray | None = None) -> np.ndarray:
        """Return some columns, scaled."""
        block = super().block(part)
        residuals = residuals_of(block, self.labels)
        varies = ~refuse_silent(block, residuals, first=part.start or 0)
        self.constant[part.start or 0] = int(np.count_nonzero(~varies))
        spread = np.sqrt(np.einsum("tu,tu->u", residuals, residuals) / self.n_free)
        scaled = np.divide(block - block.mean(axis=0), spread, out=np.zeros_like(block), where=varies)
        return np.asarray(scaled if rows is None else scaled[rows])

    def raw(self, part: slice) -> np.ndarray:
        """Return some columns, scaled."""
        return self.block(part)

    @property
    def is_cut_by_rows(self) -> bool:
        """No: the noise of a column is known from all of its trials."""
        return False


def whiten(trials: Columns, labels: np.ndarray, precision: str | np.ndarray | None) -> Whitened:
    """Return trials weighed by the inverse covariance of their noise, a key of ``PRECISIONS`` or the matrix itself.

    With up to as many units as trials this is ``x L`` for the Cholesky factor L of the precision. With more, no matrix
    of units by units is made: the covariance is a multiple of the identity plus one of low rank, and inner products of
    trials suffice (``trial_space``). ``"diagonal"`` reads the columns once, however many.

    Raises
    ------
    DesignError
        An unknown key, a matrix that is no precision, no stimulus with two trials, or units without noise.
    """
    n_trials, n_units = trials.shape[-2:]
    if precision is None:
        return Whitened(trials, n_units)
    if len(trials.shape) > 2:
        message = "A noise precision is estimated for one array (trial, unit) at a time."
        raise DesignError(message)
    if not isinstance(precision, str):
        return Whitened(Columns(trials.block() @ np.linalg.cholesky(as_precision(precision, n_units))), n_units)
    known_precision(precision)
    if precision == "diagonal":
        return Whitened(Scaled(trials, labels), n_units)
    if n_units > n_trials:
        products, n_constant = trial_products(trials, labels, precision)
        return Whitened(trials, n_units, products, n_constant)
    values = trials.block()
    residuals = residuals_of(values, labels)
    varies = ~refuse_silent(values, residuals)
    weights = inverse(PRECISIONS[precision](residuals[:, varies], n_free_of(labels)))
    white = Columns(values[:, varies] @ np.linalg.cholesky(weights))
    return Whitened(white, n_units, n_constant=int(np.count_nonzero(~varies)))


def residuals_of(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return trials minus the mean of their stimulus."""
    stimuli, means = stimulus_means(values, labels)
    return np.asarray(values - means[np.searchsorted(stimuli, labels)])


def as_precision(matrix: Any, n_units: int) -> np.ndarray:
    """Return a matrix given as precision, after a check that it is one."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (n_units, n_units):
        message = f"precision= as a matrix is (unit, unit), here ({n_units}, {n_units}); got {matrix.shape}."
        raise DesignError(message)
    is_even = np.isfinite(matrix).all() and np.abs(matrix - matrix.T).max() <= _CERTAIN * np.abs(matrix).max()
    if not is_even or np.linalg.eigvalsh(matrix)[0] <= 0:
        message = (
            "precision= as a matrix is an inverse covariance: symmetric, finite, all eigenvalues above 0; this one is "
            f"not. Name an estimator: precision={' or '.join(repr(name) for name in PRECISIONS)}."
        )
        raise DesignError(message)
    return np.asarray(matrix)
