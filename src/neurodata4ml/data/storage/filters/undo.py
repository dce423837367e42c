"""One step of a chunk's encoding undone, within the size that is due and not a byte more."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import deflate
import numpy as np

from neurodata4ml.errors import LayoutError

Bytes = bytes | memoryview

DEFLATE_RATIO = 1032
"""Deflate cannot do better: a symbol for 258 bytes takes at least two bits."""
LZ4_RATIO = 255
"""LZ4 cannot do better: a byte adds at most 255 to a length."""
XZ_MEMORY = 2**28
"""Bytes that LZMA may take for its dictionary: the strongest preset of the format takes a quarter of it."""
MANY_BYTES = 32
"""Values that are larger are brought together row by row."""


class Room(NamedTuple):
    """How many bytes may come out: ``due`` exactly, or at most ``limit`` where nobody knows before (due is None)."""

    due: int | None
    limit: int


Undo = Callable[[Bytes, Room, Bytes | None], Bytes]
"""Undoes a step: of these bytes, into this room, and straight into the last buffer if it can."""


def refuse(problem: str) -> NoReturn:
    """Say why a chunk cannot be decoded."""
    message = f"a chunk cannot be decoded: {problem}. The file is damaged, or not what it says: fetch it again"
    raise LayoutError(message)


def inflate(data: Bytes, room: Room, out: Bytes | None = None, *, is_gzip: bool = False) -> Bytes:
    """Undo deflate; its checksum is verified."""
    if not room.due:
        return _inflated(data, room, is_gzip)
    if room.due > DEFLATE_RATIO * (len(data) + 16):
        refuse(f"{len(data)} bytes cannot hold the {room.due} that are due")
    try:
        # libdeflate, 1.5 times as fast as zlib: it makes what is due, and not a byte more
        plain = (deflate.gzip_decompress if is_gzip else deflate.zlib_decompress)(data, room.due)
    except deflate.DeflateError:  # it does not say why
        return _inflated(data, room, is_gzip)
    return _whole(memoryview(plain), True, room)


def _inflated(data: Bytes, room: Room, is_gzip: bool) -> Bytes:
    """Undo deflate as far as there is room for what comes out."""
    inflater = zlib.decompressobj(31 if is_gzip else 15)
    try:
        plain = inflater.decompress(data, room.limit + 1)
    except zlib.error as error:
        refuse(f"gzip says: {error}")
    return _whole(plain, inflater.eof, room)


def bunzip2(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Undo bzip2."""
    decompressor = bz2.BZ2Decompressor()
    try:
        plain = decompressor.decompress(data, room.limit + 1)
    except (OSError, ValueError) as error:
        refuse(f"bzip2 says: {error}")
    return _whole(plain, decompressor.eof, room)


def unxz(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Undo LZMA, of the container that says itself how it was made."""
    decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
    try:
        plain = decompressor.decompress(data, room.limit + 1)
    except (lzma.LZMAError, EOFError) as error:
        refuse(f"lzma says: {error}")
    return _whole(plain, decompressor.eof, room)


def blosc(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Undo blosc; the sizes in its header are believed only if they are those that are due."""
    from numcodecs import blosc as library

    if len(data) < 16:
        refuse(f"blosc's header takes 16 bytes; there are {len(data)}")
    plain, stored = _little(data[4:8]), _little(data[12:16])
    if stored != len(data):
        refuse(f"blosc's header says that {stored} bytes are stored; there are {len(data)}")
    return _decompress(library, data, _claimed(plain, room), out)


def zstd(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Undo Zstandard; the size in its header is believed only if it is the one that is due."""
    from numcodecs import zstd as library

    claim = _zstd_claim(bytes(data[:18]))
    plain = room.due if claim is None else claim
    if plain is None:
        refuse("Zstandard's header does not say how many bytes come out")
    return _decompress(library, data, _claimed(plain, room), out)


def lz4_block(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Undo one block of LZ4 behind its size, as numcodecs writes it."""
    from numcodecs import lz4 as library

    plain = _claimed(_little(data[:4]), room)
    if plain > LZ4_RATIO * len(data):
        refuse(f"{len(data)} bytes of LZ4 cannot hold {plain}")
    return _decompress(library, data, plain, out)


def lz4(data: Bytes, room: Room, out: Bytes | None = None) -> bytes:
    """Undo LZ4 as HDF5's plugin writes it: the size of all, of a block, then each block after its stored size."""
    if len(data) < 12:
        refuse(f"LZ4's header takes 12 bytes; there are {len(data)}")
    left, block = _claimed(int.from_bytes(data[:8], "big"), room), int.from_bytes(data[8:12], "big")
    pieces: list[Bytes] = []
    at = 12
    while left > 0:
        size, due = int.from_bytes(data[at : at + 4], "big"), min(block, left)
        piece = bytes(data[at + 4 : at + 4 + size])
        if not due or not size or len(piece) != size:
            refuse(f"a block of LZ4 says {size} bytes, where {max(len(data) - at - 4, 0)} are left")
        sized = due.to_bytes(4, "little") + piece
        pieces.append(piece if size == due else lz4_block(sized, Room(due, due)))
        at, left = at + 4 + size, left - due
    return b"".join(pieces)


def unshuffle(data: Bytes, room: Room, out: Bytes | None = None, *, size: int) -> Bytes:
    """Bring the bytes of each value together again: all first bytes are stored first, then all second ones, ..."""
    count = len(data) // size if size > 1 else 0
    if count < 2:
        return data
    whole = count * size
    target = np.empty(len(data), np.uint8).data if out is None or len(out) != len(data) else out
    stored, plain = np.frombuffer(data, np.uint8), np.frombuffer(target, np.uint8)
    columns, rows = stored[:whole].reshape(size, count), plain[:whole].reshape(count, size)
    if size > MANY_BYTES:
        rows[...] = columns.T
    else:
        for place in range(size):  # twice as fast as numpy's own transposition, and without Python's lock
            rows[:, place] = columns[place]
    plain[whole:] = stored[whole:]
    return target


def check(data: Bytes, room: Room, out: Bytes | None = None) -> Bytes:
    """Take a checksum (fletcher32) away, once it is the one of the bytes before it."""
    from numcodecs.fletcher32 import Fletcher32

    if len(data) < 4:
        refuse(f"its checksum takes 4 bytes; there are {len(data)}")
    try:
        if len(data) > 4:
            Fletcher32().decode(data)
    except RuntimeError:
        refuse("its checksum (fletcher32) is not that of its bytes")
    return memoryview(data)[:-4]


def _little(data: Bytes) -> int:
    """Return an unsigned number, its lowest byte first."""
    return int.from_bytes(data, "little")


def _claimed(plain: int, room: Room) -> int:
    """Return the size that a header claims, if it is right: before anybody makes room for it."""
    if plain != room.due if room.due is not None else plain > room.limit:
        right = f"{room.due}" if room.due is not None else f"at most {room.limit}"
        refuse(f"its header claims {plain} bytes where {right} are due")
    return plain


def _whole(plain: Bytes, is_ended: bool, room: Room) -> Bytes:
    """Return what came out if it is all of it and no more than is due."""
    if len(plain) > room.limit:
        refuse(f"more than the {room.limit} bytes that are due come out")
    if not is_ended:
        refuse(f"it ends in the middle, after {len(plain)} bytes")
    if room.due is not None and len(plain) != room.due:
        refuse(f"{len(plain)} bytes come out where {room.due} are due")
    return plain


def _decompress(library: Any, data: Bytes, plain: int, out: Bytes | None) -> Bytes:
    """Let one of numcodecs' libraries decompress into a buffer of just the size that is due."""
    if not plain:
        return b""
    buffer = np.empty(plain, np.uint8).data if out is None or len(out) != plain else out
    try:
        library.decompress(data, buffer)
    except (RuntimeError, ValueError) as error:
        refuse(str(error))
    return buffer


def _zstd_claim(head: bytes) -> int | None:
    """Return the size that a Zstandard frame claims; None where it does not say (RFC 8878, 3.1.1)."""
    if head[:4] != b"\x28\xb5\x2f\xfd" or len(head) < 6:
        refuse("it does not begin as Zstandard does")
    descriptor = head[4]
    is_single = bool(descriptor & 32)
    width = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    if not width:
        return None
    at = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    return int.from_bytes(head[at : at + width], "little") + 256 * (width == 2)
