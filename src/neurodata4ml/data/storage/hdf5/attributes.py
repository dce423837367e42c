"""Attributes: their values as h5py gives them, but all text as str."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.cursor import Cursor, decoded, refuse
from neurodata4ml.data.storage.hdf5.datatypes import parse_datatype
from neurodata4ml.data.storage.hdf5.heap import Collection, Collections
from neurodata4ml.data.storage.hdf5.messages import check_claim, parse_dataspace
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.index import (
    COMPOUND,
    FIXED_TEXT,
    NUMBER,
    RAGGED,
    REFERENCE,
    TEXT,
    UNREADABLE,
    Reference,
    Refused,
    Stored,
)
from neurodata4ml.data.storage.waves import Reading

Heaps = Mapping[int, Collection]

_UNREADABLE = Refused("is of a datatype that this reader does not know", "Read it with h5py.")


class Attribute(NamedTuple):
    """An attribute as it lies in its message: ``shape`` None for one without a value."""

    name: str
    shape: tuple[int, ...] | None
    stored: Stored
    data: bytes


def parse_attribute(cursor: Cursor, committed: Stored | None = None) -> Attribute:
    """Return an attribute; ``committed`` is its datatype where the message only says where this lies."""
    version = cursor.version(1, 2, 3)
    flags = cursor.byte()
    n_name, n_type, n_space = cursor.uint(2), cursor.uint(2), cursor.uint(2)
    if version == 3 and cursor.byte() > 1:
        refuse(cursor.what, "has a name in an encoding that does not exist")
    if (flags if version > 1 else 0) & ~1 or not n_name:
        refuse(cursor.what, f"has flags {flags:#x} and a name of {n_name} bytes")
    name, kind, space = (_part(cursor, size, version) for size in (n_name, n_type, n_space))
    if bytes(name).find(0) != n_name - 1:
        refuse(cursor.what, f"has the name {bytes(name)!r}, which does not end where it says")
    shape, _ = parse_dataspace(Cursor(space, cursor.sizes, "an attribute's shape"))
    stored = committed or parse_datatype(kind)
    check_claim(cursor.what, shape or (), stored.raw.itemsize)
    n_bytes = 0 if shape is None else math.prod(shape) * stored.raw.itemsize
    return Attribute(intern(decoded(name[:-1])), shape, stored, bytes(cursor.take(n_bytes)))


def committed_part(cursor: Cursor) -> memoryview | None:
    """Return what an attribute's message says of where its datatype lies; None where it holds the datatype itself."""
    version, flags = cursor.byte(), cursor.byte()
    if version < 2 or not flags & 1:
        return None
    n_name, n_type, _ = cursor.uint(2), cursor.uint(2), cursor.uint(2)
    cursor.take(n_name + (1 if version == 3 else 0))
    return cursor.take(n_type)


def _part(cursor: Cursor, size: int, version: int) -> memoryview:
    """Take a part of the message; in version 1 each fills eights of bytes."""
    part = cursor.take(size)
    if version == 1:
        cursor.take(-size % 8)
    return part


def read_values(attributes: list[Attribute], heaps: Collections) -> Reading[dict[str, Any]]:
    """Read the values of all attributes of one object, by name: what lies elsewhere in one round."""
    sizes = heaps.sizes
    raw = [(attribute, _raw(attribute)) for attribute in attributes]
    wanted = {address for attribute, array in raw for address in pointed(attribute.stored, array, sizes)}
    heaps.spend(sum(_n_elsewhere(attribute.stored, array) for attribute, array in raw))
    held: Heaps = (yield from heaps.read(sorted(wanted))) if wanted else {}
    return {attribute.name: _value(attribute, array, held, sizes) for attribute, array in raw}


def _raw(attribute: Attribute) -> np.ndarray:
    """Return the values as they are stored."""
    if attribute.shape is None:
        return np.empty(0, attribute.stored.raw)
    return np.frombuffer(attribute.data, attribute.stored.raw, math.prod(attribute.shape))


def _value(attribute: Attribute, raw: np.ndarray, heaps: Heaps, sizes: Sizes) -> Any:
    """Return what h5py's ``attrs[name]`` gives; text as str, paths as Reference, and None without a value."""
    if attribute.shape is None:
        return None
    if not is_readable(attribute.stored):
        return _UNREADABLE
    values = decode(attribute.stored, raw, heaps, sizes)
    values = values.reshape(attribute.shape + values.shape[1:])
    return values[()] if values.ndim == 0 else values


def is_readable(stored: Stored) -> bool:
    """Return whether values of this kind can be read, and what they are made of."""
    if stored.kind == UNREADABLE:
        return False
    if stored.kind == RAGGED:
        return stored.base is not None and stored.base.kind == NUMBER and stored.base.raw.subdtype is None
    return all(is_readable(part) for _, _, part in stored.fields)


def pointed(stored: Stored, raw: np.ndarray, sizes: Sizes) -> Iterator[int]:
    """Yield the addresses of the collections in which values lie that are stored as pointers."""
    stored = _within(stored)
    if stored.kind == COMPOUND:
        for name, _, part in stored.fields:
            yield from pointed(part, raw[name], sizes)
    elif stored.kind in (TEXT, RAGGED):
        used = raw["address"]
        yield from (address + sizes.base for address in np.unique(used[used > 0]).tolist())


def _n_elsewhere(stored: Stored, raw: np.ndarray) -> int:
    """Return how many bytes values take that are stored as pointers: many may point to the same place."""
    within = _within(stored)
    if within.kind == COMPOUND:
        return sum(_n_elsewhere(part, raw[name]) for name, _, part in within.fields)
    if within.kind not in (TEXT, RAGGED):
        return 0
    return int(raw["length"].sum(dtype=np.int64)) * (within.base.raw.itemsize if within.base is not None else 1)


def decode(stored: Stored, raw: np.ndarray, heaps: Heaps, sizes: Sizes) -> np.ndarray:
    """Return values of ``stored.dtype`` from an array of ``stored.raw``; those elsewhere come from ``heaps``."""
    stored = _within(stored)
    if stored.kind == NUMBER:
        return raw.astype(stored.dtype)
    if stored.kind == COMPOUND:
        return _decode_fields(stored, raw, heaps, sizes)
    values = np.empty(raw.size, object)
    for place, item in enumerate(_items(stored, raw)):
        values[place] = _object(stored, item, heaps, sizes)
    return values.reshape(raw.shape)


def _items(stored: Stored, raw: np.ndarray) -> list[Any]:
    """Return the values as they are stored, one by one; of text all bytes: numpy drops zeros at the end."""
    if stored.kind != FIXED_TEXT:
        return list(raw.ravel().tolist())
    data, size = raw.tobytes(), stored.raw.itemsize
    return [data[at : at + size] for at in range(0, len(data), size)]


def _object(stored: Stored, item: Any, heaps: Heaps, sizes: Sizes) -> Any:
    """Return a value that numpy has no dtype for."""
    if stored.kind == FIXED_TEXT:
        return decoded(trimmed(item, stored.padding))
    if stored.kind == REFERENCE:
        return reference(item, sizes)
    if stored.kind == TEXT:
        return decoded(bytes(found(item, 1, heaps, sizes)).split(b"\0")[0])
    return ragged(item, stored, heaps, sizes)


def _within(stored: Stored) -> Stored:
    """Return how one element lies, where each value is an array."""
    return stored.base if stored.raw.subdtype is not None and stored.base is not None else stored


def _decode_fields(stored: Stored, raw: np.ndarray, heaps: Heaps, sizes: Sizes) -> np.ndarray:
    dtype = np.dtype([(name, (_within(part).dtype, part.raw.shape)) for name, _, part in stored.fields])
    values = np.empty(raw.shape, dtype)
    for name, _, part in stored.fields:
        values[name] = decode(part, raw[name], heaps, sizes)
    return values


def trimmed(text: bytes, padding: str) -> bytes:
    """Return the text of fixed length without what fills it up."""
    return text.rstrip(b" ") if padding == "space" else text.split(b"\0")[0]


def reference(written: int, sizes: Sizes) -> Reference:
    """Return the object that a stored reference points to."""
    nowhere = written in (0, (1 << 8 * sizes.offset) - 1)
    return Reference(None if nowhere else written + sizes.base)


def found(pointer: tuple[int, int, int], itemsize: int, heaps: Heaps, sizes: Sizes) -> memoryview:
    """Return the bytes that a pointer (length, address, number) points to."""
    length, address, number = pointer
    if not address:
        return memoryview(b"")
    held = heaps[address + sizes.base].get(number)
    if held is None or len(held) != length * itemsize:
        has = "nothing" if held is None else f"{len(held)} bytes"
        refuse("a value of varying length", f"should have {length * itemsize} bytes, but there are {has}")
    return held


def ragged(pointer: tuple[int, int, int], stored: Stored, heaps: Heaps, sizes: Sizes) -> np.ndarray:
    """Return the numbers that a pointer points to."""
    base = stored.base or stored
    return np.frombuffer(found(pointer, base.raw.itemsize, heaps, sizes), base.raw).astype(base.dtype)
