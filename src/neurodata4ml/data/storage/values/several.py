"""Many small datasets read together: all that they need next is asked for in one round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import Chunked, Contiguous, Dataset, Foreign
from neurodata4ml.data.storage.source import Source, Span
from neurodata4ml.data.storage.values.chunked import plan_chunks
from neurodata4ml.data.storage.values.claims import refuse_claim
from neurodata4ml.data.storage.values.held import Held
from neurodata4ml.data.storage.values.meaning import addresses_in
from neurodata4ml.data.storage.values.pointed import Heaps
from neurodata4ml.data.storage.values.runs import plan_runs
from neurodata4ml.data.storage.values.tables import finder, look_up_all
from neurodata4ml.data.storage.values.values import read_flat, read_values, selection_of
from neurodata4ml.errors import LayoutError, NeuroDataError

SMALL = 1 << 20
"""Bytes of a dataset that is read with others; what is larger is worth rounds of its own."""

TOGETHER = 1 << 26
"""Bytes of all datasets that are read together (64 MB): they are in memory at once."""

One = Callable[[Dataset, Any, str | None], np.ndarray]
"""Reads the values of a dataset: at a key, of a field."""


def read_several(
    source: Source, wanted: Sequence[tuple[Dataset, str | None]], *, of: str, heaps: Callable[[], Heaps], one: One
) -> list[np.ndarray | Exception]:
    """Return all values of each dataset, or of one of its fields; in place of what cannot be read is its error.

    ``one`` reads a dataset that is not worth reading with others, and tells what is wrong with one that cannot be.
    """
    held = Held(source)
    find = partial(finder, held, of=of)
    small = _together(source, [dataset for dataset, _ in wanted])
    look_up_all(held, [dataset for dataset in small if isinstance(dataset.layout, Chunked)], of)
    held.get([span for dataset in small for span in _tried(partial(_spans, dataset, find), [])])
    known = heaps()
    places = [place for dataset in small for place in _tried(partial(_heaps_of, held, dataset, find, known), [])]
    _tried(partial(known.bring, sorted(set(places))), None)
    with_others = {id(dataset) for dataset in small}
    return [
        _tried_last(partial(read_values, held, dataset, field=field, find=find, heaps=known))
        if id(dataset) in with_others
        else _tried_last(partial(one, dataset, None, field))
        for dataset, field in wanted
    ]


def _together(source: Source, datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return the small ones, as many as fit together."""
    small, room = [], TOGETHER
    for dataset in datasets:
        is_here = not isinstance(dataset.layout, Foreign) and refuse_claim(dataset, source.size) is None
        if is_here and dataset.n_bytes <= min(SMALL, room):
            small.append(dataset)
            room -= dataset.n_bytes
    return small


def _spans(dataset: Dataset, find: Any) -> list[Span]:
    """Return the bytes that hold the values of a dataset."""
    selection, layout = selection_of(dataset, None), dataset.layout
    if not selection.n_values:
        return []
    if isinstance(layout, Contiguous) and layout.offset is not None:
        plan = plan_runs(layout.offset, selection, dataset.stored.raw.itemsize)
        return [plan.span(first, last) for first, last, _ in plan.groups]
    if isinstance(layout, Chunked) and layout.finder[0] is not None:
        return plan_chunks(dataset, selection, find(dataset)).spans()
    return []


def _heaps_of(source: Source, dataset: Dataset, find: Any, heaps: Heaps) -> Iterable[int]:
    """Return where the heaps are that a dataset points into."""
    if not dataset.stored.dtype.hasobject:
        return []
    return list(addresses_in(read_flat(source, dataset, selection_of(dataset, None), find), dataset.stored, heaps))


def _tried_last(read: Callable[[], np.ndarray]) -> np.ndarray | Exception:
    try:
        return read()
    except (NeuroDataError, MemoryError) as error:
        return error


def _tried(read: Callable[[], Any], otherwise: Any) -> Any:
    """Read ahead; what fails will fail once more, for whom it concerns alone."""
    try:
        return read()
    except LayoutError:
        return otherwise
