"""Columns of a table on their way into a session: small ones are read, large ones stay lazy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import LazyArray, NwbArray, hold
from neurodata4ml.data.nwb.blocks import chunked, origin
from neurodata4ml.data.nwb.file import NwbFile
from neurodata4ml.data.nwb.texts import numbers

SMALL = 64 * 1024
"""Bytes in the file up to which a column is read when a session is opened; no larger one is touched."""

_WORDS = """
unit spike trial time blank valid area good trial_id spike_times spike_start spike_stop spike_count invalid bound
invalid_interval feature component fold obs obs_intervals obs_start obs_stop"""
RESERVED = frozenset(_WORDS.split())
"""Words of the house that a column of a file may not take for itself."""


def settle(column: xr.Variable) -> xr.Variable:
    """Return a column read if it is small in the file, else as dask array in blocks that suit the file."""
    if not is_small(column):
        return chunked(column)
    return xr.Variable(column.dims, np.asarray(column.data), column.attrs)


def expect(columns: Iterable[xr.Variable]) -> None:
    """Read the small ones of these columns together: on a server, each by itself would cost a round trip."""
    found = (origin(column) for column in columns if is_small(column))
    hold(lazy.array for lazy in found if lazy is not None and isinstance(lazy.array, LazyArray))


def texts(column: xr.Variable) -> np.ndarray:
    """Return the values of an unread column as they are stored: names, also where all of them could be numbers."""
    lazy = origin(column)
    if lazy is not None and isinstance(lazy.array, NwbArray):
        return np.asarray(lazy.array.stored_values())
    return np.asarray(column.data)


def is_small(column: xr.Variable) -> bool:
    """Return whether a column takes at most 64 kB in the file (a string is a pointer of 16 bytes there)."""
    return column.size * (16 if column.dtype == object else column.dtype.itemsize) <= SMALL


def derive(function: Callable[..., np.ndarray], *columns: xr.Variable, dtype: Any) -> xr.Variable:
    """Return ``function`` of columns, value by value: at once where they are read, lazily where they are not."""
    result = xr.apply_ufunc(function, *columns, dask="parallelized", output_dtypes=[np.dtype(dtype)], keep_attrs="drop")
    return xr.Variable(result.dims, result.data)


def with_numbers(column: xr.Variable) -> xr.Variable:
    """Return a column whose texts are all numbers as numbers (NaN where a text means "nothing"), others unchanged.

    A column that is too large to be read now keeps its dtype ``object``: it holds numbers once it is read.
    """
    if column.dtype != object or not isinstance(column.data, np.ndarray):
        return column
    return xr.Variable(column.dims, numbers(column.data), column.attrs)


def as_labels(column: xr.Variable) -> xr.Variable:
    """Return stimulus labels: whole numbers as int64, other numbers and strings as they are.

    Floats that are too large to be read now stay floats: nobody knows yet whether they are whole.
    """
    if column.dtype.kind in "ui":
        return derive(lambda values: values.astype(np.int64), column, dtype=np.int64)
    read = isinstance(column.data, np.ndarray)
    if column.dtype.kind == "f" and read and np.isfinite(column.data).all() and (column.data % 1 == 0).all():
        return xr.Variable(column.dims, column.data.astype(np.int64), column.attrs)
    return column


def plain_columns(table: xr.Dataset, rows: str) -> dict[str, xr.Variable]:
    """Return the columns with one value per row, unread; ragged ones are left to ``open_nwb``."""
    return {
        str(name): column
        for name, column in table.variables.items()
        if column.dims == (rows,) and "ragged" not in column.attrs and name != "id"
    }


def why_not(file: NwbFile, path: str, table: xr.Dataset, name: str) -> str:
    """Return why a column that is listed under ``name`` is not one of ``plain_columns``; "" where none is listed."""
    where = f"{path.strip('/')}/{name}"
    refusal = file.find(where)[1]
    if refusal is not None:
        return f"{where} {refusal.why}. {refusal.cure}"
    if name not in table.variables:
        return ""
    n_rows = table.sizes[row_dim(table)]
    return (
        f"{where} has shape {table[name].shape}, which is not one value for each of the {n_rows:,} rows of its table. "
        "Fetch the file again, or ask who made it for a whole one."
    )


def free_name(name: str, taken: Collection[str], prefix: str) -> str:
    """Return ``name``, with ``prefix`` before it where it is a word of the house or taken."""
    while name in RESERVED or name in taken:
        name = f"{prefix}_{name}"
    return name


def row_dim(table: xr.Dataset) -> str:
    """Return the dim of a table's rows: that of its ids, else of its first column."""
    if "id" in table.coords:
        return str(table.coords["id"].dims[0])
    return next((str(v.dims[0]) for v in table.variables.values() if v.ndim), "")
