"""Values of a series between its samples: on the line from the finite one before to the finite one after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodata4ml.data.align.averages_blocks import BLOCK, column_blocks, read, row_blocks

_ROUNDING = 1e-6
"""Clocks are rounded: a gap of exactly two steps is not one of more."""


def longest_gap(clock: np.ndarray, bin_width: float) -> float:
    """Return the longest gap (s) that is bridged: two median steps, or a bin where that is longer.

    One lost sample is bridged, and two in a row are not, unless they fall into one bin.
    """
    steps = np.diff(clock)
    steps = steps[steps > 0]
    return max(2.0 * float(np.median(steps)) if len(steps) else 0.0, bin_width) * (1 + _ROUNDING)


def between(data: Any, clock: np.ndarray, times: np.ndarray, gap: float, dtype: np.dtype[Any]) -> np.ndarray:
    """Return the series at ``times`` by linear interpolation; NaN outside of it, and in gaps longer than ``gap``.

    Parameters
    ----------
    data : array or dask array (time, ...)
    clock : ndarray (time,), s
        It never falls.
    times : ndarray (n_times,), s
        In any order.
    gap : float, s
    dtype : float32 or float64
        Of the result.

    Returns
    -------
    ndarray (n_times, ...)
        A sample that is NaN counts as lost: its finite neighbours are used, column by column. At the very time of a
        finite sample its value stands, whatever is around it.
    """
    result = np.full((len(times), *data.shape[1:]), np.nan, dtype=dtype)
    first, last = np.searchsorted(clock, times - gap), np.searchsorted(clock, times + gap, side="right")
    inside = np.flatnonzero(last > first)
    order = inside[np.argsort(times[inside], kind="stable")]
    if not len(order):
        return result
    for columns in column_blocks(data):
        out, column = result[(slice(None), *columns)], data[(slice(None), *columns)]
        for rows, values, some in _with_neighbours(column, first[order], last[order]):
            here = order[some]
            out[here] = _lines(values, clock[rows], times[here], gap, dtype).reshape(len(here), *out.shape[1:])
    return result


def _with_neighbours(data: Any, first: np.ndarray, last: np.ndarray) -> Iterator[tuple[slice, np.ndarray, slice]]:
    """Yield rows with their values, and which of the sorted times find all their neighbours there.

    The last rows of a block are kept for the times whose neighbours lie in the next one.
    """
    in_memory = getattr(data, "chunks", None) is None
    blocks = [slice(int(first[0]), int(last[-1]))] if in_memory else row_blocks(data, int(first[0]), int(last[-1]))
    done, tail = 0, np.empty((0, 0))
    for block in blocks:
        ready = int(np.searchsorted(last, block.stop, side="right"))
        needed = int(first[done]) if done < len(first) else block.stop
        if needed >= block.stop:
            continue
        begun = int(np.searchsorted(first, block.stop))
        low, stop = max(block.start, needed), min(block.stop, int(last[begun - 1]))
        values = read(data, slice(low, stop))
        values = np.concatenate([tail, values]) if len(tail) else values
        start = stop - len(values)
        for some in _batches(done, ready, values.shape[1]):
            rows = slice(int(first[some.start]), int(last[some.stop - 1]))
            yield rows, values[rows.start - start : rows.stop - start], some
        done = max(done, ready)
        keep = int(first[done]) if done < begun else stop
        tail = values[keep - start :].copy()


def _batches(start: int, stop: int, n_columns: int) -> Iterator[slice]:
    step = max(1, BLOCK // (64 * max(1, n_columns)))
    yield from (slice(k, min(k + step, stop)) for k in range(start, stop, step))


def _lines(values: np.ndarray, clock: np.ndarray, times: np.ndarray, gap: float, dtype: np.dtype[Any]) -> np.ndarray:
    """Return the values at ``times``; columns in which a sample is not finite are looked at a second time."""
    before = np.searchsorted(clock, times, side="right") - 1
    after = np.searchsorted(clock, times, side="left")
    inside = (before >= 0) & (after < len(clock))
    left, right = np.maximum(before, 0), np.minimum(after, len(clock) - 1)
    found = _line(values[left], values[right], clock[left], clock[right], times, gap, dtype)
    found[~inside] = np.nan
    columns = np.flatnonzero(~np.isfinite(found[inside]).all(axis=0))
    if len(columns) and values.dtype.kind == "f":
        found[:, columns] = _past_gaps(values[:, columns], clock, times, before, after, gap, dtype)
    return found


def _past_gaps(
    values: np.ndarray,
    clock: np.ndarray,
    times: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    gap: float,
    dtype: np.dtype[Any],
) -> np.ndarray:
    """Do the same with the finite neighbours of each column."""
    n_rows, column = len(values), np.arange(values.shape[1])
    row, finite = np.arange(n_rows)[:, None], np.isfinite(values)
    earlier = np.maximum.accumulate(np.where(finite, row, -1), axis=0)
    later = np.minimum.accumulate(np.where(finite, row, n_rows)[::-1], axis=0)[::-1]
    left, right = earlier[np.maximum(before, 0)], later[np.minimum(after, n_rows - 1)]
    inside = (before >= 0)[:, None] & (after < n_rows)[:, None] & (left >= 0) & (right < n_rows)
    left, right = np.maximum(left, 0), np.minimum(right, n_rows - 1)
    ends = (values[left, column], values[right, column], clock[left], clock[right])
    return np.where(inside, _line(*ends, times[:, None], gap, dtype), np.nan)


def _line(
    left: np.ndarray,
    right: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    times: np.ndarray,
    gap: float,
    dtype: np.dtype[Any],
) -> np.ndarray:
    """Return values on the lines from ``left`` at ``start`` to ``right`` at ``stop``; NaN where they are too far."""
    length = stop - start
    share = np.divide(times - start, length, out=np.zeros(np.shape(length)), where=length > 0)
    share = np.where(length > gap, np.nan, share).astype(dtype)
    share = share.reshape(*share.shape, *(1,) * (left.ndim - share.ndim))
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is looked at later
        return np.asarray(left + share * (right.astype(dtype) - left))
