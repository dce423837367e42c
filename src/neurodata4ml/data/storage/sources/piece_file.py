"""One piece of a remote file on the disk, with the checksums that prove each part of it."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurodata4ml.places import write_whole

PART = 1 << 16
"""Bytes that one checksum proves: a few rows are read without the megabytes around them."""

MAGIC = b"n4mlpc1\n"
_END = struct.Struct("<8s16sQQI")
"""At the end of the file: magic, digest of the remote file's key, first byte, length, checksum of all before it."""


class Name(NamedTuple):
    """A piece by its first byte in the remote file, and its length; so it is called on the disk."""

    first: int
    length: int

    def __str__(self) -> str:
        """Return the name of the file."""
        return f"{self.first}-{self.length}"


class DamagedError(Exception):
    """What is on the disk is not the piece that it is called."""


def name_of(text: str) -> Name | None:
    """Return the piece that a file's name stands for; None where it stands for none."""
    first, _, length = text.partition("-")
    return Name(int(first), int(length)) if first.isdecimal() and length.isdecimal() and int(length) else None


def write(folder: Path, key: str, first: int, data: memoryview) -> int:
    """Write a piece, seen only when it is whole; return the bytes of its file.

    Nothing is synced: where the power goes, the checksums tell.
    """
    name = Name(first, len(data))
    sums = struct.pack(f"<{_n_parts(len(data))}I", *(zlib.crc32(data[k : k + PART]) for k in range(0, len(data), PART)))
    write_whole(folder / str(name), data, sums, _end(key, name, sums), synced=False)
    return _size(len(data))


def fill(folder: Path, key: str, name: Name, start: int, buffer: memoryview) -> None:
    """Fill a buffer with the bytes of the remote file from ``start`` on, which lie in this piece, proven.

    Raises
    ------
    DamagedError
        When they are not what was written.
    OSError
        When the file is gone.
    """
    first, last = start - name.first, start - name.first + len(buffer)
    here, end = first // PART * PART, min(-(-last // PART) * PART, name.length)
    is_whole = (here, end) == (first, last)
    proven = buffer if is_whole else np.empty(end - here, np.uint8).data
    with open(folder / str(name), "rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != _size(name.length):
            raise DamagedError
        file.seek(name.length)
        tail = file.read(_size(name.length) - name.length)
        sums = tail[: 4 * _n_parts(name.length)]
        file.seek(here)
        if tail[len(sums) :] != _end(key, name, sums) or file.readinto(proven) != len(proven):
            raise DamagedError
    stated = struct.unpack_from(f"<{_n_parts(end - here)}I", sums, 4 * (here // PART))
    if any(zlib.crc32(proven[k * PART : (k + 1) * PART]) != its for k, its in enumerate(stated)):
        raise DamagedError
    if not is_whole:
        buffer[:] = proven[first - here : last - here]


def _end(key: str, name: Name, sums: bytes) -> bytes:
    facts = (MAGIC, hashlib.blake2b(key.encode(), digest_size=16).digest(), name.first, name.length)
    return _END.pack(*facts, zlib.crc32(_END.pack(*facts, 0), zlib.crc32(sums)))


def _size(length: int) -> int:
    return length + 4 * _n_parts(length) + _END.size


def _n_parts(length: int) -> int:
    return -(-length // PART)
