"""What a statistic is without one unit, or one group of units, at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.dims import require_coords
from neurodata4ml.errors import DesignError


def leave_groups_out(statistic: Callable[[xr.DataArray], xr.DataArray], x: xr.DataArray, name: str) -> xr.DataArray:
    """Return the statistic without one group at a time, for ``interval``; groups in sorted order.

    Parameters
    ----------
    statistic : callable DataArray -> DataArray
    x : DataArray
    name : str
        A dim (each entry is a group: ``"unit"``) or a coordinate along one dim (``"session"``, ``"animal"``).

    Returns
    -------
    DataArray (group, ...)

    Raises
    ------
    DimensionError
        No such dim or coordinate.
    DesignError
        The coordinate does not lie along one dim, or there are fewer than two groups.
    """
    dim, group = groups_of(x, name, step="leave_groups_out")
    n_groups = int(group.max()) + 1 if len(group) else 0
    if n_groups < 2:
        message = (
            f"To leave out one {name} at a time takes at least 2; got {n_groups}. "
            f"Name what there is more of, such as over='unit' or over='stimulus'."
        )
        raise DesignError(message)
    parts = [statistic(x.isel({dim: np.flatnonzero(group != k)})) for k in range(n_groups)]
    return xr.concat(parts, dim="group")


def groups_of(x: xr.DataArray, name: str, *, step: str) -> tuple[str, np.ndarray]:
    """Return the dim along which ``name`` lies, and the number of the group of each entry, groups sorted."""
    if name in x.dims:
        return name, np.arange(x.sizes[name])
    require_coords(x, name, step=step, hint=f"Its dims are ({', '.join(map(str, x.dims))}).")
    dims = x.coords[name].dims
    if len(dims) != 1:
        message = f"{step} groups entries along one dim; {name!r} lies along {dims!r}. Name a coordinate of one dim."
        raise DesignError(message)
    values = x.coords[name].values
    missing = int(np.sum([value is None or value != value for value in values]))
    if missing:
        message = (
            f"{step} needs a group for every entry; {missing} values of {name!r} are missing. Drop their {dims[0]}s."
        )
        raise DesignError(message)
    try:
        return str(dims[0]), np.unique(values, return_inverse=True)[1]
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        message = (
            f"{step}: the values of {name!r} are of kinds that cannot be compared ({kinds}). Make them all text: "
            f"x.assign_coords({name}=({str(dims[0])!r}, x[{name!r}].values.astype(str)))."
        )
        raise DesignError(message) from None
