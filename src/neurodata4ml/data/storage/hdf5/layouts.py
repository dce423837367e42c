"""Where the values of a dataset are: the layout message, in all its versions."""

from __future__ import annotations

import math
from typing import Any

from neurodata4ml.data.storage.hdf5.cursor import Cursor, refuse
from neurodata4ml.data.storage.index import Chunked, Compact, Contiguous, Layout, Refused

Maxshape = tuple[int | None, ...]

VIRTUAL = Refused(
    "is virtual: its values lie in other files",
    "Ask whoever made the file for a whole one.",
)
EXTERNAL = Refused(
    "keeps its values in another file, which is never opened from within this one",
    "Ask whoever made the file for a whole one.",
)

_LARGEST_CHUNK = (1 << 32) - 1
_END = 1 << 64
"""No address reaches it."""
_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = range(4)


def parse_layout(cursor: Cursor, shape: tuple[int, ...] | None, maxshape: Maxshape, itemsize: int) -> Layout:
    """Return where the values of a dataset of this shape are; refused unless there is place for all of them."""
    n_bytes = itemsize * math.prod(shape) if shape is not None else 0
    version = cursor.version(1, 2, 3, 4, 5)
    if version < 3:
        return _old(cursor, shape, itemsize, n_bytes)
    kind = cursor.byte()
    if kind == _COMPACT:
        return _compact(cursor, cursor.uint(2), n_bytes)
    if kind == _CONTIGUOUS:
        return _contiguous(cursor, cursor.address(), cursor.length(), n_bytes)
    if kind == _VIRTUAL and version > 3:
        return VIRTUAL
    if kind != _CHUNKED:
        refuse(cursor.what, f"is of class {kind}, which does not exist")
    if version == 3:
        n_dims, address = cursor.byte(), cursor.address()
        sizes = [cursor.uint(4) for _ in range(n_dims)]
        return _chunked(cursor, _tree(cursor, address), sizes, shape, itemsize)
    return _new_chunked(cursor, shape, maxshape, itemsize)


def _old(cursor: Cursor, shape: tuple[int, ...] | None, itemsize: int, n_bytes: int) -> Layout:
    """Take a layout of version 1 or 2."""
    n_dims, kind = cursor.byte(), cursor.byte()
    cursor.take(5)
    address = None if kind == _COMPACT else cursor.address()
    sizes = [cursor.uint(4) for _ in range(n_dims)]
    if kind == _COMPACT:
        return _compact(cursor, cursor.uint(4), n_bytes)
    if kind == _CONTIGUOUS:
        return _contiguous(cursor, address, n_bytes, n_bytes)
    if kind != _CHUNKED:
        refuse(cursor.what, f"is of class {kind}, which does not exist")
    return _chunked(cursor, _tree(cursor, address), sizes, shape, itemsize)


def _compact(cursor: Cursor, size: int, n_bytes: int) -> Compact:
    if size != n_bytes:
        refuse(cursor.what, f"holds {size} bytes for values of {n_bytes}")
    return Compact(bytes(cursor.take(size)))


def _contiguous(cursor: Cursor, address: int | None, size: int, n_bytes: int) -> Contiguous:
    if size < n_bytes or (address or 0) + size >= _END:
        refuse(cursor.what, f"has {size} bytes for values of {n_bytes}")
    if address is None:
        return Contiguous(None, n_bytes)
    if not n_bytes:
        refuse(cursor.what, "has a place for values, but there are none")
    return Contiguous(cursor.sizes.span(address, n_bytes, "the values of a dataset")[0], n_bytes)


def _tree(cursor: Cursor, address: int | None) -> tuple[Any, ...]:
    return (None,) if address is None else ("btree1", address, cursor.sizes.numbers)


def _chunked(
    cursor: Cursor, finder: tuple[Any, ...], sizes: list[int], shape: tuple[int, ...] | None, itemsize: int
) -> Chunked:
    """Return the layout whose message lists the shape of a chunk and then the bytes of a value."""
    if shape is None or not shape or len(sizes) != len(shape) + 1:
        refuse(cursor.what, f"has chunks of {len(sizes) - 1} dimensions for the shape {shape}")
    if not all(sizes) or sizes[-1] != itemsize or math.prod(sizes) > _LARGEST_CHUNK:
        refuse(cursor.what, f"has chunks of shape {sizes[:-1]} with values of {sizes[-1]} bytes, not {itemsize}")
    return Chunked(tuple(sizes[:-1]), finder)


def _new_chunked(cursor: Cursor, shape: tuple[int, ...] | None, maxshape: Maxshape, itemsize: int) -> Chunked:
    """Take a layout of version 4, or of 5, which only the index itself tells apart."""
    flags, n_dims, width = cursor.byte(), cursor.byte(), cursor.byte()
    if flags & ~3 or not 1 <= width <= 8:
        refuse(cursor.what, f"has flags {flags:#x} and sizes of {width} bytes")
    sizes = [cursor.uint(width) for _ in range(n_dims)]
    finder = _finder(cursor, flags, maxshape)
    return _chunked(cursor, finder, sizes, shape, itemsize)


def _finder(cursor: Cursor, flags: int, maxshape: Maxshape) -> tuple[Any, ...]:
    """Return how the chunks are found: see ``chunks.py``."""
    kind = cursor.byte()
    size, skipped = None, 0
    if kind == 1 and flags & 2:
        size, skipped = cursor.length(), cursor.uint(4)
    cursor.take({1: 0, 2: 0, 3: 1, 4: 5, 5: 6}.get(kind, 0))
    address = cursor.address()
    numbers, raw_edges = cursor.sizes.numbers, bool(flags & 1)
    finders: dict[int, tuple[Any, ...]] = {
        1: ("single", address, size, skipped),
        2: ("implicit", address, maxshape),
        3: ("fixed", address, numbers, maxshape, raw_edges),
        4: ("extensible", address, numbers, maxshape, raw_edges),
        5: ("btree2", address, numbers, raw_edges),
    }
    if kind not in finders:
        refuse(cursor.what, f"finds its chunks in a way {kind} that does not exist")
    return (None,) if address is None else finders[kind]
