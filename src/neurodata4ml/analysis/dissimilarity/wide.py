"""Matrices wider than memory: read some columns at a time, and each of them once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neurodata4ml.errors import DesignError

BLOCK = 1 << 26
"""Bytes of a block of dask, in float64 (64 MB), so that some copies of it and a chunk fit anywhere."""

IN_CACHE = 1 << 24
"""Bytes of a block cut from an array in memory (16 MB); of fewer columns, each row would be a page of its own."""


class Columns:
    """Numbers (..., n_rows, n_columns) of numpy or dask, handed out as float64 blocks of columns.

    What is a sum over columns (every inner product of patterns) is added up block by block, so that neither a copy in
    float64 nor a matrix of columns by columns is made. A dask array is computed block by block; blocks end where its
    chunks do, as far as these are at most four times a block.

    Attributes
    ----------
    shape : tuple of int
    width : int
        Columns of a block.
    """

    def __init__(self, values: Any, *, n_bytes: int | None = None) -> None:
        """Take the values as they are; nothing is read."""
        if values.dtype.kind not in "biuf":
            message = f"A dissimilarity is made from real numbers; got the type {values.dtype}. Type x.astype(float)."
            raise DesignError(message)
        self.values = values
        self.shape: tuple[int, ...] = tuple(values.shape)
        self.is_lazy = hasattr(values, "dask")
        column = max(1, math.prod(self.shape[:-1]) * 8)
        self.n_bytes = n_bytes or (BLOCK if self.is_lazy else IN_CACHE)
        self.width = max(1, self.n_bytes // column)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield float64 blocks (..., n_rows, some columns)."""
        return (self.block(part) for part in self.parts())

    def parts(self, *, least: int = 1) -> list[slice]:
        """Return the columns of each block; of an array in memory, as many as ``least``."""
        if self.is_lazy:
            return _together(self.values.chunks[-1], self.width)
        width = max(self.width, least)
        return [slice(start, start + width) for start in range(0, self.shape[-1], width)]

    def block(self, part: slice = slice(None), rows: np.ndarray | None = None) -> np.ndarray:
        """Return some columns, all by default, of some rows only where these are named; not to be written to."""
        values = self.values[..., part] if rows is None else self.values[..., rows, part]
        return np.asarray(values, dtype=np.float64)

    def raw(self, part: slice) -> np.ndarray:
        """Return some columns as they are stored, a view where they lie in memory; rows of it are to be converted."""
        return self.block(part) if self.is_lazy else np.asarray(self.values[..., part])

    @property
    def is_cut_by_rows(self) -> bool:
        """Whether chunks of dask are few rows and so many columns that each would be computed for many blocks."""
        if not self.is_lazy or len(self.shape) != 2 or len(self.values.chunks[0]) == 1:
            return False
        return bool(max(self.values.chunks[1]) > 4 * self.width)


def columns(values: Any) -> Columns:
    """Return ``values`` as ``Columns``, unless it is that already."""
    return values if isinstance(values, Columns) else Columns(np.asarray(values))


def _together(sizes: Sequence[int], width: int) -> list[slice]:
    parts, start, stop = [], 0, 0
    for size in sizes:
        if stop > start and stop + size - start > width:
            parts.append(slice(start, stop))
            start = stop
        stop += size
        while stop - start > 4 * width:
            parts.append(slice(start, start + width))
            start += width
    return [*parts, slice(start, stop)] if stop > start else parts
