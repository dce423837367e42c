"""What an aligned array carries: coordinates of trials and units, the clock of its bins, and where it comes from."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import xarray as xr

from neurodata4ml.data.align.windows import Windows
from neurodata4ml.dims import add_step, provenance


def coords_of_trials(session: xr.Dataset, windows: Windows, align: str) -> dict[Hashable, xr.DataArray]:
    """Return the clock of the bins, and the coordinates of the trials that take part."""
    attrs = {"units": "s", "long_name": f"time from {align}"}
    time = xr.DataArray(windows.time, dims="time", attrs=attrs)
    kept = session.drop_dims([dim for dim in session.dims if dim != "trial"]).isel(trial=windows.kept)
    return {"time": time, **coords_on(kept, "trial")}


def coords_on(session: xr.Dataset, dim: str) -> dict[Hashable, xr.DataArray]:
    """Return the coordinates of ``session`` that lie on ``dim`` and no other."""
    return {name: coord for name, coord in session.coords.items() if coord.dims == (dim,)}


def describe(
    result: xr.DataArray, session: xr.Dataset, windows: Windows, *, step: str, units: str, **parameters: Any
) -> xr.DataArray:
    """Set provenance, units and what was left out as attributes of ``result`` (in place) and return it."""
    dropped = {f"dropped_{why}": count for why, count in windows.dropped.items()}
    result.attrs = {**provenance(session), "units": units, "bin_width": windows.bin_width}
    result.attrs |= {f"{step}_{name}": count for name, count in dropped.items()}
    return add_step(result, step, **parameters, **dropped)


def series_names(session: xr.Dataset) -> list[str]:
    """Return the names of the continuous series of a session, those with a clock of their own."""
    return sorted(str(name) for name, series in session.data_vars.items() if f"{name}_time" in series.dims)
