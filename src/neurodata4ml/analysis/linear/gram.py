"""One Gram matrix per bin of time, and what each fold takes of it: centred, scaled, ready to solve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from neurodata4ml.analysis.linear.lapack import eigh
from neurodata4ml.analysis.linear.once import once
from neurodata4ml.analysis.linear.partition import Partition, over_parts

_MOST_GRAM = 64_000_000
"""Numbers in the Gram matrices of all parts (512 MB); above, each fold multiplies its own."""

_ROWS = 128
"""Samples multiplied with the weights of their class at once: what a core's cache holds."""

_EXACT = 2.0**24
"""Whole numbers up to this are exact in float32."""


@dataclass(frozen=True)
class Bin:
    """The responses of one bin of time, and what all folds share of them.

    Attributes
    ----------
    values : ndarray (n_used, n_units)
        In the order of the partition, minus ``centre``.
    centre : ndarray (n_units,)
    sums : list of ndarray (n_units,)
        Of each part.
    grams : list of ndarray (n_units, n_units)
        Sums of products of each part; empty where folds do not share them.
    """

    values: np.ndarray
    centre: np.ndarray
    sums: list[np.ndarray]
    grams: list[np.ndarray]
    gram: np.ndarray

    @once
    def rough(self) -> Bin:
        """The same in float32."""
        return replace(self, values=self.values.astype(np.float32, copy=False))


@dataclass(frozen=True)
class Frame:
    """Coordinates in which one fold's training samples have mean 0: standardised units, or combinations of these.

    ``(x - mean) / scale`` over the units that are heard (that change in training), then times ``axes`` if any.

    Attributes
    ----------
    n : int
        Training samples.
    heard : ndarray of int (n_heard,)
        Units that change in the training samples.
    mean, scale : ndarray (n_heard,)
        ``mean`` is measured from the bin's centre.
    axes : ndarray (n_heard, n_axes), optional
    gram : ndarray (n_axes, n_axes)
        Sum of products of the training samples; only its diagonal (n_axes,) where ``axes`` are its eigenvectors.
    test : ndarray (n_test, n_axes)
        Coordinates of the test samples.
    own : ndarray (n, n_axes), optional
        Coordinates of the training samples, where they do not follow from what folds share.
    """

    n: int
    heard: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    axes: np.ndarray | None
    gram: np.ndarray
    test: np.ndarray
    own: np.ndarray | None

    @property
    def n_heard(self) -> int:
        """The number of units that change."""
        return len(self.heard)

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates (n, n_axes) of rows of ``Bin.values``."""
        z = (values[:, self.heard] - self.mean.astype(values.dtype)) / self.scale.astype(values.dtype)
        return z if self.axes is None else np.asarray(z @ self.axes.astype(values.dtype))

    def sums(self, raw: np.ndarray, totals: np.ndarray) -> np.ndarray:
        """Turn label sums of ``Bin.values`` (set, output, unit) and label totals (set, output) into coordinates."""
        z = (raw[..., self.heard] - totals[..., None] * self.mean) / self.scale
        return z if self.axes is None else np.asarray(z @ self.axes)

    def to_units(self, coef: np.ndarray) -> np.ndarray:
        """Turn weights of coordinates (..., n_axes) into weights of heard units as they were measured."""
        return np.asarray((coef if self.axes is None else coef @ self.axes.T) / self.scale)

    def train(self, bin_: Bin, rows: np.ndarray) -> np.ndarray:
        """Return the coordinates (n, n_axes) of the training samples, which stand in ``rows``."""
        return self.coordinates(bin_.values[rows]) if self.own is None else self.own

    def project(self, weights: np.ndarray, bin_: Bin, rows: np.ndarray) -> np.ndarray:
        """Return the inner products (n, n_weights) of the training samples with weights (n_weights, n_axes)."""
        dtype = bin_.values.dtype
        if self.own is not None:
            return np.asarray(self.own.astype(dtype, copy=False) @ weights.T.astype(dtype))
        whole, shift = self.reading(weights, bin_)
        result = np.empty((len(rows), len(shift)), dtype=dtype)
        for place, run in runs(rows):
            np.matmul(bin_.values[run], whole, out=result[place])
        result -= shift
        return result

    def project_own(self, weights: np.ndarray, labels: np.ndarray, bin_: Bin, rows: np.ndarray) -> np.ndarray:
        """Return the inner product (n,) of each training sample with the weights of its class (n_classes, n_axes)."""
        if self.own is not None:
            return np.asarray(np.einsum("ij,ij->i", self.own, weights[labels].astype(self.own.dtype, copy=False)))
        whole, shift = self.reading(weights, bin_)
        by_class = np.ascontiguousarray(whole.T)
        result = np.empty(len(rows), dtype=bin_.values.dtype)
        for start in range(0, len(rows), _ROWS):
            some = slice(start, start + _ROWS)
            np.einsum("ij,ij->i", bin_.values[rows[some]], by_class[labels[some]], out=result[some])
        return np.asarray(result - shift[labels])

    def reading(self, weights: np.ndarray, bin_: Bin) -> tuple[np.ndarray, np.ndarray]:
        """Turn weights (n_weights, n_axes) into ``w``, ``s`` such that ``Bin.values @ w - s`` are inner products."""
        raw, dtype = self.to_units(weights), bin_.values.dtype
        whole = np.zeros((bin_.values.shape[1], len(raw)), dtype=dtype)
        whole[self.heard] = raw.T
        return whole, (raw @ self.mean).astype(dtype)

    def squared_norms(self, bin_: Bin, rows: np.ndarray) -> np.ndarray:
        """Return the squared norm (n,) of the training samples, in float64."""
        if self.own is not None:
            return np.asarray(np.einsum("ij,ij->i", self.own, self.own, dtype=np.float64))
        weights, means = np.zeros(bin_.values.shape[1]), np.zeros(bin_.values.shape[1])
        weights[self.heard], means[self.heard] = self.scale**-2.0, self.mean
        result = np.empty(len(rows))
        for place, run in runs(rows):
            values = bin_.values[run]
            result[place] = np.einsum("ij,ij,j->i", values, values, weights, dtype=np.float64)
            result[place] -= 2 * (values @ (means * weights))
        return result + means**2 @ weights


def runs(rows: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield stretches of rows that follow each other: where in ``rows``, and which rows. They are read in place."""
    ends = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for start, stop in pairwise(ends):
        if stop > start:
            yield slice(start, stop), slice(int(rows[start]), int(rows[stop - 1]) + 1)


def bin_values(x: np.ndarray, part: Partition, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the used samples of one bin minus their mean, and that mean; of counts the nearest whole number."""
    ordered = np.array_equal(part.order, np.arange(len(x)))
    values = (x if ordered else x[part.order]).astype(np.float64)
    centre = values.mean(axis=0)
    if _are_whole(values):
        centre = np.rint(centre)
    values -= centre
    return values.astype(dtype, copy=False), centre


def shares_grams(part: Partition, n_units: int) -> bool:
    """Return whether folds share Gram matrices: enough samples for them, few parts, and room."""
    fits = len(part.parts) * n_units**2 <= _MOST_GRAM or len(part.parts) == 1
    return fits and len(part.parts) <= 4 * part.n_folds and min(map(len, part.train)) >= n_units


def _are_whole(values: np.ndarray) -> bool:
    """Return whether all are whole numbers; where they are not, the first sample mostly tells."""
    return all(np.array_equal(some, np.rint(some)) for some in (values[:1], values))


def make_bin(values: np.ndarray, centre: np.ndarray, part: Partition, grams: list[np.ndarray]) -> Bin:
    """Add up the parts."""
    sums = [values[rows].sum(axis=0, dtype=np.float64) for rows in part.parts]
    gram = grams[0].copy() if grams else np.zeros((0, 0))
    for other in grams[1:]:
        gram += other
    return Bin(values, centre, sums, grams, gram)


def part_gram(values: np.ndarray) -> np.ndarray:
    """Return the sum of products of the samples of a part, in float64.

    Of counts, which are whole numbers, float32 holds every sum of products exactly, in whatever order they are added,
    as long as none can exceed 2^24: twice as fast, with no rounding at all.
    """
    largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
    if len(values) * largest * largest < _EXACT and _are_whole(values):
        values = values.astype(np.float32, copy=False)
    return np.asarray(values.T @ values, dtype=np.float64)


def make_frame(bin_: Bin, part: Partition, k: int, *, standardise: bool) -> Frame:
    """Return fold ``k``'s frame: from shared Gram matrices where that is exact, else from its own samples."""
    frame = _shared_frame(bin_, part, k, standardise=standardise) if bin_.grams else None
    if frame is None:
        frame = _own_frame(bin_, part, k, standardise=standardise)
    return replace(frame, test=frame.coordinates(bin_.values[part.test[k]]))


def diagonal(frame: Frame) -> Frame:
    """Turn the axes of a frame to the eigenvectors of its Gram matrix."""
    if frame.gram.ndim == 1:
        return frame
    spectrum, axes = eigh(frame.gram)
    own = None if frame.own is None else frame.own @ axes.astype(frame.own.dtype)
    test = frame.test @ axes.astype(frame.test.dtype)
    return replace(frame, axes=axes, gram=np.maximum(spectrum, 0.0), test=test, own=own)


def _shared_frame(bin_: Bin, part: Partition, k: int, *, standardise: bool) -> Frame | None:
    """Return the frame from the parts that the fold learns; None where rounding would be felt."""
    learnt, n = part.learnt[k], len(part.train[k])
    mean = over_parts(bin_.sums, np.sum(bin_.sums, axis=0), learnt) / n
    gram = over_parts(bin_.grams, bin_.gram, learnt)
    squares = gram.diagonal() - n * mean**2
    tiny = 1e-6 if bin_.values.dtype == np.float64 else 1e-3
    # a unit that (nearly) falls silent in the training samples: what is left of its sum of squares is rounding
    doubtful = np.flatnonzero((squares <= tiny * bin_.gram.diagonal()) | (squares <= n * (tiny * bin_.centre) ** 2))
    heard = np.arange(len(mean))
    if len(doubtful):
        silent = doubtful[~_heard(bin_.values[np.ix_(part.train[k], doubtful)], bin_.centre[doubtful])]
        if len(silent) < len(doubtful):
            return None
        heard = np.delete(heard, silent)
        mean, squares, gram = mean[heard], squares[heard], gram[np.ix_(heard, heard)]
    scale = np.sqrt(squares / n) if standardise else np.ones(len(mean))
    gram -= n * np.multiply.outer(mean, mean)
    gram /= scale
    gram /= scale[:, None]
    return Frame(n, heard, mean, scale, None, gram, np.empty(0), None)


def _own_frame(bin_: Bin, part: Partition, k: int, *, standardise: bool) -> Frame:
    """Return the frame from the training samples themselves; with fewer of them than units, in their own span."""
    values = bin_.values[part.train[k]]
    heard = np.flatnonzero(_heard(values, bin_.centre))
    values = values[:, heard].astype(np.float64)
    mean = values.mean(axis=0)
    values -= mean
    scale = values.std(axis=0) if standardise else np.ones(len(heard))
    values /= scale
    n = len(values)
    if n > len(heard):
        own = values.astype(bin_.values.dtype)
        return Frame(n, heard, mean, scale, None, values.T @ values, np.empty(0), own)
    squares, vectors = eigh(values @ values.T)
    kept = squares > n * np.finfo(np.float64).eps * max(float(squares[-1]) if n else 0.0, 1e-300) * 10
    squares, vectors = squares[kept], vectors[:, kept]
    axes = values.T @ (vectors / np.sqrt(squares))
    own = (vectors * np.sqrt(squares)).astype(bin_.values.dtype)
    return Frame(n, heard, mean, scale, axes, squares, np.empty(0), own)


def _heard(values: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return which units change at all; rounding does not count as change."""
    largest = np.abs(values + centre).max(axis=0, initial=0.0)
    smallest = 10 * np.finfo(values.dtype).eps * np.maximum(largest, 1e-300)
    return np.asarray(np.ptp(values, axis=0) > smallest) if len(values) else np.zeros(len(centre), dtype=bool)
