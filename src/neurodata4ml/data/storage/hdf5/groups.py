"""The members of a group: links by name, in a symbol table or in messages."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from sys import intern
from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.cursor import Cursor, decoded, refuse
from neurodata4ml.data.storage.hdf5.sizes import WIDTHS, Sizes
from neurodata4ml.data.storage.index import Hard, Link, Soft
from neurodata4ml.data.storage.waves import Reading

_HEAP, _NODE, _SYMBOLS = "a heap of names", "a tree of names", "a list of names"
_DEEPEST = 32
_NO_FREE = 1


class _Names(NamedTuple):
    """The heap in which a symbol table keeps its names."""

    data: bytes

    def at(self, offset: int) -> bytes:
        end = self.data.find(0, offset) if offset < len(self.data) else -1
        if end < 0:
            refuse(_HEAP, f"of {len(self.data)} bytes has no name at byte {offset}")
        return self.data[offset:end]


class _Node(NamedTuple):
    """Where a node of the tree is, its level, and between which names all of its own are: after, up to."""

    address: int
    level: int | None
    after: bytes | None
    last: bytes | None


def read_symbol_table(sizes: Sizes, message: memoryview, spend: Callable[[int], None]) -> Reading[dict[str, Link]]:
    """Read the members of a group of the old kind, in the order of their names; ``spend`` counts bytes."""
    cursor = Cursor(message, sizes, "a symbol table's message")
    tree, heap = cursor.address(), cursor.address()
    spans = [sizes.span(heap, 8 + 3 * sizes.length, _HEAP), sizes.span(tree, 8 + 2 * sizes.offset, _NODE)]
    head, _ = yield spans
    names = yield from _read_names(sizes, head, spend)
    lists = [_Node(spans[1][0], None, None, None)]
    seen = {lists[0].address}
    for _ in range(_DEEPEST):
        lists = yield from _read_nodes(sizes, lists, names, seen)
        if not lists or lists[0].level == -1:
            return (yield from _read_lists(sizes, lists, names, spend))
    refuse(_NODE, f"is more than {_DEEPEST} levels deep")


def _read_names(sizes: Sizes, head: memoryview, spend: Callable[[int], None]) -> Reading[_Names]:
    cursor = Cursor(head, sizes, _HEAP)
    cursor.signature(b"HEAP")
    cursor.version(0)
    cursor.take(3)
    size, free, address = cursor.length(), cursor.length(), cursor.address()
    spend(size)
    data = bytes((yield sizes.span(address, size, _HEAP))) if size else b""
    width = sizes.length
    for _ in range(len(data) // 16 + 1):
        if free == _NO_FREE or free == (1 << 8 * width) - 1:
            return _Names(data)
        after, n_free = (int.from_bytes(data[free + k * width : free + (k + 1) * width], "little") for k in (0, 1))
        if free + max(n_free, 2 * width) > size or not after:
            break
        free = after
    refuse(_HEAP, "claims more free bytes than it has")


def _read_nodes(sizes: Sizes, nodes: list[_Node], names: _Names, seen: set[int]) -> Reading[list[_Node]]:
    """Read all nodes of one level of the tree; return those of the next, of level -1 where these are lists."""
    head_size = 8 + 2 * sizes.offset
    heads = yield [sizes.span(node.address, head_size, _NODE) for node in nodes]
    entry = sizes.length + sizes.offset
    spans = []
    for node, head in zip(nodes, heads, strict=True):
        if head[:4] != b"TREE" or head[4] != 0 or (node.level is not None and head[5] != node.level):
            refuse(f"{_NODE} at byte {node.address}", f"starts with {bytes(head[:6])!r}")
        n_children = head[6] | head[7] << 8
        if n_children > sizes.most_nodes:
            refuse(
                f"{_NODE} at byte {node.address}", f"claims {n_children} nodes, but has place for {sizes.most_nodes}"
            )
        sizes.span(node.address, head_size + sizes.most_nodes * entry + sizes.length, _NODE)
        spans.append(sizes.span(node.address + head_size, n_children * entry + sizes.length, _NODE))
    found: list[_Node] = []
    for node, head, body in zip(nodes, heads, (yield spans), strict=True):
        found += _children(Cursor(body, sizes, _NODE), node, head[5], names, seen)
    return found


def _children(cursor: Cursor, node: _Node, level: int, names: _Names, seen: set[int]) -> list[_Node]:
    found = []
    n_children = (cursor.left - cursor.sizes.length) // (cursor.sizes.length + cursor.sizes.offset)
    first = after = names.at(cursor.length()) if n_children else b""
    for _ in range(n_children):
        address = cursor.sizes.span(cursor.address(), 8, _NODE)[0]
        last = names.at(cursor.length())
        if address in seen or last < after:
            refuse(f"{_NODE} at byte {node.address}", "lists a node twice, or not in the order of names")
        seen.add(address)
        found.append(_Node(address, level - 1, after, last))
        after = last
    if found and node.last is not None and node.after is not None and (after > node.last or first < node.after):
        refuse(f"{_NODE} at byte {node.address}", "lists other names than the node above it says")
    return found


def _read_lists(
    sizes: Sizes, lists: list[_Node], names: _Names, spend: Callable[[int], None]
) -> Reading[dict[str, Link]]:
    """Read the lists of names at the leaves of the tree."""
    heads = yield [sizes.span(node.address, 8, _SYMBOLS) for node in lists]
    entry = 2 * sizes.offset + 24
    spans = []
    for node, head in zip(lists, heads, strict=True):
        if head[:5] != b"SNOD\x01":
            refuse(f"{_SYMBOLS} at byte {node.address}", f"starts with {bytes(head[:5])!r}, not b'SNOD\\x01'")
        n_names = head[6] | head[7] << 8
        if n_names > sizes.most_names:
            refuse(f"{_SYMBOLS} at byte {node.address}", f"claims {n_names}, but has place for {sizes.most_names}")
        sizes.span(node.address, 8 + sizes.most_names * entry, _SYMBOLS)
        spans.append((node.address + 8, node.address + 8 + n_names * entry))
    spend(sum(stop - start for start, stop in spans))
    links: dict[str, Link] = {}
    for node, data in zip(lists, (yield spans), strict=True):
        _take_links(sizes, data, node, names, links)
    return links


def _take_links(sizes: Sizes, data: memoryview, node: _Node, names: _Names, links: dict[str, Link]) -> None:
    width = sizes.offset
    symbol = Struct(f"<{WIDTHS[width]}{WIDTHS[width]}I4xI12x")
    before = node.after
    for offset, header, cache, soft in symbol.iter_unpack(data):
        name = names.at(offset)
        if before is None or node.last is None or not before < name <= node.last:
            refuse(_SYMBOLS, f"has {decoded(name)!r} where its order does not allow it")
        if b"/" in name:
            refuse(_SYMBOLS, f"has the name {name!r}, with a slash in it")
        before, word = name, intern(decoded(name))
        if cache == 2:
            links[word] = Soft(decoded(names.at(soft)))
        elif cache < 2:
            address = sizes.span(header + sizes.base, 16, f"the object {decoded(name)!r}")[0]
            links[word] = Hard(address)
        else:
            refuse(_SYMBOLS, f"says of {decoded(name)!r} that it is of kind {cache}, which does not exist")
