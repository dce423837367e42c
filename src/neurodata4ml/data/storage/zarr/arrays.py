"""What both versions of Zarr say of an array, checked: shape, chunks, steps of encoding, fill value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodata4ml.data.storage.filters import filters
from neurodata4ml.data.storage.index import COMPOUND, Dataset, Filter, Keyed, Layout, Refused, Stored
from neurodata4ml.data.storage.zarr.damage import Damaged
from neurodata4ml.data.storage.zarr.objects import OBJECT_CODECS
from neurodata4ml.data.storage.zarr.references import Here, attributes

MOST_AXES = 32
MOST_VALUES = 2**62
"""Values of an array: what an index of 64 bits can count in bytes."""

LARGEST_CHUNK = 2**31
"""Bytes of a chunk, decoded: the largest that numcodecs' compressors make."""

NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How JSON holds what it has no numbers for."""


def checked_shape(value: Any, what: str, *, least: int = 0) -> tuple[int, ...]:
    """Return a list of lengths; refused unless each is a number of at least ``least``."""
    is_list = isinstance(value, list) and len(value) <= MOST_AXES
    if not is_list or not all(type(length) is int and length >= least for length in value):
        message = (
            f"its {what} should be a list of at most {MOST_AXES} whole numbers from {least} on; got {str(value)[:60]}"
        )
        raise Damaged(message)
    if math.prod(value) > MOST_VALUES:
        message = f"its {what} {value} claims more values than there are bytes to count"
        raise Damaged(message)
    return tuple(value)


def codec(value: Any) -> Filter:
    """Return one step of encoding, of numcodecs' ``{"id": name, ...}``."""
    name = value.get("id") if isinstance(value, Mapping) else None
    if not isinstance(name, str):
        message = f"its codec should be an object with an id; got {str(value)[:60]}"
        raise Damaged(message)
    return Filter(name, tuple(sorted((key, _frozen(part)) for key, part in value.items() if key != "id")))


def number_fill(value: Any, raw: np.dtype[Any]) -> bytes:
    """Return a fill value of numbers as it would be stored."""
    parts = value if isinstance(value, list) and raw.kind == "c" and len(value) == 2 else [value]
    numbers = [NOT_NUMBERS.get(part, part) if isinstance(part, str) else part for part in parts]
    if not all(isinstance(number, bool | int | float) for number in numbers):
        message = f"its fill value {str(value)[:40]!r} is no number"
        raise Damaged(message)
    try:
        number = complex(*numbers) if raw.kind == "c" else numbers[0]
        return np.array([number]).astype(raw, casting="unsafe").tobytes() if raw.kind in "fc" else _whole(number, raw)
    except (ValueError, OverflowError, TypeError) as error:
        message = f"its fill value {str(value)[:40]!r} is no {raw.name}"
        raise Damaged(message) from error


def dataset_of(
    path: str,
    shape: tuple[int, ...],
    stored: Stored,
    layout: Keyed,
    steps: tuple[Filter, ...],
    fill: bytes | None,
    attrs: Mapping[str, Any],
    here: Here,
) -> Dataset:
    """Return a dataset; its layout says why, where its values cannot be read."""
    if len(layout.shape) != len(shape):
        message = f"its chunks {layout.shape} have not as many axes as its shape {shape}"
        raise Damaged(message)
    if stored.raw.itemsize * math.prod(layout.shape) > LARGEST_CHUNK:
        message = f"its chunks {layout.shape} would take more than {LARGEST_CHUNK:,} bytes each"
        raise Damaged(message)
    if attrs.get("zarr_dtype") == "scalar" and shape == (1,) and layout.shape == (1,):
        shape, layout = (), layout._replace(shape=(), prefix=f"{layout.prefix}0")
    steps = tuple(_told(step, here) for step in steps)
    whole: Layout = _readable(stored, steps) or layout
    return Dataset(f"/{path}", shape, stored, whole, steps, fill, attributes(attrs, here))


def object_codec(dataset: Dataset) -> Filter | None:
    """Return the codec that made bytes of a dataset's objects; None where its values are bytes themselves."""
    first = dataset.filters[0] if dataset.filters else None
    return first if first is not None and first.name in OBJECT_CODECS else None


def _frozen(value: Any) -> Any:
    """Return a setting as a value that can be a key of what is remembered; none that is read is an object."""
    if isinstance(value, list):
        return tuple(_frozen(part) for part in value)
    return str(value) if isinstance(value, Mapping) else value


def _told(step: Filter, here: Here) -> Filter:
    """Let a codec of objects know what references call this store."""
    return Filter(step.name, (*step.options, ("here", here))) if step.name in OBJECT_CODECS else step


def _readable(stored: Stored, steps: tuple[Filter, ...]) -> Refused | None:
    """Return why the values cannot be read; None where they can."""
    is_object, bytewise = stored.raw.hasobject, steps
    if is_object:
        name = steps[0].name if steps else "none"
        right = ("pickle",) if stored.kind == COMPOUND else OBJECT_CODECS
        if name not in right:
            return Refused(f"has objects that {name!r} wrote", f"Read is what {' or '.join(right)} wrote.")
        bytewise = steps[1:]
        other = next((step.name for step in bytewise if step.name not in filters.CODECS), None)
        if other is not None:
            return Refused(f"has objects, encoded with {other!r}", f"Read are {', '.join(sorted(filters.CODECS))}.")
    reason = filters.refused(bytewise)
    return Refused("cannot be decoded", reason[0].upper() + reason[1:]) if reason else None


def _whole(number: Any, raw: np.dtype[Any]) -> bytes:
    if raw.kind == "b":
        return bytes([bool(number)])
    if number != int(number):
        message = "it has a fraction"
        raise ValueError(message)
    return np.array([int(number)], raw).tobytes()
