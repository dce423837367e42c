"""Choose a ridge penalty for every labelling by leaving out one sample at a time, without fitting again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Solution
from neurodata4ml.analysis.linear.gram import Bin, Frame, runs
from neurodata4ml.analysis.linear.ridge_choice import targets_of
from neurodata4ml.analysis.linear.ridge_many import backsolve, factorise, means_of_targets, products_with_targets
from neurodata4ml.analysis.linear.threads import spread

_ROUGH = 1e-4
"""Relative error granted to float32, ten times the worst seen; errors nearer than that are computed again."""

_CURVES = 1e-3
"""Curves smaller than this, relative to the largest, are left out of the first look."""

_BLOCK, _ROWS = 400_000, 1180
"""Numbers held at once while errors are summed, and rows turned at once: what a core's cache holds."""


@dataclass(frozen=True)
class Turned:
    """The training samples in the eigenvectors of their Gram matrix, where every penalty is diagonal.

    Attributes
    ----------
    axes : ndarray (n_axes, n_vectors), optional
        Eigenvectors in the frame's coordinates; None where these are the eigenvectors.
    train : ndarray (n, n_vectors)
    spectrum : ndarray (n_vectors,)
        Eigenvalues l.
    filters : ndarray (n_vectors, n_alphas)
        ``1 / (l + alpha)``.
    left_out : ndarray (n, n_alphas)
        One minus the leverage of each sample.
    doubt : ndarray (n_alphas,)
        How much rounding of float32 may change an error, relative to it.
    """

    axes: np.ndarray | None
    train: np.ndarray
    spectrum: np.ndarray
    filters: np.ndarray
    left_out: np.ndarray
    doubt: np.ndarray

    def products(self, products: np.ndarray) -> np.ndarray:
        """Turn products with targets (n_outputs, n_axes)."""
        return products if self.axes is None else products @ self.axes

    @cached_property
    def curves(self) -> tuple[np.ndarray, np.ndarray]:
        """Few curves over the eigenvalues (n_vectors, n_curves) that mix (n_curves, n_alphas) to all the filters."""
        heavy = (self.spectrum > 0)[:, None]
        curve, size, mixing = np.linalg.svd(self.spectrum[:, None] * self.filters, full_matrices=False)
        n_curves = int(np.sum(size > _CURVES * size.max(initial=0.0)))
        none = np.zeros((len(curve), n_curves))
        basis = np.divide(curve[:, :n_curves], self.spectrum[:, None], out=none, where=heavy)
        return basis, size[:n_curves, None] * mixing[:n_curves]


@dataclass(frozen=True)
class Shared:
    """What labellings of a fold share; what needs float64 is computed when it is first asked for."""

    frame: Frame
    bin_: Bin
    rows: np.ndarray
    alphas: np.ndarray

    @property
    def test(self) -> np.ndarray:
        """Coordinates of the test samples."""
        return self.frame.test

    @cached_property
    def rough(self) -> Turned:
        """In float32, twice as fast."""
        return _turned(self, np.float32)

    @cached_property
    def exact(self) -> Turned:
        """In float64."""
        return _turned(self, np.float64)

    @cached_property
    def _factors(self) -> dict[int, np.ndarray]:
        return {}

    def weigh(self, products: np.ndarray, a: int) -> np.ndarray:
        """Return the weights (m, n_axes) of products (m, n_axes) with penalty ``a``."""
        if self.frame.gram.ndim == 1:
            return np.asarray(products / (self.frame.gram + self.alphas[a]))
        if a not in self._factors:
            self._factors[a] = factorise(self.frame.gram, float(self.alphas[a]))
        return backsolve(self._factors[a], products.T).T


@dataclass(frozen=True)
class LeaveOneOut:
    """Ridge whose penalty has the least squared error when each training sample is left out in turn.

    With leverages ``h_i = 1/n + sum_j z_ij^2 / (l_j + alpha)`` the error of a sample left out is its residual over
    ``1 - h_i`` (Rifkin & Lippert 2007, MIT-CSAIL-TR-2007-025). Equals scikit-learn's ``RidgeCV`` and
    ``RidgeClassifierCV``; of equal penalties the first in ``alphas`` wins. Errors are computed in float32, and again
    in float64 for penalties that are too near to the best to tell.
    """

    n_classes: int
    n_outputs: int
    alphas: np.ndarray
    per_target: bool

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Shared:
        """Keep what all labellings need."""
        return Shared(frame, bin_, rows, self.alphas)

    def solve(self, shared: Shared, labelled: Labelled) -> Solution:
        """Return the weights with the penalty of least error."""
        sums, offset = products_with_targets(labelled), means_of_targets(labelled)
        best = np.empty(sums.shape[:2], dtype=np.int64)
        for i, (products, mean, labels) in enumerate(zip(sums, offset, labelled.labels, strict=True)):
            best[i] = self._best(shared, products, targets_of(labels, self.n_classes, self.n_outputs) - mean)
        coef = np.empty_like(sums)
        for a in np.unique(best).tolist():
            coef[best == a] = shared.weigh(sums[best == a], a)
        alpha = self.alphas[best]
        return Solution(coef, offset, alpha if self.per_target else alpha[:, 0])

    def _best(self, shared: Shared, products: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the place of the best penalty, for each output or for all together (n_outputs or 1,)."""
        every = np.arange(len(self.alphas))
        if self.per_target:
            error = self._errors(shared.rough, products, targets, every)
            slack = (error + np.sqrt(error * (targets**2).mean(axis=0))) * shared.rough.doubt[:, None]
        else:
            error, slack = _first_look(shared.rough, products, targets)
        near = (error - slack <= (error + slack).min(axis=0)).any(axis=1)
        near |= ~np.isfinite(error - slack).all(axis=1)
        if near.sum() > 1:
            error[~near] = np.inf
            error[near] = self._errors(shared.exact, products, targets, every[near])
        return np.asarray(error.argmin(axis=0))

    def _errors(self, turned: Turned, products: np.ndarray, targets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the mean squared error (n_places, n_outputs or 1) of samples left out."""
        n, dtype = len(targets), turned.train.dtype
        weights = (turned.products(products).T * turned.filters[:, places].T[:, :, None]).astype(dtype)
        shares = turned.left_out[:, places].T ** -2.0

        def count(some: slice) -> np.ndarray:
            residual = turned.train[some] @ weights
            residual -= targets[some].astype(dtype)
            squares = np.einsum("anc,anc,an->ac", residual, residual, shares[:, some])
            return np.asarray(squares if self.per_target else squares.sum(axis=1, keepdims=True))

        counted = spread(count, _slices(n, max(1, _BLOCK // (targets.shape[1] * len(places)))))
        return np.asarray(np.sum(counted, axis=0, dtype=np.float64) / (n if self.per_target else targets.size))


def _first_look(turned: Turned, products: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean squared error of samples left out, over all outputs (n_alphas, 1), and how wrong it may be.

    An error is the squared residual times ``(1 - h)^-2``. The residuals' sum follows from the eigenvalues; each by
    itself is only needed for what its factor differs from the mean factor, and few curves tell it well enough.
    """
    (basis, mixing), dtype, n = turned.curves, turned.train.dtype, len(targets)
    factors = turned.left_out.astype(np.float64) ** -2.0
    mean = factors.mean(axis=0)
    uneven = (factors - mean).astype(dtype)
    mine = turned.products(products)
    weights = (mine.T * basis.T[:, :, None]).astype(dtype)
    # the residual is the targets less the mixed fits: its square, a sum over all pairs of these
    mix = np.concatenate([np.full((1, mixing.shape[1]), -1.0), mixing])
    pairs = (mix[:, None] * mix).reshape(len(mix) ** 2, -1).astype(dtype)

    def count(some: slice) -> np.ndarray:
        both = np.concatenate([targets[some].astype(dtype)[None], turned.train[some] @ weights]).transpose(1, 0, 2)
        squares = (both @ both.transpose(0, 2, 1)).reshape(len(both), -1) @ pairs
        return np.asarray(np.einsum("na,na->a", squares, uneven[some]))

    counted = np.sum(spread(count, _slices(n, max(1, _BLOCK // (targets.shape[1] * len(mix))))), axis=0)
    square = float(np.einsum("nc,nc->", targets, targets))
    filters, spectrum = turned.filters, turned.spectrum[:, None]
    residual = square - np.einsum("cj,cj->j", mine, mine, dtype=np.float64) @ (2 * filters - spectrum * filters**2)
    error = (mean * residual + counted) / targets.size
    scale = np.sqrt(np.abs(error) * square / targets.size)
    slack = (np.abs(error) + scale) * turned.doubt + 3 * _CURVES * scale * (np.ptp(factors, axis=0) / mean)
    return error[:, None], (slack + 1e-5 * mean * square / targets.size)[:, None]


def _turned(shared: Shared, dtype: Any) -> Turned:
    from scipy.linalg import eigh

    frame, axes = shared.frame, None
    spectrum = frame.gram
    if frame.gram.ndim == 2:
        spectrum, axes = eigh(frame.gram.astype(dtype), driver="evd", check_finite=False, overwrite_a=True)
        spectrum = np.maximum(spectrum, 0.0).astype(np.float64)
    filters = 1 / (spectrum[:, None] + shared.alphas)
    train, left_out = _train(shared, axes, filters.astype(dtype))
    rounding = 20 * np.finfo(np.float32).eps * spectrum.max(initial=0.0) * filters.max(axis=0, initial=0.0)
    doubt = (_ROUGH + rounding) / np.maximum(left_out.min(axis=0, initial=1.0), 1e-30)
    return Turned(axes, train, spectrum, filters, left_out, doubt)


def _train(shared: Shared, axes: np.ndarray | None, filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the training samples in the eigenvectors, and one minus their leverages (n, n_alphas)."""
    frame, rows, dtype = shared.frame, shared.rows, filters.dtype
    if frame.own is not None:
        train = frame.own.astype(dtype, copy=False)
        train = train if axes is None else train @ axes
        return train, 1 - 1 / frame.n - (train * train) @ filters
    assert axes is not None
    bin_ = shared.bin_.rough if dtype == np.float32 else shared.bin_
    whole, shift = frame.reading(axes.T, bin_)
    train, left_out = np.empty((len(rows), len(shift)), dtype=dtype), np.empty((len(rows), filters.shape[1]), dtype)

    def turn(some: slice) -> None:
        for place, run in runs(rows[some]):
            np.matmul(bin_.values[run], whole, out=train[some][place])
        train[some] -= shift
        left_out[some] = 1 - 1 / frame.n - (train[some] * train[some]) @ filters

    spread(turn, _slices(len(rows), _ROWS))
    return train, left_out


def _slices(n: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
