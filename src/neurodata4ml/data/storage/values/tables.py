"""Where the chunks of datasets are: looked up row by row as they are needed, and remembered by the whole process."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.chunks import find_chunks
from neurodata4ml.data.storage.index import Chunked, ChunkTable, Dataset, Index, Key
from neurodata4ml.data.storage.kept.kept import keep_chunks, load_chunks
from neurodata4ml.data.storage.source import Source, Span
from neurodata4ml.data.storage.values.held import Held
from neurodata4ml.data.storage.waves import Reading, one, run
from neurodata4ml.errors import LayoutError

MOST_CHUNKS = 1 << 22
"""Chunks of one dataset that are remembered: a table of more (80 MB) is looked up anew for each read."""

MOST_REMEMBERED = 1 << 23
"""Chunks of all datasets together that are remembered (160 MB); those used longest ago are forgotten first."""

FEW = 64
"""Chunks of a dataset that are looked up all at once: one node of the oldest kind of index holds as many."""

AT_ONCE = 1 << 16
"""Bytes that are looked up together before anybody asks for values."""

Finder = Callable[[int, int], ChunkTable]
"""Returns where the chunks are in some rows of chunks: from the first to the one before the last."""

_remembered: OrderedDict[tuple[str, Key], _Table] = OrderedDict()
_lock = threading.Lock()


class _Table(NamedTuple):
    """What is known of one dataset's chunks; ``known`` has one element for each row of chunks."""

    table: ChunkTable
    known: np.ndarray
    lock: threading.Lock


class _Grid(NamedTuple):
    """How many rows of chunks a dataset has, how many chunks are in each, and how many values of axis 0 one covers."""

    n_rows: int
    in_row: int
    side: int

    def look_up(self, dataset: Dataset, n_file: int, rows: tuple[int, int]) -> Reading[ChunkTable]:
        """Return who reads where the chunks of some rows are."""
        n_values = (dataset.shape or (0,))[0]
        return find_chunks(dataset, n_file, first=rows[0] * self.side, last=min(rows[1] * self.side, n_values))


def finder(source: Source, dataset: Dataset, of: str) -> Finder:
    """Return who tells where the chunks of a dataset are; ``of`` is the key of the file, or this opening's own name."""
    grid = _grid(dataset)

    def find(first: int, last: int) -> ChunkTable:
        if grid.n_rows * grid.in_row > MOST_CHUNKS:
            return one(Held(source), grid.look_up(dataset, source.size, (first, last)))
        entry = _entry(of, dataset.key, grid)
        with entry.lock:
            missing = np.flatnonzero(~entry.known[first:last])
            if len(missing):
                rows = _more(first + int(missing[0]), first + int(missing[-1]) + 1, grid)
                found = one(Held(source), grid.look_up(dataset, source.size, rows))
                _learn(source, dataset, entry, rows, found)
        return ChunkTable(*(column[first * grid.in_row : last * grid.in_row] for column in entry.table))

    return find


def first_look(source: Source, index: Index | None) -> Span:
    """Return which bytes of a file are needed first to find the chunks of its largest dataset, of those not here.

    The first byte, where nothing is known of that, or where they are scattered.
    """
    found = [] if index is None else index.objects.values()
    chunked = [each for each in found if isinstance(each, Dataset) and isinstance(each.layout, Chunked) and each.shape]
    if chunked:
        with contextlib.suppress(StopIteration, LayoutError):
            reading = find_chunks(max(chunked, key=lambda dataset: dataset.n_bytes), source.size)
            wanted = next(reading)
            while True:
                spans = wanted if isinstance(wanted, list) else [wanted]
                hull = min(start for start, _ in spans), max(stop for _, stop in spans)
                if source.cost(spans).requests:
                    return hull if hull[1] - hull[0] <= AT_ONCE else (0, 1)
                data = [memoryview(source.read(*span)) for span in spans]
                wanted = reading.send(data if isinstance(wanted, list) else data[0])
    return 0, 1


def look_up_all(source: Source, datasets: Sequence[Dataset], of: str) -> None:
    """Look up together where all chunks of many small datasets are; what fails is told when it is read."""
    unknown = []
    for dataset in datasets:
        grid = _grid(dataset)
        if grid.n_rows * grid.in_row <= FEW and dataset.layout.finder[0] is not None:  # type: ignore[union-attr]
            entry = _entry(of, dataset.key, grid)
            if not entry.known.all():
                unknown.append((dataset, entry, grid))
    readings = [grid.look_up(dataset, source.size, (0, grid.n_rows)) for dataset, _, grid in unknown]
    for (dataset, entry, grid), found in zip(unknown, run(Held(source), readings), strict=True):
        if not isinstance(found, Exception):
            with entry.lock:
                _learn(source, dataset, entry, (0, grid.n_rows), found)


def _grid(dataset: Dataset) -> _Grid:
    shape, chunks = dataset.shape or (), dataset.chunks or ()
    counts = [-(-size // side) for size, side in zip(shape, chunks, strict=True)]
    return _Grid(counts[0] if counts else 1, math.prod(counts[1:]), chunks[0] if chunks else 1)


def _more(first: int, last: int, grid: _Grid) -> tuple[int, int]:
    """Return the rows to look up: all of them where there are few, or where many are needed."""
    is_all = grid.n_rows * grid.in_row <= FEW or 4 * (last - first) >= grid.n_rows
    return (0, grid.n_rows) if is_all else (first, last)


def _learn(source: Source, dataset: Dataset, entry: _Table, rows: tuple[int, int], found: ChunkTable) -> None:
    """Remember where the chunks of some rows are; once all are known, the cache keeps them."""
    in_row = len(entry.table.offsets) // len(entry.known)
    for column, values in zip(entry.table, found, strict=True):
        column[rows[0] * in_row : rows[1] * in_row] = values
    entry.known[slice(*rows)] = True
    if source.key and entry.known.all():
        keep_chunks(source.key, dataset.key, entry.table)


def _entry(of: str, key: Key, grid: _Grid) -> _Table:
    """Return what is known of a dataset's chunks; from the cache, where all of it is kept there."""
    with _lock:
        entry = _remembered.get((of, key))
        if entry is not None:
            _remembered.move_to_end((of, key))
            return entry
    kept, n_chunks = load_chunks(of, key), grid.n_rows * grid.in_row
    if kept is not None and len(kept.offsets) == n_chunks:
        entry = _Table(kept, np.ones(grid.n_rows, bool), threading.Lock())
    else:
        columns = (np.zeros(n_chunks, dtype) for dtype in (np.int64, np.int64, np.uint32))
        entry = _Table(ChunkTable(*columns), np.zeros(grid.n_rows, bool), threading.Lock())
    with _lock:
        entry = _remembered.setdefault((of, key), entry)
        while sum(len(other.table.offsets) for other in _remembered.values()) > MOST_REMEMBERED:
            _remembered.popitem(last=False)
    return entry
