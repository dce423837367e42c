"""The global heap: collections of byte strings that values of varying length point to."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.sizes import WIDTHS, Sizes
from neurodata4ml.data.storage.waves import Reading

Collection = dict[int, memoryview]
"""Byte strings by their number within one collection."""

_WHAT = "a heap of values of varying length"
_SMALLEST = 4096
_MOST_KEPT = 1 << 24

MOST_METADATA = 96 << 20
"""Bytes of headers, names and attributes that one index is made of: more would not be metadata. Each costs memory."""


def objects_in(data: memoryview, sizes: Sizes, what: str = _WHAT) -> Collection:
    """Return the byte strings of a collection, from all of its bytes; ``what`` it is, for messages."""
    numbers = Struct(f"<H6x{WIDTHS[sizes.length]}")
    head = -(-numbers.size // 8) * 8
    objects: Collection = {}
    at, stop = head, len(data)
    while stop - at >= numbers.size:
        number, size = numbers.unpack_from(data, at)
        if not number:  # what is free: its size counts these numbers too
            if not numbers.size <= size <= stop - at:
                refuse(what, f"has {size} bytes free where {stop - at} are left")
            at += size
            continue
        start = at + head
        at = start + -(-size // 8) * 8
        if at > stop or number in objects:
            refuse(what, f"holds {size} bytes as number {number} where {stop - start} are left, or holds it twice")
        objects[number] = data[start : start + size]
    return objects


def collection_size(sizes: Sizes, address: int, head: memoryview) -> int:
    """Return how many bytes a collection has, from its first 16 (at least)."""
    if bytes(head[:4]) != b"GCOL" or head[4] != 1:
        refuse(f"{_WHAT} at byte {address}", f"starts with {bytes(head[:5])!r}, not with b'GCOL\\x01'")
    size = int.from_bytes(head[8 : 8 + sizes.length], "little")
    if size < _SMALLEST:
        refuse(f"{_WHAT} at byte {address}", f"claims {size} bytes, fewer than the {_SMALLEST} it must have")
    sizes.span(address, size, _WHAT)
    return size


class Collections:
    """Collections that were read already, as many as fit: attributes that were written together lie together.

    They are shared by all objects of one index, and so is what these may take: ``spend`` counts it.
    """

    def __init__(self, sizes: Sizes) -> None:
        """Start with none."""
        self.sizes = sizes
        self._left = MOST_METADATA
        self._held: dict[int, tuple[int, Collection]] = {}
        self._total = 0
        self._owners: dict[int, int] = {}

    def own(self, block: int, header: int) -> None:
        """Note in which object header a block is; refused where it is in another one as well."""
        if self._owners.setdefault(block, header) != header:
            refuse(f"the object header at byte {header}", f"goes on at byte {block}, where another one does")

    def spend(self, n_bytes: int) -> None:
        """Count bytes that are read or kept: a file may claim the same ones again and again."""
        self._left -= n_bytes
        if self._left < 0:
            refuse("the index of the file", f"takes more than the {MOST_METADATA >> 20} MB that metadata can be")

    def read(self, addresses: Iterable[int]) -> Reading[dict[int, Collection]]:
        """Read the collections at these addresses, all in one go."""
        found = {address: self._held[address][1] for address in addresses if address in self._held}
        missing = [address for address in dict.fromkeys(addresses) if address not in found]
        if not missing:
            return found
        heads = yield [self.sizes.span(address, 16, _WHAT) for address in missing]
        spans = [
            (address, address + collection_size(self.sizes, address, head))
            for address, head in zip(missing, heads, strict=True)
        ]
        self.spend(sum(stop - start for start, stop in spans))
        for address, data in zip(missing, (yield spans), strict=True):
            copy = memoryview(bytes(data))  # its own bytes, so that no page is held because of it
            found[address] = objects_in(copy, self.sizes)
            self._hold(address, len(copy), found[address])
        return found

    def _hold(self, address: int, size: int, collection: Collection) -> None:
        self._held[address] = (size, collection)
        self._total += size
        while self._total > _MOST_KEPT:
            first = next(iter(self._held))
            self._total -= self._held.pop(first)[0]
