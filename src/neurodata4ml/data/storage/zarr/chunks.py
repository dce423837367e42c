"""The values of a Zarr array, chunk by chunk: which file holds a chunk, and what its bytes mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodata4ml.data.storage.filters import filters
from neurodata4ml.data.storage.filters.undo import Room
from neurodata4ml.data.storage.index import (
    COMPOUND,
    FIXED_TEXT,
    NUMBER,
    REFERENCE,
    TEXT,
    Dataset,
    Filter,
    Keyed,
    Reference,
    Stored,
)
from neurodata4ml.data.storage.zarr.arrays import object_codec
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.objects import decode_objects

Array = np.ndarray[Any, np.dtype[Any]]

LARGEST_TEXT = 1 << 25
"""Bytes to which a chunk of texts may grow, however few they were: a value of Python takes many times its bytes."""

OVERHEAD = 1 << 16
"""Bytes by which an encoded chunk may be longer than its values, beside an eighth of them."""


def chunk_name(layout: Keyed, place: tuple[int, ...]) -> str:
    """Return the name of the file that holds the chunk at a place of the grid of chunks."""
    return layout.prefix + layout.separator.join(map(str, place))


def chunk_bytes(dataset: Dataset) -> int:
    """Return the most bytes that a chunk takes in its file, as far as that is known: texts may be of any length."""
    n_bytes = math.prod(dataset.chunks or ()) * dataset.stored.raw.itemsize
    if dataset.stored.raw.hasobject:
        return max(filters.BOMB_BYTES, 8 * n_bytes)
    return n_bytes + n_bytes // 8 + OVERHEAD


def decode_chunk(dataset: Dataset, data: bytes, out: Array | None = None) -> Array:
    """Return the values of a whole chunk, of the layout's shape and of dtype ``dataset.stored.dtype``.

    Parameters
    ----------
    dataset : Dataset
        Its layout is ``Keyed``.
    data : bytes
        Of the chunk's file.
    out : ndarray, optional
        Of the chunk's shape, contiguous, of dtype ``dataset.stored.dtype``: it is filled, and returned.

    Raises
    ------
    LayoutError
        When they are not what the metadata say. No room is made for a size that they only claim.
    """
    layout = dataset.layout
    assert isinstance(layout, Keyed)
    codec = object_codec(dataset)
    if codec is not None:
        texts = _unpacked(data, dataset.filters[1:])
        values = decode_objects(texts, codec, dataset.stored, layout.shape)
    else:
        n_bytes = math.prod(layout.shape) * dataset.stored.raw.itemsize
        room = _room(dataset, out)
        plain = filters.decode(data, dataset.filters, 0, n_bytes, dataset.stored.raw.itemsize, out=room)
        if room is not None and out is not None:
            return out
        values = _typed(np.frombuffer(plain, dataset.stored.raw), dataset.stored)
    chunk: Array = values.reshape(layout.shape, order=layout.order)  # type: ignore[call-overload]
    if out is None:
        return chunk
    out[...] = chunk
    return out


def fill_of(dataset: Dataset) -> Array:
    """Return the value that stands where no chunk was written, as an array without axes."""
    fill = np.empty((), dataset.stored.dtype)
    fill[()] = _fill(dataset)
    return fill


def _fill(dataset: Dataset) -> Any:
    stored, fill = dataset.stored, dataset.fill
    if stored.kind == TEXT:
        return (fill or b"").decode("utf-8", "replace")
    if stored.kind == REFERENCE:
        return Reference(None)
    if stored.raw.hasobject:
        return np.array([_empty_row(stored)], stored.dtype)[0]
    raw = np.frombuffer(bytes(stored.raw.itemsize) if fill is None else fill, stored.raw)
    return _typed(raw, stored)[0]


def _room(dataset: Dataset, out: Array | None) -> Array | None:
    """Return the bytes of ``out``, where values may be decoded straight into it."""
    layout, stored = dataset.layout, dataset.stored
    assert isinstance(layout, Keyed)
    is_flat = layout.order == "C" or len(layout.shape) < 2
    is_same = stored.kind == NUMBER and stored.raw.kind != "b"
    if out is None or not is_same or stored.raw != out.dtype or not (is_flat and out.flags.c_contiguous):
        return None
    return out.reshape(-1).view(np.uint8)


def _unpacked(data: bytes, steps: tuple[Filter, ...]) -> bytes:
    """Return the bytes of objects: how many they are nobody knows before."""
    room, plain = Room(None, max(LARGEST_TEXT, filters.BOMB_RATIO * len(data))), data
    for step in reversed(steps):
        plain = bytes(filters.CODECS[str(step.name)](plain, room, None))
    return plain


def _typed(values: Array, stored: Stored) -> Array:
    """Return values in memory's own types: native numbers, texts as objects, rows of such."""
    if stored.kind == FIXED_TEXT:
        return np.fromiter(_texts(values), np.dtype(object), len(values))
    if stored.raw.kind == "b":
        return np.not_equal(values.view(np.uint8), 0)  # a byte may hold more than 0 and 1
    if stored.kind != COMPOUND:
        return values.astype(stored.dtype, copy=False)
    rows = np.empty(len(values), stored.dtype)
    for name, _, part in stored.fields:
        rows[name] = _typed(values[name], part)
    return rows


def _texts(values: Array) -> list[str]:
    try:
        if values.dtype.kind == "U":
            return [str(text) for text in values]
        return [bytes(text).decode("utf-8", "replace") for text in values]
    except (ValueError, SystemError) as error:  # a code point that does not exist
        message = f"it holds what is no text ({error})"
        raise Damaged(message) from error


def _empty_row(stored: Stored) -> tuple[Any, ...]:
    empty = {TEXT: "", FIXED_TEXT: "", REFERENCE: Reference(None)}
    return tuple(empty.get(part.kind, 0) for _, _, part in stored.fields)
