"""B-trees of version 2: records in order, of chunks along several unlimited axes and of names in dense storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.checksum import check
from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.part import Found, Part, addresses, uints
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading

TREE = "a B-tree"

PLAIN_CHUNKS, FILTERED_CHUNKS = 10, 11
PREFIX = 6
"""Bytes before a node's records: signature, version, type."""
CHECKSUM = 4

DEEPEST = 64
"""Levels above the leaves: more than any file has room for."""

Wanted = Callable[[bytes | None, bytes | None], bool]
"""Says whether records between two others (None: the end) are wanted."""


class Level(NamedTuple):
    """Of the nodes of one level: how many records they hold at most, and the bytes of a pointer to a child."""

    most: int
    pointer: int


class Tree(NamedTuple):
    """What the header says of all nodes; ``levels`` begin with the leaves."""

    sizes: Sizes
    kind: int
    record: int
    levels: tuple[Level, ...]
    count_width: int


class Child(NamedTuple):
    """A node that is still to be read: where, of how many records, and between which."""

    address: int | None
    n_records: int
    before: bytes | None
    after: bytes | None


def enough(limit: int) -> int:
    """Return the bytes that numbers up to ``limit`` take."""
    return (max(limit, 1).bit_length() - 1) // 8 + 1


def read_records(
    sizes: Sizes, address: int | None, kinds: tuple[int, ...], wanted: Wanted | None = None
) -> Reading[Any]:
    """Return (the tree, its records one after the other, unordered), one wave for each level.

    Nodes whose records lie between two that ``wanted`` does not want are not read.
    """
    length = 4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + sizes.offset + 2 + sizes.length + CHECKSUM
    data: memoryview = yield sizes.span(address, length, "the header of a B-tree")
    tree, root, total = _header(sizes, data, kinds)
    records: list[bytes] = []
    level = len(tree.levels) - 1
    nodes = [root] if root.n_records or level else []
    n_read = 0
    while nodes:
        spans = [_span(tree, level, node) for node in nodes]
        if len(set(spans)) < len(spans) or sum(stop - start for start, stop in spans) > sizes.end:
            refuse(TREE, "has two ways to the same node")
        pieces: list[memoryview] = yield spans
        below: list[Child] = []
        for node, piece in zip(nodes, pieces, strict=True):
            own, children = _node(tree, level, node, check(piece, "a node of a B-tree"))
            records.append(own)
            n_read += node.n_records
            below += [child for child in children if wanted is None or wanted(child.before, child.after)]
        nodes, level = below, level - 1
    if n_read > total or (wanted is None and n_read != total):
        refuse(TREE, f"has {n_read} records, though it says {total}")
    return tree, b"".join(records)


def _header(sizes: Sizes, data: memoryview, kinds: tuple[int, ...]) -> tuple[Tree, Child, int]:
    """Parse the header: of the tree, where its root is, and how many records it has."""
    data = check(data, "the header of a B-tree")
    if bytes(data[:5]) != b"BTHD\x00" or data[5] not in kinds:
        refuse(TREE, f"begins with {bytes(data[:6])!r}, not with b'BTHD\\x00' and one of the types {kinds}")
    node_size, record, depth = (sizes.uint(data, at, width) for at, width in ((6, 4), (10, 2), (12, 2)))
    levels = _levels(sizes, node_size, record, min(depth, DEEPEST)) if record else []
    if not levels or min(level.most for level in levels) < 1:
        refuse(TREE, f"has nodes of {node_size} bytes for records of {record}")
    count, total = sizes.uint(data, 16 + sizes.offset, 2), sizes.uint(data, 18 + sizes.offset, sizes.length)
    if depth > DEEPEST or total > sizes.end or (depth == 0 and count != total):
        refuse(TREE, f"has {total} records in {depth + 1} levels, in a file of {sizes.end} bytes")
    tree = Tree(sizes, data[5], record, tuple(levels), enough(levels[0].most))
    return tree, Child(sizes.address(data, 16), count, None, None), total


def _levels(sizes: Sizes, node_size: int, record: int, depth: int) -> list[Level]:
    """Return what nodes of each level have room for: pointers are as wide as the numbers below may become large."""
    room = node_size - PREFIX - CHECKSUM
    levels = [Level(room // record, 0)]
    below, width = levels[0].most, 0
    for _ in range(depth):
        pointer = sizes.offset + enough(levels[0].most) + width
        levels.append(Level((room - pointer) // (record + pointer), pointer))
        below = (levels[-1].most + 1) * below + levels[-1].most
        width = enough(below)
    return levels


def _span(tree: Tree, level: int, node: Child) -> tuple[int, int]:
    """Return where a node is: only what it uses of its size."""
    most, pointer = tree.levels[level]
    if node.n_records > most:
        refuse(TREE, f"has a node of {node.n_records} records, where {most} have room")
    pointers = (node.n_records + 1) * pointer if level else 0
    return tree.sizes.span(
        node.address, PREFIX + node.n_records * tree.record + pointers + CHECKSUM, "a node of a B-tree"
    )


def _node(tree: Tree, level: int, node: Child, data: memoryview) -> tuple[bytes, list[Child]]:
    """Parse a node: its records, and its children."""
    right = (b"BTIN" if level else b"BTLF") + bytes([0, tree.kind])
    if bytes(data[:PREFIX]) != right:
        refuse(TREE, f"has a node that begins with {bytes(data[:PREFIX])!r}, not with {right!r}")
    own = bytes(data[PREFIX : PREFIX + node.n_records * tree.record])
    if not level:
        return own, []
    bounds = [node.before, *(own[at : at + tree.record] for at in range(0, len(own), tree.record)), node.after]
    width, at = tree.levels[level].pointer, PREFIX + len(own)
    children = [
        Child(
            tree.sizes.address(data, at + place * width),
            tree.sizes.uint(data, at + place * width + tree.sizes.offset, tree.count_width),
            bounds[place],
            bounds[place + 1],
        )
        for place in range(node.n_records + 1)
    ]
    return own, children


def find(sizes: Sizes, address: int, part: Part, n_bytes: int) -> Reading[Found]:
    """Return the chunks of a part of an array; ``n_bytes`` are those of a chunk without filters."""
    first_axis = -8 * part.n_axes

    def row(record: bytes | None, end: int) -> int:
        return end if record is None else int.from_bytes(record[first_axis:][:8], "little")

    def wanted(before: bytes | None, after: bytes | None) -> bool:
        return row(before, 0) < part.last and row(after, part.last) >= part.first

    tree, records = yield from read_records(sizes, address, (PLAIN_CHUNKS, FILTERED_CHUNKS), wanted)
    is_filtered = tree.kind == FILTERED_CHUNKS
    width = tree.record - sizes.offset - 8 * part.n_axes - (4 if is_filtered else 0)
    if not (1 <= width <= 8 if is_filtered else width == 0):
        refuse(TREE, f"has records of {tree.record} bytes for chunks of {part.n_axes} axes")
    parts = [("offset", f"V{sizes.offset}"), ("size", f"V{width}"), ("skipped", "<u4")][: 3 if is_filtered else 1]
    entries = np.frombuffer(records, [*parts, ("scaled", "<u8", (part.n_axes,))])
    scaled = entries["scaled"]
    if (scaled >= np.array(part.counts, np.uint64)).any():
        refuse(TREE, f"has a chunk that is not in the grid of {part.counts}")
    return Found(
        scaled.astype(np.int64) * np.array(part.chunk),
        addresses(entries["offset"]),
        uints(entries["size"]) if is_filtered else np.full(len(entries), n_bytes, np.uint64),
        entries["skipped"] if is_filtered else np.zeros(len(entries), np.uint32),
    )
