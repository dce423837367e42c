"""Filters that few files use: HDF5's scale-offset here, others by HDF5's library, given one chunk and nothing else."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.storage.filters.undo import Bytes, Room, Undo, refuse
from neurodata4ml.errors import LayoutError

SZIP, NBIT, SCALEOFFSET, LZF = 4, 5, 6, 32000
NAMES = {4: "szip", 5: "nbit", 32000: "lzf", 32008: "bitshuffle", 32013: "zfp", 32026: "blosc2"}

SCALEOFFSET_HEADER = 21
"""Bytes before the values: how many bits each takes (4), how many bytes the smallest takes (1), the smallest (16)."""
LZF_RUN = 32
"""The most bytes that lzf takes as they are, behind one that says how many: one less than they are."""
SZIP_BIG = 16
"""Bit of szip's first option: the highest byte comes first."""
BLOCK = 65_536
"""Values that are unpacked at a time: each bit takes a byte meanwhile."""


def undoing(number: int, options: tuple[int, ...], itemsize: int) -> Undo:
    """Return how a rare filter is undone."""
    if number == SCALEOFFSET:
        return partial(_unscale, options)
    if number == NBIT:
        return _nbit(options)
    if not h5py.h5z.filter_avail(number):
        named = NAMES.get(number, "no name known")
        message = (
            f"chunks were encoded with HDF5's filter {number} ({named}), which is not here; "
            "type pip install hdf5plugin, and import hdf5plugin before you open the file"
        )
        raise LayoutError(message)
    return partial(_by_library, number, options, itemsize)


def _nbit(options: tuple[int, ...]) -> Undo:
    """Return the undoing of n-bit: nothing, where all bits of a value count."""
    if len(options) < 2 or options[1] != 1:
        message = (
            "chunks with fewer bits than their type (HDF5's n-bit filter) are not read; type h5repack -f NONE IN OUT"
        )
        raise LayoutError(message)
    return lambda data, room, out: data


def _unscale(options: tuple[int, ...], data: Bytes, room: Room, out: Bytes | None) -> Bytes:
    """Undo scale-offset: integers of a few bits each, counted from the smallest value on."""
    if len(options) < 8 or options[3] not in (0, 1) or options[4] not in (1, 2, 4, 8):
        refuse(f"the options {options} of the filter scale-offset are not what HDF5 writes")
    method, scale, count, is_float, size, is_signed, is_big, has_fill = options[:8]
    if method != (0 if is_float else 2) or count * size != room.due:
        refuse(f"scale-offset says {count} values of {size} bytes by method {method}; {room.due} bytes are due")
    if not is_float and scale == 8 * size:
        return data
    head, stored = bytes(data[:SCALEOFFSET_HEADER]), np.frombuffer(data, np.uint8)[SCALEOFFSET_HEADER:]
    n_bits = int.from_bytes(head[:4], "little")
    if len(head) < SCALEOFFSET_HEADER or n_bits > 8 * size or len(stored) * 8 < count * n_bits:
        refuse(f"{len(data)} bytes of scale-offset cannot hold {count} values of {n_bits} bits")
    dtype = np.dtype(f"<{'f' if is_float else 'i' if is_signed else 'u'}{size}")
    if n_bits == 8 * size:
        values = stored[: count * size].view(dtype)
    else:
        steps = _unpack(stored, count, n_bits, size)
        smallest = np.frombuffer(head[5 : 5 + min(8, head[4])].ljust(8, b"\0")[:size], steps.dtype)
        values = _scaled(steps, scale, smallest.view(dtype)) if is_float else (steps + smallest).view(dtype)
        if has_fill:
            fill = np.array(options[8:], "<u4").tobytes()[:size].ljust(size, b"\0")
            values[steps == (1 << n_bits) - 1] = np.frombuffer(fill, dtype)[0]
    return values.astype(dtype.newbyteorder(">" if is_big else "<"), copy=False).view(np.uint8).data


def _unpack(stored: Any, count: int, n_bits: int, size: int) -> np.ndarray[Any, Any]:
    """Return unsigned integers of ``size`` bytes from ones of ``n_bits`` bits, their highest bit first."""
    values = np.zeros(count, f"<u{size}")
    if not n_bits:
        return values
    for start in range(0, count, BLOCK):  # a multiple of 8, so that each block begins with a byte
        block = values[start : start + BLOCK]
        first = start * n_bits // 8
        bits = np.unpackbits(stored[first : first + -(-len(block) * n_bits // 8)])[: len(block) * n_bits]
        for column in bits.reshape(len(block), n_bits).T:
            np.left_shift(block, 1, out=block)
            np.bitwise_or(block, column, out=block)
    return values


def _scaled(steps: Any, scale: int, smallest: Any) -> Any:
    """Return decimals: steps of a power of ten from the smallest value on, in their own precision."""
    decimals = scale - (1 << 32) if scale >> 31 else scale
    whole = steps.view(f"<i{steps.itemsize}").astype(smallest.dtype)
    return whole / smallest.dtype.type(10.0**decimals) + smallest


def _by_library(
    number: int, options: tuple[int, ...], itemsize: int, data: Bytes, room: Room, out: Bytes | None
) -> Bytes:
    """Let HDF5's library undo a filter: the chunk is put into a file in memory that we made ourselves."""
    n_bytes = room.due
    if n_bytes is None or n_bytes % itemsize:
        refuse(f"its values of {itemsize} bytes do not fill {n_bytes} bytes")
    if number == SZIP:
        return _szip(options, itemsize, bytes(data), n_bytes)
    if number == LZF:
        return _lzf(options, itemsize, bytes(data), n_bytes)
    return _twin_read(number, options, itemsize, bytes(data), n_bytes)


def _szip(options: tuple[int, ...], itemsize: int, data: bytes, n_bytes: int) -> Bytes:
    """Undo szip; refused where the stream ends too early, for what the library leaves in the memory is anybody's.

    More bytes are put behind the stream than it can take: they show only where it ends too early.
    """
    if int.from_bytes(data[:4], "little") != n_bytes:
        refuse(f"szip says {int.from_bytes(data[:4], 'little')} bytes, where {n_bytes} are due")
    n_more = 2 * n_bytes + 4096
    ones, noise = b"\xff" * n_more, np.random.default_rng(0).bytes(n_more)
    values, others = (_twin_read(SZIP, options, itemsize, data + more, n_bytes) for more in (ones, noise))
    if values != others:
        refuse(f"szip's stream of {len(data):,} bytes ends before it made {n_bytes:,}")
    return values


def _lzf(options: tuple[int, ...], itemsize: int, data: bytes, n_bytes: int) -> Bytes:
    """Undo lzf; refused where the stream is too short, for what the library leaves in the memory is anybody's.

    A word that the memory cannot hold already is put behind the stream: it must come out right behind the values.
    """
    word = os.urandom(LZF_RUN)
    n_whole = n_bytes + -(-LZF_RUN // itemsize) * itemsize
    values = _twin_read(LZF, options, itemsize, data + bytes([LZF_RUN - 1]) + word, n_whole)
    if values[n_bytes : n_bytes + LZF_RUN] != word:
        refuse(f"lzf's stream of {len(data):,} bytes does not make {n_bytes:,}")
    return values[:n_bytes]


def _twin_read(number: int, options: tuple[int, ...], itemsize: int, data: bytes, n_bytes: int) -> Bytes:
    """Return what HDF5's library makes of a chunk, as the only one of a file in memory."""
    name = f"chunk of thread {threading.get_ident()}"
    with h5py.File(name, "w", driver="core", backing_store=False) as file:
        try:
            dataset = _twin(file, number, options, itemsize, n_bytes // itemsize)
            dataset.id.write_direct_chunk((0,) * dataset.ndim, data)
            values = dataset[()]
        except (OSError, ValueError, RuntimeError) as error:
            refuse(f"HDF5's filter {number} ({NAMES.get(number, 'a plugin')}) says: {error}")
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def _twin(file: h5py.File, number: int, options: tuple[int, ...], itemsize: int, count: int) -> Any:
    """Return a dataset of one chunk whose filter has the options of the foreign one."""
    order = ">" if number == SZIP and options and options[0] & SZIP_BIG else "<"
    dtype = f"{order}u{itemsize}" if number == SZIP else f"V{itemsize}"
    shapes: list[tuple[int, ...]] = [(count,)]
    if number == SZIP and len(options) > 3 and options[3] and count % options[3] == 0:
        shapes.append((count // options[3], options[3]))
    for place, shape in enumerate(shapes):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(shape)
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, options[:2] if number == SZIP else options)
        kind = h5py.h5t.py_create(np.dtype(dtype))
        made = h5py.h5d.create(file.id, str(place).encode(), kind, h5py.h5s.create_simple(shape), plan)
        if number == LZF or made.get_create_plist().get_filter(0)[2] == tuple(options):
            return h5py.Dataset(made)
    message = (
        f"the options {options} of HDF5's filter {number} do not go with chunks of {count} values of {itemsize} bytes"
    )
    raise LayoutError(message + "; type h5repack -f NONE IN OUT and read OUT")
