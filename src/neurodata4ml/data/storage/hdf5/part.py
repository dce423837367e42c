"""The part of a dataset's grid of chunks that is asked for, and the table in which its chunks are put."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.index import ChunkTable
from neurodata4ml.errors import LayoutError

INDEX = "the index of a dataset's chunks"

Numbers = np.ndarray[Any, Any]

NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)
LONGEST = 2**62
"""No axis is longer: numbers of 64 bits are enough to count along it."""
FEW = 2**22
"""Chunks that a table may always have: it takes 80 MB."""
BYTES_PER_CHUNK = 8
"""A grid of more chunks than that must be of a file with room for the entries of at least some: the rest is a claim."""


class Found(NamedTuple):
    """Chunks as a file lists them: where each begins in the array (chunk, axis), and how it is stored.

    ``offsets`` (uint64) are as they are written, from the file's base on; ``NEVER`` where a chunk was never written.
    """

    starts: Numbers
    offsets: Numbers
    sizes: Numbers
    skipped: Numbers


class Part(NamedTuple):
    """Chunks of ``chunk``'s shape in a grid of ``counts``, of which rows ``first`` to ``last`` are asked for."""

    chunk: tuple[int, ...]
    counts: tuple[int, ...]
    first: int
    last: int

    @property
    def n_axes(self) -> int:
        """Dims of the array."""
        return len(self.chunk)

    @property
    def start(self) -> int:
        """The first row of the array that the part holds."""
        return self.first * self.chunk[0]

    @property
    def stop(self) -> int:
        """The row of the array behind the part."""
        return self.last * self.chunk[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Chunks of the part along each axis."""
        return (self.last - self.first, *self.counts[1:])

    @property
    def n_chunks(self) -> int:
        """Chunks of the part."""
        return math.prod(self.shape)


def part_of(shape: tuple[int, ...], chunk: tuple[int, ...], first: int, last: int | None, size: int) -> Part:
    """Return the chunks that hold the rows from ``first`` on, before ``last``; refused if a file cannot list them."""
    counts = tuple(-(-n // step) for n, step in zip(shape, chunk, strict=True))
    stop = shape[0] if last is None else min(last, shape[0])
    begin = min(max(first, 0) // chunk[0], counts[0])
    part = Part(chunk, counts, begin, max(-(-stop // chunk[0]), begin))
    if part.n_chunks > max(FEW, size // BYTES_PER_CHUNK) or max(shape) > LONGEST:
        message = (
            f"an array of shape {shape} in chunks of {chunk} has {part.n_chunks} chunks there, more than a file "
            f"of {size} bytes can list; the file is damaged, or nearly nothing was written: ask for fewer rows"
        )
        raise LayoutError(message)
    return part


def all_of(part: Part, offsets: Numbers, sizes: int | Numbers, skipped: int | Numbers = 0) -> Found:
    """Return all chunks of a part, in C order, or none if there are no offsets."""
    grid = np.indices(part.shape, np.int64).reshape(part.n_axes, -1)[:, : len(offsets)]
    grid[0] += part.first
    starts = grid.T * np.array(part.chunk)
    return Found(starts, offsets, np.broadcast_to(sizes, offsets.shape), np.broadcast_to(skipped, offsets.shape))


def table_of(part: Part, found: Found, base: int, end: int) -> ChunkTable:
    """Return where the chunks of a part are; each must lie in the grid and in the file, and apart from all others."""
    places = _places(part, found.starts)
    is_there = (places >= 0) & (found.offsets != NEVER)
    places, offsets = places[is_there], found.offsets[is_there]
    sizes, skipped = found.sizes[is_there], found.skipped[is_there]
    _check_extents(offsets, sizes.astype(np.uint64), end - base)
    if len(np.unique(places)) < len(places):
        refuse(INDEX, "lists a chunk twice")
    table = ChunkTable(
        np.full(part.n_chunks, -1, np.int64), np.zeros(part.n_chunks, np.int64), np.zeros(part.n_chunks, np.uint32)
    )
    table.offsets[places] = offsets.astype(np.int64) + base
    table.sizes[places] = sizes
    table.skipped[places] = skipped
    return table


def uints(raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return unsigned numbers of 1 to 8 bytes as ones of 8."""
    width = raw.dtype.itemsize
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, :width] = np.frombuffer(raw.tobytes(), np.uint8).reshape(len(raw), width)
    return wide.view("<u8")[:, 0]


def addresses(raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return addresses of 1 to 8 bytes; ``NEVER`` where all bits are set."""
    values = uints(raw)
    return np.where(values == (1 << 8 * raw.dtype.itemsize) - 1, NEVER, values)


def _places(part: Part, starts: Numbers) -> Numbers:
    """Return the place of each chunk in the part, in C order; -1 for those of other rows."""
    chunk, counts = np.array(part.chunk), np.array(part.counts)
    coordinates = starts // chunk
    if (starts < 0).any() or (coordinates * chunk != starts).any() or (coordinates >= counts).any():
        refuse(INDEX, f"lists a chunk that is not in the grid of {part.counts} chunks of {part.chunk}")
    steps = [math.prod(part.counts[axis + 1 :]) for axis in range(part.n_axes)]
    places = (coordinates * np.array(steps)).sum(axis=1) - part.first * steps[0]
    return np.where((coordinates[:, 0] >= part.first) & (coordinates[:, 0] < part.last), places, -1)


def _check_extents(offsets: Numbers, sizes: Numbers, room: int) -> None:
    """Refuse chunks that lie outside of the file, are empty, or share bytes."""
    if not len(offsets):
        return
    order = np.argsort(offsets)
    starts, lengths = offsets[order], sizes[order]
    if int(lengths.min()) == 0:
        refuse(INDEX, "lists a chunk of 0 bytes")
    if int(starts[-1]) > room or int(lengths.max()) > room or int((starts + lengths).max()) > room:
        worst = int((starts.astype(float) + lengths).argmax())
        refuse(INDEX, f"has a chunk of {int(lengths[worst])} bytes at {int(starts[worst])}, in a file of {room}")
    if (starts[1:] < starts[:-1] + lengths[:-1]).any():
        refuse(INDEX, "has two chunks that share bytes")
