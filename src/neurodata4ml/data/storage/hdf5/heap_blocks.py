"""A fractal heap: the blocks in which it keeps small objects, whose sizes double from row to row."""

from __future__ import annotations

from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.checksum import check, lookup3
from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.waves import Reading, together

HEAP = "a heap of links or attributes"
CHECKSUM = 4


class Heap(NamedTuple):
    """What a heap's header says: how its blocks double, and where they are."""

    sizes: Sizes
    address: int | None
    id_length: int
    is_checked: bool
    largest_managed: int
    huge: int | None
    width: int
    smallest: int
    largest: int
    bits: int
    root: int | None
    n_rows: int

    @property
    def offset_width(self) -> int:
        """Bytes of a place in the heap."""
        return -(-self.bits // 8)

    @property
    def prefix(self) -> int:
        """Bytes before all else in a block: signature, version, of which heap, from which place on."""
        return 5 + self.sizes.offset + self.offset_width

    @property
    def n_direct(self) -> int:
        """Rows of an indirect block that hold objects; the others hold further indirect blocks."""
        return self.largest.bit_length() - self.smallest.bit_length() + 2

    def row(self, number: int) -> tuple[int, int]:
        """Return where a row begins in an indirect block's space, and the size of its blocks: all rows above, again."""
        size = self.smallest << max(number - 1, 0)
        return (self.width * size if number else 0), size


class Block(NamedTuple):
    """Part of a heap's space: from which place on, of which size, and where in the file it is."""

    start: int
    size: int
    address: int | None


class Filled(NamedTuple):
    """The bytes of a block of objects, from its place in the heap's space on; objects come after its ``head``."""

    start: int
    head: int
    data: memoryview


def read_heap(sizes: Sizes, address: int | None) -> Reading[Heap]:
    """Read a heap's header; its numbers must be ones that HDF5 can write."""
    offset, length = sizes.offset, sizes.length
    table = 14 + 10 * length + 2 * offset
    after = table + 2 + 2 * length
    data: memoryview = yield sizes.span(address, after + 4 + offset + 2 + CHECKSUM, HEAP)
    if bytes(data[:5]) != b"FRHP\x00":
        refuse(HEAP, f"begins with {bytes(data[:5])!r}, not with b'FRHP\\x00'")
    if sizes.uint(data, 7, 2):
        message = "a group's links or attributes are compressed, which is not read; type h5repack IN OUT and read OUT"
        raise Unsupported(message)
    data = check(data, HEAP)
    heap = Heap(
        sizes=sizes,
        address=address,
        id_length=sizes.uint(data, 5, 2),
        is_checked=bool(data[9] & 2),
        largest_managed=sizes.uint(data, 10, 4),
        huge=sizes.address(data, 14 + length),
        width=sizes.uint(data, table, 2),
        smallest=sizes.uint(data, table + 2, length),
        largest=sizes.uint(data, table + 2 + length, length),
        bits=sizes.uint(data, after, 2),
        root=sizes.address(data, after + 4),
        n_rows=sizes.uint(data, after + 4 + offset, 2),
    )
    _check(heap)
    return heap


def _check(heap: Heap) -> None:
    """Refuse a heap whose numbers contradict each other."""
    powers = (heap.width, heap.smallest, heap.largest)
    if any(power.bit_count() != 1 for power in powers) or heap.largest < heap.smallest or not 1 <= heap.bits <= 64:
        refuse(HEAP, f"has blocks of {heap.smallest} to {heap.largest} bytes, {heap.width} in a row")
    if heap.id_length < 1 + heap.offset_width or heap.n_rows > heap.bits:
        refuse(HEAP, f"has {heap.n_rows} rows, and identifiers of {heap.id_length} bytes for {heap.bits} bits")


def read_blocks(heap: Heap, places: list[int]) -> Reading[list[Filled]]:
    """Return the blocks that hold these places of the heap's space, in their order, one wave for each level."""
    if heap.n_rows == 0:
        direct = [Block(0, heap.smallest, heap.root)]
    else:
        direct = yield from _below(heap, Block(0, 0, heap.root), heap.n_rows, places)
    return (yield from together([_filled(heap, block) for block in direct]))


def _below(heap: Heap, block: Block, n_rows: int, places: list[int]) -> Reading[list[Block]]:
    """Return the blocks of objects below an indirect one that hold some of the places."""
    sizes, n_entries = heap.sizes, n_rows * heap.width
    span = sizes.span(block.address, heap.prefix + n_entries * sizes.offset + CHECKSUM, HEAP)
    data = _prefixed(heap, check((yield span), HEAP), b"FHIB\x00", block.start)
    direct: list[Block] = []
    deeper: list[Reading[list[Block]]] = []
    for row in range(n_rows):
        before, size = heap.row(row)
        for column in range(heap.width):
            start = block.start + before + column * size
            inside = [place for place in places if start <= place < start + size]
            if not inside:
                continue
            entry = heap.prefix + (row * heap.width + column) * sizes.offset
            child = Block(start, size, sizes.address(data, entry))
            if row < heap.n_direct:
                direct.append(child)
            else:
                deeper.append(_below(heap, child, _rows(heap, size), inside))
    found = yield from together(deeper)
    return direct + [block for blocks in found for block in blocks]


def _rows(heap: Heap, size: int) -> int:
    """Return the rows of an indirect block for so many bytes."""
    rows = size.bit_length() - (heap.smallest * heap.width).bit_length() + 1
    if rows < 1:
        refuse(HEAP, f"has an indirect block for {size} bytes, in rows of {heap.smallest * heap.width}")
    return rows


def _filled(heap: Heap, block: Block) -> Reading[Filled]:
    """Read a block of objects."""
    data: memoryview = yield heap.sizes.span(block.address, block.size, HEAP)
    head = heap.prefix + (CHECKSUM if heap.is_checked else 0)
    if len(data) < head:
        refuse(HEAP, f"has a block of {len(data)} bytes, of which {head} say what it is")
    _prefixed(heap, data, b"FHDB\x00", block.start)
    if heap.is_checked:
        whole = bytearray(data)
        whole[heap.prefix : head] = bytes(CHECKSUM)  # the checksum was reckoned with zeros in its place
        if lookup3(bytes(whole)) != int.from_bytes(data[heap.prefix : head], "little"):
            refuse(HEAP, f"has a block at {block.address} without the checksum that it says")
    return Filled(block.start, head, data)


def _prefixed(heap: Heap, data: memoryview, signature: bytes, start: int) -> memoryview:
    """Check the beginning of a block: it must belong to this heap, and here."""
    owner, place = heap.sizes.address(data, 5), heap.sizes.uint(data, 5 + heap.sizes.offset, heap.offset_width)
    if bytes(data[:5]) != signature or owner != heap.address or place != start:
        refuse(HEAP, f"has a block {bytes(data[:5])!r} from place {place} on, where {signature!r} from {start} belongs")
    return data
