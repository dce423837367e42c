"""What a file holds, as bytes that can be kept: checked by a digest when they are read again."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import (
    Chunked,
    ChunkTable,
    Compact,
    Contiguous,
    Dataset,
    External,
    Filter,
    Foreign,
    Group,
    Hard,
    Index,
    Key,
    Keyed,
    Layout,
    Link,
    Refused,
    Soft,
    Stored,
)
from neurodata4ml.data.storage.kept.packed import pack_dtype, pack_value, unpack_dtype, unpack_value

HEAD = b"neurodata4ml index 2\n"
"""How each such file begins; the number rises when what follows changes its meaning."""

ODD = "surrogateescape"
"""How names and texts are kept whose bytes are no UTF-8: as they came."""

LAYOUTS: tuple[type[Any], ...] = (Contiguous, Compact, Chunked, Keyed, Refused, Foreign)
LINKS: tuple[type[Any], ...] = (Hard, Soft, External)


def index_to_bytes(index: Index, of: str) -> bytes:
    """Return an index as bytes; ``of`` is the key of the file that it describes."""
    kinds: dict[Stored, int] = {}
    objects = tuple(_pack_object(found, kinds) for found in index.objects.values())
    stored = tuple(map(_pack_stored, kinds))
    whole = (index.root, index.unread, tuple(index.damaged.items()), tuple(index.foreign), index.sizes)
    return _sealed(of, (*whole, stored, objects))


def index_from_bytes(data: bytes, of: str) -> Index | None:
    """Return the index that was written; None where the bytes are damaged, older, or of another file."""
    body = _unsealed(data, of)
    if body is None:
        return None
    root, unread, damaged, foreign, sizes, stored, objects = body
    kinds = [_unpack_stored(packed) for packed in stored]
    found: dict[Key, Group | Dataset] = {packed[0]: _unpack_object(packed, kinds) for packed in objects}
    return Index(root, found, unread, dict(damaged), set(foreign), sizes)


def chunks_to_bytes(table: ChunkTable, of: str) -> bytes:
    """Return where the chunks of one dataset are as bytes; ``of`` is the key of the file, and of the dataset."""
    arrays = [np.ascontiguousarray(column, dtype) for column, dtype in zip(table, ("<i8", "<i8", "<u4"), strict=True)]
    return _sealed(of, tuple(array.tobytes() for array in arrays))


def chunks_from_bytes(data: bytes, of: str) -> ChunkTable | None:
    """Return the table that was written; None where the bytes are damaged, older, or of another dataset."""
    body = _unsealed(data, of)
    if body is None:
        return None
    offsets, sizes, skipped = body
    return ChunkTable(np.frombuffer(offsets, "<i8"), np.frombuffer(sizes, "<i8"), np.frombuffer(skipped, "<u4"))


def _sealed(of: str, body: tuple[Any, ...]) -> bytes:
    import msgpack

    packed: bytes = msgpack.packb((of, body), unicode_errors=ODD)
    return HEAD + hashlib.sha256(packed).digest() + packed


def _unsealed(data: bytes, of: str) -> Any:
    import msgpack

    start = len(HEAD) + hashlib.sha256().digest_size
    if data[: len(HEAD)] != HEAD or hashlib.sha256(data[start:]).digest() != data[len(HEAD) : start]:
        return None
    packed = memoryview(data)[start:]
    described, body = msgpack.unpackb(packed, use_list=False, strict_map_key=False, unicode_errors=ODD)
    return body if described == of else None


def _pack_object(found: Group | Dataset, kinds: dict[Stored, int]) -> tuple[Any, ...]:
    attrs = tuple((name, pack_value(value)) for name, value in found.attrs.items())
    if isinstance(found, Group):
        return found.key, attrs, tuple((name, LINKS.index(type(link)), *link) for name, link in found.links.items())
    kind = kinds.setdefault(found.stored, len(kinds))
    filters = tuple((step.name, tuple(map(pack_value, step.options))) for step in found.filters)
    layout = (LAYOUTS.index(type(found.layout)), *map(_pack_nested, found.layout))
    return found.key, attrs, found.shape, kind, layout, filters, found.fill


def _unpack_object(packed: tuple[Any, ...], kinds: list[Stored]) -> Group | Dataset:
    attrs = {name: unpack_value(value) for name, value in packed[1]}
    if len(packed) == 3:
        links: dict[str, Link] = {name: LINKS[kind](*parts) for name, kind, *parts in packed[2]}
        return Group(packed[0], links, attrs)
    key, _, shape, kind, layout, steps, fill = packed
    filters = tuple(Filter(name, tuple(map(unpack_value, options))) for name, options in steps)
    found: Layout = LAYOUTS[layout[0]](*layout[1:])
    return Dataset(key, shape, kinds[kind], found, filters, fill, attrs)


def _pack_nested(part: Any) -> Any:
    """Return a part of a layout with its lists as tuples, and buffers as bytes."""
    if isinstance(part, list | tuple):
        return tuple(map(_pack_nested, part))
    return bytes(part) if isinstance(part, bytearray | memoryview) else part


def _pack_stored(stored: Stored) -> tuple[Any, ...]:
    fields = tuple((name, offset, _pack_stored(part)) for name, offset, part in stored.fields)
    base = None if stored.base is None else _pack_stored(stored.base)
    raw = pack_dtype(stored.raw)
    return stored.kind, raw, fields, base, stored.is_bool, stored.words, stored.encoding, stored.padding


def _unpack_stored(packed: tuple[Any, ...]) -> Stored:
    kind, raw, fields, base, *rest = packed
    parts = tuple((name, offset, _unpack_stored(part)) for name, offset, part in fields)
    return Stored(kind, unpack_dtype(raw), parts, None if base is None else _unpack_stored(base), *rest)
