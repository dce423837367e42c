"""The words of the house: named dims, labels, and the provenance that arrays carry."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from neurodata4ml.errors import DimensionError

PROVENANCE = (
    "dataset",
    "version",
    "session",
    "asset",
    "sha256",
    "source_sha256",
    "license",
    "citation",
    "simulated",
    "excerpt",
    "repaired",
)
"""Attributes set when a session is opened and handed on by every step."""

FEATURES = ("unit", "feature", "component")
"""Dims that hold what is measured (columns); every other dim holds samples (rows)."""

Labelled = TypeVar("Labelled", xr.DataArray, xr.Dataset)


def require_array(x: object, *, step: str) -> None:
    """Raise a ``DimensionError`` unless ``x`` is a labelled array."""
    if not isinstance(x, xr.DataArray):
        message = (
            f"{step} takes an xarray DataArray with named dims; got a {type(x).__name__}. Name them: "
            f'xr.DataArray(values, dims=("trial", "unit"), coords={{"stimulus": ("trial", labels)}}).'
        )
        raise DimensionError(message)


def require_dims(x: xr.DataArray | xr.Dataset, *dims: str, step: str, hint: str = "") -> None:
    """Raise a ``DimensionError`` unless ``x`` has all of ``dims``.

    ``step`` is the public function that asks; ``hint`` is the line to type instead.
    """
    missing = [dim for dim in dims if dim not in x.dims]
    if missing:
        wanted = " and ".join(f'"{dim}"' for dim in missing)
        message = f"{step} needs a {wanted} dim; got ({', '.join(map(str, x.dims))}). {hint}".rstrip()
        raise DimensionError(message)


def require_coords(x: xr.DataArray | xr.Dataset, *names: str, step: str, hint: str = "") -> None:
    """Raise a ``DimensionError`` unless ``x`` carries all of the coordinates ``names``."""
    missing = [name for name in names if name not in x.coords]
    if missing:
        have = ", ".join(sorted(map(str, x.coords))) or "none"
        message = f"{step} needs the coordinate {missing[0]!r}; got {have}. {hint}".rstrip()
        raise DimensionError(message)


def feature_dim(x: xr.DataArray, *, step: str) -> str:
    """Return the one dim of ``x`` that holds its columns: unit, feature or component."""
    found = [dim for dim in FEATURES if dim in x.dims]
    if len(found) != 1:
        message = (
            f"{step} needs exactly one of the dims {', '.join(FEATURES)}; got ({', '.join(map(str, x.dims))}). "
            f'Name the columns: x.rename({{"...": "unit"}}).'
        )
        raise DimensionError(message)
    return found[0]


def to_matrix(x: xr.DataArray, rows: str | Iterable[str], columns: str | Iterable[str] | None = None) -> np.ndarray:
    """Return ``x`` as a float matrix, samples by features: the one exit to numpy.

    Parameters
    ----------
    x : DataArray
        Any order of dims; sparse and lazy values are made dense.
    rows : str or iterable of str
        Dims that become rows, in this order (the first varies slowest).
    columns : str or iterable of str, optional
        Dims that become columns; all others when left out.

    Returns
    -------
    ndarray, float64, shape (n_rows, n_columns)
    """
    rows = [rows] if isinstance(rows, str) else list(rows)
    if columns is None:
        columns = [str(dim) for dim in x.dims if dim not in rows]
    columns = [columns] if isinstance(columns, str) else list(columns)
    require_dims(x, *rows, *columns, step="to_matrix")
    values = np.asarray(x.as_numpy().transpose(*rows, *columns).data, dtype=np.float64)
    # both lengths in words: of an empty array numpy cannot tell the second from the first
    n_rows, n_columns = (int(np.prod([x.sizes[dim] for dim in dims], dtype=int)) for dims in (rows, columns))
    return values.reshape(n_rows, n_columns)


def dense(x: xr.DataArray, *, step: str) -> xr.DataArray:
    """Return ``x`` with sparse values made dense; all else, lazy values too, comes back as it is.

    Raises
    ------
    DimensionError
        ``x`` is no labelled array.
    """
    require_array(x, step=step)
    return x.as_numpy() if hasattr(x.data, "todense") else x


def match_labels(x: xr.DataArray, y: xr.DataArray, dim: str, *, step: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return both arrays with the same labels along ``dim`` in the same order; what is missing is named.

    Arrays meet by label, never by position: 118 responses and 119 images do not line up by luck.
    """
    for name, array in (("first", x), ("second", y)):
        require_dims(array, dim, step=step)
        if dim not in array.indexes:
            message = f"{step} matches by label, and the {name} array has no labels along {dim!r}. Use assign_coords."
            raise DimensionError(message)
        if not array.indexes[dim].is_unique:
            message = f"{step} needs each {dim} once; the {name} array repeats labels. Average first: average_by(x)."
            raise DimensionError(message)
    missing = x.indexes[dim].symmetric_difference(y.indexes[dim])
    if len(missing):
        only_x = [str(v) for v in x.indexes[dim].difference(y.indexes[dim])]
        only_y = [str(v) for v in y.indexes[dim].difference(x.indexes[dim])]
        message = (
            f"{step} matches {dim} labels, and {len(missing)} have no partner: "
            f"only in the first {_few(only_x)}, only in the second {_few(only_y)}. Select the common ones with .sel."
        )
        raise DimensionError(message)
    return x, y.sel({dim: x.indexes[dim]})


def presented(x: Labelled, *, step: str) -> Labelled:
    """Return ``x`` without blank and invalid trials; what is dropped is counted in the attributes.

    A blank sweep is not a stimulus, and a trial inside an invalid interval is not data; nor is, in a recording
    without trials, such a bin of time. Arrays without the coordinates ``blank`` and ``valid`` pass unchanged, but that
    sparse counts become dense: what follows computes with all of them.
    """
    if isinstance(x, xr.DataArray):
        x = dense(x, step=step)
    dim = "trial" if "trial" in x.dims else "time"
    if dim not in x.dims:
        return x
    keep = np.ones(x.sizes[dim], dtype=bool)
    dropped = {}
    for name, bad in (("blank", True), ("valid", False)):
        if name in x.coords and x.coords[name].dims == (dim,):
            lost = keep & (np.asarray(x.coords[name].values, dtype=bool) == bad)
            dropped[f"{step}_dropped_{'blank' if bad else 'invalid'}"] = int(lost.sum())
            keep &= ~lost
    if keep.all():
        return x
    kept = x.isel({dim: np.flatnonzero(keep)})
    kept.attrs = {**x.attrs, **{name: count for name, count in dropped.items() if count}}
    return kept


def provenance(*sources: xr.DataArray | xr.Dataset) -> dict[Hashable, Any]:
    """Return the provenance attributes of the first source, with the steps made so far."""
    attrs = sources[0].attrs
    return {name: attrs[name] for name in (*PROVENANCE, "steps") if name in attrs}


def add_step(x: Labelled, step: str, **parameters: Any) -> Labelled:
    """Append ``step`` and its parameters to the provenance of ``x`` (in place) and return it.

    ``attrs["steps"]`` is a JSON list of ``{"step": name, parameter: value, ...}``, so that it can be stored.
    """
    steps = json.loads(x.attrs.get("steps", "[]"))
    steps.append({"step": step, **{name: _plain(value) for name, value in parameters.items()}})
    x.attrs["steps"] = json.dumps(steps)
    return x


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _few(labels: list[str], n: int = 5) -> str:
    if not labels:
        return "none"
    return ", ".join(labels[:n]) + (f" and {len(labels) - n} more" if len(labels) > n else "")
