"""Datasets of an NWB file as lazy arrays: nothing is read until a value is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from neurodata4ml.data.nwb.file import DatasetAt
from neurodata4ml.data.nwb.texts import are_numbers, as_numbers, numbers
from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.index import FIXED_TEXT, NUMBER, REFERENCE, TEXT, Stored
from neurodata4ml.data.storage.source import Cost
from neurodata4ml.errors import LayoutError

NOTHING = Cost(0, 0)

SUPPORT = indexing.IndexingSupport.OUTER_1VECTOR
"""What ``read`` understands, in xarray's words."""

Key = tuple[Any, ...]
"""For each axis an integer, a rising slice, or (at most once) a sorted vector of places."""


class LazyArray(BackendArray):
    """An array with a shape and a dtype whose values come from ``read(key)`` when they are needed."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: tuple[int, ...] = ()
    """The least that is read at once, as far as the file tells: HDF5's chunk, else a row."""

    def __getitem__(self, key: Any) -> Any:
        """Return the values at an explicit xarray index."""
        if (n_empty := nothing_in(key, self.shape)) is not None:
            return np.empty(n_empty, self.dtype)
        found = direct(key)
        if found is None:
            return indexing.explicit_indexing_adapter(key, self.shape, SUPPORT, self.read)
        values = self.read(found[0])
        return values if found[1] is None else np.asarray(values)[found[1]]

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Return what tells this array from all others, without looking at a value."""
        return (type(self).__name__, *self.token())

    def read(self, key: Key) -> Any:
        """Return the values at integers, rising slices and at most one sorted vector of indices."""
        raise NotImplementedError

    def cost(self, key: Key) -> Cost:
        """Return what ``read`` would move now."""
        return sum((part.cost(key) for part in self.parts()), NOTHING)

    def parts(self) -> list[LazyArray]:
        """Return the arrays that this one is made of."""
        return []

    def token(self) -> tuple[Any, ...]:
        """Return what tells this array from others of its kind."""
        return tuple(part.__dask_tokenize__() for part in self.parts())


class NwbArray(LazyArray):
    """One dataset, or one field of a compound one: numbers, strings, or paths in place of object references."""

    def __init__(
        self,
        file: StoredFile,
        item: DatasetAt,
        *,
        field: str | None = None,
        rows: Rows | None = None,
        is_column: bool = False,
    ) -> None:
        """Look at a dataset without reading it.

        ``field`` is one of a compound dataset. ``rows`` tells the rows of a ragged column: it is checked against the
        column before the first value is handed out, so that a column that was cut short never passes for a whole one.
        Strings of a table's column (``is_column``) become numbers where all of them are.
        """
        self.file, self.path, self.field, self.rows = file, item.path, field, rows
        self.dataset = file.bare(item.stored)
        stored = kind_in(item.kind, field)
        self.kind = stored.kind
        self.may_be_numbers = is_column and stored.kind in (TEXT, FIXED_TEXT)
        self.shape = item.shape
        self.dtype = stored.dtype if stored.kind == NUMBER else np.dtype(object)
        self.blocks = self.dataset.chunks or (1, *self.shape[1:])[: len(self.shape)]
        self.held: Any = None
        self._are_numbers: bool | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: the file by reference, the record of the dataset, no value."""
        return {**self.__dict__, "held": None}

    def token(self) -> tuple[Any, ...]:
        """Return file, object and field."""
        return (self.file.token, self.dataset.key, self.field, self.may_be_numbers)

    def read(self, key: Key) -> Any:
        """Read from the file."""
        self.check()
        values = self._values(key)
        if not self.may_be_numbers or self._are_numbers is False:
            return values
        if self._are_numbers is None and np.size(values):
            # what was asked for is looked at first: one word that is none tells of the whole column
            self._are_numbers = are_numbers(np.asarray(values, dtype=object)) and self._all_are_numbers(values)
        return as_numbers(np.asarray(values, dtype=object)).astype(object) if self._are_numbers else values

    def stored_values(self) -> Any:
        """Return all values as they are stored: texts stay texts."""
        return self._values(whole(self.shape))

    def cost(self, key: Key) -> Cost:
        """Return what ``read`` would move now; of texts that may all be numbers, that is the whole column."""
        if self.held is not None:
            return NOTHING
        if self.may_be_numbers and self._are_numbers is None:
            key = whole(self.shape)
        index = self.rows.cost() if self.rows is not None else NOTHING
        return index + self.file.cost(self.dataset, key, field=self.field)

    def check(self) -> None:
        """Raise where the index of a ragged column does not fit it; looked at once."""
        if self.rows is not None:
            self.rows.check(self)

    def read_runs(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Return the rows in sorted, disjoint ranges, end to end, in one planned read."""
        self.check()
        return self.file.runs(self.dataset, starts, stops, field=self.field)

    def cost_of_runs(self, starts: np.ndarray, stops: np.ndarray) -> Cost:
        """Return what ``read_runs`` would move now."""
        index = self.rows.cost() if self.rows is not None else NOTHING
        return index + self.file.runs_cost(self.dataset, starts, stops, field=self.field)

    def _values(self, key: Key) -> Any:
        values = self.held[key] if self.held is not None else self.file.values(self.dataset, key, field=self.field)
        return each(self.file.path_of, values) if self.kind == REFERENCE else values

    def _all_are_numbers(self, seen: Any) -> bool:
        if np.size(seen) == np.prod(self.shape):
            values = np.asarray(seen, dtype=object)
        else:
            values = np.asarray(self.stored_values(), dtype=object)
        return numbers(values) is not values


class Rows:
    """The index of a ragged column: where each row stops. It is read once, and checked before its column is."""

    def __init__(self, file: StoredFile, item: DatasetAt) -> None:
        """Look at an index without reading it."""
        self.file, self.path, self.n_rows = file, item.path, item.size
        self.dataset = file.bare(item.stored)
        self.held: Any = None
        self._fits = False

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs, without the values."""
        return {**self.__dict__, "held": None}

    def stops(self) -> np.ndarray:
        """Return where each row stops."""
        if self.held is None:
            self.held = self.file.values(self.dataset)
        return np.asarray(self.held, dtype=np.int64)

    def cost(self) -> Cost:
        """Return what reading the index would move now."""
        return NOTHING if self.held is not None or self._fits else self.file.cost(self.dataset)

    def check(self, column: NwbArray) -> None:
        """Raise where the index does not fit the column; looked at once."""
        if self._fits:
            return
        stops, n_stored = self.stops(), column.shape[0]
        name, whose = column.path.rpartition("/")[2], f"{self.file.name}: {self.path}"
        if (stops[1:] < stops[:-1]).any() or (stops[:1] < 0).any():
            message = f"{whose} decreases, so the rows of {name} cannot be told. Ask who made the file."
            raise LayoutError(message)
        n_counted = int(stops[-1]) if stops.size else 0
        if n_counted > n_stored:
            message = (
                f"{whose} counts to {n_counted:,}, but {name} has {n_stored:,} values. The column was "
                "cut short: fetch the file again, or ask who made it for a whole one."
            )
            raise LayoutError(message)
        if n_counted < n_stored:
            message = (
                f"{whose} counts to {n_counted:,}, but {name} has {n_stored:,} values, so "
                f"{n_stored - n_counted:,} belong to no row. Ask who made the file for a whole index."
            )
            raise LayoutError(message)
        self._fits = True


def hold(arrays: Iterable[LazyArray]) -> None:
    """Bring small arrays into memory together: in a few rounds of requests in place of some for each."""
    leaves: dict[int, NwbArray | Rows] = {}
    waiting = list(arrays)
    while waiting:
        array = waiting.pop()
        waiting += array.parts()
        for leaf in (array if isinstance(array, NwbArray) else None, getattr(array, "rows", None)):
            if leaf is not None and leaf.held is None:
                leaves[id(leaf)] = leaf
    if not leaves:
        return
    found = list(leaves.values())
    datasets = [(leaf.dataset, getattr(leaf, "field", None)) for leaf in found]
    for leaf, values in zip(found, found[0].file.many(datasets), strict=True):
        if not isinstance(values, Exception):  # else whoever reads it is told
            leaf.held = values


def nothing_in(key: indexing.ExplicitIndexer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of a selection that is empty, None of any other one: xarray's own way fails on some of them."""
    if isinstance(key, indexing.VectorizedIndexer):
        return None
    pairs = zip(key.tuple, shape, strict=True)
    counts = [
        len(range(size)[place]) if isinstance(place, slice) else len(place)
        for place, size in pairs
        if not isinstance(place, int | np.integer)
    ]
    return tuple(counts) if 0 in counts else None


def direct(key: indexing.ExplicitIndexer) -> tuple[Key, Any] | None:
    """Return what is to be read for an index, and where in that stands what was asked for (None: it is just that).

    None where it is not as simple as that; xarray's own way is the same for all, and slow for long vectors.
    """
    vectors = [axis for axis, place in enumerate(key.tuple) if isinstance(place, np.ndarray)]
    falls = any(isinstance(place, slice) and (place.step or 1) < 0 for place in key.tuple)
    if isinstance(key, indexing.VectorizedIndexer) or len(vectors) > 1 or falls:
        return None
    if not vectors:
        return key.tuple, None
    axis = vectors[0]
    vector = np.asarray(key.tuple[axis], dtype=np.int64)
    if (vector[1:] > vector[:-1]).all() and (not len(vector) or vector[0] >= 0):
        return key.tuple, None
    if len(vector) and vector.min() < 0:
        return None
    found, back = np.unique(vector, return_inverse=True)
    n_before = sum(not isinstance(place, int | np.integer) for place in key.tuple[:axis])
    return (*key.tuple[:axis], found, *key.tuple[axis + 1 :]), (*[slice(None)] * n_before, back)


def wanted(key: indexing.ExplicitIndexer, shape: tuple[int, ...]) -> Key:
    """Return what is read for an index."""
    if nothing_in(key, shape) is not None:
        return (slice(0, 0),) * len(shape)
    found = direct(key)
    return indexing.decompose_indexer(key, shape, SUPPORT)[0].tuple if found is None else found[0]


def kind_in(stored: Stored, field: str | None) -> Stored:
    """Return how the values lie: of a dataset, or of one field of a compound one."""
    return stored if field is None else next(part for name, _, part in stored.fields if name == field)


def is_readable(stored: Stored) -> bool:
    """Return whether numbers, strings or object references are stored, which have a place in an array."""
    if stored.kind == NUMBER:
        return stored.base is None and stored.raw.shape == () and stored.dtype.kind in "biufc"
    return stored.kind in (TEXT, FIXED_TEXT, REFERENCE)


def each(function: Any, values: Any) -> np.ndarray:
    """Return an object array of ``function`` of each value."""
    values = np.asarray(values, dtype=object)
    result = np.empty(values.shape, dtype=object)
    for k, value in enumerate(values.flat):
        result.flat[k] = function(value)
    return result


def places(key: Any, size: int) -> np.ndarray:
    """Return the places along an axis that an integer, a slice or a vector means."""
    return np.asarray(np.arange(size)[key])


def whole(shape: Sequence[int]) -> Key:
    """Return the key of all values."""
    return (slice(None),) * len(shape)
