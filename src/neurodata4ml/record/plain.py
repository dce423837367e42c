"""Labelled arrays as plain JSON types, and back: no number, label or kind of number is lost on the way."""

from __future__ import annotations

import math
import re
from itertools import chain
from typing import Any

import numpy as np
import xarray as xr

_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_KINDS = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|str|object|(datetime|timedelta)64\[\w+\])")


def jsonable(value: Any) -> Any:
    """Return any value of attributes as plain JSON types.

    What JSON has no number for is ``{"float": "nan"}``, ``"inf"`` or ``"-inf"``; times and paths become their text.
    """
    if isinstance(value, dict):
        return {str(name): jsonable(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((jsonable(v) for v in value), key=repr)
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, np.datetime64 | np.timedelta64):  # as a number it would lose its unit
        return str(value)
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": _word(value)}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    # where an object lies in memory is no part of what it is
    return value if isinstance(value, str | int | bool | type(None)) else re.sub(r" at 0x[0-9a-fA-F]+", "", str(value))


def from_jsonable(value: Any) -> Any:
    """Return what :func:`jsonable` was given, as far as JSON can tell it: tuples come back as lists."""
    if isinstance(value, dict):
        if set(value) == {"float"} and value["float"] in _WORDS:
            return _WORDS[value["float"]]
        return {name: from_jsonable(v) for name, v in value.items()}
    return [from_jsonable(v) for v in value] if isinstance(value, list) else value


def dataset_to_plain(array: xr.Dataset) -> dict[str, Any]:
    """Return a dataset as ``{"dims", "attrs", "coords", "data_vars"}``.

    Each variable has ``dims``, ``dtype``, ``attrs`` and ``data``: nested lists in which NaN is null, and an infinity
    the text ``"inf"`` or ``"-inf"``. Times are texts in ISO 8601, durations whole numbers of the unit in ``dtype``.
    Labels of several kinds stand as :func:`jsonable` writes them.
    """
    return {
        "dims": {str(dim): size for dim, size in array.sizes.items()},
        "attrs": jsonable(array.attrs),
        "coords": {str(name): _variable(array[name]) for name in array.coords},
        "data_vars": {str(name): _variable(array[name]) for name in array.data_vars},
    }


def dataset_from_plain(plain: dict[str, Any]) -> xr.Dataset:
    """Return the dataset that :func:`dataset_to_plain` wrote.

    Raises
    ------
    ValueError
        When values do not fit their dims, or are of an unknown kind.
    """
    data, coords = (
        {name: _variable_from(one, plain["dims"]) for name, one in plain[group].items()}
        for group in ("data_vars", "coords")
    )
    return xr.Dataset(data, coords=coords, attrs=from_jsonable(plain["attrs"]))


def values_of(array: xr.DataArray) -> tuple[str, np.ndarray]:
    """Return the word for a variable's kind (``"float64"``, ``"str"``, ``"object"``), and its values of that kind."""
    values = np.asarray(array.values)
    kind = values.dtype.kind
    if kind == "f" and values.dtype.itemsize > 8:  # not the same on every machine
        values = values.astype(float)
    if kind in "mMfbiu":
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        return str(values.dtype), values
    return ("str", values.astype(str)) if kind in "UT" else ("object", values.astype(object))


def _variable(array: xr.DataArray) -> dict[str, Any]:
    dtype, values = values_of(array)
    return {"dims": list(map(str, array.dims)), "dtype": dtype, "attrs": jsonable(array.attrs), "data": lists(values)}


def _variable_from(plain: dict[str, Any], sizes: dict[str, int]) -> xr.Variable:
    dims = tuple(plain["dims"])
    values = values_from(plain["dtype"], plain["data"], tuple(sizes[dim] for dim in dims))
    return xr.Variable(dims, values, from_jsonable(plain["attrs"]))


def lists(values: np.ndarray) -> Any:
    """Return values as nested lists of JSON types; see :func:`dataset_to_plain`."""
    kind = values.dtype.kind
    if kind in "mM":
        told = values.astype(str) if kind == "M" else values.astype("int64")
        told = told.astype(object)
        told[np.isnat(values)] = None
        return told.tolist()
    if kind == "O":
        return _each(values.tolist(), values.ndim)
    if kind != "f":
        return values.tolist()
    if values.dtype.itemsize < 8:  # as many digits as it takes, and no more
        values = values.astype(str).astype(float)
    if np.isfinite(values).all():
        return values.tolist()
    plain = values.astype(object)
    plain[np.isnan(values)] = None
    for infinity in (math.inf, -math.inf):
        plain[values == infinity] = _word(infinity)
    return plain.tolist()


def _word(value: float) -> str:
    return next(word for word, number in _WORDS.items() if number == value or (number != number and value != value))


def _each(value: Any, depth: int) -> Any:
    return [_each(v, depth - 1) for v in value] if depth else jsonable(value)


def values_from(dtype: str, data: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values that :func:`lists` wrote, of the kind that :func:`values_of` named.

    Raises
    ------
    ValueError, TypeError
        When ``data`` do not fit ``shape``, or are of another kind.
    """
    if not _KINDS.fullmatch(dtype):
        message = f"dtype {dtype!r} is none that results have; they have bool, int64, float64, str, object, ..."
        raise ValueError(message)
    if dtype not in ("str", "object") and not dtype.startswith(("datetime", "timedelta")):
        return np.array(data, dtype=dtype).reshape(shape)  # null becomes NaN, "inf" the number
    flat = data if shape else [data]
    for _ in shape[1:]:
        flat = list(chain.from_iterable(flat))
    if dtype == "str":
        return np.array(flat, dtype=str).reshape(shape)
    if dtype != "object":
        return np.array(["NaT" if v is None else v for v in flat], dtype=object).astype(dtype).reshape(shape)
    out = np.empty(len(flat), dtype=object)
    for i, one in enumerate(flat):  # a label may be a list
        out[i] = from_jsonable(one)
    return out.reshape(shape)
