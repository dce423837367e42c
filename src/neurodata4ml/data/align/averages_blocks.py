"""A long series in blocks: each is read once, in the order of time, and no more than a few are held."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

BLOCK = 1 << 25
"""Bytes of a block (32 MB): a disk reads it in one go, and a few of them are little beside any result."""

MOST_ROWS = 1 << 18
"""Samples in a block of an array in memory: what says which sample lies in which bin stays small too."""

Place = tuple[slice, ...]


def column_blocks(data: Any) -> Iterator[Place]:
    """Yield the blocks of columns that ``data`` (time, ...) is stored in: slices of all axes but the first.

    An array in memory is one block. Where columns are stored apart, a block of rows would read from all of them.
    """
    chunks: Sequence[Sequence[int]] = getattr(data, "chunks", None) or [(size,) for size in data.shape]
    yield from itertools.product(*(_slices(lengths) for lengths in chunks[1:]))


def row_blocks(data: Any, start: int, stop: int) -> Iterator[slice]:
    """Yield consecutive blocks of the samples from ``start`` to ``stop``; those of a dask array end where its own do.

    Small ones of the array are taken together, up to ``BLOCK`` bytes; larger ones stay whole, since a part of them may
    cost as much as the whole.
    """
    row_bytes = max(1, data.dtype.itemsize * int(np.prod(data.shape[1:], dtype=int)))
    most = max(1, BLOCK // row_bytes)
    if getattr(data, "chunks", None) is None:
        most = min(most, MOST_ROWS)
        edges = np.append(np.arange(start, stop, most), stop)
    else:
        edges = np.append(0, np.cumsum(data.chunks[0]))
        edges = np.unique(np.clip(_together(edges, most), start, stop))
    for first, last in itertools.pairwise(edges.tolist()):
        yield slice(first, last)


def read(data: Any, rows: slice) -> np.ndarray:
    """Return the samples of a block as an array (time, column)."""
    values = np.asarray(data[rows])
    return values.reshape(len(values), -1)


def _together(edges: np.ndarray, most: int) -> np.ndarray:
    """Leave out edges so that blocks have up to ``most`` rows, where they are not larger already."""
    kept = [int(edges[0])]
    for before, edge in itertools.pairwise(edges.tolist()):
        if edge - kept[-1] > most and before > kept[-1]:
            kept.append(before)
    return np.array([*kept, int(edges[-1])])


def _slices(lengths: Sequence[int]) -> list[slice]:
    if len(lengths) == 1:
        return [slice(None)]
    ends = list(itertools.accumulate(lengths, initial=0))
    return [slice(first, last) for first, last in itertools.pairwise(ends)]
