"""Mean and scatter matrix of more samples than memory holds, block by block, without losing digits to a large mean."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodata4ml.errors import DesignError

BLOCK = 1 << 26
"""Bytes of a block (64 MB): its product takes far longer than its reading, and three of them fit anywhere."""

_WAITING = 64
"""Means of blocks that wait to be added to the scatter matrix together, as one product."""


class Scatter:
    """The scatter matrix ``sum_i (x_i - mean) (x_i - mean)'`` of rows that come in blocks.

    Every block is centred on its own mean, and the means of the blocks are added at the end (Chan, Golub & LeVeque
    1983, The American Statistician 37:242, eq. 2.1b), so that a mean a thousand times the spread costs no digits.
    float32 blocks are multiplied in float32 (each at most ``BLOCK`` bytes) and added up in float64.

    Attributes
    ----------
    matrix : ndarray (n_columns, n_columns)
    mean : ndarray (n_columns,)
    n_rows : int
    """

    def __init__(self, n_columns: int) -> None:
        """Begin with no row."""
        self.matrix = np.zeros((n_columns, n_columns))
        self.mean = np.zeros(n_columns)
        self.n_rows = 0
        self._waiting: list[tuple[int, np.ndarray]] = []
        self._centred, self._product = np.empty((0, n_columns)), np.empty((0, 0))

    def add(self, block: np.ndarray, mean: np.ndarray) -> None:
        """Add rows; ``mean`` is theirs, in float64."""
        if len(block) > len(self._centred) or block.dtype != self._centred.dtype:
            # made once: fresh memory for each block costs as much as filling it
            self._centred = np.empty(block.shape, dtype=block.dtype)
            self._product = np.empty(self.matrix.shape, dtype=block.dtype)
        centred = np.subtract(block, mean.astype(block.dtype), out=self._centred[: len(block)])
        self.matrix += np.matmul(centred.T, centred, out=self._product)
        self.n_rows += len(block)
        self._waiting.append((len(block), mean))
        if len(self._waiting) == _WAITING:
            self.close()

    def close(self) -> None:
        """Add the scatter of the means of the blocks; ``mean`` and ``matrix`` are whole then."""
        weight = np.array([n for n, _ in self._waiting], dtype=np.float64)
        means = np.array([mean for _, mean in self._waiting])
        self.mean = weight @ means / weight.sum()
        apart = np.sqrt(weight)[:, None] * (means - self.mean)
        self.matrix += apart.T @ apart
        self._waiting = [(int(weight.sum()), self.mean)]


def scatter(x: Any, *, block_rows: int | None = None) -> Scatter:
    """Return the mean and the scatter matrix of the rows of ``x``, read once.

    Parameters
    ----------
    x : array-like (n_rows, n_columns)
        numpy, h5py, dask: anything with ``shape``, ``dtype`` and slices.
    block_rows : int, optional
        Rows at a time; by default 64 MB of them, in whole chunks of ``x``. The result depends on it by rounding only:
        relative to the largest variance 1e-12 for float64, 1e-5 for float32.

    Raises
    ------
    DesignError
        A value is not finite.
    """
    total = Scatter(x.shape[1])
    for rows in row_blocks(x, block_rows):
        block = as_floats(x[rows])
        total.add(block, finite_mean(x, block))
        del block  # so that the next one is read into its place
    total.close()
    return total


def row_blocks(x: Any, block_rows: int | None = None, axis: int = 0) -> Iterator[slice]:
    """Yield consecutive blocks of an axis; they end where chunks of ``x`` do, as far as these are small enough."""
    n_rows, n_others = x.shape[axis], x.shape[1 - axis]
    most = block_rows or max(1, BLOCK // max(1, n_others * _itemsize(x)))
    chunks = getattr(x, "chunks", None)
    if block_rows is None and chunks:
        side = chunks[axis] if isinstance(chunks[axis], int) else max(chunks[axis])
        uneven = not isinstance(chunks[axis], int) and len(set(chunks[axis][:-1])) > 1
        if uneven and side <= most:
            yield from _together(np.cumsum(chunks[axis]).tolist(), most)
            return
        most = max(1, most // side) * side if side <= 2 * most else most
    for start in range(0, n_rows, most):
        yield slice(start, min(start + most, n_rows))


def as_floats(block: Any) -> np.ndarray:
    """Return a block as an array of float32, where it is that, or float64."""
    values = np.asarray(block)
    return np.asarray(values, dtype=float_type(values))


def float_type(x: Any) -> np.dtype[Any]:
    """Return the type that products of ``x`` are made in: float32 for float32, else float64."""
    return np.dtype(np.float32 if x.dtype.kind == "f" and x.dtype.itemsize <= 4 else np.float64)


def finite_mean(x: Any, block: np.ndarray) -> np.ndarray:
    """Return the mean of the rows of a block of ``x``, float64; raise where it is not finite: then a value is not."""
    with np.errstate(invalid="ignore"):
        mean = np.asarray(block.mean(axis=0, dtype=np.float64))
    if not np.isfinite(mean).all():
        _refuse(x)
    return mean


def _refuse(x: Any) -> None:
    """Count what is not finite, and raise."""
    n_lost, in_row, in_column = 0, np.zeros(x.shape[0], dtype=bool), np.zeros(x.shape[1], dtype=bool)
    for rows in row_blocks(x):
        bad = ~np.isfinite(np.asarray(x[rows]))
        n_lost += int(bad.sum())
        in_row[rows] = bad.any(axis=1)
        in_column |= bad.any(axis=0)
    units = np.flatnonzero(in_column)
    few = ", ".join(map(str, units[:5])) + (", ..." if len(units) > 5 else "")
    message = (
        f"PCA cannot read NaN or infinity: {n_lost:,} of {x.shape[0] * x.shape[1]:,} values, in {in_row.sum():,} of "
        f"{x.shape[0]:,} samples (the first at position {in_row.argmax():,}) and {len(units):,} of {x.shape[1]:,} "
        f"units (at positions {few}). Drop these units, x.dropna('unit'), or these samples."
    )
    raise DesignError(message)


def _together(ends: list[int], most: int) -> Iterator[slice]:
    start = 0
    for end, following in itertools.pairwise([*ends, ends[-1] + most + 1]):
        if following - start > most:
            yield slice(start, end)
            start = end


def _itemsize(x: Any) -> int:
    return max(float_type(x).itemsize, int(x.dtype.itemsize))
