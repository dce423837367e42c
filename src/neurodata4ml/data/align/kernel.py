"""The inner loops of counting, compiled: one pass over sorted spikes and sorted events, as fast as memory allows.

Imported only where there is much to count: numba takes longer to load than a small session takes to count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

GAP = 3.0
"""Seconds between two windows from which a search by halves beats a walk over the spikes in between."""


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is called; keep the machine code on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder can be written (a read-only container): compile in every process
        return numba.njit(nogil=True)(function)


@_compiled
def add_counts(spikes, windows, units, counts, n_together, limit, full):  # type: ignore[no-untyped-def]
    """Write the counts of some units around some events into ``counts`` (trial, time, unit), whatever it holds.

    ``spikes`` are (times, offsets), ``windows`` (event, order, edges, width), ``units`` (first, stop).
    Events come in the order ``order``, rising, so that each unit needs one pointer, which never goes back: it stands
    at the first spike of the window. Units take turns after every ``n_together`` events, so that what is read lies
    together and so does what is written, which is set to zero just before: so it is in the cache already.
    Where a count would exceed ``limit``, ``full[0]`` is set and everyone stops.
    """
    times, offsets = spikes
    event, order, edges, width = windows
    first_unit, stop_unit = units
    n_bins, per_second = edges.size - 1, 1 / width
    pointer = offsets[first_unit:stop_unit].copy()
    edge = np.empty((n_together, n_bins + 1))
    right = -np.inf
    for begin in range(0, order.size, n_together):
        if full[0]:
            return
        some = order[begin : begin + n_together]
        for i in range(some.size):
            edge[i] = event[some[i]] + edges
            counts[some[i], :, first_unit:stop_unit] = 0
        left, is_far = edge[0, 0], edge[0, 0] > right + GAP
        right = edge[some.size - 1, n_bins]
        for u in range(first_unit, stop_unit):
            p, stop = pointer[u - first_unit], offsets[u + 1]
            if is_far:
                p += np.searchsorted(times[p:stop], left)
            for i in range(some.size):
                trial, zero, end = some[i], edge[i, 0], edge[i, n_bins]
                while p < stop and times[p] < zero:
                    p += 1
                q = p
                while q < stop and times[q] < end:
                    spike = times[q]
                    k = min(int((spike - zero) * per_second), n_bins - 1)
                    # a product rounds, the edges decide
                    while spike < edge[i, k]:
                        k -= 1
                    while spike >= edge[i, k + 1]:
                        k += 1
                    if counts[trial, k, u] == limit:
                        full[0] = True
                        return
                    counts[trial, k, u] += 1
                    q += 1
            pointer[u - first_unit] = p


@_compiled
def find_windows(spikes, event, order, first_edge, last_edge, first):  # type: ignore[no-untyped-def]
    """Set ``first`` to the first spike in every window; return how many spikes all windows hold together."""
    n_inside, p, q = 0, 0, 0
    for i in order:
        left, right = event[i] + first_edge, event[i] + last_edge
        while p < spikes.size and spikes[p] < left:
            p += 1
        while q < spikes.size and spikes[q] < right:
            q += 1
        first[i] = p
        n_inside += q - p
    return n_inside


@_compiled
def list_cells(spikes, event, edges, width, first, cells, counts):  # type: ignore[no-untyped-def]
    """Write ``trial * n_bins + bin`` of every bin that holds spikes, rising, and how many; return how many bins."""
    n_bins = edges.size - 1
    n_cells, last = 0, -1
    for i in range(event.size):
        zero, p = event[i], first[i]
        left, right = zero + edges[0], zero + edges[n_bins]
        while p < spikes.size and spikes[p] < right:
            spike = spikes[p]
            k = min(int((spike - left) / width), n_bins - 1)
            while spike < zero + edges[k]:
                k -= 1
            while spike >= zero + edges[k + 1]:
                k += 1
            cell = i * n_bins + k
            if cell == last:
                counts[n_cells - 1] += 1
            else:
                cells[n_cells], counts[n_cells], last = cell, 1, cell
                n_cells += 1
            p += 1
    return n_cells


@_compiled
def rises(times, first, stop):  # type: ignore[no-untyped-def]
    """Return whether each time is at least the one before it; a NaN is not."""
    rising = True
    for k in range(first + 1, stop):
        rising &= times[k] >= times[k - 1]
    return rising and (stop <= first or times[first] == times[first])
