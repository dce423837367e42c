"""Dense storage: the links of a large group, or an object's many attributes, in a fractal heap."""

from __future__ import annotations

from bisect import bisect_right

from neurodata4ml.data.storage.hdf5.btree2 import enough, read_records
from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.heap_blocks import HEAP, Heap, read_blocks, read_heap
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading, together

LINKS_BY_NAME, ATTRIBUTES_BY_NAME, HUGE = 5, 8, 1
"""Types of records: of B-trees of version 2."""
HASH = 4
SHARED = 2
"""Bit of an attribute's flags: it lies in a table that many objects share."""
TINY_EXTENDED = 18
"""Bytes of an identifier from which on small objects write their size in two bytes."""


def dense_links(sizes: Sizes, heap_address: int | None, index_address: int | None) -> Reading[list[memoryview]]:
    """Return the link messages of a group, in no order."""
    records, width = yield from _records(sizes, index_address, LINKS_BY_NAME)
    heap = yield from read_heap(sizes, heap_address)
    if width != HASH + heap.id_length:
        refuse(HEAP, f"has identifiers of {heap.id_length} bytes, but its index has records of {width}")
    return (yield from _objects(heap, [record[HASH:] for record in records]))


def dense_attributes(sizes: Sizes, heap_address: int | None, index_address: int | None) -> Reading[list[memoryview]]:
    """Return the attribute messages of an object, in no order."""
    records, width = yield from _records(sizes, index_address, ATTRIBUTES_BY_NAME)
    heap = yield from read_heap(sizes, heap_address)
    if width != heap.id_length + 1 + 4 + HASH:
        refuse(HEAP, f"has identifiers of {heap.id_length} bytes, but its index has records of {width}")
    if any(record[heap.id_length] & SHARED for record in records):
        message = "an attribute lies in a table of shared messages; type h5repack IN OUT and read OUT"
        raise Unsupported(message)
    return (yield from _objects(heap, [record[: heap.id_length] for record in records]))


def _records(sizes: Sizes, address: int | None, kind: int) -> Reading[tuple[list[bytes], int]]:
    """Return the records of an index, and the bytes of one."""
    tree, joined = yield from read_records(sizes, address, (kind,))
    return [joined[at : at + tree.record] for at in range(0, len(joined), tree.record)], tree.record


def _objects(heap: Heap, identifiers: list[bytes]) -> Reading[list[memoryview]]:
    """Return what identifiers stand for: objects in blocks, huge ones with a place of their own, and tiny ones."""
    kinds = [identifier[0] >> 4 for identifier in identifiers]
    if any(kind > 2 for kind in kinds):
        refuse(HEAP, f"has an identifier of the kind {max(kinds)}, which does not exist")
    objects: list[memoryview] = [memoryview(b"")] * len(identifiers)
    managed = [place for place, kind in enumerate(kinds) if kind == 0]
    huge = [place for place, kind in enumerate(kinds) if kind == 1]
    found = yield from together(
        [
            _managed(heap, [identifiers[place] for place in managed]),
            _huge(heap, [identifiers[place] for place in huge]),
        ]
    )
    for places, data in zip((managed, huge), found, strict=True):
        for place, piece in zip(places, data, strict=True):
            objects[place] = piece
    for place, kind in enumerate(kinds):
        if kind == 2:
            objects[place] = _tiny(heap, identifiers[place])
    return objects


def _tiny(heap: Heap, identifier: bytes) -> memoryview:
    """Return an object that stands in its identifier."""
    low = identifier[0] & 15
    start, size = (2, (low << 8 | identifier[1]) + 1) if heap.id_length >= TINY_EXTENDED else (1, low + 1)
    if start + size > len(identifier):
        refuse(HEAP, f"has a tiny object of {size} bytes in an identifier of {len(identifier)}")
    return memoryview(identifier)[start : start + size]


def _huge(heap: Heap, identifiers: list[bytes]) -> Reading[list[memoryview]]:
    """Return objects that have a place of their own, found by their numbers or told by the identifier itself."""
    if not identifiers:
        return []
    sizes = heap.sizes
    direct = sizes.offset + sizes.length
    if direct <= heap.id_length - 1:
        entries = [identifier[1 : 1 + direct] for identifier in identifiers]
    else:
        width = min(sizes.length, heap.id_length - 1)
        if heap.huge is None:
            refuse(HEAP, "has huge objects, but no index of them")
        records, record = yield from _records(sizes, heap.huge, HUGE)
        if record != direct + sizes.length:
            refuse(HEAP, f"has an index of huge objects with records of {record} bytes")
        known = {sizes.uint(entry, direct, sizes.length): entry for entry in records}
        numbers = [sizes.uint(identifier, 1, width) for identifier in identifiers]
        if missing := [number for number in numbers if number not in known]:
            refuse(HEAP, f"has no huge object {missing[0]}")
        entries = [known[number] for number in numbers]
    spans = [
        sizes.span(sizes.address(entry, 0), sizes.uint(entry, sizes.offset, sizes.length), "a huge link or attribute")
        for entry in entries
    ]
    return (yield spans)  # type: ignore[no-any-return]


def _managed(heap: Heap, identifiers: list[bytes]) -> Reading[list[memoryview]]:
    """Return objects that lie in the heap's blocks."""
    if not identifiers:
        return []
    width = min(enough(heap.largest), enough(heap.largest_managed))
    at = 1 + heap.offset_width
    wanted = [(heap.sizes.uint(one, 1, heap.offset_width), heap.sizes.uint(one, at, width)) for one in identifiers]
    blocks = sorted((yield from read_blocks(heap, [start for start, _ in wanted])), key=lambda block: block.start)
    starts = [block.start for block in blocks]
    objects = []
    for start, size in wanted:
        block = blocks[max(bisect_right(starts, start) - 1, 0)] if blocks else None
        inside = start - block.start if block else 0
        if not block or not size or inside < block.head or inside + size > len(block.data):
            refuse(HEAP, f"has an object of {size} bytes at {start}, which is not in a block")
        objects.append(block.data[inside : inside + size])
    return objects
