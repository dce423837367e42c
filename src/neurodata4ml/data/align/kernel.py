"""The inner loops of counting, compiled: one pass over sorted spikes and sorted events, as fast as memory allows.

Imported only where there is much to count: numba takes longer to load than a small session takes to count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

GAP = 3.0
"""Seconds between two windows from which a search by halves beats a walk over the spikes in between."""

CELLS = 8
"""Cells per window of a block that are looked up to find the windows around a spike: few windows end within one."""

AHEAD = 4
"""Units from which spikes are fetched ahead: memory takes about as long as counting these."""


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` when it is called; keep the machine code on disk where there is a place for it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder can be written (a read-only container): compile in every process
        return numba.njit(nogil=True)(function)


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(_, array, index):  # type: ignore[no-untyped-def]
    """Ask for the memory at ``array[index]`` ahead of its use; where there is none, nothing happens."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        place = builder.bitcast(builder.gep(start, [arguments[1]]), byte)
        builder.call(fetch, [place, word(0), word(3), word(1)])  # to read, into the nearest cache, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@_compiled
def _cell(time, zero, per_second, n_cells):  # type: ignore[no-untyped-def]
    """Return in which of ``n_cells`` a time lies; it rounds, but never falls where times rise."""
    return max(min(int((time - zero) * per_second), n_cells - 1), 0)


@_compiled
def _divide(left, right, cells):  # type: ignore[no-untyped-def]
    """Set ``cells`` of the span of windows to the first window that does not end before; return cells per second."""
    zero, span, i = left[0], right[-1] - left[0], 0
    per_second = cells.size / span if span > 0 else 0.0
    for c in range(cells.size):
        while i < right.size - 1 and _cell(right[i], zero, per_second, cells.size) < c:
            i += 1
        cells[c] = i
    return per_second


@_compiled
def _add_spikes(times, p, stop, block, flat, unit, limit):  # type: ignore[no-untyped-def]
    """Count the spikes from ``p`` on that lie in a block of windows; return the first of the next block, or -1."""
    left, right, edge, row, cells, (cells_per_second, per_second, n_units, next_left) = block
    n_bins, zero, end = edge.shape[1] - 1, left[0], right[-1]
    while p < stop and times[p] < zero:
        p += 1
    q = p
    while q < stop:
        t = times[q]
        if t >= end:
            break
        p += t < next_left
        q += 1
        i = cells[_cell(t, zero, cells_per_second, cells.size)]
        while t >= right[i]:
            i += 1
        while left[i] <= t:
            k = min(int((t - left[i]) * per_second), n_bins - 1)
            # a product rounds, the edges decide
            while t < edge[i, k]:
                k -= 1
            while t >= edge[i, k + 1]:
                k += 1
            at = row[i] + k * n_units + unit
            if flat[at] == limit:
                return -1
            flat[at] += 1
            i += 1
    return p


@_compiled
def add_counts(spikes, windows, units, counts, n_together, limit, full):  # type: ignore[no-untyped-def]
    """Write the numbers of spikes of some units around some events into ``counts`` (trial, time, unit), whatever it held.

    ``spikes`` are (times, offsets), ``windows`` (event, order, edges, width), ``units`` (first, stop).
    Events come in the order ``order``, rising, so that each unit needs one pointer, which never goes back: it stands
    at the first spike of the block. Units take turns after every ``n_together`` events, a block, so that what is read
    lies together and so does what is written; each spike finds the windows of the block that hold it.
    Where a count would exceed ``limit``, ``full[0]`` is set and everyone stops.
    """
    times, offsets = spikes
    event, order, edges, width = windows
    first, stop = units
    n_bins, n_units, flat = edges.size - 1, counts.shape[2], counts.reshape(-1)
    pointer = offsets[first:stop].copy()
    edge, left = np.empty((n_together, n_bins + 1)), np.empty(n_together + 1)
    row, cells = np.empty(n_together, np.int64), np.empty(n_together * CELLS, np.int64)
    end = -np.inf
    for begin in range(0, order.size, n_together):
        if full[0]:
            return
        some = order[begin : begin + n_together]
        n, after = some.size, begin + some.size
        for i in range(n):
            edge[i] = event[some[i]] + edges
            left[i] = edge[i, 0]
            row[i] = some[i] * n_bins * n_units
            counts[some[i], :, first:stop] = 0
        left[n] = np.inf
        right = edge[:n, n_bins].copy()
        is_far, end = left[0] > end + GAP, right[-1]
        next_left = event[order[after]] + edges[0] if after < order.size else np.inf
        scale = (_divide(left, right, cells), 1 / width, n_units, next_left)
        block = (left, right, edge, row, cells, scale)
        for u in range(first, stop):
            if u + AHEAD < stop:
                _fetch(times, pointer[u + AHEAD - first])
                _fetch(times, pointer[u + AHEAD - first] + 8)
            p = pointer[u - first]
            if is_far:
                p += np.searchsorted(times[p : offsets[u + 1]], left[0])
            p = _add_spikes(times, p, offsets[u + 1], block, flat, u, limit)
            if p < 0:
                full[0] = True
                return
            pointer[u - first] = p


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
