"""Ridge in the eigenvectors of a training set, where every penalty is a division: many targets, many penalties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurodata4ml.analysis.linear.threads import spread
from neurodata4ml.analysis.linear.training_sets import TrainingSet

BLOCK = 256
"""Targets at once: with a few hundred eigenvectors, what a core's cache holds."""

_STACKED = 1200
"""Rows multiplied at once: the test rows, as often as there are penalties, if they are few."""


_LARGE = 2_000_000
"""Coordinates of test rows from which predicting them is work for more than one thread."""


@dataclass(frozen=True)
class Problem:
    """Features and targets of all rows, and how they are fitted.

    Attributes
    ----------
    bands : tuple of ndarray (n, n_features)
        Real numbers of any type, without NaN.
    y : ndarray (n, n_targets)
    weights : ndarray (n,), optional
        What the squared error of each row counts; all alike where None.
    standardise : bool
        Whether features are divided by their standard deviation in the training rows; they are centred there anyway.
    """

    bands: tuple[np.ndarray, ...]
    y: np.ndarray
    weights: np.ndarray | None = None
    standardise: bool = True

    @property
    def n_features(self) -> int:
        """Of all bands together."""
        return sum(band.shape[1] for band in self.bands)

    def weights_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the weight of each of these rows."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]

    def mean(self, rows: np.ndarray) -> np.ndarray:
        """Return the (weighted) mean of each target."""
        share = np.zeros(len(self.y))
        share[rows] = self.weights_of(rows)
        return np.asarray((share / share.sum()) @ self.y)


@dataclass(frozen=True)
class Turned:
    """One training set in its eigenvectors: predictions are ``mean + test @ (products / (spectrum + alpha))``.

    Attributes
    ----------
    spectrum : ndarray (r,)
        Eigenvalues above rounding.
    products : ndarray (r, n_targets)
        Eigenvectors times centred targets.
    mean : ndarray (n_targets,)
    tests : tuple of ndarray (n_test, r)
    """

    spectrum: np.ndarray
    products: np.ndarray
    mean: np.ndarray
    tests: tuple[np.ndarray, ...]

    def predict(self, i: int, alpha: np.ndarray, result: np.ndarray) -> None:
        """Put the predictions of question ``i`` with a penalty for each target into ``result`` (n_test, n_targets)."""
        test = self.tests[i]

        def put(some: slice) -> None:
            weighed = self.products[:, some] / (self.spectrum[:, None] + alpha[some])
            np.add(test @ weighed, self.mean[some], out=result[:, some])

        if test.size > _LARGE:
            spread(put, blocks(len(self.mean)))
        else:
            for some in blocks(len(self.mean)):
                put(some)

    def errors(self, i: int, truth: np.ndarray, alphas: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the mean squared error (n_alphas, n_targets) of question ``i`` with every penalty.

        Block by block, so that predictions with all penalties never stand in memory together.
        """
        test, share = self.tests[i], weights / weights.sum()
        result = np.empty((len(alphas), len(self.mean)))
        step = max(1, _STACKED // max(1, len(test)))
        for first in range(0, len(alphas), step):
            filters = 1 / (self.spectrum + alphas[first : first + step, None])
            stacked = (filters[:, None] * test).reshape(len(filters) * len(test), len(self.spectrum))
            for some in blocks(len(self.mean)):
                residual = (stacked @ self.products[:, some]).reshape(len(filters), len(test), some.stop - some.start)
                residual -= truth[:, some] - self.mean[some]
                np.square(residual, out=residual)
                np.matmul(share, residual, out=result[first : first + step, some])
        return result


class Form(Protocol):
    """A way to decompose training sets: by features (primal) or by rows (dual)."""

    problem: Problem

    def turned(self, sets: list[TrainingSet]) -> Iterator[Turned]:
        """Yield the decomposition of each training set."""


def blocks(n: int, size: int = BLOCK) -> list[slice]:
    """Return slices of at most ``size`` that cover ``n``."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def kept(spectrum: np.ndarray, n: int) -> np.ndarray:
    """Return which eigenvalues are more than rounding."""
    largest = float(spectrum[-1]) if len(spectrum) else 0.0
    return np.asarray(spectrum > max(n, len(spectrum)) * np.finfo(np.float64).eps * max(largest, 1e-300))
