"""Values whose chunks are files of a store: only those that a selection touches are asked for, decoded as they come."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from functools import partial

import numpy as np

from neurodata4ml.data.storage.index import Dataset, Keyed, Refused
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.values.claims import refuse_blank
from neurodata4ml.data.storage.values.crew import Job, work
from neurodata4ml.data.storage.values.grid import Grid, Index, most_touched, touched
from neurodata4ml.data.storage.values.selection import Selection
from neurodata4ml.data.storage.zarr.chunks import chunk_bytes, chunk_name, decode_chunk, fill_of
from neurodata4ml.errors import LayoutError

MOST_FILES = 1 << 20
"""Files of one read: nobody waits for more, and their names alone take 100 MB."""


def read_keyed(store: Store, dataset: Dataset, selection: Selection) -> np.ndarray:
    """Return the selected values, of the axes that the selection does not drop.

    Raises
    ------
    LayoutError
        When a chunk is not what its array says, or when the array is claimed to be larger than memory is.
    """
    layout = dataset.layout
    if isinstance(layout, Refused):
        message = f"{layout.why}. {layout.cure}"
        raise LayoutError(message)
    if not selection.n_values:
        return np.empty(selection.result_shape, dataset.stored.dtype)
    grid, names = _files(dataset, selection)
    values = _room(dataset, selection)
    put = _Put(dataset, values, list(grid.indices(np.arange(grid.n_touched))))
    work(_as_they_arrive(store, names, put) if store.is_remote or len(names) == 1 else _own(store, names, put))
    return values.reshape(selection.result_shape)


def cost_of_keyed(store: Store, dataset: Dataset, selection: Selection) -> Cost:
    """Return what ``read_keyed`` would move if files were as long as their values: nobody lists their sizes."""
    if not selection.n_values or isinstance(dataset.layout, Refused):
        return Cost(0, 0)
    n_chunk = dataset.stored.raw.itemsize * math.prod(dataset.chunks or ())
    return store.cost(_files(dataset, selection)[1], n_chunk)


def names_of(dataset: Dataset, selection: Selection) -> list[str]:
    """Return the files that hold the selected values."""
    return _files(dataset, selection)[1] if selection.n_values else []


def _files(dataset: Dataset, selection: Selection) -> tuple[Grid, list[str]]:
    layout = dataset.layout
    assert isinstance(layout, Keyed)
    n_files = most_touched(selection, layout.shape)
    if n_files > MOST_FILES:  # looked at before they are listed: a shape is only a claim
        message = f"it would take {n_files:,} files at once; {MOST_FILES:,} are read. Read it in parts: .isel(...)"
        raise LayoutError(message)
    grid = touched(selection, layout.shape)
    return grid, [chunk_name(layout, place) for place in grid.places(np.arange(grid.n_touched))]


def _room(dataset: Dataset, selection: Selection) -> np.ndarray:
    """Return an array for the values; its shape is only a claim, as chunks may be missing."""
    dtype = dataset.stored.dtype
    try:  # memory is taken when it is written to; numpy would write zeros among objects, which `empty` leaves
        return np.empty(selection.counts, dtype) if dtype.hasobject else np.zeros(selection.counts, dtype)
    except (MemoryError, ValueError) as error:
        message = f"its shape {dataset.shape} is more than the memory holds. Read it in parts: .isel(...)"
        raise LayoutError(message) from error


def _as_they_arrive(store: Store, names: list[str], put: _Put) -> Iterator[Job]:
    for place, data in store.read_many(names, chunk_bytes(put.dataset)):
        yield len(data or b"") + put.n_chunk, partial(put, place, data)


def _own(store: Store, names: list[str], put: _Put) -> Iterator[Job]:
    """Read in the threads that decode: what is on disk is copied as fast as it is decoded."""
    at_most = chunk_bytes(put.dataset)

    def read_and_put(place: int, name: str) -> None:
        put(place, store.read(name, at_most))

    for place, name in enumerate(names):
        yield 2 * put.n_chunk, partial(read_and_put, place, name)


class _Put:
    """Puts the values of chunks in their places, from several threads."""

    def __init__(self, dataset: Dataset, values: np.ndarray, indices: list[tuple[Index, Index]]) -> None:
        self.dataset, self.values, self.indices = dataset, values, indices
        self.n_chunk = dataset.stored.raw.itemsize * math.prod(dataset.chunks or ())
        self.n_blank = self.n_stored = 0
        self.lock = threading.Lock()

    def __call__(self, place: int, data: bytes | None) -> None:
        """Decode one chunk and put its values in their places; the fill value where it was never written."""
        inside, outside = self.indices[place]
        target = self.values[(*outside, ...)]  # of a single value too, this is a view
        with self.lock:
            self.n_stored += len(data or b"")
            self.n_blank += target.nbytes if data is None else 0
            refuse_blank(self.n_blank, self.n_stored)
        if data is None:
            self.fill(target)
        elif target.shape == self.dataset.chunks and target.flags.c_contiguous:
            decode_chunk(self.dataset, data, target)
        else:
            target[...] = decode_chunk(self.dataset, data)[(*inside, ...)]

    def fill(self, target: np.ndarray) -> None:
        """Write what stands where no chunk was written; zeros are there already."""
        if target.dtype.hasobject or any(self.dataset.fill or b""):
            target[...] = fill_of(self.dataset)
