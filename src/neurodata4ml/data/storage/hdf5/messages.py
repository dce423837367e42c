"""What the small messages of an object header say: shape, fill value, filters, links, and where the rest is."""

from __future__ import annotations

import math
from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.cursor import Cursor, decoded, refuse
from neurodata4ml.data.storage.index import External, Filter, Hard, Link, Soft

MOST_DIMS = 32
_MOST_BYTES = 1 << 62
_MOST_FILTERS = 32


def parse_dataspace(cursor: Cursor) -> tuple[tuple[int, ...] | None, tuple[int | None, ...]]:
    """Return the shape (None: no values at all), and how large each axis may become (None: without limit)."""
    version = cursor.version(1, 2)
    n_dims, flags = cursor.byte(), cursor.byte()
    if n_dims > MOST_DIMS or flags & ~(3 if version == 1 else 1):
        refuse(cursor.what, f"claims {n_dims} dimensions with flags {flags:#x}")
    if version == 1:
        cursor.take(5)
        is_null = False
    else:
        kind = cursor.byte()
        is_null = kind == 2
        if kind > 2 or (kind != 1 and n_dims):
            refuse(cursor.what, f"is of kind {kind} with {n_dims} dimensions")
    shape = tuple(cursor.length() for _ in range(n_dims))
    most = _most(cursor, shape) if flags & 1 else shape
    check_claim(cursor.what, shape, 1)
    return (None if is_null else shape), most


def check_claim(what: str, shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse a shape that no array can have, not even an empty one."""
    if itemsize * math.prod(size or 1 for size in shape) > _MOST_BYTES:
        refuse(what, f"claims the shape {shape}")


def _most(cursor: Cursor, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    unlimited = (1 << 8 * cursor.sizes.length) - 1
    most = tuple(None if size == unlimited else size for size in (cursor.length() for _ in shape))
    if any(limit is not None and size > limit for size, limit in zip(shape, most, strict=True)):
        refuse(cursor.what, f"claims the shape {shape}, larger than {most}, the largest that it allows")
    return most


def parse_fill(cursor: Cursor) -> bytes | None:
    """Return the bytes of the value that was never written; None: zeros."""
    version = cursor.version(1, 2, 3)
    if version < 3:
        allocated, written, defined = cursor.byte(), cursor.byte(), cursor.byte()
        has_value, is_undefined = bool(defined), False
        if version == 1 and not defined:
            return None
    else:
        flags = cursor.byte()
        allocated, written = flags & 3, flags >> 2 & 3
        is_undefined, has_value = bool(flags & 0x10), bool(flags & 0x20)
        if flags & 0xC0 or (is_undefined and has_value):
            refuse(cursor.what, f"has flags {flags:#x}")
    if allocated > 3 or written > 2:
        refuse(cursor.what, f"is allocated ({allocated}) and written ({written}) at times that do not exist")
    value = _value(cursor) if has_value else None
    return None if written == 1 else value  # never written: HDF5 leaves what was there, and h5py starts with zeros


def parse_old_fill(cursor: Cursor) -> bytes | None:
    """Return the fill value of HDF5 before 1.6."""
    return _value(cursor)


def _value(cursor: Cursor) -> bytes | None:
    size = cursor.uint(4)
    return None if size == 0 or size >= 1 << 31 else bytes(cursor.take(size))


def parse_filters(cursor: Cursor) -> tuple[Filter, ...]:
    """Return the steps in which chunks were encoded, in the order of writing."""
    version = cursor.version(1, 2)
    n_filters = cursor.byte()
    if not 0 < n_filters <= _MOST_FILTERS:
        refuse(cursor.what, f"claims {n_filters} filters")
    cursor.take(6 if version == 1 else 0)
    return tuple(_filter(cursor, version) for _ in range(n_filters))


def _filter(cursor: Cursor, version: int) -> Filter:
    number = cursor.uint(2)
    n_name = cursor.uint(2) if version == 1 or number >= 256 else 0
    if version == 1 and n_name % 8:
        refuse(cursor.what, f"names a filter in {n_name} bytes, which are no eights")
    cursor.take(2)
    n_options = cursor.uint(2)
    cursor.take(n_name)
    options = tuple(cursor.uint(4) for _ in range(n_options))
    cursor.take(4 if version == 1 and n_options % 2 else 0)
    return Filter(number, options)


class Dense(NamedTuple):
    """Where links or attributes are that are too many for the header: a fractal heap, and a B-tree of their names.

    Both are None where they are not too many; ``is_ordered``: they are listed as they were made, not by name.
    """

    heap: int | None
    names: int | None
    is_ordered: bool


def parse_link_info(cursor: Cursor) -> Dense:
    """Return where the links of a group are."""
    return _dense(cursor, 8)


def parse_attribute_info(cursor: Cursor) -> Dense:
    """Return where the attributes of an object are."""
    return _dense(cursor, 2)


def _dense(cursor: Cursor, width: int) -> Dense:
    cursor.version(0)
    flags = cursor.byte()
    if flags & ~3:
        refuse(cursor.what, f"has flags {flags:#x}")
    if flags & 1 and cursor.uint(width) >> (8 * width - 1) and width == 8:
        refuse(cursor.what, "counts below zero")
    heap, names = cursor.address(), cursor.address()
    if flags & 2:
        cursor.address()
    if heap is not None and names is None:
        refuse(cursor.what, "has a heap, but no list of the names in it")
    return Dense(heap, names, bool(flags & 1))


def parse_link(cursor: Cursor) -> tuple[str, int, Link]:
    """Return the name of a link, when it was made (0 where this is not kept), and where it leads."""
    cursor.version(1)
    flags = cursor.byte()
    if flags & ~0x1F:
        refuse(cursor.what, f"has flags {flags:#x}")
    kind = cursor.byte() if flags & 0x08 else 0
    order = cursor.uint(8) if flags & 0x04 else 0
    if flags & 0x10 and cursor.byte() > 1:
        refuse(cursor.what, "has a name in an encoding that does not exist")
    n_name = cursor.uint(1 << (flags & 3))
    if not n_name:
        refuse(cursor.what, "has no name")
    name = bytes(cursor.take(n_name))
    if b"\0" in name or b"/" in name:
        refuse(cursor.what, f"has the name {name!r}, with a zero or a slash in it")
    return decoded(name), order, _target(cursor, kind)


def _target(cursor: Cursor, kind: int) -> Link:
    if kind == 0:
        return Hard(cursor.sizes.span(cursor.address(), 16, "the object that a link leads to")[0])
    if kind != 1 and kind < 64:
        refuse(cursor.what, f"is of kind {kind}, which does not exist")
    value = bytes(cursor.take(cursor.uint(2)))
    if kind == 1:
        if not value:
            refuse(cursor.what, "leads nowhere")
        return Soft(decoded(value.split(b"\0")[0]))
    if kind != 64:
        return External("", "")  # a kind of link that some program made for itself
    file, found, path = value[1:].partition(b"\0")
    if not found or not path.endswith(b"\0") or value[0]:
        refuse(cursor.what, "into another file does not say which")
    return External(decoded(file), decoded(path[:-1]))
