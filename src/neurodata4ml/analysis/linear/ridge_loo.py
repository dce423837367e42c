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

_ROUGH = 2e-3
"""Relative error granted to float32 and few curves, many times what is seen; nearer errors are computed again."""

_CURVES = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-14}
"""Curves smaller than this, relative to the largest, are left out."""

_BLOCK, _ROWS = 400_000, 590
"""Numbers held at once while errors are summed, and rows turned at once: what a core's cache holds."""


@dataclass(frozen=True)
class Curves:
    """The training samples in the eigenvectors of their Gram matrix, and how penalties act there.

    The factors ``l / (l + alpha)`` of many penalties are, over the eigenvalues l, combinations of few curves.

    Attributes
    ----------
    axes : ndarray (n_axes, n_vectors), optional
        Eigenvectors in the frame's coordinates; None where these are the eigenvectors.
    train : ndarray (n, n_vectors)
    basis : ndarray (n_vectors, n_curves)
        The curves, divided by the eigenvalues.
    mixing : ndarray (n_curves, n_alphas)
    left_out : ndarray (n, n_alphas)
        One minus the leverage of each sample.
    sharpness : ndarray (n_alphas,)
        How much rounding of this precision may change an error, relative to it.
    """

    axes: np.ndarray | None
    train: np.ndarray
    basis: np.ndarray
    mixing: np.ndarray
    left_out: np.ndarray
    sharpness: np.ndarray


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
    def rough(self) -> Curves:
        """In float32, twice as fast."""
        return _curves(self, np.float32)

    @cached_property
    def exact(self) -> Curves:
        """In float64."""
        return _curves(self, np.float64)

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
        error = self._errors(shared.rough, products, targets, every)
        square = (targets**2).mean(axis=0) if self.per_target else (targets**2).mean()
        slack = (error + np.sqrt(error * square)) * shared.rough.sharpness[:, None]
        near = (error - slack <= (error + slack).min(axis=0)).any(axis=1)
        near |= ~np.isfinite(error).all(axis=1)
        if near.sum() > 1:
            error[~near] = np.inf
            error[near] = self._errors(shared.exact, products, targets, every[near])
        return np.asarray(error.argmin(axis=0))

    def _errors(self, curves: Curves, products: np.ndarray, targets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the mean squared error (n_places, n_outputs or 1) of samples left out."""
        dtype, n = curves.train.dtype, len(targets)
        turned = (products if curves.axes is None else products @ curves.axes).astype(dtype)
        weights = turned.T * curves.basis.T[:, :, None]
        mixing, shares = curves.mixing[:, places].T.copy(), 1 / curves.left_out[:, places].T ** 2
        step = max(1, _BLOCK // (targets.shape[1] * (len(places) + len(weights))))

        def count(some: slice) -> np.ndarray:
            fits = curves.train[some] @ weights
            flat = fits.reshape(len(weights), fits.shape[1] * fits.shape[2])
            residual = (mixing @ flat).reshape(len(places), *fits.shape[1:])
            residual -= targets[some].astype(dtype)
            if self.per_target:
                return np.einsum("anc,anc,an->ac", residual, residual, shares[:, some]) / n
            squares = np.einsum("anc,anc->an", residual, residual)
            return np.einsum("an,an->a", squares, shares[:, some])[:, None] / targets.size

        return np.sum(spread(count, _slices(n, step)), axis=0, dtype=np.float64)


def _curves(shared: Shared, dtype: Any) -> Curves:
    from scipy.linalg import eigh

    frame, alphas, axes = shared.frame, shared.alphas, None
    spectrum = frame.gram
    if frame.gram.ndim == 2:
        spectrum, axes = eigh(frame.gram.astype(dtype), driver="evd", check_finite=False, overwrite_a=True)
        spectrum = np.maximum(spectrum, 0.0).astype(np.float64)
    filters = 1 / (spectrum[:, None] + alphas)
    train, left_out = _turned(shared, axes, filters.astype(dtype))
    curve, size, mixing = np.linalg.svd(spectrum[:, None] * filters, full_matrices=False)
    n_curves = int(np.sum(size > _CURVES[np.dtype(dtype)] * size.max(initial=0.0)))
    heavy = (spectrum > 0)[:, None]
    basis = np.divide(curve[:, :n_curves], spectrum[:, None], out=np.zeros((len(spectrum), n_curves)), where=heavy)
    rounding = 20 * np.finfo(np.float32).eps * spectrum.max(initial=0.0) / (spectrum.min(initial=np.inf) + alphas)
    least = np.maximum(left_out.min(axis=0, initial=1.0), 1e-30)
    return Curves(
        axes,
        train,
        basis.astype(dtype),
        (size[:n_curves, None] * mixing[:n_curves]).astype(dtype),
        left_out,
        (_ROUGH + rounding) / least,
    )


def _turned(shared: Shared, axes: np.ndarray | None, filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
