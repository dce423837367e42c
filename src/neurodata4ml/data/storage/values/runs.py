"""Values that lie one after the other: only the runs of bytes that a selection needs are read, into their place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neurodata4ml.data.storage.source import Cost, Source, Span
from neurodata4ml.data.storage.values.selection import Selection

SMALL_GAP = 1 << 14
"""Bytes between two short runs that are read along: on a disk they cost less than another call."""

SHORT = 1 << 16
"""Bytes of a run that is worth a call of its own."""

LONGEST = 1 << 22
"""Bytes of several runs that are read in one go, gaps included: what one go needs in memory."""

MOST_RUNS = 1 << 22
"""Runs that are planned at a time; a plan takes some 30 bytes for each."""


class Plan(NamedTuple):
    """Runs of ``length`` bytes from ``starts`` on, in the order of the result, and how they are read together.

    ``groups`` are (first run, run after the last, whether there are gaps among them).
    """

    starts: np.ndarray
    length: int
    groups: list[tuple[int, int, bool]]

    def span(self, first: int, last: int) -> Span:
        """Return from which byte to which a group of runs reaches."""
        return int(self.starts[first]), int(self.starts[last - 1]) + self.length


def read_runs(source: Source, offset: int, selection: Selection, dtype: np.dtype[np.generic]) -> np.ndarray:
    """Return the selected values of an array that begins at byte ``offset``, as they are stored.

    All axes of the selection are there, also those that it drops.
    """
    values = np.empty(selection.counts, dtype)
    if not values.size:
        return values
    flat = values.reshape(-1).view(np.uint8)
    done = 0
    for part in _parts(selection):
        plan = plan_runs(offset, part, dtype.itemsize)
        n_bytes = len(plan.starts) * plan.length
        _read(source, plan, flat[done : done + n_bytes])
        done += n_bytes
    return values


def cost_of_runs(source: Source, offset: int, selection: Selection, itemsize: int) -> Cost:
    """Return what ``read_runs`` would move."""
    total = Cost(0, 0)
    for part in _parts(selection):
        plan = plan_runs(offset, part, itemsize)
        total += source.cost([plan.span(first, last) for first, last, _ in plan.groups])
    return total


def plan_runs(offset: int, selection: Selection, itemsize: int) -> Plan:
    """Return which runs of bytes hold the selected values."""
    starts, length = _runs(offset, selection, itemsize)
    if len(starts) == 1:
        return Plan(starts, length, [(0, 1, False)])
    gaps = np.diff(starts) - length
    ends = np.append(np.flatnonzero(gaps), len(starts) - 1)
    firsts = np.append(0, ends[:-1] + 1)
    sizes = starts[ends] + length - starts[firsts]
    apart = gaps[ends[:-1]] > SMALL_GAP
    long = sizes > SHORT
    apart |= long[1:] | long[:-1] | (np.diff(starts[firsts] // LONGEST) != 0)
    heads = np.append(0, np.flatnonzero(apart) + 1)
    tails = np.append(heads[1:] - 1, len(firsts) - 1)
    groups = zip(firsts[heads].tolist(), (ends[tails] + 1).tolist(), (heads != tails).tolist(), strict=True)
    return Plan(starts, length, list(groups))


def _parts(selection: Selection) -> Iterator[Selection]:
    """Yield parts of a selection, in the order of the result, none of more than ``MOST_RUNS`` runs."""
    n_runs = math.prod(selection.counts[: _n_outer(selection)])
    if n_runs <= MOST_RUNS:
        yield selection
        return
    axis = next(k for k, rows in enumerate(selection.axes) if rows.count > 1)
    rows = selection.axes[axis]
    at_once = max(1, rows.count * MOST_RUNS // n_runs)
    for first in range(0, rows.count, at_once):
        part = rows.part(first, min(first + at_once, rows.count))
        axes = (*selection.axes[:axis], part, *selection.axes[axis + 1 :])
        yield from _parts(Selection(axes, selection.shape))


def _n_outer(selection: Selection) -> int:
    """Return how many axes, the first ones, have each of their places in a run of its own."""
    n_outer = len(selection.axes)
    for rows, size in zip(reversed(selection.axes), reversed(selection.shape), strict=True):
        if not rows.is_run:
            break
        n_outer -= 1
        if rows.count != size:
            break
    return n_outer


def _runs(offset: int, selection: Selection, itemsize: int) -> tuple[np.ndarray, int]:
    """Return where each run begins, in C order, and how many bytes all of them are long."""
    n_outer = _n_outer(selection)
    strides = [itemsize * math.prod(selection.shape[axis + 1 :]) for axis in range(len(selection.shape))]
    inner = zip(selection.axes[n_outer:], strides[n_outer:], strict=True)
    starts = np.array([offset + sum(rows.start * stride for rows, stride in inner)], np.int64)
    for rows, stride in zip(selection.axes[:n_outer], strides[:n_outer], strict=True):
        starts = (starts[:, None] + rows.places() * stride).reshape(-1)
    return starts, itemsize * math.prod(selection.counts[n_outer:])


def _read(source: Source, plan: Plan, flat: np.ndarray) -> None:
    """Read the runs into ``flat``, the bytes of the result."""
    room = memoryview(flat.data)
    whole = [(first, last) for first, last, has_gaps in plan.groups if not has_gaps]
    if whole:
        source.fill([(int(plan.starts[a]), room[a * plan.length : b * plan.length]) for a, b in whole])
    gapped = [(first, last) for first, last, has_gaps in plan.groups if has_gaps]
    if gapped:
        for place, data in source.read_many([plan.span(a, b) for a, b in gapped]):
            first, last = gapped[place]
            _gather(plan, first, last, data, flat)


def _gather(plan: Plan, first: int, last: int, data: bytes | memoryview, flat: np.ndarray) -> None:
    """Copy the runs of one group out of its bytes, which have gaps."""
    steps = np.diff(plan.starts[first:last])
    target = flat[first * plan.length : last * plan.length].reshape(-1, plan.length)
    if (steps == steps[0]).all():
        target[...] = np.ndarray(target.shape, np.uint8, buffer=data, strides=(int(steps[0]), 1))
        return
    windows = np.ndarray((len(data) - plan.length + 1, plan.length), np.uint8, buffer=data, strides=(1, 1))
    np.take(windows, plan.starts[first:last] - plan.starts[first], axis=0, out=target)
