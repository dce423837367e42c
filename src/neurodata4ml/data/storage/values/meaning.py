"""From bytes as they are stored to values: numbers of this machine, text, references, fields."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import (
    COMPOUND,
    FIXED_TEXT,
    NUMBER,
    RAGGED,
    REFERENCE,
    TEXT,
    Dataset,
    Reference,
    Stored,
)
from neurodata4ml.data.storage.values.pointed import Heaps, addresses_of
from neurodata4ml.errors import LayoutError


def flat_dtype(stored: Stored) -> np.dtype[Any]:
    """Return the dtype in which values are moved about: numbers as they are, all else as so many bytes."""
    raw = stored.raw
    return raw if raw.kind in "iufcb" and raw.subdtype is None else np.dtype(f"V{raw.itemsize}")


def field_of(dataset: Dataset, field: str | None) -> Stored:
    """Return how the values of a dataset lie in the file, or those of one of its fields.

    Raises
    ------
    LayoutError
        When there is no such field.
    """
    if field is None:
        return dataset.stored
    for name, _, part in dataset.stored.fields:
        if name == field:
            return part
    names = ", ".join(name for name, _, _ in dataset.stored.fields) or "none"
    message = f"there is no field {field!r}; its fields: {names}"
    raise LayoutError(message)


def understand(values: np.ndarray, stored: Stored, heaps: Heaps) -> np.ndarray:
    """Return what flat values mean; an array within each value becomes axes behind the others."""
    if stored.raw.subdtype is not None and stored.base is not None:
        inner = np.ascontiguousarray(values).reshape(-1).view(flat_dtype(stored.base))
        return understand(inner.reshape(*values.shape, *stored.raw.shape), stored.base, heaps)
    if stored.kind == NUMBER:
        return _numbers(values, stored)
    if stored.kind == FIXED_TEXT:
        return _fixed_text(values, stored)
    if stored.kind == REFERENCE:
        return _references(values, heaps.sizes.base)
    if stored.kind == COMPOUND:
        return _record(values, stored, heaps)
    if stored.kind == TEXT:
        return heaps.text(values.view(stored.raw), stored.encoding)
    if stored.kind == RAGGED and stored.base is not None:
        make = partial(_row, stored=stored.base, heaps=heaps)
        return heaps.ragged(values.view(stored.raw), stored.base.raw.itemsize, make)
    message = (
        f"its values ({stored.raw.itemsize} bytes each) are neither numbers, text nor references. Use h5py for it."
    )
    raise LayoutError(message)


def field_values(values: np.ndarray, stored: Stored, field: str) -> np.ndarray:
    """Return one field of flat values, flat."""
    offset, part = next((offset, part) for name, offset, part in stored.fields if name == field)
    described = {
        "names": [field],
        "formats": [flat_dtype(part)],
        "offsets": [offset],
        "itemsize": stored.raw.itemsize,
    }
    return values.view(np.dtype(described))[field]  # type: ignore[call-overload]


def addresses_in(values: np.ndarray, stored: Stored, heaps: Heaps) -> Iterator[int]:
    """Yield where the heaps are that flat values point into; those of pointers behind pointers are not known yet."""
    if stored.raw.subdtype is not None and stored.base is not None:
        inner = np.ascontiguousarray(values).reshape(-1).view(flat_dtype(stored.base))
        yield from addresses_in(inner, stored.base, heaps)
    elif stored.kind in (TEXT, RAGGED):
        yield from addresses_of(values.view(stored.raw), heaps.sizes)
    elif stored.kind == COMPOUND:
        for name, _, part in stored.fields:
            yield from addresses_in(field_values(values, stored, name), part, heaps)


def _numbers(values: np.ndarray, stored: Stored) -> np.ndarray:
    if stored.is_bool:
        return values.astype(bool)
    if values.dtype.isnative:
        return values
    if not values.flags.writeable or not values.flags.c_contiguous:
        return values.astype(values.dtype.newbyteorder("="))
    return values.byteswap(inplace=True).view(values.dtype.newbyteorder("="))


def _fixed_text(values: np.ndarray, stored: Stored) -> np.ndarray:
    """Return text of so many bytes each, without what fills it up."""
    texts = np.ascontiguousarray(values).reshape(-1).view(f"S{stored.raw.itemsize}").tolist()
    if stored.padding == "space":
        texts = [text.rstrip(b" ") for text in texts]
    elif stored.padding == "null":
        texts = [text.partition(b"\0")[0] for text in texts]
    made = np.empty(values.size, dtype=object)
    made[:] = [text.decode(stored.encoding, "replace") for text in texts]
    return made.reshape(values.shape)


def _references(values: np.ndarray, base: int) -> np.ndarray:
    addresses = np.ascontiguousarray(values).reshape(-1)
    nowhere = (0, np.iinfo(addresses.dtype).max)
    distinct = {number: Reference(None if number in nowhere else base + number) for number in set(addresses.tolist())}
    made = np.empty(values.size, dtype=object)
    for k, number in enumerate(addresses.tolist()):
        made[k] = distinct[number]
    return made.reshape(values.shape)


def _record(values: np.ndarray, stored: Stored, heaps: Heaps) -> np.ndarray:
    parts = {n: understand(field_values(values, stored, n), part, heaps) for n, _, part in stored.fields}
    dtype = np.dtype([(name, part.dtype, part.shape[values.ndim :]) for name, part in parts.items()])
    record = np.empty(values.shape, dtype)
    for name, part in parts.items():
        record[name] = part
    return record


def _row(data: memoryview, stored: Stored, heaps: Heaps) -> np.ndarray:
    """Return one ragged row."""
    count = len(data) // max(stored.raw.itemsize, 1)
    flat = np.frombuffer(data, flat_dtype(stored), count) if math.prod((count,)) else np.empty(0, flat_dtype(stored))
    return understand(flat, stored, heaps)
