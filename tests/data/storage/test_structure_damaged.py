"""A damaged HDF5 file raises an error that says what is wrong; only what is damaged is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.hdf5.cursor import Cursor
from neurodata4ml.data.storage.hdf5.damage import Damaged, Unsupported
from neurodata4ml.data.storage.hdf5.heap import MOST_METADATA
from neurodata4ml.data.storage.hdf5.layouts import parse_layout
from neurodata4ml.data.storage.hdf5.messages import parse_link
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.hdf5.superblock import heed_extension
from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.index import Group, Hard, Index
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.errors import LayoutError

OLD, NEW = "earliest", "latest"


def written(path: Path, libver: str) -> bytearray:
    with h5py.File(path, "w", libver=libver) as file:
        for name in "abcdefghij":
            file.create_group(f"group/{name}").attrs["text"] = f"of {name}"
        file["chunks"] = h5py.Empty("f4")
        del file["chunks"]
        file.create_dataset("chunks", data=np.arange(40).reshape(8, 5), chunks=(3, 2), compression="gzip")
        file.create_dataset("contiguous", data=np.arange(7, dtype="<i4"))
        file["contiguous"].attrs["text"] = ["one", "two"]
        file["contiguous"].attrs["number"] = 3
    return bytearray(path.read_bytes())


def address(path: Path, name: str) -> int:
    with h5py.File(path, "r") as file:
        return int(h5py.h5o.get_info(file[name].id).addr)


def indexed(path: Path, data: bytes) -> Index:
    path.write_bytes(data)
    return read_index(LocalSource(path), skip=())


def test_a_file_that_is_not_hdf5_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"starts with b'PK\\x03\\x04zip!', not b'\\x89HDF"):
        indexed(tmp_path / "x", b"PK\x03\x04zip!" + bytes(4000))
    with pytest.raises(LayoutError, match="it has 3 bytes: too few for an HDF5 file"):
        indexed(tmp_path / "x", b"abc")


@pytest.mark.parametrize("libver", [OLD, NEW])
def test_a_file_that_was_cut_short_says_how_long_it_should_be(tmp_path: Path, libver: str) -> None:
    path = tmp_path / "x"
    data = written(path, libver)
    with pytest.raises(Damaged, match=f"has {len(data) - 10} bytes and should have {len(data)}: it was cut short"):
        indexed(path, data[:-10])


def test_a_superblock_of_the_future_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "x", NEW)
    data[8] = 9
    with pytest.raises(Damaged, match=r"superblock .* is of version 9, not 0 to 3"):
        indexed(tmp_path / "x", data)


def test_a_flipped_bit_in_a_new_superblock_is_seen(tmp_path: Path) -> None:
    data = written(tmp_path / "x", NEW)
    data[30] ^= 1
    with pytest.raises(Damaged, match=r"superblock .* checksum"):
        indexed(tmp_path / "x", data)


def test_a_file_that_is_being_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w", libver=NEW) as file:
        file["x"] = 3
        file.flush()
        copy = path.read_bytes()
    with pytest.raises(Damaged, match=r"was not closed by whoever wrote it.* h5clear -s FILE"):
        indexed(tmp_path / "y", copy)


def test_widths_that_no_machine_has_are_left_to_the_library_or_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "x", OLD)
    data[13] = 16
    with pytest.raises(Unsupported, match="addresses of 16 bytes, which this reader does not know"):
        indexed(tmp_path / "x", data)
    data[13] = 3
    with pytest.raises(Damaged, match="claims addresses of 3 bytes, not 2, 4 or 8"):
        indexed(tmp_path / "x", data)


DAMAGE = {
    "an object header starts": (OLD, "contiguous", 0, b"\x07", "object header at byte .* starts with"),
    "a header's size": (OLD, "contiguous", 8, b"\xff\xff\xff\x7f", "an object header should lie at bytes"),
    "a message's size": (OLD, "contiguous", 18, b"\xf8\xff", "holds a message of 65528 bytes where"),
    "flags that contradict": (OLD, "contiguous", 20, b"\x06", r"flags 0x6 that contradict each other"),
    "a new header's checksum": (NEW, "contiguous", 20, b"\xaa", "checksum"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_to_one_dataset_loses_only_this_one(tmp_path: Path, case: str) -> None:
    libver, name, offset, new, message = DAMAGE[case]
    path = tmp_path / "x"
    data = written(path, libver)
    key = address(path, name)
    data[key + offset : key + offset + len(new)] = new
    index = indexed(path, data)
    assert list(index.damaged) == [key]
    assert index.damaged[key].startswith(f"/{name}: ")
    with pytest.raises(LayoutError, match=message):
        raise LayoutError(index.damaged[key])
    root = index.objects[index.root]
    assert isinstance(root, Group)
    assert list(root.links) == ["chunks", "contiguous", "group"]


def places(data: bytearray, what: bytes) -> Iterator[int]:
    at = data.find(what)
    while at >= 0:
        yield at
        at = data.find(what, at + 1)


SIGNATURES = {
    b"TREE": "a tree of names at byte .* starts with",
    b"SNOD": "a list of names at byte .* starts with",
    b"HEAP": "a heap of names starts with",
}


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_group_without_its_signature_is_refused(tmp_path: Path, signature: bytes) -> None:
    path = tmp_path / "x"
    data = written(path, OLD)
    whole = indexed(path, data)
    for at in places(data, signature):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        try:
            index = indexed(path, damaged)
        except Damaged as error:
            index, found = whole, [str(error)]
        else:
            found = list(index.damaged.values())
        for message in found:
            with pytest.raises(LayoutError, match=SIGNATURES[signature]):
                raise LayoutError(message)


def test_a_heap_without_its_signature_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = written(path, OLD)
    at = data.find(b"GCOL")
    data[at] = 0
    index = indexed(path, data)
    assert any("heap of values of varying length at byte" in message for message in index.damaged.values())


def test_text_of_another_length_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file["x"] = 1
        file["x"].attrs["text"] = "seven b"
    data = bytearray(path.read_bytes())
    at = data.find(b"seven b") - 8
    assert data[at] == 7
    data[at] = 6
    index = indexed(path, data)
    assert "should have 7 bytes, but there are 6 bytes" in next(iter(index.damaged.values()))


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file["a/b/c"] = file["/"]
        file["a/b/d"] = file["a"]
    index = read_index(LocalSource(path))
    assert len(index.objects) == 3


def test_a_header_that_goes_on_in_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file["x"] = 1
        for number in range(30):
            file["x"].attrs[f"attribute {number}"] = number
    data = bytearray(path.read_bytes())
    start = address(path, "x") + 16
    size = int.from_bytes(data[start - 8 : start - 4], "little")
    at = next(at for at in range(start, start + size, 8) if data[at : at + 4] == b"\x10\x00\x10\x00")
    data[at + 8 : at + 16] = start.to_bytes(8, "little")
    data[at + 16 : at + 24] = size.to_bytes(8, "little")
    index = indexed(path, data)
    assert "goes on in a block that it holds already" in next(iter(index.damaged.values()))


def test_text_that_many_attributes_point_to_is_counted_each_time(tmp_path: Path) -> None:
    path = tmp_path / "x"
    n_long = 1 << 20
    with h5py.File(path, "w") as file:
        file["x"] = 1
        file["x"].attrs["texts"] = ["x" * n_long, *(f"text {number}" for number in range(200))]
    data = bytearray(path.read_bytes())
    pointers = [at.to_bytes(8, "little") for at in places(data, b"GCOL")]
    found = (at for at in places(data, n_long.to_bytes(4, "little")) if data[at + 4 : at + 12] in pointers)
    at = next(found)
    long = bytes(data[at : at + 16])
    for number in range(201):
        data[at + 16 * number : at + 16 * number + 16] = long
    index = indexed(path, data)
    assert f"takes more than the {MOST_METADATA >> 20} MB" in next(iter(index.damaged.values()))


def test_a_shape_of_more_values_than_any_array_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (12345, 6789), "f8")
    data = bytearray(path.read_bytes())
    at = data.find((12345).to_bytes(8, "little"))
    data[at : at + 8] = (1 << 60).to_bytes(8, "little")
    at = data.find((12345).to_bytes(8, "little"))
    if at >= 0:
        data[at : at + 8] = (1 << 60).to_bytes(8, "little")
    index = indexed(path, data)
    assert "claims the shape" in next(iter(index.damaged.values()))


def test_values_beyond_the_end_of_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = written(path, OLD)
    with h5py.File(path, "r") as file:
        offset = file["contiguous"].id.get_offset()
    at = data.find(offset.to_bytes(8, "little"), address(path, "contiguous"))
    data[at : at + 8] = (1 << 40).to_bytes(8, "little")
    index = indexed(path, data)
    assert "the values of a dataset should lie at bytes" in next(iter(index.damaged.values()))


@pytest.mark.parametrize("libver", [OLD, NEW])
def test_no_damage_ends_in_another_error(tmp_path: Path, libver: str) -> None:
    path = tmp_path / "x"
    data = bytes(written(path, libver))
    chance = random.Random(0)
    n_whole = 0
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 3))):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        try:
            n_whole += not indexed(path, damaged).damaged
        except LayoutError:
            continue
    assert n_whole > 30


def members(index: Index) -> list[str]:
    root = index.objects[index.root]
    assert isinstance(root, Group)
    return [name for name, link in root.links.items() if isinstance(link, Hard)]


@pytest.mark.parametrize("letter", [b"\0", b"/"])
def test_a_name_that_no_link_can_have_is_refused(letter: bytes) -> None:
    sizes, message = Sizes(8, 8, 0, 1000), b"\x01\x00\x04name" + (96).to_bytes(8, "little")
    assert parse_link(Cursor(memoryview(message), sizes, "a link")) == ("name", 0, Hard(96))
    damaged = message.replace(b"m", letter)
    with pytest.raises(Damaged, match=r"a link has the name b'na.*e', with a zero or a slash in it"):
        parse_link(Cursor(memoryview(damaged), sizes, "a link"))


def test_a_name_with_a_slash_in_an_old_group_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = written(path, OLD).replace(b"contiguous\0", b"contig/ous\0")
    with pytest.raises(Damaged, match=r"a list of names has the name b'contig/ous', with a slash in it"):
        indexed(path, data)


def test_a_header_that_goes_on_in_that_of_another_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = 1, 2
        for number in range(60):
            file["ab"[number % 2]].attrs[f"attribute {number}"] = number
    data, places = bytearray(path.read_bytes()), []
    for name in "ab":
        start = address(path, name) + 16
        size = int.from_bytes(data[start - 8 : start - 4], "little")
        at = next(at for at in range(start, start + size, 8) if data[at : at + 4] == b"\x10\x00\x10\x00")
        places.append(slice(at + 8, at + 24))
    data[places[1]] = data[places[0]]
    index = indexed(path, data)
    assert "goes on at byte" in " ".join(index.damaged.values())
    assert "where another one does" in " ".join(index.damaged.values())
    assert len(index.damaged) == 1


def test_values_that_reach_beyond_all_addresses_are_refused() -> None:
    sizes = Sizes(8, 8, 0, 1000)
    words = (bytes((3, 1)), (64).to_bytes(8, "little"), ((1 << 64) - 8).to_bytes(8, "little"))
    with pytest.raises(Damaged, match=r"layout has 18446744073709551608 bytes for values of 8"):
        parse_layout(Cursor(memoryview(b"".join(words)), sizes, "the layout"), (1,), (1,), 8)


def test_text_of_long_characters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file["x"] = "text"
    data = bytearray(path.read_bytes())
    at = data.find(bytes.fromhex("100000000100000000000800"))  # a character: integer, 1 byte, 8 bits from bit 0 on
    data[at + 4] = 2
    index = indexed(path, data)
    assert "of varying length has characters of 2 bytes" in next(iter(index.damaged.values()))


def test_groups_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with h5py.File(path, "w") as file:
        file.create_group("a/" * 200)
        file.create_group("long")["x" * 2000] = 1
    index = read_index(LocalSource(path))
    assert len(index.objects) < 70
    assert len(index.damaged) == 2
    assert all("lies more than 64 groups or 1024 characters deep" in why for why in index.damaged.values())


def test_a_message_that_no_reader_may_pass_over_is_left_to_the_library(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = written(path, OLD)
    key = address(path, "contiguous")
    data[key + 16 : key + 18] = b"\x40\x00"
    data[key + 20] = 0x80
    index = indexed(path, data)
    assert index.foreign == {key}
    assert "a message of kind 0x40, which this reader does not know" in index.damaged[key]
    assert members(index) == ["chunks", "contiguous", "group"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [(0x0F, "keeps messages that are shared in a table"), (0x14, "names a driver"), (0x18, "with an image of the")],
)
def test_what_only_the_library_can_heed_is_named(kind: int, says: str) -> None:
    sizes, nothing = Sizes(8, 8, 0, 1000), memoryview(b"")
    with pytest.raises(Unsupported, match=f"the file .*{says}.*, which only HDF5's own library can read"):
        heed_extension(sizes, {kind: nothing, 0x17: nothing})
    places = memoryview(bytes((0, 9, 0, 5, 0, 3, 0)))
    assert heed_extension(sizes, {0x13: places}) == Sizes(8, 8, 0, 1000, most_names=6, most_nodes=10)
    with pytest.raises(Damaged, match="is that there are none"):
        heed_extension(sizes, {0x13: memoryview(bytes(7))})
