"""Where chosen rows of a dataset lie in its file, and which of them are read at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.data.remote.versioned import Span

BATCH = 32 << 20
"""Bytes, as stored and as decoded, that are read ahead and held at once."""

SMALL = 64 << 10
"""Bytes up to which a column is read in one piece, whatever rows are wanted of it."""


@dataclass
class Job:
    """A dataset to copy: these rows of ``source``, to ``target``, of which ``done`` are there."""

    source: h5py.Dataset
    target: h5py.Dataset
    runs: list[Span]
    done: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return int(self.source.dtype.itemsize * math.prod(self.source.shape[1:]))


@dataclass
class Piece:
    """Rows of a job that are read at once, and the ranges of the file that they lie in."""

    job: Job
    start: int
    stop: int
    ranges: list[Span]
    is_plain: bool = False
    """Whether numpy reads the bytes as they are."""

    @property
    def weight(self) -> int:
        """Bytes in memory while it is read."""
        return max(sum(size for _, size in self.ranges), (self.stop - self.start) * self.job.row_bytes)


def storage(dataset: h5py.Dataset) -> list[Span]:
    """Return the ranges (offset, size) of the file in which the values of a dataset lie."""
    if dataset.chunks is not None:
        return [(chunk.byte_offset, chunk.size) for chunk in _chunks(dataset)]
    offset = dataset.id.get_offset()
    return [] if offset is None else [(offset, dataset.id.get_storage_size())]


def headers(group: h5py.Group) -> list[int]:
    """Return where the headers of a group's members lie in the file, without reading any."""
    links = [group.id.links.get_info(name.encode()) for name in group]
    return [link.u for link in links if link.type == h5py.h5l.TYPE_HARD]


def texts(piece: Piece, ranges: RangeFile) -> list[int]:
    """Return where the texts lie to which the values of a piece lead, as far as that is told without HDF5."""
    source = piece.job.source
    if h5py.check_string_dtype(source.dtype) is None or source.dtype.kind != "O" or source.chunks or not piece.ranges:
        return []
    offset, size = piece.ranges[0]
    ranges.seek(offset)
    stored = np.frombuffer(ranges.read(size) or b"", dtype=[("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
    return np.unique(stored["heap"]).tolist() if not source.file.userblock_size else []


def runs_of(kept: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> list[Span]:
    """Return the ranges of the rows that are kept, neighbours as one; empty rows belong to none."""
    runs: list[Span] = []
    for a, b in zip(starts[kept].tolist(), stops[kept].tolist(), strict=True):
        if runs and runs[-1][1] == a:
            runs[-1] = runs[-1][0], b
        elif b > a:
            runs.append((a, b))
    return runs


def pieces(job: Job) -> Iterator[Piece]:
    """Yield what is read at once: of plain numbers only the rows that are wanted, else whole chunks of HDF5."""
    source, plain = job.source, _plain(job.source)
    if plain:
        n_rows = max(1, BATCH // max(1, job.row_bytes))
        for first, last, offset in plain:
            wanted = inside(job.runs, first, last)
            if (last - first) * job.row_bytes <= SMALL and wanted:
                wanted = [(wanted[0][0], wanted[-1][1])]  # what lies between takes less than another request
            for start, stop in wanted:
                for a in range(start, stop, n_rows):
                    b = min(a + n_rows, stop)
                    yield Piece(job, a, b, [(offset + (a - first) * job.row_bytes, (b - a) * job.row_bytes)], True)
    elif source.chunks is None:
        yield Piece(job, 0, source.shape[0] if source.shape else 1, storage(source))
    else:
        stored: dict[int, list[Span]] = {}
        for chunk in _chunks(source):
            stored.setdefault(chunk.chunk_offset[0], []).append((chunk.byte_offset, chunk.size))
        for first in range(0, source.shape[0], source.chunks[0]):
            wanted = inside(job.runs, first, first + source.chunks[0])
            if wanted:
                yield Piece(job, wanted[0][0], wanted[-1][1], stored.get(first, []))


def batches(todo: list[Piece]) -> Iterator[list[Piece]]:
    """Yield pieces, in their order, as many together as may be held at once."""
    batch, weight = list[Piece](), 0
    for piece in todo:
        if batch and weight + piece.weight > BATCH:
            yield batch
            batch, weight = [], 0
        batch.append(piece)
        weight += piece.weight
    if batch:
        yield batch


def inside(runs: list[Span], first: int, last: int) -> list[Span]:
    """Return the parts of ``runs`` from row ``first`` to row ``last``."""
    return [(max(a, first), min(b, last)) for a, b in runs if a < last and b > first]


def _plain(dataset: h5py.Dataset) -> list[tuple[int, int, int]]:
    """Return from which row to which row numbers lie in the file as numpy has them, and at which byte.

    Empty where they do not: other values than numbers, compressed ones, rows in several chunks, chunks never written.
    """
    as_numpy = dataset.dtype.kind in "iuf" and dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
    if not (dataset.shape and as_numpy) or dataset.file.userblock_size:
        return []
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        return [] if offset is None else [(0, dataset.shape[0], offset)]
    rows = dataset.chunks[0]
    if dataset.id.get_create_plist().get_nfilters() or dataset.chunks[1:] != dataset.shape[1:]:
        return []
    found = sorted((chunk.chunk_offset[0], chunk.byte_offset) for chunk in _chunks(dataset))
    if len(found) != -(-dataset.shape[0] // rows):
        return []
    return [(first, min(first + rows, dataset.shape[0]), offset) for first, offset in found]


def _chunks(dataset: h5py.Dataset) -> list[Any]:
    found: list[Any] = []
    dataset.id.chunk_iter(found.append)
    return found
