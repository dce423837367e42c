"""Links and attributes in dense storage are those that h5py reads, however many and large; damage is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.hdf5.checksum import check, lookup3
from neurodata4ml.data.storage.hdf5.fractal_heap import dense_attributes, dense_links
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.index import Group
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.waves import one
from neurodata4ml.errors import LayoutError


class Bytes:
    """A file in memory, and how often it was asked for more."""

    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.rounds = 0
        self.wanted: set[tuple[int, int]] = set()

    def known(self, start: int, stop: int) -> memoryview | None:
        """Return the bytes once they were asked for."""
        assert 0 <= start <= stop <= len(self.data), "read outside of the file"
        return self.data[start:stop] if (start, stop) in self.wanted else None

    def get(self, spans: Sequence[tuple[int, int]]) -> None:
        """Count."""
        self.rounds += 1
        self.wanted.update(spans)


@pytest.mark.parametrize("tracked", [False, True])
def test_groups_of_any_size_have_the_links_of_h5py(tmp_path: Path, tracked: bool) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "links.h5", "w", libver="latest", track_order=tracked) as file:
        for count in (9, 40, 1000, 6000):
            group = file.create_group(str(count))
            for number in range(count):
                group[f"{number}" + "é" * int(rng.integers(0, 40))] = h5py.SoftLink("/a" * int(rng.integers(1, 30)))
        for number in range(12):
            file[f"huge/{number}" + "n" * int(rng.integers(3000, 9000))] = h5py.SoftLink("/a")
    source = LocalSource(tmp_path / "links.h5")
    index = read_index(source)
    root = index.objects[index.root]
    assert isinstance(root, Group)
    with h5py.File(tmp_path / "links.h5") as file:
        for name in file:
            group = index.objects[root.links[name].key]  # type: ignore[union-attr]
            assert isinstance(group, Group)
            ours = {key: link.path for key, link in group.links.items()}  # type: ignore[union-attr]
            assert ours == {key: file[name].get(key, getlink=True).path for key in file[name]}


def test_objects_with_many_and_large_attributes_have_those_of_h5py(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "attributes.h5", "w", libver="latest") as file:
        for number in range(150):
            file.attrs[f"small {number}"] = rng.integers(0, 9, int(rng.integers(1, 500)))
        for number in range(20):
            file.attrs[f"large {number}"] = rng.integers(0, 9, int(rng.integers(600, 30_000)))
    index = read_index(LocalSource(tmp_path / "attributes.h5"))
    with h5py.File(tmp_path / "attributes.h5") as file:
        assert set(index.objects[index.root].attrs) == set(file.attrs)
        for name, values in file.attrs.items():
            np.testing.assert_array_equal(index.objects[index.root].attrs[name], values)


@pytest.fixture(scope="module")
def many() -> bytes:
    """Return a file with 1,000 links and 20 attributes, 4 of them huge, in its root."""
    with h5py.File("many", "w", driver="core", backing_store=False, libver="latest") as file:
        group = file.create_group("links")
        for number in range(1000):
            group[f"link {number}"] = h5py.SoftLink("/somewhere else")
        holder = file.create_group("attributes")
        for number in range(20):
            holder.attrs[f"attribute {number}"] = np.zeros(1000 if number % 5 == 0 else 5)
        file.flush()
        return bytes(file.id.get_file_image())


def addresses(data: bytes, kind: int) -> tuple[int, int]:
    """Return where the heap is, and the B-tree by name of records of a type."""
    tree = data.index(b"BTHD\0" + bytes([kind]))
    heaps = [at for at in range(len(data)) if data[at : at + 5] == b"FRHP\0"]
    length = {5: 7, 8: 8}[kind]
    return next(at for at in heaps if data[at + 5] == length), tree


def read(data: bytes, kind: int = 5) -> tuple[list[memoryview], Bytes]:
    """Return the messages of a file, and how it was read."""
    pages = Bytes(data)
    read_dense = {5: dense_links, 8: dense_attributes}[kind]
    return one(pages, read_dense(Sizes(8, 8, 0, len(data)), *addresses(data, kind))), pages


def test_a_thousand_links_take_few_rounds(many: bytes) -> None:
    messages, pages = read(many)
    assert len(messages) == 1000
    assert pages.rounds <= 7


def test_attributes_come_as_they_were_stored(many: bytes) -> None:
    messages, _ = read(many, 8)
    assert sorted(len(message) for message in messages)[-4:] > [8000] * 4
    assert len(messages) == 20


def changed(data: bytes, start: int, at: int, new: bytes, length: int) -> bytes:
    """Return a file with a structure changed, and its checksum set right."""
    whole = bytearray(data)
    whole[start + at : start + at + len(new)] = new
    whole[start + length - 4 : start + length] = lookup3(bytes(whole[start : start + length - 4])).to_bytes(4, "little")
    return bytes(whole)


HEAP_HEADER = 14 + 12 * 8 + 3 * 8 + 12


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (0, b"X", r"begins with b'XRHP\\x00', not with b'FRHP\\x00'"),
        (4, b"\1", r"begins with b'FRHP\\x01'"),
        (5, b"\5", "has 5 rows|identifiers of 5 bytes"),
        (7, b"\1", "are compressed, which is not read; type h5repack IN OUT and read OUT"),
        (110, b"\3", "has blocks of 512 to 65536 bytes, 3 in a row"),
        (112, b"\1\3", "has blocks of 769 to 65536 bytes"),
        (128, b"\0\0", "has blocks of 512 to 65536 bytes, 4 in a row"),
        (132, b"\xff" * 8, "should lie at an undefined address"),
        (132, b"\xff" * 7 + b"\0", "should lie at bytes 72057594037927935 to"),
        (140, b"\xff\xff", "has 65535 rows, and identifiers of 7 bytes"),
    ],
)
def test_a_damaged_heap_is_refused(many: bytes, at: int, new: bytes, message: str) -> None:
    heap, tree = addresses(many, 5)
    data = changed(many, heap, at, new, HEAP_HEADER)
    with pytest.raises(LayoutError, match=message) as caught:
        one(Bytes(data), dense_links(Sizes(8, 8, 0, len(data)), heap, tree))
    assert "type h5repack" in str(caught.value) or "fetch it again" in str(caught.value)


@pytest.mark.parametrize("signature", [b"FRHP", b"FHIB", b"FHDB", b"BTHD", b"BTLF", b"BTIN"])
def test_a_changed_byte_is_found_by_the_checksum(many: bytes, signature: bytes) -> None:
    heap, tree = addresses(many, 5)
    root = int.from_bytes(many[heap + 132 : heap + 140], "little")
    first = int.from_bytes(many[root + 17 : root + 25], "little")
    start = {b"FRHP": heap, b"FHIB": root, b"FHDB": first, b"BTHD": tree}.get(signature) or many.index(signature, tree)
    assert many[start : start + 4] == signature
    data = bytearray(many)
    data[start + 10] ^= 1
    with pytest.raises(LayoutError, match=r"checksum|has a block b'FHDB|has nodes of"):
        read(bytes(data))


def test_an_attribute_in_a_table_of_shared_ones_is_told(many: bytes) -> None:
    tree = many.index(b"BTHD\0\x08")
    leaf = int.from_bytes(many[tree + 16 : tree + 24], "little")
    count = int.from_bytes(many[tree + 24 : tree + 26], "little")
    data = changed(many, leaf, 6 + 8, b"\2", 6 + 17 * count + 4)
    with pytest.raises(LayoutError, match="in a table of shared messages; type h5repack IN OUT and read OUT"):
        read(data, 8)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        (b"\x30" + bytes(7), "an identifier of the kind 3, which does not exist"),
        (b"\x10\xff" + bytes(6), "has no huge object 255"),
        (b"\x00\xff\xff\xff\xff\0\1\0", "has an object of 1 bytes at 4294967295, which is not in a block"),
        (b"\x00\x50\0\0\0\0\xff\xff", "has an object of 65535 bytes at 80, which is not in a block"),
        (b"\x00\x50\0\0\0\0\0\0", "has an object of 0 bytes at 80"),
        (b"\x2f" + bytes(7), "has a tiny object of 16 bytes in an identifier of 8"),
    ],
)
def test_an_identifier_that_stands_for_nothing_is_refused(many: bytes, identifier: bytes, message: str) -> None:
    tree = many.index(b"BTHD\0\x08")
    leaf = int.from_bytes(many[tree + 16 : tree + 24], "little")
    count = int.from_bytes(many[tree + 24 : tree + 26], "little")
    with pytest.raises(LayoutError, match=message):
        read(changed(many, leaf, 6, identifier, 6 + 17 * count + 4), 8)


def test_a_tiny_object_stands_in_its_identifier(many: bytes) -> None:
    tree = many.index(b"BTHD\0\x08")
    leaf = int.from_bytes(many[tree + 16 : tree + 24], "little")
    count = int.from_bytes(many[tree + 24 : tree + 26], "little")
    messages, _ = read(changed(many, leaf, 6, b"\x22abcdefg", 6 + 17 * count + 4), 8)
    assert b"abc" in [bytes(message) for message in messages]


@pytest.mark.parametrize("kind", [5, 8])
def test_any_changed_byte_gives_messages_or_our_error(many: bytes, kind: int) -> None:
    rng = np.random.default_rng(0)
    places = addresses(many, kind)
    starts = [*places, many.index(b"FHIB"), many.index(b"FHDB")]
    where = Sizes(8, 8, 0, len(many))
    for _ in range(300):
        data = bytearray(many)
        data[int(rng.choice(starts)) + int(rng.integers(0, 150))] = int(rng.integers(0, 256))
        try:
            one(Bytes(bytes(data)), {5: dense_links, 8: dense_attributes}[kind](where, *places))
        except LayoutError as error:
            assert "fetch it again" in str(error) or "h5repack" in str(error)  # noqa: PT017


def test_the_checksum_is_the_published_one() -> None:
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551
    assert lookup3(b"Four score and seven years ago", 1) == 0xCD628161
    assert check(memoryview(b"ab" + lookup3(b"ab").to_bytes(4, "little")), "x").tobytes() == b"ab"
    with pytest.raises(
        LayoutError, match=r"the header has not the checksum 0x00000000 that it says; .* fetch it again"
    ):
        check(memoryview(b"ab\0\0\0\0"), "the header")
