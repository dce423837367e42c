"""Choose a ridge penalty for every labelling by leaving out one sample at a time, without fitting again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Solution
from neurodata4ml.analysis.linear.gram import Bin, Frame, runs
from neurodata4ml.analysis.linear.lapack import cholesky_solve, eigh
from neurodata4ml.analysis.linear.once import once
from neurodata4ml.analysis.linear.ridge_choice import targets_of
from neurodata4ml.analysis.linear.ridge_many import factorise, means_of_targets, products_with_targets
from neurodata4ml.analysis.linear.threads import spread

_ROUGH = 1e-4
"""Relative error granted to float32, ten times the worst seen; errors nearer than that are computed again."""

_FULL = 1e-11
"""Where the smallest eigenvalue is this much of the largest, and there are n - 1, samples span everything."""

_LARGE = 1e30
"""Responses that vary more than this, or less than its inverse, are not for float32."""

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
        What turns products with targets into fits, ``1 / (l + alpha)``; or, where the samples span everything
        (``spans``), into residuals: ``alpha / (l + alpha) / l``, which keeps its digits however small the penalty is.
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
    spans: bool = False

    def residuals(self, some: slice, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the residuals (..., n_some, n_outputs), or their opposites, of products times a filter."""
        left = self.train[some] @ weights
        if not self.spans:
            left -= targets[some].astype(left.dtype)
        return np.asarray(left)

    def products(self, products: np.ndarray) -> np.ndarray:
        """Turn products with targets (n_outputs, n_axes)."""
        return products if self.axes is None else products.astype(self.axes.dtype, copy=False) @ self.axes


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

    @once
    def rough(self) -> Turned:
        """In float32, twice as fast."""
        sizes = self.frame.scale
        fits = sizes.min(initial=1.0) > 1 / _LARGE and sizes.max(initial=1.0) < _LARGE
        return _turned(self, np.float32 if fits else np.float64)

    @once
    def exact(self) -> Turned:
        """In float64."""
        return _turned(self, np.float64)

    @once
    def _factors(self) -> dict[int, np.ndarray]:
        return {}

    def weigh(self, products: np.ndarray, a: int) -> np.ndarray:
        """Return the weights (m, n_axes) of products (m, n_axes) with penalty ``a``."""
        if self.frame.gram.ndim == 1:
            return np.asarray(products / (self.frame.gram + self.alphas[a]))
        if a not in self._factors:
            self._factors[a] = factorise(self.frame.gram, float(self.alphas[a]))
        return cholesky_solve(self._factors[a], products.T).T


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
        # a power of two, so that no bit changes: squares of small or large targets are not for float32
        _, size = np.frexp(np.abs(targets).max(axis=0, initial=0.0) if self.per_target else np.abs(targets).max())
        targets, products = np.ldexp(targets, -size), np.ldexp(products, -size[..., None])
        near = np.arange(len(self.alphas)) if self.per_target else _first_look(shared.rough, products, targets)
        error = np.zeros((len(near), 1))
        if len(near) > 1:
            error = self._errors(shared.rough, products, targets, near)
            square = (targets**2).mean(axis=0 if self.per_target else None)
            slack = (error + np.sqrt(error * square)) * shared.rough.doubt[near, None]
            kept = _near(error - slack, error + slack)
            near, error = near[kept], error[kept]
        if len(near) > 1:
            error = self._errors(shared.exact, products, targets, near)
        return np.asarray(near[error.argmin(axis=0)])

    def _errors(self, turned: Turned, products: np.ndarray, targets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the mean squared error (n_places, n_outputs or 1) of samples left out."""
        n, dtype = len(targets), turned.train.dtype
        weights = (turned.products(products).T * turned.filters[:, places].T[:, :, None]).astype(dtype)
        shares = turned.left_out[:, places].T ** -2.0

        def count(some: slice) -> np.ndarray:
            residual = turned.residuals(some, weights, targets)
            squares = np.einsum("anc,anc,an->ac", residual, residual, shares[:, some])
            return np.asarray(squares if self.per_target else squares.sum(axis=1, keepdims=True))

        counted = spread(count, _slices(n, max(1, _BLOCK // (targets.shape[1] * len(places)))))
        return np.asarray(np.sum(counted, axis=0, dtype=np.float64) / (n if self.per_target else targets.size))


def _near(least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Return which penalties (n_places,) may be the best of an output, from bounds of their errors; NaN bounds none."""
    return np.asarray(~(least > most.min(axis=0)).all(axis=1))


def _first_look(turned: Turned, products: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the places of the penalties that may be the best over all outputs; the others cannot.

    An error is the squared residual r of each sample times its factor ``f = (1 - h)^-2``. The factors of every penalty
    are known, and the sum of its residuals follows from the eigenvalues: with ``g = f - mean(f)`` the error is
    ``mean(f) sum r^2 + sum g r^2``. For the second, small sum residuals are computed for one penalty only, the likely
    best. The fits of another lie d apart from these, and ``D = sum d^2`` follows from the eigenvalues too; whatever d
    is, ``sum g (r + d)^2 >= sum r^2 g / (1 + g m) - D / m`` for every m with ``1 + g m > 0`` (Lagrange's m; the m taken
    is the best for small g).
    """
    factors, filters, spectrum = turned.left_out.astype(np.float64) ** -2.0, turned.filters, turned.spectrum[:, None]
    mean = factors.mean(axis=0)
    uneven = factors - mean
    mine = turned.products(products)
    energy = np.einsum("cj,cj->j", mine, mine, dtype=np.float64)
    square = float(np.einsum("nc,nc->", targets, targets))
    fitted = energy @ (spectrum * filters**2)
    even = mean * (fitted if turned.spans else square - 2 * (energy @ filters) + fitted)
    likely = int(even.argmin())
    squares = _squares(turned, mine.T * filters[:, likely, None], targets)
    apart = energy @ (spectrum * (filters - filters[:, likely, None]) ** 2)
    steep = np.maximum(squares @ uneven**2, np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        m = np.minimum(np.sqrt(apart / steep), 0.5 / np.maximum(-uneven.min(axis=0), np.finfo(np.float64).tiny))
    least = even + squares @ (uneven / (1 + uneven * m)) - np.divide(apart, m, out=np.zeros_like(m), where=m > 0)
    most = even[likely] + squares @ uneven[:, likely]
    rounding = (np.abs(even) + np.sqrt(np.abs(even) * square)) * turned.doubt
    rounding += 1e-5 * (even if turned.spans else mean * square)
    return np.flatnonzero(_near((least - rounding)[:, None], np.array([[most + rounding[likely]]])))


def _squares(turned: Turned, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the squared residual (n,) of each sample, over all outputs, with weights (n_vectors, n_outputs)."""
    weights = weights.astype(turned.train.dtype)

    def square(some: slice) -> np.ndarray:
        left = turned.residuals(some, weights, targets)
        return np.asarray(np.einsum("nc,nc->n", left, left))

    return np.concatenate(spread(square, _slices(len(targets), max(1, min(_ROWS, _BLOCK // targets.shape[1])))))


def _turned(shared: Shared, dtype: Any) -> Turned:
    frame, axes = shared.frame, None
    spectrum = frame.gram
    if frame.gram.ndim == 2:
        spectrum, axes = eigh(frame.gram.astype(dtype))
        # centred, n samples vary in n - 1 directions: what is left of another is rounding
        real = slice(max(len(spectrum) - frame.n + 1, 0), None)
        spectrum, axes = np.maximum(spectrum[real], 0.0).astype(np.float64), axes[:, real]
    largest = spectrum.max(initial=0.0)
    spans = 0 < len(spectrum) == frame.n - 1 and spectrum.min() > _FULL * largest
    # eigenvectors of small eigenvalues are not for float32
    spans &= axes is None or dtype != np.float32
    filters = 1 / (spectrum[:, None] + shared.alphas)
    rounding = _ROUGH + 20 * np.finfo(np.float32).eps * largest * filters.max(axis=0, initial=0.0)
    if spans:
        filters *= shared.alphas / spectrum[:, None]
    train, left_out = _train(shared, axes, filters.astype(dtype), spans=spans)
    if spans:
        rounding = _ROUGH * left_out.max(axis=0, initial=0.0)
    doubt = rounding / np.maximum(left_out.min(axis=0, initial=1.0), 1e-30)
    if not spans:
        # less than rounding: the doubt is large, and nothing is divided by zero
        left_out = np.maximum(left_out, np.finfo(dtype).eps)
    return Turned(axes, train, spectrum, filters, left_out, doubt, spans)


def _train(
    shared: Shared, axes: np.ndarray | None, filters: np.ndarray, *, spans: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the training samples in the eigenvectors, and one minus their leverages (n, n_alphas)."""
    frame, rows, dtype = shared.frame, shared.rows, filters.dtype

    def left(train: np.ndarray) -> np.ndarray:
        share = np.asarray((train * train) @ filters)
        return share if spans else 1 - 1 / frame.n - share

    if frame.own is not None:
        train = frame.own.astype(dtype, copy=False)
        train = train if axes is None else train @ axes
        return train, left(train)
    assert axes is not None
    bin_ = shared.bin_.rough if dtype == np.float32 else shared.bin_
    whole, shift = frame.reading(axes.T, bin_)
    train, left_out = np.empty((len(rows), len(shift)), dtype=dtype), np.empty((len(rows), filters.shape[1]), dtype)

    def turn(some: slice) -> None:
        for place, run in runs(rows[some]):
            np.matmul(bin_.values[run], whole, out=train[some][place])
        train[some] -= shift
        left_out[some] = left(train[some])

    spread(turn, _slices(len(rows), _ROWS))
    return train, left_out


def _slices(n: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
