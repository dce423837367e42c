"""An array's ``zarr.json`` becomes a ``Dataset``: Zarr's version 3, where a file holds one chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from neurodata4ml.data.storage.index import FIXED_TEXT, NUMBER, TEXT, Dataset, Filter, Keyed, Stored
from neurodata4ml.data.storage.zarr.arrays import checked_shape, codec, dataset_of, number_fill
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.references import Here
from neurodata4ml.data.storage.zarr.types import stored_of_version_3

CURE = "Write it without, or in Zarr 2, as hdmf-zarr does."

ByteOrder = Literal["<", ">"]

BYTE_ORDERS: dict[Any, ByteOrder] = {"little": "<", "big": ">"}

TEXT_CODECS = ("vlen-utf8", "vlen-bytes")

Step = tuple[str, Mapping[str, Any]]


def dataset_of_version_3(path: str, array: Mapping[str, Any], attrs: Mapping[str, Any], here: Here) -> Dataset:
    """Return what an array's ``zarr.json`` says.

    Raises
    ------
    LayoutError
        When it is malformed, or uses what is not read: shards, chunks of several sizes, ...
    """
    shape = checked_shape(array.get("shape"), "shape")
    steps = [_named(step, "codec") for step in _list(array.get("codecs"))]
    order, byte_order, filters = _pipeline(steps, len(shape))
    stored = stored_of_version_3(array.get("data_type"), byte_order)
    grid, settings = _named(array.get("chunk_grid"), "chunk grid")
    if grid != "regular" or array.get("storage_transformers"):
        message = f"its chunks are laid out by {grid!r}, or by a storage transformer. {CURE}"
        raise Damaged(message)
    chunks = checked_shape(settings.get("chunk_shape"), "chunk shape", least=1)
    layout = Keyed(chunks, *_keys(path, array.get("chunk_key_encoding"), is_single=not shape), order)
    fill = _fill(array.get("fill_value"), stored)
    return dataset_of(path, shape, stored, layout, filters, fill, attrs, here)


def _keys(path: str, encoding: Any, *, is_single: bool) -> tuple[str, str]:
    """Return what all names of chunks begin with, and what stands between their numbers."""
    name, settings = _named(encoding, "chunk key encoding")
    separator = settings.get("separator", "/" if name == "default" else ".")
    if name not in ("default", "v2") or separator not in ("/", "."):
        message = f"its chunks are named by {name!r} with {str(separator)[:20]!r}. {CURE}"
        raise Damaged(message)
    prefix = f"{path}/".lstrip("/")
    if name == "v2":
        return (f"{prefix}0" if is_single else prefix), separator
    return (f"{prefix}c" if is_single else f"{prefix}c{separator}"), separator


def _pipeline(steps: list[Step], n_axes: int) -> tuple[str, ByteOrder, tuple[Filter, ...]]:
    """Return order and byte order of the values in a chunk, and the filters that were applied to their bytes."""
    order, filters = "C", list[Filter]()
    byte_order: ByteOrder | None = None
    for name, settings in steps:
        if name == "transpose":
            order = _order(settings.get("order"), n_axes, order)
        elif name == "bytes":
            byte_order = BYTE_ORDERS.get(str(settings.get("endian", "little")))
        elif name == "sharding_indexed":
            message = f"it has many chunks in one file (shards). {CURE}"
            raise Damaged(message)
        else:
            filters.append(codec({"id": name.removeprefix("numcodecs."), **settings}))
    is_text = bool(filters) and filters[0].name in TEXT_CODECS
    if byte_order is None and not is_text:
        message = f"its codecs {[name for name, _ in steps]} do not say how values become bytes"
        raise Damaged(message)
    return order, byte_order or "<", tuple(filters)


def _order(axes: Any, n_axes: int, order: str) -> str:
    if axes == list(range(n_axes)):
        return order
    if order == "C" and axes == list(reversed(range(n_axes))):
        return "F"
    message = f"its axes are transposed as {str(axes)[:40]}. {CURE}"
    raise Damaged(message)


def _fill(value: Any, stored: Stored) -> bytes | None:
    if value is None or value in (0, ""):
        return None
    if stored.kind == NUMBER:
        return (
            _bits(value, stored.raw) if isinstance(value, str) and value[:2] == "0x" else number_fill(value, stored.raw)
        )
    if stored.kind == TEXT:
        return value.encode() if isinstance(value, str) else None
    if stored.kind == FIXED_TEXT and stored.raw.kind == "U":
        return np.array([str(value)], stored.raw).tobytes()
    return None


def _bits(value: str, raw: np.dtype[Any]) -> bytes:
    """Return the number whose bits are written in hexadecimal."""
    try:
        return int(value, 16).to_bytes(raw.itemsize, "little" if raw.newbyteorder("=") == raw else "big")
    except (ValueError, OverflowError) as error:
        message = f"its fill value {value[:40]!r} is no {raw.name}"
        raise Damaged(message) from error


def _named(value: Any, what: str) -> Step:
    """Return name and settings of what version 3 lets anybody extend."""
    whole = {"name": value} if isinstance(value, str) else value if isinstance(value, Mapping) else {}
    name, settings = whole.get("name"), whole.get("configuration", {})
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        message = f"its {what} should be an object with name and configuration; got {str(value)[:60]}"
        raise Damaged(message)
    return name, settings


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        message = f"its codecs should be a list; got {str(value)[:60]}"
        raise Damaged(message)
    return value
