"""Datatypes: what the bytes of one value mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from neurodata4ml.data.storage.hdf5.cursor import Cursor, decoded, refuse
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.index import (
    COMPOUND,
    FIXED_TEXT,
    NUMBER,
    RAGGED,
    REFERENCE,
    TEXT,
    UNREADABLE,
    Stored,
)

_WHAT = "a datatype"
_DEEPEST = 16
_MOST_BYTES = 1 << 31
"""A value of 2 GB or more has no place in numpy."""

_FLOATS = {
    (2, 16, 10, 5, 0, 10, 15, 15): "f2",
    (4, 32, 23, 8, 0, 23, 127, 31): "f4",
    (8, 64, 52, 11, 0, 52, 1023, 63): "f8",
}
"""IEEE's floats: size, precision, where the exponent is, its bits, where the mantissa is, its bits, bias, sign."""

_PADDINGS = ("null", "nullpad", "space")
_ENCODINGS = ("ascii", "utf-8")
_NO_SIZES = Sizes(8, 8, 0, 0)  # nothing within a datatype is an address
_BOOLEAN = (("FALSE", 0), ("TRUE", 1))


def parse_datatype(data: memoryview) -> Stored:
    """Return how a value of this datatype lies in the file; the same for the same bytes."""
    return _parsed(bytes(data))


@lru_cache(maxsize=1024)
def _parsed(data: bytes) -> Stored:
    return _parse(Cursor(memoryview(data), _NO_SIZES, _WHAT), 0)


def _parse(cursor: Cursor, depth: int) -> Stored:
    """Take one datatype, and those within it."""
    if depth > _DEEPEST:
        refuse(_WHAT, f"lies more than {_DEEPEST} deep in others")
    head = cursor.byte()
    version, kind = head >> 4, head & 0x0F
    bits, size = cursor.uint(3), cursor.uint(4)
    if not 1 <= version <= 5:
        refuse(_WHAT, f"is of version {version}, not 1 to 5")
    if not 0 < size < _MOST_BYTES:
        refuse(_WHAT, f"claims {size} bytes")
    if kind >= len(_KINDS):
        refuse(_WHAT, f"is of class {kind}, which does not exist")
    return _KINDS[kind](cursor, version, bits, size, depth)


def _unreadable(size: int) -> Stored:
    return Stored(UNREADABLE, np.dtype(f"V{size}"))


def _integer(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    offset, precision = _extent(cursor, size)
    if size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        return _unreadable(size)
    return Stored(NUMBER, np.dtype(f"{'>' if bits & 1 else '<'}{'i' if bits & 8 else 'u'}{size}"))


def _extent(cursor: Cursor, size: int) -> tuple[int, int]:
    """Take which bits of a number are used: from which on, and how many."""
    offset, precision = cursor.uint(2), cursor.uint(2)
    if not precision or offset + precision > 8 * size:
        refuse("a datatype of numbers", f"uses {precision} bits from bit {offset} on, of {8 * size}")
    return offset, precision


def _float(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    offset, precision = _extent(cursor, size)
    shape = (precision, cursor.byte(), cursor.byte(), cursor.byte(), cursor.byte(), cursor.uint(4))
    sign, (_, exponent, n_exponent, mantissa, n_mantissa, _) = bits >> 8 & 0xFF, shape
    end = max(sign + 1, exponent + n_exponent, mantissa + n_mantissa)
    if not n_exponent or not n_mantissa or end > precision or bits >> 4 & 3 == 3:
        refuse("a datatype of floats", f"uses bits up to {end} of {precision}, or none, for a part of the number")
    name = _FLOATS.get((size, *shape, sign))
    implied = bits >> 4 & 3 == 2
    if name is None or offset or not implied or bits & 0x40:
        return _unreadable(size)
    return Stored(NUMBER, np.dtype((">" if bits & 1 else "<") + name))


def _time(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    cursor.take(2)
    return _unreadable(size)


def _text(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    padding, encoding = bits & 0x0F, bits >> 4 & 0x0F
    if padding > 2 or encoding > 1:
        refuse("a datatype of text", f"has padding {padding} and encoding {encoding}")
    return Stored(FIXED_TEXT, np.dtype(f"S{size}"), encoding=_ENCODINGS[encoding], padding=_PADDINGS[padding])


def _bits(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    _extent(cursor, size)
    return _unreadable(size)


def _opaque(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    if bits & 7:
        refuse("a datatype of bytes", f"has a tag of {bits & 0xFF} bytes, which are no eights")
    cursor.take(bits & 0xFF)
    return _unreadable(size)


def _compound(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    n_members = bits & 0xFFFF
    if not n_members or n_members > cursor.left // 4:
        refuse("a datatype of fields", f"claims {n_members} fields in {cursor.left} bytes")
    fields = [_member(cursor, version, size, depth) for _ in range(n_members)]
    _check_members(fields, size)
    return _complex(fields, size) or _fields(tuple(fields), size)


def _member(cursor: Cursor, version: int, size: int, depth: int) -> tuple[str, int, Stored]:
    """Take one field: name, offset, how it lies."""
    name = _name(cursor, version)
    offset = cursor.uint(4 if version < 3 else (size.bit_length() + 7) // 8)
    shape: tuple[int, ...] = ()
    if version == 1:
        n_dims = cursor.byte()
        cursor.take(11)
        shape = tuple(cursor.uint(4) for _ in range(4))[:n_dims]
        if n_dims > 4:
            refuse("a datatype of fields", f"has a field of {n_dims} dimensions")
    part = _parse(cursor, depth + 1)
    return decoded(name), offset, _array_of(part, shape) if shape else part


def _check_members(fields: list[tuple[str, int, Stored]], size: int) -> None:
    """Refuse fields that have the same name, overlap, or reach beyond the value."""
    if len({name for name, _, _ in fields}) < len(fields):
        refuse("a datatype of fields", "has two fields of one name")
    end = 0
    for name, offset, part in sorted(fields, key=lambda field: field[1]):
        if offset < end or offset + part.raw.itemsize > size:
            refuse("a datatype of fields", f"has a field {name!r} where another one, or none, can be")
        end = offset + part.raw.itemsize


def _fields(fields: tuple[tuple[str, int, Stored], ...], size: int) -> Stored:
    if any(part.kind == UNREADABLE for _, _, part in fields):
        return Stored(UNREADABLE, np.dtype(f"V{size}"), fields=fields)
    raw = np.dtype(
        {
            "names": [name for name, _, _ in fields],
            "formats": [part.raw for _, _, part in fields],
            "offsets": [offset for _, offset, _ in fields],
            "itemsize": size,
        }
    )
    return Stored(COMPOUND, raw, fields=fields)


def _complex(fields: list[tuple[str, int, Stored]], size: int) -> Stored | None:
    """Return the complex number that h5py makes of two floats r and i."""
    if [name for name, _, _ in fields] != ["r", "i"]:
        return None
    real, imaginary = fields[0][2].raw, fields[1][2].raw
    packed = fields[0][1] == 0 and fields[1][1] == real.itemsize and size == 2 * real.itemsize
    if not packed or real != imaginary or real.kind != "f" or real.itemsize < 4:
        return None
    return Stored(NUMBER, np.dtype(f"{real.str[0]}c{size}"))


def _reference(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    if bits & 0x0F == 0 and size in (2, 4, 8):
        return Stored(REFERENCE, np.dtype(f"<u{size}"))
    return _unreadable(size)


def _enum(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    n_members = bits & 0xFFFF
    base = _parse(cursor, depth + 1)
    if base.kind != NUMBER or base.raw.kind not in "iu" or base.raw.itemsize != size:
        refuse("a datatype of named numbers", "does not stand on integers")
    if n_members > cursor.left:
        refuse("a datatype of named numbers", f"claims {n_members} names in {cursor.left} bytes")
    names = [decoded(_name(cursor, version)) for _ in range(n_members)]
    values = np.frombuffer(cursor.take(n_members * size), base.raw).tolist()
    words = tuple(zip(names, values, strict=True))
    if tuple(sorted(words)) == _BOOLEAN:
        return Stored(NUMBER, base.raw, is_bool=True)
    return Stored(NUMBER, base.raw, words=words)


def _ragged(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    """Take a datatype of values that lie elsewhere: a length, an address, and a number within what lies there."""
    kind, encoding = bits & 0x0F, bits >> 8 & 0x0F
    base = _parse(cursor, depth + 1)
    if kind > 1 or encoding > 1 or size - 8 not in (2, 4, 8):
        refuse("a datatype of varying length", f"is of kind {kind}, encoding {encoding} and {size} bytes")
    pointer = np.dtype([("length", "<u4"), ("address", f"<u{size - 8}"), ("index", "<u4")])
    if kind == 1:
        if base.raw.itemsize != 1:
            refuse("a datatype of text", f"of varying length has characters of {base.raw.itemsize} bytes")
        return Stored(TEXT, pointer, encoding=_ENCODINGS[encoding])
    return Stored(RAGGED if base.kind != UNREADABLE else UNREADABLE, pointer, base=base)


def _array(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    if version < 2:
        refuse("a datatype of arrays", f"is of version {version}, before there were any")
    n_dims = cursor.byte()
    cursor.take(3 if version == 2 else 0)
    if not 1 <= n_dims <= 32:
        refuse("a datatype of arrays", f"has {n_dims} dimensions")
    shape = tuple(cursor.uint(4) for _ in range(n_dims))
    cursor.take(4 * n_dims if version == 2 else 0)
    base = _parse(cursor, depth + 1)
    if not all(shape) or math.prod(shape) * base.raw.itemsize != size:
        refuse("a datatype of arrays", f"of shape {shape} claims {size} bytes")
    return _array_of(base, shape)


def _array_of(base: Stored, shape: tuple[int, ...]) -> Stored:
    """Return how an array of values within each value lies; ``raw`` has the shape."""
    return Stored(base.kind, np.dtype((base.raw, shape)), base=base)


def _foreign(cursor: Cursor, version: int, bits: int, size: int, depth: int) -> Stored:
    """Take a complex number of HDF5 2.0: two of its base."""
    base = _parse(cursor, depth + 1)
    if base.kind == NUMBER and base.raw.kind == "f" and base.raw.itemsize >= 4 and size == 2 * base.raw.itemsize:
        return Stored(NUMBER, np.dtype(f"{base.raw.str[0]}c{size}"))
    return _unreadable(size)


def _name(cursor: Cursor, version: int) -> bytes:
    """Take a name; before version 3 it fills eights of bytes."""
    start = cursor.at
    name = cursor.text()
    if not name:
        refuse(_WHAT, "has a part without a name")
    if version < 3:
        cursor.take((start - cursor.at) % 8)
    return name


_KINDS: tuple[Callable[[Cursor, int, int, int, int], Stored], ...] = (
    _integer,
    _float,
    _time,
    _text,
    _bits,
    _opaque,
    _compound,
    _reference,
    _enum,
    _ragged,
    _array,
    _foreign,
)
