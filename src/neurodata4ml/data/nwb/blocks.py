"""Dask arrays over lazy ones, of which a selection moves what it needs, whatever it selects."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import getter
from xarray import Variable
from xarray.core import indexing

from neurodata4ml.data.nwb.arrays import LazyArray, NwbArray

TARGET = 1 << 26
"""Bytes of a block in memory (64 MB): few tasks, and each of them worth a round of requests."""

FEW = 64
"""Blocks up to which the graph of an array is written down at once."""

MOST_CUTS = 1 << 17
"""Blocks along an axis at most: 8 TB of whole ones."""

OF_TEXT = 64
"""Bytes that a text is taken to need in memory."""


class Unread(da.Array):  # type: ignore[misc]
    """A dask array straight over a lazy array, of which nothing was asked yet.

    dask itself reads whole blocks where rows are selected by a list, or two selections meet in one block. Here a
    selection is handed to the lazy array before there is any block, so that just what is selected is read.
    """

    __slots__ = ("lazy",)

    def __new__(cls, lazy: indexing.LazilyIndexedArray, chunks: Any, name: str) -> Unread:
        """Cut ``lazy`` into blocks; ``name`` is the same for the same values, and only for them."""
        source = indexing.ImplicitToExplicitIndexingAdapter(lazy, indexing.OuterIndexer)
        meta = np.empty((0,) * len(lazy.shape), lazy.dtype)
        if math.prod(map(len, chunks)) > FEW:
            graph = da.from_array(source, chunks, name=name, meta=meta).dask
        else:  # the same, without the work that only pays for many blocks
            original, places = f"original-{name}", itertools.product(*map(_slices, chunks))
            graph = {original: source}
            graph |= {(name, *at): (getter, original, tuple(part)) for at, part in _numbered(chunks, places)}
        array: Unread = super().__new__(cls, graph, name, chunks, meta=meta)
        array.lazy = lazy
        return array

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes this array again: by reference to the file, without a graph."""
        return (Unread, (self.lazy, self.chunks, self.name))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return all values, read by one plan: no second copy is put together from blocks."""
        return np.asarray(self.lazy.get_duck_array(), dtype=dtype)

    def __getitem__(self, index: Any) -> Any:
        """Select lazily where integers, slices and vectors tell what; everything else is dask's."""
        places = _plain(index, self.shape)
        if places is None or 0 in self.shape:
            return super().__getitem__(index)
        if all(isinstance(place, slice) and place == slice(None) for place in places):
            return self
        lazy = self.lazy.oindex[indexing.OuterIndexer(places)]
        row = lazy.dtype.itemsize if lazy.dtype != object else OF_TEXT
        chunks = [
            _selected(old, place, row * math.prod(map(max, self.chunks)) // max(max(old), 1))
            for old, place in zip(self.chunks, places, strict=True)
            if not isinstance(place, int | np.integer)
        ]
        return Unread(lazy, tuple(chunks), f"{self.name.rpartition('-')[0]}-{_digest(self.name, *places)}")


def variable(dims: tuple[str, ...], array: LazyArray, attrs: dict[str, Any] | None = None) -> Variable:
    """Return ``array`` with named dims, still unread, and the blocks it is best read in."""
    sides = blocks(array)
    encoding = {"preferred_chunks": dict(zip(dims, (max(n, 1) for n in sides), strict=True))}
    return Variable(dims, indexing.LazilyIndexedArray(array), attrs, encoding, fastpath=True)


def chunked(column: Variable) -> Variable:
    """Return an unread variable as dask array in the blocks it is best read in; any other one as it is."""
    lazy = column._data
    if not isinstance(lazy, indexing.LazilyIndexedArray) or not column.ndim:
        return column
    preferred = column.encoding.get("preferred_chunks", {})
    cuts = tuple(_cut(size, preferred.get(dim, size)) for dim, size in column.sizes.items())
    array = lazy.array
    stem = array.path.rpartition("/")[2] if isinstance(array, NwbArray) else type(array).__name__.lower()
    token = _digest(array.__dask_tokenize__(), *lazy.key.tuple)
    return Variable(column.dims, Unread(lazy, cuts, f"{stem}-{token}"), column.attrs, fastpath=True)


def origin(data: Any) -> indexing.LazilyIndexedArray | None:
    """Return the lazy array behind a variable, or its data, where nothing was computed of it yet."""
    if isinstance(data, Variable):
        data = data._data  # xarray's own way to the values, ``data``, would read them
    if isinstance(data, Unread):
        data = data.lazy
    while not isinstance(data, indexing.LazilyIndexedArray):
        if not isinstance(data, indexing.MemoryCachedArray | indexing.CopyOnWriteArray):
            return None
        data = data.array
    return data


def blocks(array: LazyArray) -> tuple[int, ...]:
    """Return the shape of a block: what is read at once in any case, as often as makes ``TARGET`` bytes."""
    sides = [min(max(side, 1), size) for side, size in zip(array.blocks, array.shape, strict=True)]
    itemsize = array.dtype.itemsize if array.dtype != object else OF_TEXT
    for axis, size in enumerate(array.shape):
        factor = TARGET // max(math.prod(sides) * itemsize, 1)
        if factor > 1:
            sides[axis] = min(sides[axis] * factor, size)
        sides[axis] = max(sides[axis], -(-size // MOST_CUTS))
    return tuple(sides)


def _plain(index: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """Return an integer, a slice or a vector for each axis; None where something else is meant."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is Ellipsis for part in parts):
        at = next(k for k, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    if len(parts) > len(shape):
        return None
    parts += [slice(None)] * (len(shape) - len(parts))
    places = [_place(part, size) for part, size in zip(parts, shape, strict=True)]
    n_vectors = sum(isinstance(place, np.ndarray) for place in places)
    has_integer = any(isinstance(place, int) for place in places)
    if None in [place if place is None else 0 for place in places] or (n_vectors and (n_vectors > 1 or has_integer)):
        return None  # numpy's rules for those are not ours
    return tuple(places)


def _place(part: Any, size: int) -> Any:
    """Return an index of one axis within its bounds: an int, a slice, or a vector of int64; None for others."""
    if isinstance(part, slice):
        return part if all(isinstance(edge, int | np.integer | None) for edge in _edges(part)) else None
    if isinstance(part, int | np.integer) and not isinstance(part, bool | np.bool_):
        return int(part) + size * (part < 0) if -size <= part < size else None
    if not isinstance(part, list | np.ndarray):
        return None
    vector = np.asarray(part)
    if vector.ndim != 1 or (vector.dtype.kind not in "iu" and (vector.dtype != bool or len(vector) != size)):
        return None
    vector = np.flatnonzero(vector) if vector.dtype == bool else vector.astype(np.int64)
    lowest, highest = (int(vector.min()), int(vector.max())) if len(vector) else (0, 0)
    if lowest < -size or highest >= size:
        return None
    return np.where(vector < 0, vector + size, vector) if lowest < 0 else vector


def _edges(part: slice) -> tuple[Any, Any, Any]:
    return part.start, part.stop, part.step


def _selected(old: Sequence[int], place: Any, row_bytes: int) -> tuple[int, ...]:
    """Return the blocks of a selection along an axis: as the old ones are cut, small ones together."""
    if isinstance(place, slice) and place == slice(None):
        return tuple(old)
    most, ends = max(1, TARGET // max(row_bytes, 1)), list(itertools.accumulate(old))
    if isinstance(place, slice):
        cuts = _passed(range(ends[-1])[place], ends)
    elif len(place) > 1 and (np.diff(place) < 0).any():
        cuts = [*range(most, len(place), most), len(place)]
    else:
        cuts = [*np.searchsorted(place, ends[:-1]).tolist(), len(place)]
    found = list[int]()
    for before, after in itertools.pairwise([0, *cuts]):
        if found and found[-1] + after - before <= most:
            found[-1] += after - before
        elif after > before:
            found.append(after - before)
    return tuple(found) or (0,)


def _passed(chosen: range, ends: Sequence[int]) -> list[int]:
    """Return how many of the chosen places were passed at the end of each block, in the order of ``chosen``."""
    rising = chosen if chosen.step > 0 else chosen[::-1]
    below = [len(range(rising.start, max(min(end, rising.stop), rising.start), rising.step)) for end in ends]
    return below if chosen.step > 0 else [len(chosen) - count for count in [*reversed(below[:-1]), 0]]


def _cut(size: int, side: int) -> tuple[int, ...]:
    """Return blocks of ``side`` along an axis, the last one shorter."""
    side = max(side, 1)
    return (side,) * (size // side) + ((size % side,) if size % side or not size else ())


def _slices(lengths: Sequence[int]) -> list[slice]:
    ends = list(itertools.accumulate(lengths, initial=0))
    return [slice(first, last) for first, last in itertools.pairwise(ends)]


def _numbered(chunks: Sequence[Sequence[int]], places: Iterator[Any]) -> Iterator[tuple[tuple[int, ...], Any]]:
    return zip(itertools.product(*(range(len(lengths)) for lengths in chunks)), places, strict=True)


def _digest(*words: Any) -> str:
    """Return a digest of words, slices and vectors."""
    total = hashlib.blake2b(digest_size=16)
    for word in words:
        if isinstance(word, np.ndarray):
            total.update(f"{word.shape} {word.dtype.str} ".encode())
            total.update(np.ascontiguousarray(word).data)
        else:
            total.update(f"{word!r} ".encode())
    return total.hexdigest()
