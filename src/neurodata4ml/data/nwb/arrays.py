"""Datasets of an NWB file as lazy arrays: nothing is read until a value is asked for."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np
from xarray import Variable
from xarray.backends import BackendArray
from xarray.core import indexing

from neurodata4ml.data.nwb.hdf5 import NwbFile, text

BLOCK = 1 << 20
"""Bytes that one read of a contiguous column asks for (and small HDF5 chunks are taken together to reach):
large enough that a task costs less than its reading, small enough that one unit's spikes move little more."""

MOST_BLOCKS = 1000
"""Blocks of one array, as far as ``LARGEST`` allows: a dask graph of more takes longer than what it reads."""

LARGEST = 1 << 26
"""Bytes that one block may take in memory (64 MB) where small ones are made larger to be fewer."""


class LazyArray(BackendArray):
    """An array with a shape and a dtype whose values come from ``read(key)`` when they are needed."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, key: Any) -> Any:
        """Return the values at an explicit xarray index."""
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, self.read)

    def read(self, key: tuple[Any, ...]) -> Any:
        """Return the values at integers, rising slices and at most one sorted vector of indices."""
        raise NotImplementedError


class NwbArray(LazyArray):
    """One dataset, or one field of a compound one: numbers, strings, or paths in place of object references."""

    def __init__(self, file: NwbFile, path: str, *, field: str | None = None, index: str | None = None) -> None:
        """Look at the dataset at ``path`` without reading it.

        ``field`` is one of a compound dataset. ``index`` is the path of the index that tells the rows of a ragged
        column: it is checked against the column before the first value is handed out, so that a column that was cut
        short never passes for a whole one.
        """
        self.file, self.path, self.field, self.index = file, path, field, index
        dataset = file.object(path)
        stored = dataset.dtype if field is None else dataset.dtype[field]
        self.is_text = h5py.check_string_dtype(stored) is not None
        self.is_reference = h5py.check_ref_dtype(stored) is not None
        self.shape = dataset.shape
        self.dtype = np.dtype(object) if self.is_text or self.is_reference else np.dtype(stored.str)
        self.one_read = _one_read(dataset)
        self.blocks = _enlarged(self.one_read, self.shape, self.dtype)

    def read(self, key: tuple[Any, ...]) -> Any:
        """Read from the file."""
        with self.file.reading(self.path):
            if self.index is not None:
                self.file.check_ragged(self.index, self.path)
            return self._values(self.file.object(self.path), key)

    def _values(self, dataset: h5py.Dataset, key: tuple[Any, ...]) -> Any:
        if self.field is not None:
            values = dataset.fields(self.field)[key]
            return _each(self._plain, values) if self.dtype == object else np.asarray(values, dtype=self.dtype)
        if self.is_reference:
            return _each(self.file.path_of, dataset[key])
        return np.asarray(dataset.asstr(errors="replace")[key] if self.is_text else dataset[key], dtype=self.dtype)

    def _plain(self, value: Any) -> str:
        return self.file.path_of(value) if self.is_reference else text(value)


class Bounds(LazyArray):
    """Where each row of a ragged column starts, or stops, from the index that stores the stops alone."""

    def __init__(self, file: NwbFile, index: str, *, start: bool) -> None:
        """Take the starts, or the stops, from the dataset at ``index``."""
        self.file, self.index, self.start = file, index, start
        self.shape, self.dtype = file.object(index).shape, np.dtype(np.int64)
        self.blocks = self.shape

    def read(self, key: tuple[Any, ...]) -> Any:
        """Read the whole index, which is small, and shift it."""
        with self.file.reading(self.index):
            stops = np.asarray(self.file.object(self.index)[...], dtype=np.int64)
        return (np.concatenate([[0], stops[:-1]])[: len(stops)] if self.start else stops)[key]


class Scaled(LazyArray):
    """``stored * conversion * channel_conversion + offset``: a series in its own unit."""

    def __init__(self, stored: NwbArray, conversion: float, offset: float, channels: NwbArray | None) -> None:
        """Scale ``stored``; ``channels`` holds a factor for each place on its second axis."""
        self.stored, self.conversion, self.offset, self.channels = stored, conversion, offset, channels
        self.shape = stored.shape
        self.dtype = np.result_type(stored.dtype, 1.0)  # float32 stays, integers become float64
        self.blocks = _enlarged(stored.one_read, self.shape, self.dtype)

    def read(self, key: tuple[Any, ...]) -> Any:
        """Read the stored numbers and scale them."""
        values = np.asarray(self.stored.read(key), dtype=self.dtype) * self.dtype.type(self.conversion)
        if self.channels is not None:
            factor = np.asarray(self.channels.read((slice(None),)))[key[1] if len(key) > 1 else 0]
            shape = () if np.ndim(factor) == 0 else (-1, *(1 for k in key[2:] if np.ndim(k) or isinstance(k, slice)))
            values = values * np.reshape(factor, shape).astype(self.dtype)
        return values + self.dtype.type(self.offset)


class Labels(LazyArray):
    """The labels that a column of codes stands for (NWB's ``EnumData``); "" for a code without one."""

    def __init__(self, codes: NwbArray, elements: NwbArray) -> None:
        """Take the labels of ``codes`` from ``elements``."""
        self.codes, self.elements = codes, elements
        self.shape, self.dtype, self.blocks = codes.shape, np.dtype(object), codes.blocks

    def read(self, key: tuple[Any, ...]) -> Any:
        """Read the codes, and look them up."""
        labels = [str(label) for label in self.elements.read((slice(None),))]
        return _each(lambda code: labels[code] if 0 <= code < len(labels) else "", self.codes.read(key))


class Clock(LazyArray):
    """The times of evenly spaced samples, in seconds: start + k / rate."""

    def __init__(self, start: float, rate: float, n_samples: int) -> None:
        """Tick ``n_samples`` times from ``start`` (s) at ``rate`` (Hz)."""
        self.start, self.rate = start, rate
        self.shape, self.dtype = (n_samples,), np.dtype(np.float64)
        self.blocks = _enlarged((BLOCK // 8,), self.shape, self.dtype)

    def read(self, key: tuple[Any, ...]) -> Any:
        """Compute the times that are asked for, and no others."""
        wanted = key[0]
        if isinstance(wanted, slice):
            wanted = np.arange(*wanted.indices(self.shape[0]))
        return self.start + np.asarray(wanted, dtype=np.float64) / self.rate


class Stack(LazyArray):
    """Images of one shape, each its own dataset, as one array (image, y, x, ...)."""

    def __init__(self, images: list[NwbArray]) -> None:
        """Put ``images`` behind each other; they have one shape and one dtype."""
        self.images = images
        self.shape, self.dtype = (len(images), *images[0].shape), images[0].dtype
        self.blocks = _enlarged((1, *images[0].shape), self.shape, self.dtype)

    def read(self, key: tuple[Any, ...]) -> Any:
        """Read the images that are asked for, one after the other."""
        wanted = np.arange(len(self.images))[key[0]]
        if np.ndim(wanted) == 0:
            return self.images[int(wanted)].read(key[1:])
        pictures = [self.images[i].read(key[1:]) for i in wanted]
        return np.stack(pictures) if pictures else np.empty((0, *self.shape[1:]), self.dtype)


def variable(dims: tuple[str, ...], array: Any, attrs: dict[str, Any] | None = None) -> Variable:
    """Return ``array`` with named dims, still unread, and the blocks it is best read in."""
    encoding = {"preferred_chunks": dict(zip(dims, (max(n, 1) for n in array.blocks), strict=True))}
    return Variable(dims, indexing.LazilyIndexedArray(array), attrs, encoding)


def is_readable(dtype: np.dtype[Any]) -> bool:
    """Return whether numbers, strings or object references are stored, which have a place in an array."""
    if h5py.check_string_dtype(dtype) is not None:
        return True
    if h5py.check_ref_dtype(dtype) is not None:
        return bool(h5py.check_ref_dtype(dtype) is h5py.Reference)
    return dtype.kind in "biufc" and dtype.shape == ()


def _one_read(dataset: h5py.Dataset) -> tuple[int, ...]:
    """Return the shape of one read: whole HDF5 chunks, as many as make a block, or rows of a contiguous dataset."""
    if not dataset.shape:
        return ()
    unit = dataset.chunks or (1, *dataset.shape[1:])
    n_bytes = max(dataset.dtype.itemsize, 1) * math.prod(unit)
    n_rows = unit[0] * max(1, BLOCK // max(n_bytes, 1))
    return (n_rows, *unit[1:])


def _enlarged(block: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Return a block of whole blocks, so large that at most ``MOST_BLOCKS`` of them make up ``shape``."""
    sides = [min(side, size) for side, size in zip(block, shape, strict=True)]
    for axis, size in enumerate(shape):
        n_blocks = math.prod(-(-n // max(side, 1)) for n, side in zip(shape, sides, strict=True))
        factor = min(-(-n_blocks // MOST_BLOCKS), LARGEST // max(math.prod(sides) * dtype.itemsize, 1))
        if factor > 1:
            sides[axis] = min(sides[axis] * factor, size)
    return tuple(sides)


def _each(function: Any, values: Any) -> np.ndarray:
    """Return an object array of ``function`` of each value."""
    values = np.asarray(values, dtype=object)
    result = np.empty(values.shape, dtype=object)
    for k, value in enumerate(values.flat):
        result.flat[k] = function(value)
    return result
