"""Count spikes in bins: by numpy where they are few, by compiled loops on all cores where they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from typing import Any, TypeVar

import numpy as np

from neurodata4ml.cores import n_cores
from neurodata4ml.data.align.windows import Windows

MANY = 1_000_000
"""Spikes from which it pays to load numba (0.3 s) and, once on a machine, to compile (seconds)."""

SIGNED = (np.int8, np.int16, np.int32, np.int64)
"""Types of counts, the smallest first: signed, so that a difference of counts is one."""

MOST_EDGES = 1536
"""Edges of bins that are counted together: tables of them, and what is written for 64 units, stay in a core's cache."""

MOST_PLACES = 4 * MOST_EDGES
"""Places of bins that are listed for the time between two edges, together: fewer events where many windows overlap."""

Job = TypeVar("Job")
Done = TypeVar("Done")


def count(
    times: np.ndarray,
    offsets: np.ndarray,
    windows: Windows,
    *,
    dtypes: Sequence[type[np.signedinteger[Any]]] = SIGNED,
    n_threads: int | None = None,
) -> np.ndarray | None:
    """Return the counts in the first of ``dtypes`` that holds the largest of them; None where none does.

    Parameters
    ----------
    times, offsets : ndarray
        From ``read_spikes``: sorted within each unit.
    windows : Windows
    dtypes : sequence of signed types
        Where a count overflows, what was counted is thrown away and counted again in the next type: two arrays
        never stand side by side.
    n_threads : int, optional
        All cores of the process when left out. Each thread writes bins of its own, so their number changes nothing.

    Returns
    -------
    ndarray, shape (trial, time, unit)
    """
    fill = _fill_compiled if are_many(times) else _fill
    shape = (len(windows.event), windows.n_bins, len(offsets) - 1)
    for dtype in dtypes:
        # zeros that nobody has touched cost nothing: the system clears a page when it is first written
        counts = np.zeros(shape, dtype=dtype)
        if fill(counts, times, offsets, windows, n_threads or n_cores()):
            return counts
        del counts
    return None


def are_many(times: np.ndarray) -> bool:
    """Return whether there are so many spikes that compiled loops are worth their start."""
    return len(times) >= MANY


def cells_of(spikes: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Return ``trial * n_bins + bin`` of the bins that hold spikes of one unit, rising, and how many each holds."""
    event, edges = windows.event, windows.edges
    first = np.searchsorted(spikes, event + edges[0], side="left")
    n_spikes = np.searchsorted(spikes, event + edges[-1], side="left") - first
    trial = np.repeat(np.arange(len(event)), n_spikes)
    before = np.cumsum(n_spikes) - n_spikes
    spike = spikes[np.arange(len(trial)) + np.repeat(first - before, n_spikes)]
    zero = event[trial]
    bin_ = ((spike - (zero + edges[0])) / windows.bin_width).astype(np.int64)
    bin_ = np.minimum(bin_, windows.n_bins - 1)
    while True:  # division rounds, the edges decide
        early, late = spike < zero + edges[bin_], spike >= zero + edges[bin_ + 1]
        if not (early.any() or late.any()):
            break
        bin_ += late.astype(np.int64) - early
    cell = trial * windows.n_bins + bin_
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    return cell[begins], np.diff(begins, append=len(cell))


def in_threads(function: Callable[[Job], Done], jobs: Iterable[Job], n_threads: int) -> list[Done]:
    """Return ``function`` of each job, in order."""
    jobs = list(jobs)
    if n_threads == 1 or len(jobs) == 1:
        return [function(job) for job in jobs]
    with ThreadPoolExecutor(min(n_threads, len(jobs))) as pool:
        return list(pool.map(function, jobs))


def parts(n: int, n_parts: int) -> list[tuple[int, int]]:
    """Return at most ``n_parts`` ranges, of nearly one length, that cover ``range(n)``."""
    edges = np.linspace(0, n, max(min(n, n_parts), 1) + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _fill(counts: np.ndarray, times: np.ndarray, offsets: np.ndarray, windows: Windows, _: int) -> bool:
    """Count unit after unit; return whether all counts fit."""
    n_units, largest = counts.shape[-1], np.iinfo(counts.dtype).max
    flat = counts.reshape(-1)
    for unit in range(n_units):
        cells, numbers = cells_of(times[offsets[unit] : offsets[unit + 1]], windows)
        if numbers.max(initial=0) > largest:
            return False
        flat[cells * n_units + unit] = numbers
    return True


def _fill_compiled(
    counts: np.ndarray, times: np.ndarray, offsets: np.ndarray, windows: Windows, n_threads: int
) -> bool:
    """Count in threads of which each has its own pieces of windows; return whether all counts fit."""
    from neurodata4ml.data.align.kernel import add_counts

    pieces, n_bins = _pieces(windows)
    left, right = pieces[-2:]
    if not len(left):
        return True
    n_parts = 4 * n_threads if n_threads > 1 else 1
    most = int((np.arange(1, len(left) + 1) - np.searchsorted(np.sort(right), left, side="right")).max())
    n_listed = MOST_PLACES // (n_bins + 1)
    n_together = min(MOST_EDGES // (n_bins + 1), max(n_listed // most, isqrt(n_listed)), -(-len(left) // n_parts))
    n_together = max(n_together, 1)
    sizes = (n_together, n_together * (n_bins + 1), min(most, n_together))
    apart = float(np.median(np.diff(left))) if len(left) > 1 else float(right[0] - left[0])
    full = np.array([0, np.iinfo(counts.dtype).max])

    def work(part: tuple[int, int]) -> None:
        some = tuple(column[slice(*part)] for column in pieces)
        add_counts((times, offsets), (windows.event, windows.edges), some, apart, counts, sizes, full)

    in_threads(work, parts(len(left), n_parts), n_threads)
    return not full[0]


def _pieces(windows: Windows) -> tuple[tuple[np.ndarray, ...], int]:
    """Divide long windows; return trial, first bin, stop bin, left, right of each piece, rising, and the most bins.

    A piece that ends where it begins, since floats are too coarse for its edges, holds nothing and is left out.
    """
    event, edges = windows.event, windows.edges
    first = np.arange(0, windows.n_bins, MOST_EDGES - 1)
    stop = np.minimum(first + MOST_EDGES - 1, windows.n_bins)
    left, right = ((event[:, np.newaxis] + edges[bins]).ravel() for bins in (first, stop))
    order = np.argsort(left, kind="stable")
    order = order[left[order] < right[order]]
    trial, piece = np.divmod(order, len(first))
    return (trial, first[piece], stop[piece], left[order], right[order]), int((stop - first).max())
