"""What every conversion needs: the other library or what to type for it, and labels, dim by dim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DimensionError

Labels = dict[str, np.ndarray]
"""Names of coordinates along one dim, and their values."""


def labels_along(x: xr.DataArray | xr.Dataset, dim: str) -> Labels:
    """Return the coordinates that lie along ``dim`` and no other dim, the labels of ``dim`` itself first."""
    return {str(name): c.values for name, c in sorted(x.coords.items(), key=lambda c: c[0] != dim) if c.dims == (dim,)}


def require_only(x: xr.DataArray, *dims: str, step: str, hint: str) -> None:
    """Raise a ``DimensionError`` where ``x`` has another dim than ``dims``."""
    extra = [str(dim) for dim in x.dims if dim not in dims]
    if extra:
        message = f"{step} takes ({', '.join(dims)}); got also {', '.join(extra)}. {hint}"
        raise DimensionError(message)


def array(
    values: Any, dims: Iterable[str], labels: Mapping[str, Labels], attrs: Mapping[Any, Any], name: Any = None
) -> xr.DataArray:
    """Return a labelled array; ``labels`` are given dim by dim."""
    dims = tuple(dims)
    coords = {key: (dim, tidy(column)) for dim in dims for key, column in labels.get(dim, {}).items()}
    return xr.DataArray(np.asarray(values), dims=dims, coords=coords, attrs=dict(attrs), name=name)


def tidy(column: Any) -> np.ndarray:
    """Return a column of labels as an array: text as objects, as everywhere in this package."""
    found = np.asarray(column)
    return found.astype(object) if found.dtype.kind in "UST" else found


def plain_value(value: Any) -> Any:
    """Return a label as a value that JSON and other libraries take: numbers, lists, or text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)
