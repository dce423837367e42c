"""Chunks by an extensible array: of a dataset that may grow along one axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.arrays_index import (
    CHECKSUM,
    PREFIX,
    Array,
    Elements,
    Maxshape,
    Pages,
    checked_block,
    checked_header,
    places,
    read_block,
    read_pages,
)
from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.part import INDEX, Found, Part
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading, together


class Plan(NamedTuple):
    """What the header says: how the array grows.

    The first ``in_index`` elements stand in the index block. Behind them, super block k has 2^k times ``smallest``
    elements, in 2^(k // 2) data blocks; those of the first ones are listed in the index block too.
    """

    elements: Elements
    address: int
    bits: int
    in_index: int
    smallest: int
    pointers: int
    page_bits: int

    @property
    def n_direct(self) -> int:
        """Super blocks whose data blocks are listed in the index block."""
        return 2 * (self.pointers.bit_length() - 1)

    @property
    def n_super(self) -> int:
        """Super blocks that have a place in the index block."""
        return 1 + self.bits - (self.smallest.bit_length() - 1) - self.n_direct

    @property
    def head(self) -> int:
        """Bytes before the elements of a data block: which array, and which element is the first."""
        return PREFIX + self.elements.sizes.offset + -(-self.bits // 8)

    def in_block(self, level: int) -> int:
        """Return how many elements the data blocks of a super block have."""
        return int(self.smallest << (level + 1) // 2)

    def n_pages(self, level: int) -> int:
        """Return how many pages the data blocks of a super block have; 0 if they have none."""
        return self.in_block(level) >> self.page_bits if self.in_block(level) > 1 << self.page_bits else 0


class Block(NamedTuple):
    """A data block: where, of which super block, which pages were written, and which elements are wanted where."""

    address: int
    level: int
    is_written: Array
    inside: Array
    outside: Array


def find(sizes: Sizes, address: int, part: Part, maxshape: Maxshape, n_bytes: int) -> Reading[Found]:
    """Return the chunks of a part."""
    data: memoryview = yield sizes.span(
        address, PREFIX + 6 + 6 * sizes.length + sizes.offset + CHECKSUM, "the header of an extensible array"
    )
    elements, data = checked_header(sizes, data, b"EAHD", n_bytes)
    plan = _plan(elements, address, data)
    n_set = sizes.uint(data, 12 + 4 * sizes.length, sizes.length)
    index = sizes.address(data, 12 + 6 * sizes.length)
    wanted = places(part, maxshape)
    result = elements.none(len(wanted))
    if index is not None:
        yield from _fill(plan, index, np.where(wanted < n_set, wanted, -1), result)
    return elements.found(part, result)


def _plan(elements: Elements, address: int, data: memoryview) -> Plan:
    """Parse how the array grows; its numbers must be ones that HDF5 can write."""
    plan = Plan(elements, address, *data[7:12])
    if (
        not 1 <= plan.bits <= 64
        or plan.smallest.bit_count() != 1
        or plan.pointers.bit_count() != 1
        or plan.pointers < 2
        or plan.n_super < 0
        or plan.page_bits > plan.bits
    ):
        refuse(INDEX, f"is an extensible array that grows by {tuple(data[7:12])}")
    return plan


def _fill(plan: Plan, index: int, wanted: Array, result: Array) -> Reading[None]:
    """Put the wanted elements into ``result``: from the index block, then from all data blocks at once."""
    sizes, width = plan.elements.sizes, plan.elements.width
    own = plan.in_index * width
    n_blocks = 2 * (plan.pointers - 1)
    head = PREFIX + sizes.offset
    length = head + own + (n_blocks + plan.n_super) * sizes.offset + CHECKSUM
    data: memoryview = yield sizes.span(index, length, "the index block of an extensible array")
    data = checked_block(plan.elements, data, b"EAIB", plan.address)
    is_own = (wanted >= 0) & (wanted < plan.in_index)
    result[is_own] = np.frombuffer(data[head : head + own], plan.elements.dtype)[wanted[is_own]]
    blocks = yield from _blocks(plan, data[head + own :], n_blocks, wanted)
    yield from together([_read(plan, block, result) for block in blocks])


def _blocks(plan: Plan, pointers: memoryview, n_blocks: int, wanted: Array) -> Reading[list[Block]]:
    """Return the data blocks that hold wanted elements and were written."""
    sizes = plan.elements.sizes
    outside = np.flatnonzero(wanted >= plan.in_index)
    behind = wanted[outside] - plan.in_index
    levels = np.frexp(behind // plan.smallest + 1)[1].astype(np.int64) - 1
    if len(levels) and int(levels.max()) >= plan.n_direct + plan.n_super:
        refuse(INDEX, f"is an extensible array of at most 2^{plan.bits} elements; more are needed")
    supers = sorted({level for level in np.unique(levels).tolist() if level >= plan.n_direct})
    known = [(level, sizes.address(pointers, (n_blocks + level - plan.n_direct) * sizes.offset)) for level in supers]
    there = [(level, address) for level, address in known if address is not None]
    lists = yield from together([_super(plan, level, address) for level, address in there])
    listed = {level: found for (level, _), found in zip(there, lists, strict=True)}
    inside = behind - plan.smallest * ((1 << levels) - 1)
    in_block = plan.smallest << (levels + 1) // 2
    blocks = []
    for level, number, rows in _groups(levels, inside // in_block):
        at = number * sizes.offset
        if level < plan.n_direct:
            is_written, source = np.zeros(0, np.uint8), pointers
            at += sum(1 << before // 2 for before in range(level)) * sizes.offset
        elif level in listed:
            n_pages = plan.n_pages(level)
            all_pages, source = listed[level]
            is_written = all_pages[number * n_pages : (number + 1) * n_pages]
        else:
            continue
        address = sizes.address(source, at)
        if address is not None:
            blocks.append(Block(address, level, is_written, inside[rows] % in_block[rows], outside[rows]))
    return blocks


def _groups(levels: Array, numbers: Array) -> list[tuple[int, int, Array]]:
    """Return (super block, data block in it, which elements) for each data block."""
    order = np.lexsort((numbers, levels))
    if not len(order):
        return []
    sorted_levels, sorted_numbers = levels[order], numbers[order]
    is_new = (np.diff(sorted_levels) != 0) | (np.diff(sorted_numbers) != 0)
    return [(int(levels[rows[0]]), int(numbers[rows[0]]), rows) for rows in np.split(order, np.flatnonzero(is_new) + 1)]


def _super(plan: Plan, level: int, address: int) -> Reading[tuple[Array, memoryview]]:
    """Return which pages of all data blocks of a super block were written, and where the blocks are."""
    count = 1 << level // 2
    n_bitmaps = count * -(-plan.n_pages(level) // 8)  # more than it takes: bit after bit, not block after block
    length = plan.head + n_bitmaps + count * plan.elements.sizes.offset + CHECKSUM
    data: memoryview = yield plan.elements.sizes.span(address, length, "a super block of an extensible array")
    data = checked_block(plan.elements, data, b"EASB", plan.address)
    bits = np.frombuffer(data[plan.head : plan.head + n_bitmaps], np.uint8)
    return np.unpackbits(bits), data[plan.head + n_bitmaps :]


def _read(plan: Plan, block: Block, result: Array) -> Reading[None]:
    """Put the wanted elements of a data block into ``result``."""
    count = plan.in_block(block.level)
    if count <= 1 << plan.page_bits:
        entries = yield from read_block(plan.elements, block.address, count, b"EADB", plan.head, plan.address)
        result[block.outside] = entries[block.inside]
        return
    if not len(block.is_written):
        refuse(INDEX, "is an extensible array with pages where there are none")
    pages = Pages(block.address + plan.head + CHECKSUM, count, 1 << plan.page_bits, block.is_written)
    prefix = read_block(plan.elements, block.address, 0, b"EADB", plan.head, plan.address)
    _, entries = yield from together([prefix, read_pages(plan.elements, pages, block.inside)])
    result[block.outside] = entries
