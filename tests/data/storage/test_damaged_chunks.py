"""A damaged index of chunks is refused, each in its words; the rare forms of a right one are read."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.hdf5.checksum import lookup3
from neurodata4ml.data.storage.hdf5.chunks import find_chunks
from neurodata4ml.data.storage.index import NUMBER, Chunked, ChunkTable, Dataset, Filter, Stored
from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.waves import one
from neurodata4ml.errors import LayoutError


class Bytes:
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)

    def known(self, start: int, stop: int) -> memoryview:
        """Return the bytes."""
        assert 0 <= start <= stop <= len(self.data), "read outside of the file"
        return self.data[start:stop]

    def get(self, spans: Sequence[Span]) -> None:
        """Have all of them already."""


def in_chunks(
    finder: tuple[Any, ...],
    shape: tuple[int, ...] = (12,),
    chunk: tuple[int, ...] = (4,),
    filters: tuple[Filter, ...] = (),
) -> Dataset:
    """Return a dataset of bytes."""
    return Dataset(0, shape, Stored(NUMBER, np.dtype("u1")), Chunked(chunk, finder), filters)


def find(dataset: Dataset, data: bytes) -> ChunkTable:
    """Return where the chunks of a dataset are in a file of these bytes."""
    return one(Bytes(data), find_chunks(dataset, len(data)))


def test_chunks_that_the_shape_cuts_may_be_without_filters() -> None:
    with h5py.File("edges", "w", driver="core", backing_store=False, libver="latest") as file:
        file.create_dataset(
            "x",
            data=np.frombuffer(np.random.default_rng(0).bytes(80), "u1").reshape(10, 8),
            chunks=(4, 4),
            compression="gzip",
        )
        file.flush()
        image = file.id.get_file_image()
    start = image.index(b"FAHD")
    dataset = in_chunks(("fixed", start, (8, 8, 0), (10, 8), True), (10, 8), (4, 4), filters=(Filter(1),))
    table = find(dataset, image)
    assert table.skipped.tolist() == [0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF]
    assert table.sizes[-2:].tolist() == [16, 16]


def node(level: int, *entries: tuple[int, int, int, int], last: int = 12, kind: bytes = b"TREE\1") -> bytes:
    """Return a node of version 1; an entry is (size, skipped, start, child)."""
    keys = b"".join(struct.pack("<IIQQQ", size, skipped, start, 0, child) for size, skipped, start, child in entries)
    return (
        kind + struct.pack("<BHQQ", level, len(entries), 2**64 - 1, 2**64 - 1) + keys + struct.pack("<QQQ", 0, last, 0)
    )


def tree(*nodes: bytes) -> bytes:
    """Return a file of 4,000 bytes with a node every 400."""
    return b"".join(one_node.ljust(400, b"\0") for one_node in nodes).ljust(4000, b"\0")


LEAF = node(0, (4, 0, 0, 3000), (4, 0, 4, 3004), (4, 0, 8, 3008))
TREES: dict[str, bytes] = {
    "begins with b'TREX": tree(node(0, kind=b"TREX\1")),
    "begins with b'TREE.x00'": tree(node(0, kind=b"TREE\0")),
    "has a node without children": tree(node(1)),
    "has a node whose keys do not grow": tree(node(0, (4, 0, 4, 3000), (4, 0, 4, 3004))),
    "has two ways to the same node": tree(node(1, (4, 0, 0, 400), (4, 0, 4, 400)), LEAF),
    "has a node of level 1 below one of level 1": tree(node(1, (4, 0, 0, 0))),
    "has a node of level 0 below one of level 2": tree(node(2, (4, 0, 0, 400)), LEAF),
    r"has a node from \(0, 0\) to \(12, 0\) where \(4, 0\) to \(12, 0\) belongs": tree(node(1, (4, 0, 4, 400)), LEAF),
    "has a chunk that begins nowhere": tree(node(0, (4, 0, 2**63, 3000), last=2**64 - 4)),
    r"has a chunk that begins between the chunks, whose shape is \(4,\)": tree(node(0, (4, 0, 2, 3000))),
    r"lists a chunk that is not in the grid of \(3,\) chunks of \(4,\)": tree(node(0, (4, 0, 12, 3000), last=16)),
    "lists a chunk of 0 bytes": tree(node(0, (0, 0, 0, 3000))),
    "has a chunk of 4 bytes at 3999, in a file of 4000": tree(node(0, (4, 0, 0, 100), (4, 0, 4, 3999))),
    "has a chunk of 4 bytes at 18446744073709551614": tree(node(0, (4, 0, 0, 2**64 - 2))),
    "has two chunks that share bytes": tree(node(0, (4, 0, 0, 3000), (4, 0, 4, 3003))),
    "node of a dataset's chunks should lie at bytes 5000 to 5024": tree(node(1, (4, 0, 0, 5000))),
    "has nodes of 2097168 bytes in a file of 4000": tree(b"TREE\1\0\xff\xff"),
}


@pytest.mark.parametrize("message", TREES)
def test_a_damaged_tree_is_refused(message: str) -> None:
    dataset = in_chunks(("btree1", 0, (8, 8, 0)), filters=(Filter(1),))
    with pytest.raises(LayoutError, match=message) as caught:
        find(dataset, TREES[message])
    assert "fetch it again" in str(caught.value)


def test_a_tree_is_read_whose_nodes_are_larger_than_usual() -> None:
    entries = [(1, 0, start, 6000 + start) for start in range(200)]
    table = find(in_chunks(("btree1", 0, (8, 8, 0)), (200,), (1,)), node(0, *entries, last=200).ljust(7000, b"\0"))
    assert table.offsets.tolist() == list(range(6000, 6200))


def test_without_filters_a_chunk_has_the_size_of_its_values() -> None:
    with pytest.raises(LayoutError, match="a chunk has 4 bytes where 3 are due; the file is damaged: fetch it again"):
        find(in_chunks(("btree1", 0, (8, 8, 0)), (12,), (3,)), tree(node(0, (4, 0, 0, 3000))))


def test_a_grid_that_no_file_can_list_is_refused() -> None:
    with pytest.raises(
        LayoutError, match=r"shape \(1099511627776,\) .* has 1099511627776 chunks .*: ask for fewer rows"
    ):
        find(in_chunks((None,), (2**40,), (1,)), b"")
    assert one(Bytes(b""), find_chunks(in_chunks((None,), (2**40,), (1,)), 0, first=5, last=7)).offsets.tolist() == [
        -1,
        -1,
    ]


def test_only_chunks_are_asked_for() -> None:
    with pytest.raises(TypeError, match="only datasets in chunks have a table of them; this one has"):
        find(in_chunks((None,), ()), b"")


@pytest.fixture(scope="module")
def newer() -> dict[str, tuple[Dataset, bytes]]:
    """Return a file of each newer index, with its dataset."""
    found = {}
    for name, maxshape in (("fixed", (300,)), ("extensible", (None,)), ("btree2", None)):
        with h5py.File("newer", "w", driver="core", backing_store=False, libver="latest") as file:
            shape, chunk = ((300,), (1,)) if maxshape else ((300, 1), (1, 1))
            file.create_dataset("x", data=np.zeros(shape, "u1"), chunks=chunk, maxshape=maxshape or (None, None))
            file.flush()
            data = file.id.get_file_image()
        start = data.index({"fixed": b"FAHD", "extensible": b"EAHD", "btree2": b"BTHD"}[name])
        rest = (maxshape, False) if maxshape else (False,)
        found[name] = in_chunks((name, start, (8, 8, 0), *rest), shape, chunk), data
    return found


def changed(data: bytes, signature: bytes, at: int, new: bytes, length: int | None) -> bytes:
    """Return a file with one structure changed; its checksum is set right if its length is given."""
    start = data.index(signature)
    whole = bytearray(data)
    whole[start + at : start + at + len(new)] = new
    if length is not None:
        whole[start + length - 4 : start + length] = lookup3(bytes(whole[start : start + length - 4])).to_bytes(
            4, "little"
        )
    return bytes(whole)


def lengths(data: bytes, signature: bytes) -> Iterator[int]:
    """Yield the length of a structure: where its own checksum stands."""
    start = data.index(signature)
    for length in range(10, min(6000, len(data) - start + 1)):
        if lookup3(data[start : start + length - 4]) == int.from_bytes(
            data[start + length - 4 : start + length], "little"
        ):
            yield length


DAMAGES = [
    ("fixed", b"FAHD", 4, b"\1", r"begins with b'FAHD\\x01\\x00', not with b'FAHD'"),
    ("fixed", b"FAHD", 6, b"\7", "elements have 7 bytes"),
    ("fixed", b"FAHD", 8, b"\x05\0", "is an array of 5 chunks, in a file of .* bytes; 300 are needed"),
    ("fixed", b"FAHD", 8, b"\xff" * 8, "is an array of 18446744073709551615 chunks"),
    (
        "fixed",
        b"FAHD",
        16,
        b"\xfe" * 8,
        "a block of a fixed array should lie at bytes|block of an array of chunks should lie",
    ),
    ("fixed", b"FADB", 5, b"\1", r"begins with b'FADB\\x00\\x01', not with b'FADB'"),
    ("fixed", b"FADB", 6, b"\1", "has a block of another array"),
    ("extensible", b"EAHD", 7, b"\0", r"grows by \(0, "),
    ("extensible", b"EAIB", 0, b"X", "begins with b'XAIB"),
    ("extensible", b"EADB", 0, b"X", "begins with b'XADB"),
    ("extensible", b"EASB", 6, b"\1", "has a block of another array"),
    ("btree2", b"BTHD", 4, b"\1", "begins with b'BTHD"),
    ("btree2", b"BTHD", 6, b"\0\0\0\0", "has nodes of 0 bytes for records of 24"),
    ("btree2", b"BTHD", 12, b"\xff\xff", "records in 65536 levels"),
    ("btree2", b"BTHD", 24, b"\xff\xff", "has a node of 65535 records, where"),
    ("btree2", b"BTHD", 26, b"\1", "records, though it says"),
    ("btree2", b"BTLF", 5, b"\1", "has a node that begins with"),
    ("btree2", b"BTIN", 0, b"X", "has a node that begins with b'XTIN"),
]


@pytest.mark.parametrize(("name", "signature", "at", "new", "message"), DAMAGES)
def test_a_damaged_newer_index_is_refused(
    newer: dict[str, tuple[Dataset, bytes]], name: str, signature: bytes, at: int, new: bytes, message: str
) -> None:
    dataset, data = newer[name]
    with pytest.raises(LayoutError, match=message):
        find(dataset, changed(data, signature, at, new, next(lengths(data, signature))))
    with pytest.raises(LayoutError, match=r"checksum|begins with|should lie|ends before"):
        find(dataset, changed(data, signature, at, new, None))


def test_an_array_that_does_not_fit_its_shape_is_refused(newer: dict[str, tuple[Dataset, bytes]]) -> None:
    dataset, data = newer["fixed"]
    assert isinstance(dataset.layout, Chunked)
    finder = dataset.layout.finder
    for maxshape, message in (((200,), r"though the array may grow to \(200,\)"), ((None,), "")):
        other = in_chunks((*finder[:3], maxshape, False), (300,), (1,))
        if message:
            with pytest.raises(LayoutError, match=message):
                find(other, data)
        else:
            assert len(find(other, data).offsets) == 300


@pytest.mark.parametrize("name", ["fixed", "extensible", "btree2", "btree1"])
def test_any_changed_byte_gives_a_table_or_our_error(newer: dict[str, tuple[Dataset, bytes]], name: str) -> None:
    dataset, data = newer.get(name) or (in_chunks(("btree1", 0, (8, 8, 0)), filters=(Filter(1),)), tree(LEAF))
    signatures = [b"FA", b"EA", b"BT", b"TREE"]
    starts = [data.index(signature) for signature in signatures if signature in data]
    rng = np.random.default_rng(0)
    for _ in range(600):
        whole = bytearray(data)
        whole[int(rng.choice(starts)) + int(rng.integers(0, 120)) % 100] = int(rng.integers(0, 256))
        try:
            table = find(dataset, bytes(whole))
        except LayoutError:
            continue
        assert (table.offsets + table.sizes <= len(data)).all()
