"""The inner loops of sparse counting, compiled: which bins of one unit hold spikes, and how many.

Imported only where there is much to count.
"""

from __future__ import annotations

from neurodata4ml.compiled import compiled


@compiled
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


@compiled
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
