"""Components of partial least squares, one after the other: directions of features that covary most with responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_SILENT = 1e-12
"""A component whose sum of squares is below this share of the largest one's lies outside the rank of the features."""

_EXPLAINED = 1e-24
"""Squared covariance below this share of the first one's is rounding: nothing is left to explain."""

_REFRESH = 1e-3
"""Share of its trace at which the matrix of squared covariances is computed anew: rounding stays below 1e-12."""

_LARGE = 256
"""Above so many responses, Lanczos iterations find the leading eigenvector sooner than a decomposition."""


class Components(NamedTuple):
    """Rotations and loadings: with centred features x, scores are ``x @ rotations`` and predictions ``@ loadings``.

    Attributes
    ----------
    rotations : ndarray (n_features, n_found)
    loadings : ndarray (n_found, n_targets)
        The first k of both are the model with k components.
    """

    rotations: np.ndarray
    loadings: np.ndarray


def components(cross: np.ndarray, product: Callable[[np.ndarray], np.ndarray], n_components: int) -> Components:
    """Return the components of a PLS regression from sums of products alone.

    Improved kernel PLS (Dayal & MacGregor 1997, J. Chemometrics 11:73, algorithm 2). Each weight w is the leading left
    singular vector of the deflated X'Y; neither X'Y nor Y'XX'Y is deflated in memory: the second is brought up to date
    by a change of rank two, the first is applied as the difference it is. The leading singular vector is converged to
    rounding; scikit-learn's at its default tolerance (1e-6) is not.

    Parameters
    ----------
    cross : ndarray (n_features, n_targets)
        X'Y of centred features and responses.
    product : callable ndarray (n_features,) -> ndarray (n_features,)
        Multiplies by X'X.
    n_components : int
        At most; fewer where features or covariances are used up.
    """
    n_features, n_targets = cross.shape
    if n_targets > n_features:
        # X'Y = L V' with orthonormal V: the weights are those of L, and what is loaded on L turns back with V
        axes, lower = np.linalg.qr(cross.T)
        found = components(np.ascontiguousarray(lower.T), product, n_components)
        return Components(found.rotations, found.loadings @ axes.T)
    done = _Done(cross, n_components)
    squares = first = cross.T @ cross
    fresh = top = float(np.trace(first))
    largest = 0.0
    for _ in range(n_components):
        value, weights = _leading(squares)
        if not value > _EXPLAINED * top:
            break
        w = done.covariance(weights)
        norm = float(np.sqrt(w @ w))
        r = done.rotate(w / norm)
        gram = product(r)
        size = float(r @ gram)
        largest = max(largest, size)
        if not size > _SILENT * largest:
            break
        p, c = gram / size, norm * weights
        u = done.transposed(p)
        done.add(r, p, c, c / size)
        change = np.outer(c, u - (0.5 * (p @ p)) * c)
        squares = squares - (change + change.T)
        if np.trace(squares) < _REFRESH * fresh:
            squares = done.squares()
            fresh = float(np.trace(squares))
    return Components(done.r[: done.n].T, done.loadings[: done.n])


class _Done:
    """The components so far, and the deflated X'Y as the difference ``cross - P' C``."""

    def __init__(self, cross: np.ndarray, n_components: int) -> None:
        n_features, n_targets = cross.shape
        self.cross, self.n = cross, 0
        self.r, self.p = (np.empty((n_components, n_features)) for _ in range(2))
        self.c, self.loadings = (np.empty((n_components, n_targets)) for _ in range(2))

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Multiply the deflated X'Y by weights of responses."""
        return np.asarray(self.cross @ weights - (self.c[: self.n] @ weights) @ self.p[: self.n])

    def transposed(self, vector: np.ndarray) -> np.ndarray:
        """Multiply the transpose of the deflated X'Y by a vector of features."""
        return np.asarray(vector @ self.cross - (self.p[: self.n] @ vector) @ self.c[: self.n])

    def rotate(self, w: np.ndarray) -> np.ndarray:
        """Turn weights of deflated features into weights of the features as they are."""
        return np.asarray(w - (self.p[: self.n] @ w) @ self.r[: self.n])

    def squares(self) -> np.ndarray:
        """Return Y'XX'Y, deflated."""
        rest = self.cross - self.p[: self.n].T @ self.c[: self.n]
        return np.asarray(rest.T @ rest)

    def add(self, r: np.ndarray, p: np.ndarray, c: np.ndarray, loading: np.ndarray) -> None:
        """Keep a component."""
        self.r[self.n], self.p[self.n], self.c[self.n], self.loadings[self.n] = r, p, c, loading
        self.n += 1


def _leading(matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the largest eigenvalue of a symmetric matrix, and its eigenvector."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    n = len(matrix)
    if n > _LARGE and matrix.any():
        start = matrix[:, int(np.argmax(np.diagonal(matrix)))]
        try:
            values, vectors = eigsh(matrix, k=1, which="LA", v0=start, tol=0)
            return float(values[0]), vectors[:, 0]
        except ArpackNoConvergence:
            pass  # nearly equal eigenvalues: the decomposition below does not mind
    values, vectors = eigh(matrix, subset_by_index=[n - 1, n - 1], driver="evr", check_finite=False)
    return float(values[0]), vectors[:, 0]
