"""Arrays to torch and back: a dataset of tensors that keeps its labels, and the classes behind its codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.dims import dense, require_coords
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.optional import need
from neurodata4ml.suggest import guess

_INSTALL = '"neurodata4ml[torch]"'
_TYPES = ("float16", "float32", "float64", "int16", "int32", "int64")


def to_torch(x: xr.DataArray, *, target: str | None = None, dtype: str = "float32") -> Any:
    """Return ``x`` as a ``torch.utils.data.TensorDataset``: one item per trial, or stimulus.

    Parameters
    ----------
    x : DataArray
        Its first dim becomes that of the items, e.g. (trial, unit), (trial, time, unit) or (stimulus, feature). Blank
        and invalid trials are kept: leave them out first where they shall teach nothing.
    target : str, optional
        A coordinate along the first dim, which becomes a second tensor: of text, booleans and whole numbers int64 codes
        0, 1, ... of the sorted ``classes``; of other numbers the values themselves, in ``dtype``.
    dtype : str
        Of the values: ``"float32"``, as networks take it, keeps 7 digits (whole numbers up to 16,777,216);
        ``"float64"`` keeps all.

    Returns
    -------
    TensorDataset
        With ``dims``, ``coords`` (a Dataset of all coordinates), ``attrs``, ``name``, ``target``, and ``classes``: the
        label of each code, None where the target is no class.

    Raises
    ------
    DimensionError
        No such coordinate along the first dim.
    DesignError
        A target or value that is missing, values that ``dtype`` cannot hold, or torch is not installed.
    """
    torch = need("torch", step="to_torch", install=_INSTALL)
    data = need("torch.utils.data", step="to_torch", install=_INSTALL)
    x = dense(x, step="to_torch")
    if not x.dims:
        message = "to_torch needs a first dim, of which each entry becomes an item; got a single number."
        raise DimensionError(message)
    tensors, classes = [torch.from_numpy(_cast(x.values, dtype))], None
    if target is not None:
        require_coords(x, target, step="to_torch", hint="Name a coordinate of the items: target=...")
        column = x.coords[target]
        if column.dims != x.dims[:1]:
            message = (
                f"to_torch takes a target along the first dim, {x.dims[0]!r}; {target!r} has the dims {column.dims}. "
                f"Put its dim first: x.transpose({str(column.dims[0]) if column.dims else x.dims[0]!r}, ...)."
            )
            raise DimensionError(message)
        coded, classes = _codes(column.values, target, dtype)
        tensors.append(torch.from_numpy(coded))
    found = data.TensorDataset(*tensors)
    found.dims, found.coords, found.attrs, found.name = x.dims, x.coords.to_dataset(), dict(x.attrs), x.name
    found.target, found.classes = target, classes
    return found


def from_torch(dataset: Any) -> xr.DataArray:
    """Return the array that a dataset of ``to_torch`` was made of, or one with the names of another's dims.

    Parameters
    ----------
    dataset : TensorDataset, or a Tensor
        Of other datasets the first tensor is taken: (trial, unit), (trial, time, unit), or (trial, dim_1, dim_2, ...);
        a second, one number per trial, becomes the coordinate ``target``.

    Returns
    -------
    DataArray
        Of the dtype of the tensor; the target's codes are its labels again.

    Raises
    ------
    DimensionError
        No tensors; or a dataset whose tensors no longer fit its labels.
    DesignError
        torch is not installed.
    """
    torch = need("torch", step="from_torch", install=_INSTALL)
    tensors: tuple[Any, ...] = (dataset,) if isinstance(dataset, torch.Tensor) else getattr(dataset, "tensors", ())
    if not tensors:
        message = f"from_torch takes a TensorDataset or a Tensor; got a {type(dataset).__name__}. See to_torch."
        raise DimensionError(message)
    values = tensors[0].detach().cpu().numpy()
    if not hasattr(dataset, "coords"):
        return _foreign(values, tensors[1:])
    sizes = tuple(dataset.coords.sizes.get(dim, n) for dim, n in zip(dataset.dims, values.shape, strict=False))
    if values.ndim != len(dataset.dims) or values.shape != sizes:
        message = (
            f"from_torch: the tensor has the shape {values.shape}, and the labels are of {dict(dataset.coords.sizes)}. "
            "Label the new values yourself: xr.DataArray(tensor.numpy(), dims=...)."
        )
        raise DimensionError(message)
    found = xr.DataArray(
        values, dims=dataset.dims, coords=dataset.coords.coords, attrs=dataset.attrs, name=dataset.name
    )
    if dataset.target is not None and dataset.classes is not None:
        codes = tensors[1].detach().cpu().numpy()
        found = found.assign_coords({dataset.target: (dataset.dims[0], np.asarray(dataset.classes)[codes])})
    return found


def _foreign(values: np.ndarray, others: tuple[Any, ...]) -> xr.DataArray:
    named: dict[int, tuple[str, ...]] = {1: ("trial",), 2: ("trial", "unit"), 3: ("trial", "time", "unit")}
    dims = named.get(values.ndim, ("trial", *(f"dim_{k}" for k in range(1, values.ndim))))
    found = xr.DataArray(values, dims=dims)
    if others and others[0].ndim == 1:
        found = found.assign_coords(target=("trial", others[0].detach().cpu().numpy()))
    return found


def _cast(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype not in _TYPES:
        message = f"to_torch knows the dtypes {', '.join(_TYPES)}; got {dtype!r}.{guess(dtype, _TYPES)}"
        raise DesignError(message)
    if values.dtype.kind not in "fiub":
        message = f"to_torch needs numbers; got {values.dtype}. Text belongs in a coordinate: target=..."
        raise DesignError(message)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = np.array(values, dtype=dtype, order="C")
    if values.dtype.kind in "iu":
        same = found.astype(values.dtype) == values
    else:
        # what is too large becomes infinite; where all is too small, nothing but 0 is left
        held = (np.isfinite(found) | ~np.isfinite(values)) & (bool(found.any()) | (values == 0))
        same = found == values if np.dtype(dtype).kind == "i" else held
    if not same.all():
        message = (
            f"to_torch: {int((~same).sum())} of {values.size} values cannot be held in {dtype}, such as "
            f"{values[~same][0]}. Type dtype='float64'."
        )
        raise DesignError(message)
    return found


def _codes(values: np.ndarray, target: str, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the target as a tensor's values, and the classes behind its codes."""
    absent = pd.isna(values)
    if absent.any():
        message = (
            f"to_torch: {int(absent.sum())} of {len(values)} items have no {target!r}. Leave them out: "
            f"x.isel({{x.dims[0]: x.{target}.notnull().values}})."
        )
        raise DesignError(message)
    if values.dtype.kind == "f":
        return _cast(values, dtype), None
    classes, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), classes
