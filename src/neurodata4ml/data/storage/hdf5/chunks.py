"""Where the chunks of a dataset are in the file.

A dataset's ``Chunked.finder`` says how, as its layout message does. ``numbers`` are ``Sizes.numbers``; addresses are
absolute; ``maxshape`` has None for an axis without limit; ``raw_edges`` is True where chunks that the shape cuts are
stored without filters (bit 0 of the flags of a layout message of version 4).

==================================================  ===========================================================
``(None,)``                                         never written: no address
``("btree1", address, numbers)``                    layout of version 3 (or older): B-tree of version 1
``("single", address, size, skipped)``              index type 1; ``size`` and ``skipped``: None and 0 without filters
``("implicit", address, maxshape)``                 index type 2
``("fixed", address, numbers, maxshape, raw_edges)``       index type 3: fixed array
``("extensible", address, numbers, maxshape, raw_edges)``  index type 4: extensible array
``("btree2", address, numbers, raw_edges)``         index type 5: B-tree of version 2
==================================================  ===========================================================
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodata4ml.data.storage.hdf5 import arrays_index, btree1, btree2, extensible
from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.hdf5.part import Found, Part, all_of, part_of, table_of
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.index import Chunked, ChunkTable, Dataset
from neurodata4ml.data.storage.waves import Reading

ALL_FILTERS = 0xFFFFFFFF


def find_chunks(dataset: Dataset, size: int, *, first: int = 0, last: int | None = None) -> Reading[ChunkTable]:
    """Return where the chunks of a dataset are, in a file of ``size`` bytes.

    The table holds the rows of chunks, along the first axis, that rows ``first`` to ``last`` of the array touch; only
    what is needed of the index is read.
    """
    layout, shape = dataset.layout, dataset.shape
    if not isinstance(layout, Chunked) or not shape:
        message = f"only datasets in chunks have a table of them; this one has {layout!r} and the shape {shape}"
        raise TypeError(message)
    part = part_of(shape, layout.shape, first, last, size)
    finder = layout.finder if part.n_chunks else (None,)
    n_bytes = math.prod(layout.shape) * dataset.stored.raw.itemsize
    found, base = yield from _found(finder, part, n_bytes, size)
    if finder[0] in ("btree2", "fixed", "extensible") and finder[-1]:
        is_cut = (found.starts + np.array(layout.shape) > np.array(shape)).any(axis=1)
        found = found._replace(
            sizes=np.where(is_cut, n_bytes, found.sizes), skipped=np.where(is_cut, ALL_FILTERS, found.skipped)
        )
    if not dataset.filters and (found.sizes != n_bytes).any():
        wrong = int(found.sizes[found.sizes != n_bytes][0])
        message = f"a chunk has {wrong} bytes where {n_bytes} are due; the file is damaged: fetch it again"
        raise Damaged(message)
    return table_of(part, found, base, size)


def _found(finder: tuple[Any, ...], part: Part, n_bytes: int, size: int) -> Reading[tuple[Found, int]]:
    """Return the chunks that the index lists, and the address from which they are counted."""
    kind = finder[0]
    if kind is None:
        return all_of(part, np.zeros(0, np.uint64), 0), 0
    if kind == "single":
        _, address, stored, skipped = finder
        found = all_of(part, np.array([address], np.uint64), n_bytes if stored is None else stored)
        return found._replace(skipped=np.array([skipped], np.uint32)), 0
    if kind == "implicit":
        _, address, maxshape = finder
        places = arrays_index.places(part, maxshape)
        return all_of(part, (places * n_bytes + address).astype(np.uint64), n_bytes), 0
    offset, length, base = finder[2]
    sizes = Sizes(offset, length, base, size)
    if kind == "btree1":
        return (yield from btree1.find(sizes, finder[1], part, n_bytes // math.prod(part.chunk))), sizes.base
    if kind == "btree2":
        return (yield from btree2.find(sizes, finder[1], part, n_bytes)), sizes.base
    read = arrays_index.find if kind == "fixed" else extensible.find
    return (yield from read(sizes, finder[1], part, finder[3], n_bytes)), sizes.base
