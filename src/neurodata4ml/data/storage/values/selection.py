"""Which values of an array are wanted: one choice of places per axis, checked against the shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Rows:
    """Places along one axis, rising: ``count`` from ``start`` on, ``step`` apart, or those of ``vector``.

    ``dropped``: a single place, whose axis the result does not have.
    """

    start: int
    count: int
    step: int = 1
    vector: np.ndarray | None = None
    dropped: bool = False

    @property
    def is_run(self) -> bool:
        """Whether the places follow each other without a gap."""
        return self.vector is None and (self.step == 1 or self.count <= 1)

    @property
    def last(self) -> int:
        """The last place; there must be one."""
        return self.start + (self.count - 1) * self.step if self.vector is None else int(self.vector[-1])

    def places(self) -> np.ndarray:
        """Return all of them."""
        if self.vector is not None:
            return self.vector
        return self.start + self.step * np.arange(self.count, dtype=np.int64)

    def part(self, first: int, last: int) -> Rows:
        """Return the places from the ``first``-th to the one before the ``last``-th."""
        if self.vector is None:
            return replace(self, start=self.start + first * self.step, count=last - first)
        vector = self.vector[first:last]
        return replace(self, start=int(vector[0]) if len(vector) else 0, count=len(vector), vector=vector)

    def index(self) -> slice | np.ndarray:
        """Return what numpy is to be indexed with to keep this axis."""
        if self.vector is not None:
            return self.vector
        return slice(self.start, self.last + 1 if self.count else self.start, self.step)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of each axis of an array of ``shape``."""

    axes: tuple[Rows, ...]
    shape: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many places there are on each axis, the dropped ones included."""
        return tuple(rows.count for rows in self.axes)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Shape of what is handed out."""
        return tuple(rows.count for rows in self.axes if not rows.dropped)

    @property
    def n_values(self) -> int:
        """How many values are wanted."""
        return math.prod(self.counts)

    def index(self) -> tuple[slice | np.ndarray, ...]:
        """Return what numpy is to be indexed with to keep all axes in their places."""
        return tuple(rows.index() for rows in self.axes)


def select(key: Any, shape: tuple[int, ...]) -> Selection:
    """Return the selection that ``key`` asks for.

    Parameters
    ----------
    key : None, or one or several of int, slice, Ellipsis, 1-D array of int
        None asks for all. One per axis; axes that are not named come whole. Slices rise; at most one vector, sorted.
    shape : tuple of int
        Of the array.

    Raises
    ------
    IndexError
        For a place that is not there, and for what is none of these.
    """
    named = () if key is None else key if isinstance(key, tuple) else (key,)
    if sum(part is Ellipsis for part in named) > 1 or sum(part is not Ellipsis for part in named) > len(shape):
        message = f"{key!r} has more indices than the array has axes: its shape is {shape}."
        raise IndexError(message)
    at = next((k for k, part in enumerate(named) if part is Ellipsis), len(named))
    behind = named[at + 1 :]
    full = (*named[:at], *[slice(None)] * (len(shape) - at - len(behind)), *behind)
    axes = tuple(_rows(part, size) for part, size in zip(full, shape, strict=True))
    if sum(rows.vector is not None for rows in axes) > 1:
        message = f"{key!r} has several vectors; one is read at a time, so index in two steps."
        raise IndexError(message)
    return Selection(axes, shape)


def rows_of(starts: Any, stops: Any) -> slice | np.ndarray:
    """Return the rows of rising runs as an index: a slice where they follow each other."""
    first, last = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
    lengths = np.maximum(last - first, 0)
    first, last, lengths = first[lengths > 0], last[lengths > 0], lengths[lengths > 0]
    if not len(first):
        return slice(0, 0)
    if (first[1:] == last[:-1]).all():
        return slice(int(first[0]), int(last[-1]))
    before = np.cumsum(lengths) - lengths
    return np.repeat(first - before, lengths) + np.arange(int(lengths.sum()))


def _rows(part: Any, size: int) -> Rows:
    if isinstance(part, slice):
        start, stop, step = part.indices(size)
        if step < 1:
            message = f"{part} goes backwards; read it forwards, and turn the result around."
            raise IndexError(message)
        return Rows(start, len(range(start, stop, step)), step)
    if np.ndim(part) == 0:
        place = int(part.__index__())
        if not -size <= place < size:
            message = f"there is no place {place} on an axis of {size}."
            raise IndexError(message)
        return Rows(place % size, 1, dropped=True)
    return _vector(np.asarray(part), size)


def _vector(part: np.ndarray, size: int) -> Rows:
    """Return rows of a vector; of one without gaps, as a range."""
    if part.ndim != 1 or (part.dtype.kind not in "iu" and part.size):
        message = f"an index is a whole number, a slice or a vector of whole numbers, not {part.dtype} {part.shape}."
        raise IndexError(message)
    places = part.astype(np.int64)
    places = np.where(places < 0, places + size, places)
    if not places.size:
        return Rows(0, 0)
    rises = np.diff(places)
    if places[0] < 0 or places[-1] >= size or (rises < 0).any():
        message = f"a vector of indices rises within 0 and {size - 1}; this one has {places.min()} to {places.max()}."
        raise IndexError(message)
    if (rises == 1).all():
        return Rows(int(places[0]), len(places))
    return Rows(int(places[0]), len(places), vector=places)
