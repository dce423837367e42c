"""Values as HDF5 stores them, again: the types of one file in another one that h5py writes."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.storage.index import COMPOUND, FIXED_TEXT, RAGGED, REFERENCE, TEXT, Stored
from neurodata4ml.errors import LayoutError


def dtype_of(stored: Stored) -> Any:
    """Return the dtype by which h5py writes values of a type.

    Raises
    ------
    LayoutError
        Where it is none that can be copied.
    """
    if stored.kind == TEXT:
        return h5py.string_dtype(stored.encoding)
    if stored.kind == FIXED_TEXT:
        return h5py.string_dtype(stored.encoding, stored.raw.itemsize)
    if stored.kind == REFERENCE:
        return h5py.ref_dtype
    if stored.kind == COMPOUND:
        return np.dtype([(name, dtype_of(part)) for name, _, part in stored.fields])
    if stored.kind == RAGGED and stored.base is not None:
        return h5py.vlen_dtype(dtype_of(stored.base))
    if stored.kind != "number":
        message = f"values of type {stored.kind} cannot be copied into an excerpt. Fetch the whole file."
        raise LayoutError(message)
    if stored.is_bool:
        return np.dtype(bool)
    return h5py.enum_dtype(dict(stored.words), stored.raw) if stored.words else stored.raw


def as_stored(values: Any, stored: Stored) -> Any:
    """Return values as they were read as what h5py writes: texts of fixed length as bytes."""
    if stored.kind != FIXED_TEXT:
        return values
    return np.array([word.encode(stored.encoding, "replace") for word in np.ravel(values)], stored.raw).reshape(
        np.shape(values)
    )
