"""The digest of what results say, whatever file they came from: of the study, of the data, and of each array."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import xarray as xr

from neurodata4ml.record.plain import jsonable, values_of


class Said(Protocol):
    """What :func:`content_digests` asks of results."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return what was asked."""
        ...

    @property
    def data(self) -> Mapping[str, Any]:
        """Return what was kept of the data."""
        ...

    @property
    def arrays(self) -> Mapping[str, xr.Dataset]:
        """Return the labelled arrays by section."""
        ...

    @property
    def sessions(self) -> Mapping[str, Said]:
        """Return the results of each recording of many."""
        ...


def content_digests(results: Said) -> dict[str, str]:
    """Return the SHA-256 of all that results say: ``"decoding"``, of many recordings ``"sessions/KEY/decoding"`` too.

    ``"spec"`` and ``"data"`` stand for the study and for what was kept of the data. Results that were computed, and the
    same that were saved and loaded, have the same digests.
    """
    found = {"spec": digest_of(dict(results.spec)), "data": digest_of(dict(results.data))}
    found |= {name: array_digest(array) for name, array in results.arrays.items()}
    for key, part in results.sessions.items():
        found |= {f"sessions/{key}/{name}": digest for name, digest in content_digests(part).items()}
    return found


def digest_of(value: Any) -> str:
    """Return the SHA-256 of plain values, as :func:`canonical` writes them."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """Return plain values as JSON in UTF-8, with sorted keys and without blanks."""
    text = json.dumps(jsonable(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def array_digest(array: xr.Dataset) -> str:
    """Return the SHA-256 of a labelled array; the order of its variables and attributes does not count.

    It is that of, each ended by a line break: the attributes and the sizes of dims as canonical JSON; then for every
    variable, by name, ``[name, is a coordinate, dims, dtype, attributes]`` as canonical JSON, and its values. Numbers
    and times are their bytes, little-endian, the last dim fastest, with one NaN for all; texts and labels of several
    kinds are canonical JSON, and of dtype ``"str"`` where all are texts.
    """
    digest = hashlib.sha256(canonical([array.attrs, {str(dim): size for dim, size in array.sizes.items()}]) + b"\n")
    for name in sorted(array.variables, key=str):
        dtype, values = _alike(array[name])
        its = [str(name), name in array.coords, list(map(str, array[name].dims)), dtype]
        digest.update(canonical([*its, array[name].attrs]) + b"\n")
        digest.update(_bytes(values) + b"\n")
    return digest.hexdigest()


def _alike(array: xr.DataArray) -> tuple[str, np.ndarray]:
    """Return kind and values; texts are texts, whether numpy keeps them in place or as objects."""
    dtype, values = values_of(array)
    return "str" if dtype == "object" and all(isinstance(v, str) for v in values.ravel()) else dtype, values


def _bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind in "OU":
        return canonical(values.ravel().tolist())
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
