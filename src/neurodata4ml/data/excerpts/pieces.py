"""Which rows of a dataset are read at once, when some of them are copied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np

from neurodata4ml.data.nwb.file import DatasetAt
from neurodata4ml.data.remote.versioned import Span
from neurodata4ml.data.storage.index import Dataset

BATCH = 32 << 20
"""Bytes, as decoded, that are held at once."""

SMALL = 64 << 10
"""Bytes up to which a column is read in one piece, whatever rows are wanted of it."""

OF_TEXT = 64
"""Bytes that a text is taken to need."""


@dataclass
class Job:
    """A dataset to copy: these rows of ``source``, to ``target``, of which ``done`` are there."""

    source: DatasetAt
    target: h5py.Dataset
    runs: list[Span]
    done: int = 0

    @property
    def is_small(self) -> bool:
        """Whether all rows are read together: what lies between takes less than another request."""
        return not self.source.shape or row_bytes(self.source.stored) * self.source.shape[0] <= SMALL


def row_bytes(dataset: Dataset) -> int:
    """Return the bytes of one row in memory."""
    itemsize = dataset.stored.raw.itemsize if dataset.stored.kind != "text" else OF_TEXT
    return max(1, itemsize * math.prod((dataset.shape or ())[1:]))


def runs_of(kept: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> list[Span]:
    """Return the ranges of the rows that are kept, neighbours as one; empty rows belong to none."""
    runs: list[Span] = []
    for a, b in zip(starts[kept].tolist(), stops[kept].tolist(), strict=True):
        if runs and runs[-1][1] == a:
            runs[-1] = runs[-1][0], b
        elif b > a:
            runs.append((a, b))
    return runs


def batches(dataset: Dataset, runs: list[Span]) -> Iterator[list[Span]]:
    """Yield rows, as many together as may be held at once; they part where a chunk ends, for a chunk is read whole."""
    unit = dataset.chunks[0] if dataset.chunks else 1
    most = max(1, BATCH // (row_bytes(dataset) * unit)) * unit
    batch, left = list[Span](), most
    for start, stop in runs:
        here = start
        while here < stop:
            until = min(stop, here + left if unit == 1 else -(-(here + left) // unit) * unit)
            batch.append((here, until))
            left, here = left - (until - here), until
            if left <= 0:
                yield batch
                batch, left = [], most
    if batch:
        yield batch
