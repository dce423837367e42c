"""Values in chunks: only those that a selection touches are read, and decoded while others arrive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from neurodata4ml.data.storage.filters.filters import decode
from neurodata4ml.data.storage.index import Dataset
from neurodata4ml.data.storage.source import Cost, Source, Span
from neurodata4ml.data.storage.values.crew import Job, n_threads, work
from neurodata4ml.data.storage.values.grid import Grid, Index, most_touched, touched
from neurodata4ml.data.storage.values.meaning import flat_dtype
from neurodata4ml.data.storage.values.selection import Selection
from neurodata4ml.data.storage.values.tables import Finder
from neurodata4ml.errors import LayoutError

BATCH = 1 << 21
"""Encoded bytes that a thread decodes at a time: small chunks are taken together, or handing them over costs more."""

MOST_CHUNKS = 1 << 22
"""Chunks of one read; a plan takes some hundred bytes for each."""

NEAR = 1 << 12
"""Bytes between two chunks that are read along."""


class Plan(NamedTuple):
    """The chunks to read: their places in the grid of touched ones, where they are stored, and what is read at once."""

    grid: Grid
    written: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    skipped: np.ndarray
    batches: list[tuple[int, int]]

    @property
    def is_whole(self) -> bool:
        """Whether all chunks that are touched were written."""
        return len(self.written) == self.grid.n_touched

    def span(self, first: int, last: int) -> Span:
        """Return from which byte to which a batch reaches."""
        return int(self.offsets[first]), int((self.offsets[first:last] + self.sizes[first:last]).max())

    def spans(self) -> list[Span]:
        """Return the bytes of all batches."""
        return [self.span(*batch) for batch in self.batches]


def plan_chunks(dataset: Dataset, selection: Selection, find: Finder) -> Plan:
    """Return which chunks hold the selected values, in the order in which they are stored."""
    chunks = dataset.chunks or ()
    n_touched = most_touched(selection, chunks)
    if n_touched > MOST_CHUNKS:  # looked at before they are listed: a shape is only a claim
        message = f"it would take {n_touched:,} chunks at once; {MOST_CHUNKS:,} are read. Read it in parts: .isel(...)"
        raise LayoutError(message)
    first, last = selection.axes[0].start // chunks[0], selection.axes[0].last // chunks[0] + 1
    table, grid = find(first, last), touched(selection, chunks)
    numbers = grid.numbers() - first * math.prod(grid.counts[1:])
    offsets = table.offsets[numbers]
    written = np.flatnonzero(offsets >= 0)
    written = written[np.argsort(offsets[written], kind="stable")]
    numbers, offsets = numbers[written], offsets[written]
    sizes = table.sizes[numbers]
    return Plan(grid, written, offsets, sizes, table.skipped[numbers], _batches(offsets, sizes))


def read_chunks(source: Source, dataset: Dataset, plan: Plan, values: np.ndarray) -> None:
    """Read, decode and put in their places the values of all chunks of a plan; the others are left as they are."""
    spans, scatter = plan.spans(), partial(_scatter, dataset, plan, values)
    n_decoded = dataset.stored.raw.itemsize * math.prod(dataset.chunks or ())
    if source.is_remote or len(spans) == 1 or n_threads() == 1:
        arriving = source.read_many(spans)
        if len(spans) == 1:
            for place, data in arriving:
                scatter(plan.batches[place], data)
            return
        work(_as_they_arrive(arriving, plan, n_decoded, scatter))
        return
    work(
        (stop - start + n_decoded, partial(_read_and_scatter, source, (start, stop), batch, scatter))
        for (start, stop), batch in zip(spans, plan.batches, strict=True)
    )


def cost_of_chunks(source: Source, plan: Plan) -> Cost:
    """Return what ``read_chunks`` would move."""
    return source.cost(plan.spans())


def _batches(offsets: np.ndarray, sizes: np.ndarray) -> list[tuple[int, int]]:
    """Return which chunks are read at once: neighbours, up to ``BATCH`` bytes."""
    if not len(offsets):
        return []
    apart = np.diff(offsets) - sizes[:-1] > NEAR
    filled = np.cumsum(sizes) // BATCH
    apart |= np.diff(filled) > 0
    heads = np.append(0, np.flatnonzero(apart) + 1)
    return list(zip(heads.tolist(), [*heads[1:].tolist(), len(offsets)], strict=True))


def _as_they_arrive(
    arriving: Iterator[tuple[int, bytes | memoryview]],
    plan: Plan,
    n_decoded: int,
    scatter: Callable[[tuple[int, int], bytes | memoryview], None],
) -> Iterator[Job]:
    for place, data in arriving:
        yield len(data) + n_decoded, partial(scatter, plan.batches[place], data)


def _read_and_scatter(
    source: Source, span: Span, batch: tuple[int, int], scatter: Callable[[tuple[int, int], bytes | memoryview], None]
) -> None:
    """Read in the thread that decodes: what is on disk is copied as fast as it is decoded, and stays in its cache."""
    scatter(batch, source.read(*span))


def _scatter(
    dataset: Dataset, plan: Plan, values: np.ndarray, batch: tuple[int, int], data: bytes | memoryview
) -> None:
    """Decode the chunks of a batch, and put their values in their places."""
    first, last = batch
    room, base = memoryview(data), int(plan.offsets[first])
    wanted = plan.grid.indices(plan.written[first:last])
    starts, sizes = (plan.offsets[first:last] - base).tolist(), plan.sizes[first:last].tolist()
    for (inside, outside), start, size, skipped in zip(
        wanted, starts, sizes, plan.skipped[first:last].tolist(), strict=True
    ):
        _place(dataset, room[start : start + size], skipped, values[outside], inside)


def _place(dataset: Dataset, data: memoryview, skipped: int, target: np.ndarray, inside: Index) -> None:
    """Decode one chunk into ``target``; straight, where all of it is wanted as it is."""
    raw, shape = flat_dtype(dataset.stored), dataset.chunks or ()
    n_bytes = raw.itemsize * math.prod(shape)
    if target.shape == shape and target.flags.c_contiguous and target.dtype == raw:
        decode(data, dataset.filters, skipped, n_bytes, raw.itemsize, out=target.reshape(-1).view(np.uint8))
        return
    decoded = decode(data, dataset.filters, skipped, n_bytes, raw.itemsize)
    target[...] = np.frombuffer(decoded, raw).reshape(shape)[inside]
