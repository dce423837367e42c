"""A ``.zarray`` becomes a ``Dataset``: Zarr's version 2, which hdmf-zarr writes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import COMPOUND, FIXED_TEXT, NUMBER, TEXT, Dataset, Keyed, Stored
from neurodata4ml.data.storage.zarr.arrays import checked_shape, codec, dataset_of, number_fill
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.references import Here
from neurodata4ml.data.storage.zarr.types import stored_of


def dataset_of_version_2(path: str, array: Mapping[str, Any], attrs: Mapping[str, Any], here: Here) -> Dataset:
    """Return what a ``.zarray`` says, ``attrs`` being its ``.zattrs``.

    Raises
    ------
    LayoutError
        When it is malformed, or uses what is not read.
    """
    words = attrs.get("zarr_dtype")
    stored = stored_of(array.get("dtype"), words)
    shape = checked_shape(array.get("shape"), "shape")
    separator, order = array.get("dimension_separator") or ".", array.get("order", "C")
    if separator not in (".", "/") or order not in ("C", "F"):
        message = (
            f"its separator is {str(separator)[:20]!r} and its order {str(order)[:20]!r}; they must be . or /, C or F"
        )
        raise Damaged(message)
    layout = Keyed(checked_shape(array.get("chunks"), "chunks", least=1), f"{path}/".lstrip("/"), separator, order)
    if not shape:
        layout = layout._replace(prefix=f"{layout.prefix}0")  # a single value has a chunk of a name all the same
    steps = tuple(codec(step) for step in _steps(array))
    fill = _fill(array.get("fill_value"), stored)
    return dataset_of(path, shape, stored, layout, steps, fill, attrs, here)


def _steps(array: Mapping[str, Any]) -> list[Any]:
    """Return filters and compressor in the order in which they were applied."""
    filters, compressor = array.get("filters") or [], array.get("compressor")
    if not isinstance(filters, list):
        message = f"its filters should be a list; got {str(filters)[:60]}"
        raise Damaged(message)
    return [*filters, *([compressor] if compressor else [])]


def _fill(value: Any, stored: Stored) -> bytes | None:
    """Return what stands where nothing was written, as it would be stored; None for zeros, or no text."""
    if value is None or value in (0, ""):
        return None
    if stored.kind == NUMBER:
        return number_fill(value, stored.raw)
    if stored.kind == TEXT:
        return value.encode() if isinstance(value, str) else None
    if stored.kind == FIXED_TEXT and stored.raw.kind == "U":
        return np.array([str(value)], stored.raw).tobytes()
    if stored.kind in (FIXED_TEXT, COMPOUND) and not stored.raw.hasobject and isinstance(value, str):
        return _from_base64(value, stored.raw.itemsize)
    return None


def _from_base64(value: str, size: int) -> bytes:
    try:
        fill = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"its fill value {value[:40]!r} is no base64"
        raise Damaged(message) from error
    if len(fill) > size:
        message = f"its fill value has {len(fill)} bytes where a value has {size}"
        raise Damaged(message)
    return fill.ljust(size, b"\0")
