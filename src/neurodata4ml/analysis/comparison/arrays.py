"""The arrays of a comparison: what each must be."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from neurodata4ml.dims import FEATURES, require_array
from neurodata4ml.errors import DesignError


def named(x: xr.DataArray | Mapping[str, xr.DataArray], side: str, *, step: str) -> dict[str, xr.DataArray]:
    """Return the arrays of one side by name: labelled, real, with columns.

    Raises
    ------
    DimensionError
        What is no labelled array.
    DesignError
        None at all, values of another kind, an array without units.
    """
    if isinstance(x, xr.Dataset) or not isinstance(x, Mapping):
        x = {side: x}
    if not x:
        message = f"{step} needs at least one array in {side}; got an empty dict."
        raise DesignError(message)
    for name, array in x.items():
        require_array(array, step=step)
        if array.dtype.kind not in "biuf":
            message = f"{step} takes real numbers; {name} is of the type {array.dtype}. Type x.astype(float)."
            raise DesignError(message)
        empty = [dim for dim in FEATURES if dim in array.dims and not array.sizes[dim]]
        if empty:
            message = f"{step} needs responses of at least one {empty[0]}; {name} has none. Leave it out."
            raise DesignError(message)
    return dict(x)
