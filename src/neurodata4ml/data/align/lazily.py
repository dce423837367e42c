"""Counts that wait until they are needed: a dask array of units by trials (or bins), each chunk counted by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.align.counting import SIGNED, count
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.align.windows import Windows, number
from neurodata4ml.errors import DesignError

Chunks = int | Mapping[str, int]


def count_lazily(session: xr.Dataset, windows: Windows, chunks: Chunks, *, along: str) -> Any:
    """Return the counts (trial, time, unit), int16, as a dask array.

    Parameters
    ----------
    session : Dataset
        Its spikes are read when a chunk is computed: those of the chunk's units, once for all its trials.
    windows : Windows
    chunks : int or mapping
        Units per chunk; or units and what ``along`` says per chunk, e.g. ``{"unit": 100, "trial": 500}``. What is
        left out is not divided.
    along : str
        ``trial``, or ``time`` for a whole recording (one window, many bins).
    """
    import dask
    import dask.array as da

    lengths = chunk_lengths(chunks, along, "bin_spikes")
    n_units, n_along = session.sizes["unit"], len(windows.event) if along == "trial" else windows.n_bins
    spikes = session[["spike_times", "spike_start", "spike_stop"]]
    spikes = spikes.drop_vars([name for name in spikes.coords if name != "unit"])
    columns = []
    for start in range(0, n_units, lengths.get("unit", n_units)):
        some = spikes.isel(unit=slice(start, start + lengths.get("unit", n_units)))
        # hidden in a partial: given as an argument, dask would first compute all spike times of the session
        read = dask.delayed(partial(read_spikes, some), pure=False)()
        column = []
        for first in range(0, n_along, lengths.get(along, n_along)):
            part = _part(windows, slice(first, first + lengths.get(along, n_along)), along)
            counts = dask.delayed(partial(_count_part, part), pure=False)(read)
            shape = (len(part.event), part.n_bins, some.sizes["unit"])
            column.append(da.from_delayed(counts, shape=shape, dtype=np.dtype(np.int16)))
        columns.append(da.concatenate(column, axis=0 if along == "trial" else 1))
    return da.concatenate(columns, axis=2)


def chunk_lengths(chunks: Chunks, along: str, step: str) -> dict[str, int]:
    """Return the lengths of a chunk along the dims that are divided.

    Raises
    ------
    DesignError
        A dim that is not divided, or a length below 1.
    """
    lengths = dict(chunks) if isinstance(chunks, Mapping) else {"unit": chunks}
    for dim, length in lengths.items():
        if dim not in ("unit", along):
            message = (
                f"{step} divides its result along 'unit' and {along!r}; got chunks={chunks}, which names {dim!r}. "
                f'Type chunks={{"unit": 100, "{along}": 500}}.'
            )
            raise DesignError(message)
        if not (number(length) == np.floor(number(length)) >= 1):
            message = f"{step} needs chunks of at least 1 {dim}; got chunks={chunks}."
            raise DesignError(message)
    return {dim: int(length) for dim, length in lengths.items()}


def _part(windows: Windows, part: slice, along: str) -> Windows:
    if along == "trial":
        return replace(windows, event=windows.event[part], kept=windows.kept[part])
    return replace(windows, edges=windows.edges[part.start : part.stop + 1])


def _count_part(windows: Windows, spikes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    # dask has threads of its own
    counts = count(*spikes, windows, dtypes=(np.int16,), n_threads=1)
    if counts is None:
        wider: Any = count(*spikes, windows, dtypes=SIGNED[2:], n_threads=1)
        message = (
            f"A bin holds {wider.max()} spikes, more than lazy counts (int16) can say. "
            f"Use a shorter bin_width than {windows.bin_width:g} s, or leave chunks= out."
        )
        raise DesignError(message)
    return counts
