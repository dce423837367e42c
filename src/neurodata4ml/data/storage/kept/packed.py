"""Dtypes and attributes as plain tuples, text and numbers, and back: what msgpack can write; never a pickle."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from neurodata4ml.data.storage.index import Reference, Refused

Plain = Any
"""None, bool, int, float, str, bytes, or a tuple of these whose first element is its tag."""

PLAIN = (bool, int, float, str, bytes, type(None))
LARGEST = 1 << 63


def pack_dtype(dtype: np.dtype[Any]) -> Plain:
    """Return a dtype as text, or as a tuple of its parts."""
    if dtype.subdtype is not None:
        return ("array", pack_dtype(dtype.subdtype[0]), dtype.shape)
    if dtype.names is not None and dtype.fields is not None:
        parts = [dtype.fields[name] for name in dtype.names]
        return (
            "record",
            dtype.names,
            tuple(pack_dtype(p[0]) for p in parts),
            tuple(p[1] for p in parts),
            dtype.itemsize,
        )
    return dtype.str


@lru_cache(maxsize=1024)
def unpack_dtype(packed: Plain) -> np.dtype[Any]:
    """Return the dtype that ``pack_dtype`` wrote."""
    if isinstance(packed, str):
        return np.dtype(packed)
    if packed[0] == "array":
        return np.dtype((unpack_dtype(packed[1]), packed[2]))
    _, names, formats, offsets, itemsize = packed
    described = {
        "names": list(names),
        "formats": [unpack_dtype(part) for part in formats],
        "offsets": list(offsets),
        "itemsize": itemsize,
    }
    return np.dtype(described)  # type: ignore[call-overload, no-any-return]


def pack_value(value: Any) -> Plain:
    """Return an attribute's value in plain parts.

    Raises
    ------
    TypeError
        For what no attribute of a file is.
    """
    if type(value) in PLAIN and not (type(value) is int and not -LARGEST <= value < LARGEST):
        return value
    if isinstance(value, Reference):
        return ("reference", value.key)
    if isinstance(value, Refused):
        return ("refused", *value)
    if isinstance(value, np.generic | np.ndarray):
        return _pack_numpy(value)
    if isinstance(value, list | tuple):
        return ("list" if isinstance(value, list) else "tuple", tuple(map(pack_value, value)))
    if isinstance(value, dict):
        return ("dict", tuple((pack_value(key), pack_value(part)) for key, part in value.items()))
    message = f"a {type(value).__name__} is not what an attribute of a file can be"
    raise TypeError(message)


def unpack_value(packed: Plain) -> Any:
    """Return the value that ``pack_value`` wrote."""
    if not isinstance(packed, tuple):
        return packed
    tag, *parts = packed
    return UNPACKED[tag](*parts)


def _pack_numpy(value: np.generic | np.ndarray) -> Plain:
    array = np.asarray(value)
    tag = "array" if isinstance(value, np.ndarray) else "scalar"
    if not array.dtype.hasobject:
        return (tag, pack_dtype(array.dtype), array.shape, array.tobytes())
    return (
        f"{tag} of objects",
        pack_dtype(array.dtype),
        array.shape,
        tuple(map(pack_value, array.reshape(-1).tolist())),
    )


def _array(dtype: Plain, shape: tuple[int, ...], data: bytes) -> np.ndarray:
    return np.frombuffer(data, unpack_dtype(dtype)).reshape(shape).copy()


def _objects(dtype: Plain, shape: tuple[int, ...], values: tuple[Plain, ...]) -> np.ndarray:
    array = np.empty(math.prod(shape), unpack_dtype(dtype))
    for k, value in enumerate(values):
        array[k] = unpack_value(value)
    return array.reshape(shape)


UNPACKED: dict[str, Callable[..., Any]] = {
    "reference": Reference,
    "refused": Refused,
    "array": _array,
    "scalar": lambda dtype, shape, data: _array(dtype, shape, data)[()],
    "array of objects": _objects,
    "scalar of objects": lambda dtype, shape, values: _objects(dtype, shape, values)[()],
    "list": lambda values: [unpack_value(value) for value in values],
    "tuple": lambda values: tuple(unpack_value(value) for value in values),
    "dict": lambda values: {unpack_value(key): unpack_value(value) for key, value in values},
}
"""How each tag is read."""
