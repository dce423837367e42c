"""Means of a series in many bins, from one pass over its samples: each is read once, whatever the bins share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodata4ml.data.align.averages_blocks import column_blocks, read, row_blocks

BATCH = 1 << 22
"""Numbers that are summed at a time: what is made on the way stays near the processor."""

FEW = 8
"""float32 samples that are added up in float32 (its error grows with their number); the sums of these in float64."""


def means(data: Any, first: np.ndarray, last: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return the mean of the finite samples ``first[i]`` to ``last[i]`` for every bin ``i``; NaN where there are none.

    Parameters
    ----------
    data : array or dask array (time, ...)
    first, last : ndarray of int (n_bins,)
        The samples of a bin; bins may overlap, need no order, and may be empty.
    dtype : float32 or float64
        Of the result. float32 samples are added up eight at a time in float32 and from there in float64: an error
        below 1e-6 of the mean absolute value. Nothing is ever subtracted, as with cumulative sums.

    Returns
    -------
    ndarray (n_bins, ...)
    """
    result = np.empty((len(first), *data.shape[1:]), dtype=dtype)
    result[last <= first] = np.nan
    filled = np.flatnonzero(last > first)
    order = filled[np.argsort(first[filled], kind="stable")]
    if not len(order):
        return result
    for columns in column_blocks(data):
        _mean_columns(data[(slice(None), *columns)], first, last, order, result[(slice(None), *columns)])
    return result


def _mean_columns(data: Any, first: np.ndarray, last: np.ndarray, order: np.ndarray, result: np.ndarray) -> None:
    """Fill ``result`` block of time by block of time; what is begun at the end of a block is carried to the next."""
    begins, reach = first[order], np.maximum.accumulate(last[order])
    begun: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for block in row_blocks(data, int(begins[0]), int(reach[-1])):
        touched = order[np.searchsorted(reach, block.start, side="right") : np.searchsorted(begins, block.stop)]
        touched = touched[last[touched] > block.start]
        if not len(touched):
            continue
        low = np.maximum(first[touched], block.start)
        high = np.minimum(last[touched], block.stop)
        rows = slice(int(low.min()), int(high.max()))
        values = read(data, rows)
        for some in _batches(high - low, values.shape[1]):
            bins = touched[some]
            sums, counts = _finite_sums(values, low[some] - rows.start, high[some] - rows.start, result.dtype)
            parts = (first[bins] < block.start) | (last[bins] > block.stop)
            for i in np.flatnonzero(parts):
                _carry(begun, int(bins[i]), sums[i], counts[i])
                if last[bins[i]] <= block.stop:
                    total, number = begun.pop(int(bins[i]))
                    result[bins[i]] = _divided(total, number).reshape(result.shape[1:])
            whole = _divided(sums, counts).reshape(len(bins), *result.shape[1:])
            _place(result, bins, whole, ~parts)


def _finite_sums(
    values: np.ndarray, low: np.ndarray, high: np.ndarray, dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the finite samples of each bin, and how many they are.

    All samples are added up first: where a sum is finite, so was each of them. No mask of the series is made.
    """
    start, stop = int(low.min()), int(high.max())
    low, high = low - start, high - start
    values = values[start:stop].astype(dtype, copy=False)
    sums, counts = _sums(values, low, high), (high - low)[:, None].astype(dtype)
    lost = ~np.isfinite(sums)
    if lost.any():
        columns = np.flatnonzero(lost.any(axis=0))
        some = values[:, columns]
        finite = np.isfinite(some)
        sums[:, columns] = _sums(np.where(finite, some, dtype.type(0)), low, high)
        counts = np.repeat(counts, values.shape[1], axis=1)
        counts[:, columns] = _sums(finite.astype(dtype), low, high)
    return sums, counts


def _sums(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the sums of the rows ``low[i]`` to ``high[i]`` (bin, column)."""
    n_samples = high - low
    if values.dtype == np.float64 or n_samples.max() <= FEW:
        return _rows_summed(values, low, n_samples)
    n_parts = -(-n_samples // FEW)
    before = np.cumsum(n_parts) - n_parts
    done = FEW * (np.arange(n_parts.sum()) - np.repeat(before, n_parts))
    part = np.minimum(np.repeat(n_samples, n_parts) - done, FEW)
    parts = _rows_summed(values, np.repeat(low, n_parts) + done, part)
    return _rows_summed(parts.astype(np.float64), before, n_parts)


def _rows_summed(values: np.ndarray, first: np.ndarray, n_rows: np.ndarray) -> np.ndarray:
    """Return the sums of ``n_rows[i]`` rows from ``first[i]`` on: a product with a sparse matrix of ones."""
    from scipy.sparse import csr_array

    ends = np.append(0, np.cumsum(n_rows))
    rows = np.arange(ends[-1]) + np.repeat(first - ends[:-1], n_rows)
    ones = np.ones(len(rows), dtype=values.dtype)
    return np.asarray(csr_array((ones, rows, ends), shape=(len(first), len(values))) @ values)


def _batches(n_samples: np.ndarray, n_columns: int) -> Iterator[slice]:
    """Cut bins into batches of at most ``BATCH`` numbers, one bin at least."""
    work = np.cumsum((n_samples + FEW) * max(1, n_columns)) // BATCH
    edges = [0, *(np.flatnonzero(np.diff(work)) + 1).tolist(), len(n_samples)]
    yield from (slice(a, b) for a, b in itertools.pairwise(edges))


def _carry(begun: dict[int, tuple[np.ndarray, np.ndarray]], key: int, total: np.ndarray, number: np.ndarray) -> None:
    before = begun.get(key, (0.0, 0.0))
    begun[key] = (before[0] + total.astype(np.float64), before[1] + number.astype(np.float64))


def _divided(total: np.ndarray, number: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: no sample was finite
        return np.asarray(np.divide(total, number, out=total))


def _place(result: np.ndarray, bins: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> None:
    """Write ``values[wanted]`` to their bins, by a slice where these follow each other."""
    if not wanted.all():
        bins, values = bins[wanted], values[wanted]
    if len(bins) and bins[-1] - bins[0] == len(bins) - 1 and (np.diff(bins) == 1).all():
        result[bins[0] : bins[-1] + 1] = values
    else:
        result[bins] = values
