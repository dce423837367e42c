"""Chunks by arrays that stand in a block or in its pages; fixed arrays are of one block."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.checksum import check
from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.part import INDEX, NEVER, Found, Part, addresses, all_of, uints
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading

Maxshape = tuple[int | None, ...]
Array = np.ndarray[Any, Any]

CHECKSUM = 4
PREFIX = 6
"""Bytes before all else: signature, version, whether chunks are filtered."""


def places(part: Part, maxshape: Maxshape) -> Array:
    """Return where each chunk of a part stands in the array of all chunks that there may ever be.

    They stand in C order over the largest shape; an axis without limit comes first.
    """
    most = [None if size is None else -(-size // chunk) for size, chunk in zip(maxshape, part.chunk, strict=True)]
    unlimited = [axis for axis, count in enumerate(most) if count is None]
    order = unlimited + [axis for axis, count in enumerate(most) if count is not None]
    if len(unlimited) > 1 or any(m is not None and m < n for m, n in zip(most, part.counts, strict=True)):
        refuse(INDEX, f"is an array, though the array may grow to {maxshape}")
    steps = [math.prod(most[axis] or 1 for axis in order[order.index(axis) + 1 :]) for axis in range(part.n_axes)]
    furthest = sum((count - 1) * step for count, step in zip((part.last, *part.counts[1:]), steps, strict=True))
    if furthest >= 2**52:
        refuse(INDEX, f"should have a place {furthest}")
    grid = np.indices(part.shape, np.int64).reshape(part.n_axes, -1)
    grid[0] += part.first
    return np.asarray(np.array(steps) @ grid)


class Elements(NamedTuple):
    """How one chunk stands in an array: its address, and with filters its size and those left out."""

    sizes: Sizes
    client: int
    width: int
    n_bytes: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an element."""
        size = self.width - self.sizes.offset - 4
        parts = [("offset", f"V{self.sizes.offset}"), ("size", f"V{size}"), ("skipped", "<u4")]
        return np.dtype(parts if self.client else parts[:1])

    def none(self, count: int) -> Array:
        """Return elements of chunks that were never written."""
        return np.frombuffer(b"\xff" * (count * self.width), self.dtype).copy()

    def found(self, part: Part, entries: Array) -> Found:
        """Return the chunks of a part."""
        offsets = addresses(entries["offset"])
        if not self.client:
            return all_of(part, offsets, self.n_bytes)
        return all_of(part, offsets, np.where(offsets == NEVER, 0, uints(entries["size"])), entries["skipped"])


def find(sizes: Sizes, address: int, part: Part, maxshape: Maxshape, n_bytes: int) -> Reading[Found]:
    """Return the chunks of a part, of a dataset whose shape has a limit."""
    length = PREFIX + 2 + sizes.length + sizes.offset + CHECKSUM
    data: memoryview = yield sizes.span(address, length, "the header of a fixed array")
    elements, data = checked_header(sizes, data, b"FAHD", n_bytes)
    page_bits, count = data[7], sizes.uint(data, 8, sizes.length)
    block = sizes.address(data, 8 + sizes.length)
    wanted = places(part, maxshape)
    if count > sizes.end or page_bits > 63 or int(wanted.max()) >= count:
        refuse(
            INDEX, f"is an array of {count} chunks, in a file of {sizes.end} bytes; {int(wanted.max()) + 1} are needed"
        )
    if block is None:
        return elements.found(part, elements.none(len(wanted)))
    head = PREFIX + sizes.offset
    if count <= 1 << page_bits:
        entries = yield from read_block(elements, block, count, b"FADB", head, address)
        return elements.found(part, entries[wanted])
    n_pages = -(-count // (1 << page_bits))
    head += -(-n_pages // 8)
    prefix: memoryview = yield sizes.span(block, head + CHECKSUM, "a block of a fixed array")
    bitmap = checked_block(elements, prefix, b"FADB", address)[PREFIX + sizes.offset :]
    pages = Pages(block + head + CHECKSUM, count, 1 << page_bits, np.unpackbits(np.frombuffer(bitmap, np.uint8)))
    return elements.found(part, (yield from read_pages(elements, pages, wanted)))


class Pages(NamedTuple):
    """A block in pages: where the first begins, how many elements there are and in a page, and which were written."""

    start: int
    n_elements: int
    in_page: int
    is_written: Array


def read_pages(elements: Elements, pages: Pages, wanted: Array) -> Reading[Array]:
    """Return the elements at some places, reading their pages only, all at once."""
    result = elements.none(len(wanted))
    numbers = [number for number in np.unique(wanted // pages.in_page).tolist() if pages.is_written[number]]
    spans = []
    for number in numbers:
        n_here = min(pages.in_page, pages.n_elements - number * pages.in_page)
        start = pages.start + number * (pages.in_page * elements.width + CHECKSUM)
        spans.append(elements.sizes.span(start, n_here * elements.width + CHECKSUM, "a page of an array of chunks"))
    pieces: list[memoryview] = (yield spans) if spans else []
    for number, piece in zip(numbers, pieces, strict=True):
        entries = np.frombuffer(check(piece, "a page of an array of chunks"), elements.dtype)
        is_here = wanted // pages.in_page == number
        result[is_here] = entries[wanted[is_here] % pages.in_page]
    return result


def read_block(elements: Elements, block: int, count: int, signature: bytes, head: int, owner: int) -> Reading[Array]:
    """Return all elements of a block that is not in pages."""
    span = elements.sizes.span(block, head + count * elements.width + CHECKSUM, "a block of an array of chunks")
    data: memoryview = yield span
    return np.frombuffer(checked_block(elements, data, signature, owner)[head:], elements.dtype)


def checked_header(sizes: Sizes, data: memoryview, signature: bytes, n_bytes: int) -> tuple[Elements, memoryview]:
    """Check a header; return how elements stand, and its bytes."""
    data = check(data, "the header of an array of chunks")
    if bytes(data[:5]) != signature + b"\0" or data[5] > 1:
        refuse(INDEX, f"has a header that begins with {bytes(data[:PREFIX])!r}, not with {signature!r}")
    elements = Elements(sizes, data[5], data[6], n_bytes)
    rest = elements.width - sizes.offset
    if not (5 <= rest <= 12 if elements.client else rest == 0):
        refuse(INDEX, f"is an array whose elements have {elements.width} bytes")
    return elements, data


def checked_block(elements: Elements, data: memoryview, signature: bytes, owner: int) -> memoryview:
    """Check the beginning and the checksum of a block; return its bytes."""
    data = check(data, "a block of an array of chunks")
    if bytes(data[:PREFIX]) != signature + bytes([0, elements.client]):
        refuse(INDEX, f"has a block that begins with {bytes(data[:PREFIX])!r}, not with {signature!r}")
    if elements.sizes.address(data, PREFIX) != owner:
        refuse(INDEX, "has a block of another array")
    return data
