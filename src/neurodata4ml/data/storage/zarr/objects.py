"""Chunks of texts, references and rows that hold them: what numcodecs' codecs of objects wrote, read with bounds."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import COMPOUND, REFERENCE, TEXT, Filter, Reference, Stored
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.inert import pickled_array
from neurodata4ml.data.storage.zarr.references import reference

OBJECT_CODECS = ("vlen-utf8", "vlen-bytes", "json2", "pickle")
"""What turns objects into bytes, as the first filter of an array; by numcodecs' names."""

Array = np.ndarray[Any, np.dtype[Any]]


def decode_objects(data: bytes, codec: Filter, stored: Stored, shape: tuple[int, ...]) -> Array:
    """Return the values of a chunk, in a row.

    Raises
    ------
    LayoutError
        When they are not of the kind, or not as many as the chunk's shape says.
    """
    n_values = math.prod(shape)
    if len(data) < n_values:  # each takes a byte at least: room for the claim was paid for
        message = f"{len(data)} bytes cannot hold the {n_values} values that its chunk shape claims"
        raise Damaged(message)
    if codec.name in ("vlen-utf8", "vlen-bytes"):
        values: list[Any] = _texts(data, n_values)
    elif codec.name == "json2":
        values = _json(data, shape)
    else:
        n_fields = len(stored.fields) if stored.kind == COMPOUND else 0
        values = pickled_array(data, n_values, n_fields)
    here = dict(codec.options).get("here", ())
    if stored.kind != COMPOUND:
        return _column(values, stored, here)
    rows = np.empty(n_values, stored.dtype)
    for place, (name, _, part) in enumerate(stored.fields):
        rows[name] = _column([row[place] for row in values], part, here)
    return rows


def _texts(data: bytes, n_values: int) -> list[Any]:
    """Return the texts that stand one after the other: how many, then each after its length."""
    view, place = memoryview(data), 4
    if len(data) < 4 + 4 * n_values or struct.unpack_from("<I", data)[0] != n_values:
        message = f"its texts are not the {n_values} that its chunk shape claims"
        raise Damaged(message)
    texts = []
    for _ in range(n_values):
        if place + 4 > len(data):
            break
        (size,) = struct.unpack_from("<I", data, place)
        place += 4 + size
        texts.append(str(view[place - size : place], "utf-8", "replace"))
    if len(texts) != n_values or place != len(data):
        message = f"its texts end at byte {place:,}, where it has {len(data):,}"
        raise Damaged(message)
    return texts


def _json(data: bytes, shape: tuple[int, ...]) -> list[Any]:
    """Return what numcodecs' JSON wrote: the values, nested as the shape is, then dtype and shape."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"its values are no JSON ({error})"
        raise Damaged(message) from error
    # what hdmf-zarr calls a scalar has one axis of one value
    if not isinstance(values, list) or len(values) < 2 or values[-1] not in (list(shape), [1] if not shape else None):
        message = f"its values in JSON are not of shape {list(shape)}"
        raise Damaged(message)
    values = values[:-2]
    for size in shape[1:]:
        if not all(isinstance(part, list) and len(part) == size for part in values):
            message = f"its values in JSON are not nested as {list(shape)} says"
            raise Damaged(message)
        values = [value for part in values for value in part]
    if len(values) != math.prod(shape):
        message = f"its JSON has {len(values)} values, where {math.prod(shape)} are due"
        raise Damaged(message)
    return values


def _column(values: Sequence[Any], stored: Stored, here: Any) -> Array:
    """Return values of one kind as an array."""
    if stored.kind == REFERENCE:
        return _objects([_reference(value, here) for value in values])
    if stored.kind == TEXT:
        return _objects([_text(value) for value in values])
    right: tuple[type, ...] = (bool,) if stored.dtype.kind == "b" else (int, float)
    for value in values:
        if not isinstance(value, right):
            message = f"it holds {str(value)[:40]!r} where a number of type {stored.dtype} is due"
            raise Damaged(message)
    try:
        return np.array(values, stored.dtype)
    except (ValueError, OverflowError) as error:
        message = f"it holds a number that is no {stored.dtype} ({error})"
        raise Damaged(message) from error


def _objects(values: list[Any]) -> Array:
    return np.fromiter(values, np.dtype(object), len(values))


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, bool | int | float):
        return str(value)
    message = f"it holds {str(value)[:40]!r} where a text is due"
    raise Damaged(message)


def _reference(value: Any, here: Any) -> Reference:
    if value is None or (isinstance(value, str | int) and not value):  # what was never written
        return Reference(None)
    if not isinstance(value, Mapping):
        message = f"it holds {str(value)[:40]!r} where an object reference is due"
        raise Damaged(message)
    return reference(value, here)
