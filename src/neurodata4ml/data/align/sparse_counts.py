"""Counts that are mostly zero: only the bins that hold spikes, as an array of pydata/sparse."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.cores import n_cores
from neurodata4ml.data.align.counting import are_many, cells_of, in_threads, parts
from neurodata4ml.data.align.windows import Windows
from neurodata4ml.errors import DesignError


def count_sparsely(times: np.ndarray, offsets: np.ndarray, windows: Windows) -> Any:
    """Return the counts as ``sparse.COO`` (trial, time, unit): for every bin that holds spikes, where it is.

    Counts are int32, in which sums are right: ``sparse`` 0.19 cannot sum more than 127 elements of one byte
    ("Python integer out of bounds for int8"). Places take two bytes where all dims are short enough.
    """
    from scipy.sparse import csr_array

    sparse = _library()

    shape = (len(windows.event), windows.n_bins, len(offsets) - 1)
    index = np.int32 if max(shape[0] * shape[1], len(times)) <= np.iinfo(np.int32).max else np.int64
    list_unit = _compiled() if are_many(times) else cells_of

    def work(units: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
        found = (list_unit(times[offsets[u] : offsets[u + 1]], windows) for u in range(*units))
        return [(cells.astype(index), counts.astype(np.int32)) for cells, counts in found]

    found = [pair for some in in_threads(work, parts(shape[2], 4 * n_cores()), n_cores()) for pair in some]
    starts = np.cumsum([0, *(len(cells) for cells, _ in found)], dtype=index)
    cells, counts = (np.concatenate(column) for column in zip(*found, strict=True))
    found.clear()
    # units by cells becomes cells by units: the order of the array
    by_cell = csr_array((counts, cells, starts), shape=(shape[2], shape[0] * shape[1])).tocsc()
    del cells, counts
    held = np.flatnonzero(np.diff(by_cell.indptr))
    n_in_cell = np.diff(by_cell.indptr)[held]
    places = np.empty((3, by_cell.nnz), dtype=np.min_scalar_type(-max(shape)))
    for row, where in enumerate(np.divmod(held, windows.n_bins)):
        places[row] = np.repeat(where.astype(places.dtype), n_in_cell)
    places[2] = by_cell.indices
    return sparse.COO(places, by_cell.data, shape=shape, has_duplicates=False, sorted=True)


def without_trials(counts: Any) -> Any:
    """Return the counts (trial, time, unit) of the only trial: the same numbers, none is copied."""
    return _library().COO(counts.coords[1:], counts.data, shape=counts.shape[1:], has_duplicates=False, sorted=True)


def _library() -> Any:
    """Return pydata/sparse; it is an extra, since wherever it is installed dask loads it, and compilers with it."""
    try:
        import sparse
    except ImportError as error:
        message = (
            'bin_spikes(sparse=True) needs the package sparse, which is not installed. Type: pip install "neurodata4ml'
            '[sparse]"; or leave sparse=True out.'
        )
        raise DesignError(message) from error
    return sparse


def _compiled() -> Any:
    """Return ``cells_of``, compiled."""
    from neurodata4ml.data.align.kernel_sparse import find_windows, list_cells

    def list_unit(spikes: np.ndarray, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        event, edges = windows.event, windows.edges
        first = np.empty(len(event), dtype=np.int64)
        order = np.argsort(event, kind="stable")
        n_inside = find_windows(spikes, event, order, edges[0], edges[-1], first)
        cells, counts = np.empty(n_inside, dtype=np.int64), np.empty(n_inside, dtype=np.int32)
        n_cells = list_cells(spikes, event, edges, windows.bin_width, first, cells, counts)
        return cells[:n_cells], counts[:n_cells]

    return list_unit
