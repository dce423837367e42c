"""Chunks by a B-tree of version 1: what h5py and pynwb write unless they are told otherwise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.part import Found, Part
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading

TREE = "the tree of a dataset's chunks"

USUAL = 64
"""Children that a node has room for, unless the superblock says otherwise: a node is read whole at the first try."""


class Node(NamedTuple):
    """A node: its level (0 for a leaf), and for each child a key, its address; behind all, one key more."""

    level: int
    starts: np.ndarray[Any, np.dtype[np.uint64]]
    entries: np.ndarray[Any, Any]

    @property
    def first(self) -> tuple[int, ...]:
        """Where the first chunk of all begins."""
        return tuple(self.starts[0].tolist())

    @property
    def last(self) -> tuple[int, ...]:
        """Where no chunk begins any more."""
        return tuple(self.starts[-1].tolist())


def find(sizes: Sizes, address: int, part: Part, itemsize: int) -> Reading[Found]:
    """Return the chunks of a part; nodes without any of them are not read."""
    steps = (*part.chunk, itemsize)
    [root] = yield from _nodes(sizes, [address], steps)
    level: list[Node] = [root]
    while level[0].level:
        level = yield from _below(sizes, level, part, steps)
        if not level:
            break
    entries = np.concatenate([node.entries for node in level]) if level else root.entries[:0]
    starts = entries["start"][:, : part.n_axes]
    if entries["start"][:, -1].any() or (starts.size and int(starts.max()) >> 63):
        refuse(TREE, "has a chunk that begins nowhere in the array")
    return Found(
        starts.astype(np.int64),
        entries["child"].astype(np.uint64),
        entries["size"],
        entries["skipped"],
    )


def _below(sizes: Sizes, level: list[Node], part: Part, steps: tuple[int, ...]) -> Reading[list[Node]]:
    """Read the children that may hold chunks of the part, all of a level at once; each must keep to its keys."""
    parents = [
        (node, place)
        for node in level
        for place in np.flatnonzero(_overlaps(node.starts, part.start, part.stop)).tolist()
    ]
    addresses = [int(node.entries["child"][place]) + sizes.base for node, place in parents]
    if len(set(addresses)) < len(addresses):
        refuse(TREE, "has two ways to the same node")
    children = yield from _nodes(sizes, addresses, steps)
    for (node, place), child in zip(parents, children, strict=True):
        if child.level != node.level - 1:
            refuse(TREE, f"has a node of level {child.level} below one of level {node.level}")
        before, after = (tuple(node.starts[at].tolist()) for at in (place, place + 1))
        if child.first < before or child.last > after:
            refuse(TREE, f"has a node from {child.first} to {child.last} where {before} to {after} belongs")
    return children


def _overlaps(starts: np.ndarray[Any, Any], start: int, stop: int) -> np.ndarray[Any, Any]:
    """Return which children may hold chunks that begin from row ``start`` on, before row ``stop``."""
    rows, rest = starts[:, 0], np.asarray(starts[:, 1:].any(axis=1))
    is_after = (rows[1:] > start) | ((rows[1:] == start) & rest[1:])
    return np.asarray((rows[:-1] < stop) & is_after)


def _nodes(sizes: Sizes, addresses: list[int], steps: tuple[int, ...]) -> Reading[list[Node]]:
    """Read nodes: at once, and once more those that are larger than usual."""
    head, entry = 8 + 2 * sizes.offset, _entry(sizes, len(steps))
    what, key = "a node of a dataset's chunks", 8 + 8 * len(steps)
    guess = head + USUAL * entry.itemsize + key
    firsts = [sizes.span(address, head, what) for address in addresses]
    spans = [(start, min(start + guess, sizes.end)) for start, _ in firsts]
    pieces: list[memoryview] = yield spans
    sizes_needed = [head + sizes.uint(piece, 6, 2) * entry.itemsize + key for piece in pieces]
    larger = [place for place, needed in enumerate(sizes_needed) if needed > len(pieces[place])]
    if sum(sizes_needed) > sizes.end:
        refuse(TREE, f"has nodes of {sum(sizes_needed)} bytes in a file of {sizes.end}")
    if larger:
        again: list[memoryview] = yield [sizes.span(addresses[place], sizes_needed[place], what) for place in larger]
        for place, piece in zip(larger, again, strict=True):
            pieces[place] = piece
    return [_node(piece[:needed], head, entry, steps) for piece, needed in zip(pieces, sizes_needed, strict=True)]


def _entry(sizes: Sizes, n_steps: int) -> np.dtype[Any]:
    """Return how a child stands in its node: the key of its first chunk, and its address."""
    start = ("start", "<u8", (n_steps,))
    return np.dtype([("size", "<u4"), ("skipped", "<u4"), start, ("child", f"<u{sizes.offset}")])


def _node(data: memoryview, head: int, entry: np.dtype[Any], steps: tuple[int, ...]) -> Node:
    """Parse a node; its keys must grow, each by whole chunks."""
    if bytes(data[:5]) != b"TREE\x01":
        refuse(TREE, f"has a node that begins with {bytes(data[:5])!r}, not with b'TREE\\x01'")
    end = len(data) - 8 - 8 * len(steps)
    entries = np.frombuffer(data[head:end], entry)
    behind = np.frombuffer(data[end + 8 :], "<u8")
    starts = np.concatenate([entries["start"], behind[None]])
    if len(entries) == 0 and data[5]:
        refuse(TREE, "has a node without children")
    if (starts % np.array(steps, np.uint64)).any():
        refuse(TREE, f"has a chunk that begins between the chunks, whose shape is {steps[:-1]}")
    if not _grows(starts):
        refuse(TREE, "has a node whose keys do not grow")
    return Node(data[5], starts, entries)


def _grows(starts: np.ndarray[Any, Any]) -> bool:
    """Return whether each row comes after the one before, as words do in a dictionary."""
    before, after = starts[:-1], starts[1:]
    differs = before != after
    first = differs.argmax(axis=1)[:, None]
    grows = np.take_along_axis(after, first, 1) > np.take_along_axis(before, first, 1)
    return bool(grows.all())
