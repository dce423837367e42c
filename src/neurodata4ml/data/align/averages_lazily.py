"""Aligned series that wait until they are needed: a dask array, of which each chunk reads its own samples."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from neurodata4ml.data.align.windows import Windows, number
from neurodata4ml.errors import DesignError

Chunks = int | Mapping[str, int]
Fill = Callable[[Any, np.ndarray, Windows], np.ndarray]
"""From samples (time, ...), their times and windows to values (trial, time, ...)."""


def fill_lazily(fill: Fill, data: Any, clock: np.ndarray, windows: Windows, chunks: Chunks, dims: Sequence[str]) -> Any:
    """Return the values (trial, time, ...) as a dask array.

    Parameters
    ----------
    fill : callable
    data : array or dask array (time, ...)
    clock : ndarray (time,), s
    windows : Windows
    chunks : int or mapping
        Length of a chunk along the last of ``dims``, or along each that is named; others are not divided.
    dims : sequence of str
        ``trial``, or ``time`` for a whole recording (one window, many bins), then the columns of ``data``.

    Raises
    ------
    DesignError
        A dim that is not divided, or a length below 1.
    """
    import dask
    import dask.array as da

    lengths, n_trials, n_bins = _lengths(chunks, dims), len(windows.event), windows.n_bins
    sizes = (n_trials if dims[0] == "trial" else n_bins, *data.shape[1:])
    first, *columns = (_slices(size, lengths.get(dim, size)) for size, dim in zip(sizes, dims, strict=True))
    trials, bins = (first, [slice(0, n_bins)]) if dims[0] == "trial" else ([slice(0, n_trials)], first)
    blocks = np.empty([len(cuts) for cuts in (trials, bins, *columns)], dtype=object)
    for place, cut in zip(np.ndindex(blocks.shape), itertools.product(trials, bins, *columns), strict=True):
        part = replace(
            windows,
            event=windows.event[cut[0]],
            kept=windows.kept[cut[0]],
            edges=windows.edges[cut[1].start : cut[1].stop + 1],
        )
        column = data[(slice(None), *cut[2:])]
        # hidden in a partial: given as an argument, dask would first compute the whole series
        values = dask.delayed(partial(fill, column, clock, part), pure=False)()
        shape = (len(part.event), part.n_bins, *column.shape[1:])
        blocks[place] = da.from_delayed(values, shape=shape, dtype=float_type(data))
    return da.block(blocks.tolist())


def float_type(data: Any) -> np.dtype[Any]:
    """Return the type of aligned values: float32 of float32, float64 of all else."""
    return np.dtype(np.float32 if data.dtype.kind == "f" and data.dtype.itemsize <= 4 else np.float64)


def _lengths(chunks: Chunks, dims: Sequence[str]) -> dict[str, int]:
    lengths = dict(chunks) if isinstance(chunks, Mapping) else {dims[-1]: chunks}
    for dim, length in lengths.items():
        if dim not in dims:
            message = (
                f"align_series divides its result along {', '.join(map(repr, dims))}; got chunks={chunks}, which names "
                f'{dim!r}. Type chunks={{"{dims[0]}": 500}}.'
            )
            raise DesignError(message)
        if not (number(length) == np.floor(number(length)) >= 1):
            message = f"align_series needs chunks of at least 1 along {dim!r}; got chunks={chunks}."
            raise DesignError(message)
    return {dim: int(length) for dim, length in lengths.items()}


def _slices(size: int, length: int) -> list[slice]:
    return [slice(first, min(first + length, size)) for first in range(0, size, max(1, length))] or [slice(0, size)]
