"""Chunks that were stored as they are: of these just the rows are read that are wanted, as of a file in one piece."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import NUMBER, Chunked, Dataset
from neurodata4ml.data.storage.source import Source, Span
from neurodata4ml.data.storage.values.tables import Finder


def row_spans(dataset: Dataset, starts: Any, stops: Any, finder: Callable[[Dataset], Finder]) -> list[Span] | None:
    """Return where the rows of rising runs lie, end to end; None where they do not lie in the file as they are.

    That is where chunks are encoded, or hold parts of rows only, or were never written, or the values are no numbers.
    """
    shape, chunk, stored = dataset.shape or (), dataset.chunks or (), dataset.stored
    is_plain = isinstance(dataset.layout, Chunked) and not dataset.filters and stored.kind == NUMBER
    if not (is_plain and shape and chunk[1:] == shape[1:] and stored.base is None) or stored.is_bool:
        return None
    runs = [(int(a), int(b)) for a, b in zip(starts, stops, strict=True) if b > a]
    if not runs or runs[0][0] < 0 or runs[-1][1] > shape[0]:
        return None
    n_rows, row_bytes = chunk[0], stored.raw.itemsize * math.prod(shape[1:])
    first = runs[0][0] // n_rows
    offsets = finder(dataset)(first, (runs[-1][1] - 1) // n_rows + 1).offsets
    spans = list[Span]()
    for start, stop in runs:
        here = start
        while here < stop:
            number, inside = divmod(here, n_rows)
            until = min(stop, (number + 1) * n_rows)
            offset = int(offsets[number - first])
            if offset < 0:
                return None
            spans.append((offset + inside * row_bytes, offset + (inside + until - here) * row_bytes))
            here = until
    return spans


def read_spans(source: Source, dataset: Dataset, spans: list[Span]) -> np.ndarray:
    """Return the rows that lie at ``spans``, read straight to where they belong."""
    n_rows, *others = dataset.shape or (1,)
    n_bytes = sum(stop - start for start, stop in spans)
    values = np.empty((n_bytes // (dataset.n_bytes // n_rows), *others), dataset.stored.raw)
    room, here, pieces = values.reshape(-1).view(np.uint8).data, 0, list[tuple[int, memoryview]]()
    for start, stop in spans:
        pieces.append((start, room[here : here + stop - start]))
        here += stop - start
    source.fill(pieces)
    return values.astype(dataset.stored.dtype, copy=False)
