"""Which chunks a selection touches, and which part of each goes where in the result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from neurodata4ml.data.storage.values.selection import Rows, Selection

Index = tuple[slice | np.ndarray, ...]


class Part(NamedTuple):
    """What one row of chunks along an axis gives: its number, which places in it, and where they go."""

    number: int
    inside: slice | np.ndarray
    outside: slice


class Grid(NamedTuple):
    """The chunks that a selection touches: ``parts`` of each axis, each with each."""

    parts: tuple[list[Part], ...]
    counts: tuple[int, ...]
    """Chunks of the whole array along each axis."""

    @property
    def n_touched(self) -> int:
        """How many chunks are touched."""
        return math.prod(len(parts) for parts in self.parts)

    def numbers(self) -> np.ndarray:
        """Return the number of each touched chunk, counted in C order over the whole grid."""
        numbers = np.zeros(1, np.int64)
        for parts, count in zip(self.parts, self.counts, strict=True):
            numbers = (numbers[:, None] * count + np.array([part.number for part in parts], np.int64)).reshape(-1)
        return numbers

    def places(self, wanted: np.ndarray) -> Iterator[tuple[int, ...]]:
        """Yield the place in the grid of touched chunks, told by their order in ``numbers``."""
        for parts in self._parts_of(wanted):
            yield tuple(part.number for part in parts)

    def indices(self, wanted: np.ndarray) -> Iterator[tuple[Index, Index]]:
        """Yield where the values are in each chunk, and where they go in the result, axes that are dropped included."""
        for parts in self._parts_of(wanted):
            yield tuple(part.inside for part in parts), tuple(part.outside for part in parts)

    def _parts_of(self, wanted: np.ndarray) -> Iterator[Sequence[Part]]:
        if len(self.parts) == 1:
            yield from ((self.parts[0][k],) for k in wanted.tolist())
            return
        if not self.parts:
            yield from (() for _ in wanted)
            return
        columns = np.unravel_index(wanted, tuple(len(parts) for parts in self.parts))
        for at in zip(*(column.tolist() for column in columns), strict=True):
            yield [parts[k] for parts, k in zip(self.parts, at, strict=True)]


def touched(selection: Selection, chunks: tuple[int, ...]) -> Grid:
    """Return the chunks of shape ``chunks`` that a selection touches; it must not be empty."""
    parts = tuple(_parts(rows, side) for rows, side in zip(selection.axes, chunks, strict=True))
    return Grid(parts, tuple(-(-size // side) for size, side in zip(selection.shape, chunks, strict=True)))


def most_touched(selection: Selection, chunks: tuple[int, ...]) -> int:
    """Return how many chunks a selection touches at most, without listing them; it must not be empty."""
    sides = zip(selection.axes, chunks, strict=True)
    return math.prod(min(rows.count, rows.last // side - rows.start // side + 1) for rows, side in sides)


def _parts(rows: Rows, side: int) -> list[Part]:
    """Return what each row of chunks along one axis gives."""
    if rows.vector is not None:
        return _parts_of_vector(rows.vector, side)
    start, count, step = rows.start, rows.count, rows.step
    numbers = range(start // side, rows.last // side + 1) if step <= side else (rows.places() // side).tolist()
    parts = []
    for number in numbers:
        head = max(0, -((start - number * side) // step))
        tail = min(count, -((start - (number + 1) * side) // step))
        first = start + head * step - number * side
        parts.append(Part(number, slice(first, first + (tail - head - 1) * step + 1, step), slice(head, tail)))
    return parts


def _parts_of_vector(vector: np.ndarray, side: int) -> list[Part]:
    numbers = vector // side
    heads = np.append(0, np.flatnonzero(np.diff(numbers)) + 1)
    tails = np.append(heads[1:], len(numbers))
    inside = vector - numbers * side
    return [
        Part(number, _shortest(inside[head:tail]), slice(head, tail))
        for number, head, tail in zip(numbers[heads].tolist(), heads.tolist(), tails.tolist(), strict=True)
    ]


def _shortest(places: np.ndarray) -> slice | np.ndarray:
    """Return places without a gap as a slice, which numpy copies in one go."""
    first, last = int(places[0]), int(places[-1])
    is_run = last - first == len(places) - 1 and (len(places) < 3 or bool((np.diff(places) == 1).all()))
    return slice(first, last + 1) if is_run else places
