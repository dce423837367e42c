"""Each message of an object header that cannot be right is refused with a sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import Any

import numpy as np
import pytest

from neurodata4ml.data.storage.hdf5.attributes import parse_attribute
from neurodata4ml.data.storage.hdf5.cursor import Cursor
from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.hdf5.datatypes import parse_datatype
from neurodata4ml.data.storage.hdf5.heap import objects_in
from neurodata4ml.data.storage.hdf5.layouts import parse_layout
from neurodata4ml.data.storage.hdf5.messages import (
    parse_dataspace,
    parse_fill,
    parse_filters,
    parse_link,
    parse_link_info,
    parse_old_fill,
)
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.index import COMPOUND, NUMBER, UNREADABLE, Contiguous, External, Filter, Hard, Soft

SIZES = Sizes(8, 8, 0, 10_000)

INT = pack("<B3xIHH", 0x10, 4, 0, 32)
UNDEFINED = b"\xff" * 8


def cursor(data: bytes) -> Cursor:
    return Cursor(memoryview(data), SIZES, "it")


def datatype(kind: int, bits: int, size: int, rest: bytes = b"", version: int = 3) -> bytes:
    return pack("<IB", bits << 8 | version << 4 | kind, 0)[:4] + pack("<I", size) + rest


def enum(names: bytes, values: bytes, n: int, base: bytes = INT) -> bytes:
    return datatype(8, n, 4, base + names + values)


def nested(depth: int) -> bytes:
    """Return arrays of one array of one array ... of one integer."""
    return datatype(10, 0, 4, pack("<BI", 1, 1) + nested(depth - 1)) if depth else INT


DATATYPES = {
    "is of version 7, not 1 to 5": datatype(0, 0, 4, version=7),
    "claims 0 bytes": datatype(0, 0, 0),
    "is of class 14, which does not exist": datatype(14, 0, 4),
    "uses 33 bits from bit 0 on, of 32": datatype(0, 0, 4, pack("<HH", 0, 33)),
    "uses bits up to 33 of 32, or none": datatype(1, 31 << 8, 4, pack("<HHBBBBI", 0, 32, 25, 8, 0, 23, 127)),
    "has padding 3 and encoding 0": datatype(3, 3, 4),
    "has a tag of 3 bytes, which are no eights": datatype(5, 3, 4, b"abc"),
    "claims 9 fields in 8 bytes": datatype(6, 9, 4, bytes(8)),
    "has two fields of one name": datatype(6, 2, 8, b"a\0\0" + INT + b"a\0\4" + INT),
    "has a field 'b' where another one, or none, can be": datatype(6, 2, 8, b"a\0\0" + INT + b"b\0\2" + INT),
    "has a part without a name": datatype(6, 1, 4, b"\0\0" + INT),
    "has a field of 5 dimensions": datatype(6, 1, 4, b"a" + bytes(11) + b"\5" + bytes(27) + INT, version=1),
    "does not stand on integers": datatype(8, 0, 4, datatype(3, 0, 4)),
    "claims 99 names in 0 bytes": enum(b"", b"", 99),
    "holds a name that does not end": enum(b"abc", b"", 1),
    "is of kind 2, encoding 0 and 16 bytes": datatype(9, 2, 16, INT),
    "is of version 1, before there were any": datatype(10, 0, 4, version=1),
    "has 33 dimensions": datatype(10, 0, 4, b"\x21"),
    r"of shape \(3,\) claims 4 bytes": datatype(10, 0, 4, b"\1" + pack("<I", 3) + INT),
    "lies more than 16 deep in others": nested(20),
    "has 3 bytes but claims byte 4": INT[:3],
}  # fmt: skip


@pytest.mark.parametrize("message", DATATYPES)
def test_a_datatype_that_cannot_be_right_is_refused(message: str) -> None:
    with pytest.raises(Damaged, match=message):
        parse_datatype(memoryview(DATATYPES[message]))


def test_datatypes_that_numpy_does_not_have_cannot_be_read_but_are_known() -> None:
    for data in (
        datatype(0, 0, 3, pack("<HH", 0, 24)),
        datatype(0, 0, 2, pack("<HH", 0, 12)),
        datatype(1, 0x0F20, 2, pack("<HHBBBBI", 0, 16, 7, 8, 0, 7, 127)),
        datatype(2, 0, 4, bytes(2)),
        datatype(4, 0, 1, pack("<HH", 0, 8)),
        datatype(7, 1, 12),
    ):
        stored = parse_datatype(memoryview(data))
        assert (stored.kind, stored.raw.itemsize) == (UNREADABLE, int.from_bytes(data[4:8], "little"))


def test_fields_of_old_files_may_be_arrays() -> None:
    field = b"a" + bytes(7) + pack("<I", 0) + b"\2" + bytes(11) + pack("<4I", 2, 3, 0, 0) + INT
    stored = parse_datatype(memoryview(datatype(6, 1, 24, field, version=1)))
    assert stored.kind == COMPOUND
    assert stored.raw == np.dtype([("a", "<u4", (2, 3))])
    base = stored.fields[0][2].base
    assert base is not None
    assert base.kind == NUMBER


Parser = Callable[[Cursor], Any]

MESSAGES: dict[str, tuple[Parser, bytes]] = {
    "claims 33 dimensions": (parse_dataspace, bytes((2, 33, 0, 1))),
    "is of version 3, not 1 or 2": (parse_dataspace, bytes((3, 0, 0, 0))),
    "is of kind 0 with 1 dimensions": (parse_dataspace, bytes((2, 1, 0, 0)) + bytes(8)),
    r"claims the shape \(5,\), larger than \(4,\)": (parse_dataspace, bytes((2, 1, 1, 1)) + pack("<QQ", 5, 4)),
    "claims the shape": (parse_dataspace, bytes((2, 2, 0, 1)) + pack("<QQ", 1 << 62, 3)),
    "has flags 0x30": (parse_fill, b"\3\x30"),
    "at times that do not exist": (parse_fill, b"\2\0\3\0"),
    "claims 0 filters": (parse_filters, b"\2\0"),
    "names a filter in 3 bytes, which are no eights": (parse_filters, b"\1\1" + bytes(6) + pack("<HHHH", 1, 3, 0, 0)),
    "has flags 0x4": (parse_link_info, b"\0\4"),
    "counts below zero": (parse_link_info, b"\0\1" + UNDEFINED),
    "has a heap, but no list of the names in it": (parse_link_info, b"\0\0" + pack("<Q", 16) + UNDEFINED),
    "has flags 0x20": (parse_link, b"\1\x20"),
    "in an encoding that does not exist": (parse_link, b"\1\x10\2"),
    "has no name": (parse_link, b"\1\0\0"),
    "the object that a link leads to should lie at an undefined address": (parse_link, b"\1\0\1a" + UNDEFINED),
    "is of kind 7, which does not exist": (parse_link, b"\1\x08\7\1a"),
    "leads nowhere": (parse_link, b"\1\x08\1\1a\0\0"),
    "into another file does not say which": (parse_link, b"\1\x08\x40\1a\2\0\0b"),
    "has flags 0x2 and a name of 2 bytes": (parse_attribute, b"\2\2" + pack("<HHH", 2, 0, 0)),
    "which does not end where it says": (parse_attribute, b"\2\0" + pack("<HHH", 3, 0, 0) + b"abc"),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_cannot_be_right_is_refused(message: str) -> None:
    parse, data = MESSAGES[message]
    with pytest.raises(Damaged, match=message):
        parse(cursor(data))


def layout(data: bytes, shape: tuple[int, ...] | None = (4,), itemsize: int = 8) -> Any:
    return parse_layout(cursor(data), shape, shape or (), itemsize)


LAYOUTS = {
    "is of class 9, which does not exist": b"\3\x09",
    "is of class 3, which does not exist": b"\1\1\3" + bytes(40),
    "holds 3 bytes for values of 32": b"\3\0\3\0abc",
    "has 8 bytes for values of 32": b"\3\1" + pack("<QQ", 16, 8),
    r"has chunks of 2 dimensions for the shape \(4,\)": b"\3\2\3" + pack("<QIII", 16, 2, 2, 8),
    r"has chunks of shape \[2\] with values of 4 bytes, not 8": b"\3\2\2" + pack("<QII", 16, 2, 4),
    "has flags 0x4 and sizes of 1 bytes": b"\4\2\4\2\1\2\x08",
    "finds its chunks in a way 9 that does not exist": b"\4\2\0\2\1\2\x08\x09" + bytes(8),
}


@pytest.mark.parametrize("message", LAYOUTS)
def test_a_layout_that_cannot_be_right_is_refused(message: str) -> None:
    with pytest.raises(Damaged, match=message):
        layout(LAYOUTS[message])


def test_a_place_for_no_values_is_refused() -> None:
    assert layout(b"\3\1" + UNDEFINED + bytes(8), (0,)) == Contiguous(None, 0)
    with pytest.raises(Damaged, match="has a place for values, but there are none"):
        layout(b"\3\1" + pack("<QQ", 16, 0), (0,))


def test_layouts_of_old_files_are_read() -> None:
    assert layout(b"\1\1\1" + bytes(5) + pack("<QI", 64, 4)) == Contiguous(64, 32)
    assert layout(b"\2\1\0" + bytes(5) + pack("<II", 4, 32) + bytes(32)).data == bytes(32)
    chunked = layout(b"\1\2\2" + bytes(5) + pack("<QII", 64, 2, 8))
    assert (chunked.shape, chunked.finder) == ((2,), ("btree1", 64, SIZES.numbers))


def test_messages_of_old_files_are_read() -> None:
    assert parse_old_fill(cursor(pack("<I", 2) + b"ab")) == b"ab"
    assert parse_old_fill(cursor(pack("<I", 0))) is None
    assert parse_fill(cursor(b"\2\1\0\1" + pack("<I", 2) + b"ab")) == b"ab"
    assert parse_fill(cursor(b"\2\1\1\1" + pack("<I", 2) + b"ab")) is None
    named = pack("<HHHH8sI4x", 2, 8, 0, 1, b"shuffle", 4)
    assert parse_filters(cursor(b"\1\1" + bytes(6) + named)) == (Filter(2, (4,)),)


def test_links_of_each_kind_are_read() -> None:
    assert parse_link(cursor(b"\1\0\1a" + pack("<Q", 96))) == ("a", 0, Hard(96))
    assert parse_link(cursor(b"\1\x0c\1" + pack("<Q", 5) + b"\1a\2\0/b")) == ("a", 5, Soft("/b"))
    assert parse_link(cursor(b"\1\x08\x40\1a\7\0\0x.h\0/\0")) == ("a", 0, External("x.h", "/"))
    assert parse_link(cursor(b"\1\x08\x50\1a\1\0x")) == ("a", 0, External("", ""))


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        (pack("<HHIQ", 0, 0, 0, 4088), "has 4088 bytes free where 4080 are left"),
        (pack("<HHIQ", 3, 1, 0, 5000), "holds 5000 bytes as number 3 where 4064 are left"),
        (pack("<HHIQ8s", 3, 1, 0, 5, b"hello") * 2, "holds 5 bytes as number 3 .* or holds it twice"),
    ],
)
def test_a_heap_that_holds_more_than_it_has_is_refused(objects: bytes, says: str) -> None:
    data = (b"GCOL\1\0\0\0" + pack("<Q", 4096) + objects).ljust(4096, b"\0")
    with pytest.raises(Damaged, match=says):
        objects_in(memoryview(data), SIZES)
