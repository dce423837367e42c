"""The inner loops of counting, compiled: each spike is looked up once, and counts in all windows that hold it.

Units with many spikes from one window to the next go through the windows instead. Imported only where there is much to
count: numba takes longer to load than a small session takes to count. Places in tables are unsigned, for a signed one
could be negative, and asking costs a third of the time. What calls each other stands in this one file, since numba
compiles again where the file of the caller has changed, and only there.
"""

from __future__ import annotations

import numpy as np

from neurodata4ml.compiled import compiled

CELLS = 4
"""Cells of a block's table per edge: few spikes then share a cell with two edges."""

FEW = 4
"""Windows that overlap, up to which each spike counts in as many places, in some with weight 0: no branch to guess."""

FAR = 8
"""Lengths of a window up to which the next one may lie off: the spikes between are passed sooner than searched."""

DENSE = 3
"""Spikes of a unit from one window to the next, above which it is faster to go through windows than to look them up."""

SHORTEST = 1e-300
"""Seconds that a block lasts at least, where times are so coarse that its edges fall together."""


@compiled
def add_counts(spikes, windows, pieces, apart, counts, sizes, full):  # type: ignore[no-untyped-def]
    """Add the spikes of all units in some pieces of windows to ``counts`` (trial, time, unit), which holds zeros.

    ``spikes`` are (times, offsets), ``windows`` (event, edges), ``pieces`` (trial, first bin, stop bin, left, right),
    rising in ``left`` by ``apart`` mostly (s), and ``sizes`` the most (pieces in a block, edges in a block, pieces at
    one time).
    Pieces that lie together make a block. Units take turns after every block, so that what is read lies together and so
    does what is written; each has a pointer, which never goes back: it stands at its first spike of the block.
    Where a count exceeds what its type can hold, ``full[0]`` is set and everyone stops.
    """
    n_together, n_edges, most = sizes
    left, right = pieces[3], pieces[4]
    pointer, is_dense = _begin(spikes, apart, n_edges // n_together)
    edge, owner = np.empty(n_edges + 1), np.empty(n_edges, np.int64)
    cells = np.empty(n_edges * CELLS + 2, np.uint32)
    n_places, n_held = np.empty(n_edges + 1, np.uint64), np.empty(n_edges + 1, np.int64)
    place, weight = np.empty((n_edges + 1, most), np.uint64), np.empty((n_edges + 1, most), np.uint8)
    tables = (cells, edge, place.reshape(-1), weight.reshape(-1), n_places, n_held, np.uint64(most))
    begin, per_second, end, has_sparse = 0, 0.0, 0.0, not is_dense.all()
    while begin < left.size and not full[0]:
        stop = _end_of_block(left, right, begin, n_together)
        trial, first, last = pieces[0][begin:stop], pieces[1][begin:stop], pieces[2][begin:stop]
        block = (trial, first, last, left[begin:stop], right[begin:stop])
        if has_sparse:
            per_second, end = _merge(windows, block, edge, owner, cells)
            _list_places(block, counts.shape[1:], owner, (place, weight, n_places, n_held))
        span = (left[begin], end, left[stop] if stop < left.size else np.inf, per_second)
        _add_block(spikes, (pointer, is_dense), windows, block, span, tables, counts, full)
        begin = stop


@compiled
def _begin(spikes, apart, n_edges):  # type: ignore[no-untyped-def]
    """Return the first spike of each unit, and which units are dense: all, where they are too few to pay for tables."""
    times, offsets = spikes
    is_dense = np.empty(offsets.size - 1, np.bool_)
    for u in range(is_dense.size):
        first, last = offsets[u], offsets[u + 1]
        span = times[last - 1] - times[first] if first < last else 0.0
        is_dense[u] = is_dense.size < n_edges or (last - first) * apart > DENSE * span
    return offsets[:-1].copy(), is_dense


@compiled
def _end_of_block(left, right, begin, n_together):  # type: ignore[no-untyped-def]
    """Return where the block ends that begins here: it is full, or the next piece is far."""
    stop, end = begin + 1, right[begin]
    while stop < min(begin + n_together, left.size) and left[stop] - end <= FAR * (right[stop] - left[stop]):
        end = max(end, right[stop])
        stop += 1
    return stop


@compiled
def _merge(windows, block, edge, owner, cells):  # type: ignore[no-untyped-def]
    """Sort the edges of all pieces of a block into ``edge``, and whose they are into ``owner``.

    The block is divided into cells of one length; ``cells`` becomes the number of edges before each of them. In which
    cell a time lies rounds, but never falls where times rise. Returns cells per second and the end of the block.
    """
    event, edges = windows
    trial, first, stop, left, right = block
    zero, end, n = left[0], right.max(), (stop - first + 1).sum()
    n_cells = n * CELLS
    per_second = n_cells / max(end - zero, SHORTEST)
    cells[: n_cells + 2] = 0
    for i in range(trial.size):
        for k in range(first[i], stop[i] + 1):
            cells[_cell(event[trial[i]] + edges[k], zero, per_second) + np.uint64(1)] += 1
    for c in range(n_cells + 1):
        cells[c + 1] += cells[c]
    n_in = np.zeros(n_cells + 1, np.int64)
    for i in range(trial.size):
        for k in range(first[i], stop[i] + 1):
            time = event[trial[i]] + edges[k]
            c = _cell(time, zero, per_second)
            at = np.int64(cells[c]) + n_in[c]
            n_in[c] += 1
            while at > cells[c] and edge[at - 1] > time:
                edge[at], owner[at] = edge[at - 1], owner[at - 1]
                at -= 1
            edge[at], owner[at] = time, i
    edge[n] = np.inf
    return per_second, end


@compiled
def _list_places(block, shape, owner, lists):  # type: ignore[no-untyped-def]
    """List for the time after every edge of a block where its spikes count: once in each piece that then lasts.

    What stands in the lists are places in ``counts`` of the first unit. Those with weight 0 are places of the block as
    well: no other thread counts there.
    """
    trial, first, stop, _, _ = block
    n_bins, n_units = shape
    place, weight, n_places, n_held = lists
    most = place.shape[1]
    now, lasts, n = first - 1, np.empty(trial.size, np.int64), 0
    n_held[0], n_places[0] = 0, 0
    for e in range((stop - first + 1).sum()):
        i = owner[e]
        now[i] += 1
        if now[i] == first[i]:
            lasts[n] = i
            n += 1
        if now[i] == stop[i]:
            n -= 1
            a = 0
            while lasts[a] != i:
                a += 1
            lasts[a] = lasts[n]
        n_held[e + 1], n_places[e + 1] = n, most if most <= FEW else n
        for a in range(n):
            place[e + 1, a] = (trial[lasts[a]] * n_bins + now[lasts[a]]) * n_units
            weight[e + 1, a] = 1
        if most <= FEW:
            place[e + 1, n:] = place[e + 1, 0] if n else np.uint64((trial[0] * n_bins + first[0]) * n_units)
            weight[e + 1, n:] = 0


@compiled
def _add_block(spikes, units, windows, block, span, tables, counts, full):  # type: ignore[no-untyped-def]
    """Count the spikes of all units in a block, and move their pointers towards their first spikes of the next."""
    times, offsets = spikes
    pointer, is_dense = units
    zero, end, next_left, per_second = span
    cells, edge, place, weight, n_places, _, most = tables
    flat, limit = counts.reshape(-1), full[1]
    for u in range(pointer.size):
        last = offsets[u + 1]
        p, column = _first_from(times, pointer[u], last, zero), flat[u:]
        if is_dense[u]:
            pointer[u] = _walk(times, p, last, windows, block, counts.shape[1:], column, full)
            continue
        first, n = p, 0
        for q in range(np.uint64(p), np.uint64(last)):
            time = times[q]
            if time >= end:
                break
            n += 1
            p += time < next_left
            j = _edges_before(time, zero, per_second, cells, edge)
            for k in range(j * most, j * most + n_places[j]):
                column[place[k]] += weight[k]
        pointer[u] = p
        if n > limit and _is_crowded(times[first : first + n], limit, span, tables):
            full[0] = 1
            return


@compiled
def _first_from(times, p, last, zero):  # type: ignore[no-untyped-def]
    """Return the first spike from ``p`` on that is not before ``zero``: in growing steps, since it is near mostly."""
    step = 1
    while p + step <= last and times[p + step - 1] < zero:
        p += step
        step *= 2
    if step > 1:
        p += np.searchsorted(times[p : min(p + step, last)], zero)
    return p


@compiled
def _walk(times, p, last, windows, block, shape, column, full):  # type: ignore[no-untyped-def]
    """Count the spikes of one unit in one window of a block after the other; return the first spike of the last one."""
    event, edges = windows
    n_bins, n_units, per_second = np.uint64(shape[0]), np.uint64(shape[1]), (edges.size - 1) / (edges[-1] - edges[0])
    one = np.uint64(1)
    for i in range(block[0].size):
        trial, first, stop, left, right = block[0][i], block[1][i], block[2][i], block[3][i], block[4][i]
        zero, row = event[trial], np.uint64(trial) * n_bins
        while p < last and times[p] < left:
            p += 1
        for q in range(np.uint64(p), np.uint64(last)):
            time = times[q]
            if time >= right:
                break
            k = np.uint64(min(first + np.int64((time - left) * per_second), stop - 1))
            # a product rounds, the edges decide
            while time < zero + edges[k]:
                k -= one
            while time >= zero + edges[k + one]:
                k += one
            at = (row + k) * n_units
            if column[at] == full[1]:
                full[0] = 1
                return p
            column[at] += 1
    return p


@compiled
def _edges_before(time, zero, per_second, cells, edge):  # type: ignore[no-untyped-def]
    """Return how many edges of a block a time has reached; the cell tells nearly, the edges decide."""
    j = np.uint64(cells[_cell(time, zero, per_second)])
    j += np.uint64(time >= edge[j])
    while time >= edge[j]:
        j += np.uint64(1)
    return j


@compiled
def _cell(time, zero, per_second):  # type: ignore[no-untyped-def]
    """Return in which cell of a block a time lies."""
    return np.uint64(np.int64((time - zero) * per_second))


@compiled
def _is_crowded(spikes, limit, span, tables):  # type: ignore[no-untyped-def]
    """Return whether more than ``limit`` spikes lie in one bin: whether the first and the last count in one place."""
    zero, _, _, per_second = span
    cells, edge, place, _, _, n_held, most = tables
    for s in range(spikes.size - limit):
        i = _edges_before(spikes[s], zero, per_second, cells, edge)
        j = _edges_before(spikes[s + limit], zero, per_second, cells, edge)
        for a in range(n_held[i]):
            for b in range(n_held[j]):
                if place[i * most + np.uint64(a)] == place[j * most + np.uint64(b)]:
                    return True
    return False


@compiled
def rise(times, offsets, first_unit, stop_unit):  # type: ignore[no-untyped-def]
    """Return whether each time of some units is at least the one before it; a NaN is not."""
    for u in range(first_unit, stop_unit):
        n = offsets[u + 1] - offsets[u]
        if n == 0:
            continue
        # two views of one length, and no way out of the loop: so it is compiled to compare eight at a time
        before, after = times[offsets[u] : offsets[u + 1] - 1], times[offsets[u] + 1 : offsets[u + 1]]
        n_falls = 0
        for k in range(n - 1):
            n_falls += not (after[k] >= before[k])
        if n_falls or np.isnan(times[offsets[u]]):
            return False
    return True
