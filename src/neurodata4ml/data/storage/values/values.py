"""Values of a dataset at a selection: where they are, read in as few bytes as that takes, and understood."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import FIXED_TEXT, REFERENCE, Chunked, Compact, Contiguous, Dataset
from neurodata4ml.data.storage.source import Cost, Source
from neurodata4ml.data.storage.values.chunked import cost_of_chunks, plan_chunks, read_chunks
from neurodata4ml.data.storage.values.claims import refuse_blank, refuse_claim
from neurodata4ml.data.storage.values.meaning import addresses_in, field_of, field_values, flat_dtype, understand
from neurodata4ml.data.storage.values.pointed import Heaps
from neurodata4ml.data.storage.values.runs import cost_of_runs, read_runs
from neurodata4ml.data.storage.values.selection import Selection, select
from neurodata4ml.data.storage.values.tables import Finder
from neurodata4ml.errors import LayoutError

LOOKED_AT = 1 << 16
"""Bytes that telling a cost may move to know what it is the cost of: 64 kB."""

OF_TEXT, OF_REQUEST = 64, 1 << 22
"""Bytes that a text is taken to have, and one request to bring, where nobody looks."""

Find = Callable[[Dataset], Finder]
"""Returns who tells where the chunks of a dataset are."""


def read_values(
    source: Source, dataset: Dataset, key: Any = None, *, field: str | None = None, find: Find, heaps: Heaps
) -> np.ndarray:
    """Return the values of a dataset in a file.

    Parameters
    ----------
    source : Source
        The file.
    dataset : Dataset
        What is known of it.
    key : None, or one or several of int, slice, Ellipsis, 1-D array of int
        Which values, as ``select`` takes them.
    field : str, optional
        Of a compound dataset, the one field to return.
    find, heaps
        Tell where chunks are, and what pointers point to.

    Returns
    -------
    ndarray
        Numbers, bools; text as str, references as Reference and ragged values as arrays, all in an array of objects;
        fields as a structured array. Arrays within the values are axes behind the others. Of no dims for one value.

    Raises
    ------
    LayoutError
        When the bytes are not what the file says of them.
    """
    selection = selection_of(dataset, key)
    stored = field_of(dataset, field)
    values = read_flat(source, dataset, selection, find)
    if field is not None:
        values = field_values(values, dataset.stored, field)
    understood = understand(values, stored, heaps)
    return understood.reshape(selection.result_shape + understood.shape[values.ndim :])


def selection_of(dataset: Dataset, key: Any) -> Selection:
    """Return which values ``key`` asks for; a dataset without a shape has none."""
    return select(None, (0,)) if dataset.shape is None else select(key, dataset.shape)


def read_flat(source: Source, dataset: Dataset, selection: Selection, find: Find) -> np.ndarray:
    """Return the values as they are stored, in flat dtypes; axes that the selection drops are still there."""
    refusal = refuse_claim(dataset, source.size)
    if refusal is not None:
        message = f"{refusal.why}. {refusal.cure}"
        raise LayoutError(message)
    raw, layout = flat_dtype(dataset.stored), dataset.layout
    if not selection.n_values:
        return np.empty(selection.counts, raw)
    if isinstance(layout, Compact):
        whole = np.frombuffer(layout.data, raw, math.prod(selection.shape)).reshape(selection.shape)
        return whole[selection.index()].copy()
    if isinstance(layout, Contiguous):
        if layout.offset is None:
            return _filled(dataset, selection, raw)
        return read_runs(source, layout.offset, selection, raw)
    if isinstance(layout, Chunked):
        return _chunked(source, dataset, selection, find)
    message = f"values in {type(layout).__name__} are not in one file"
    raise TypeError(message)


def cost_of(
    source: Source, dataset: Dataset, key: Any = None, *, field: str | None = None, find: Find, heaps: Heaps
) -> Cost:
    """Return what ``read_values`` would move now.

    Where the chunks are is looked up for it, and where the texts are if the pointers to them are few: what that moves
    is not needed again. Many texts are estimated.
    """
    selection = selection_of(dataset, key)
    cost, layout = Cost(0, 0), dataset.layout
    if not selection.n_values or refuse_claim(dataset, source.size) is not None:
        return cost
    if isinstance(layout, Contiguous) and layout.offset is not None:
        cost = cost_of_runs(source, layout.offset, selection, dataset.stored.raw.itemsize)
    elif isinstance(layout, Chunked) and layout.finder[0] is not None:
        cost = cost_of_chunks(source, plan_chunks(dataset, selection, find(dataset)))
    stored = field_of(dataset, field)
    if not source.is_remote or not stored.dtype.hasobject or stored.kind in (FIXED_TEXT, REFERENCE):
        return cost
    if cost.bytes > LOOKED_AT:
        n_texts = min(selection.n_values * OF_TEXT, source.size)
        cost += Cost(n_texts, -(-n_texts // OF_REQUEST))
    else:
        values = read_flat(source, dataset, selection, find)
        if field is not None:
            values = field_values(values, dataset.stored, field)
        cost += source.cost(heaps.spans(list(addresses_in(values, stored, heaps))))
    return cost


def _chunked(source: Source, dataset: Dataset, selection: Selection, find: Find) -> np.ndarray:
    raw, layout = flat_dtype(dataset.stored), dataset.layout
    assert isinstance(layout, Chunked)
    if layout.finder[0] is None:
        return _filled(dataset, selection, raw)
    plan = plan_chunks(dataset, selection, find(dataset))
    refuse_blank(selection.n_values * raw.itemsize, int(plan.sizes.sum()))
    raw = raw.newbyteorder("=")
    values = np.empty(selection.counts, raw) if plan.is_whole else _filled(dataset, selection, raw)
    read_chunks(source, dataset, plan, values)
    return values


def _filled(dataset: Dataset, selection: Selection, dtype: np.dtype[Any]) -> np.ndarray:
    """Return what values are that nobody wrote."""
    refuse_blank(selection.n_values * dtype.itemsize, 0)
    if not dataset.fill or not any(dataset.fill):
        return np.zeros(selection.counts, dtype)
    if len(dataset.fill) != dataset.stored.raw.itemsize:
        n_bytes = dataset.stored.raw.itemsize
        message = f"a value has {n_bytes} bytes and {len(dataset.fill)} fill it; the file is damaged: fetch it again"
        raise LayoutError(message)
    return np.full(selection.counts, np.frombuffer(dataset.fill, flat_dtype(dataset.stored))[0], dtype)
