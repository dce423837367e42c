"""Frames of a movie in time, as lags and folds of stretches need them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError


def in_time(frames: xr.DataArray, *, rate: float) -> xr.DataArray:
    """Give the frames of a movie, told apart by ``stimulus``, the times at which they are shown.

    Frame k is shown from ``k / rate``; that is its time. What ``average_by`` made of responses to a movie, and what
    ``activations`` made of its frames, meet in time then.

    Parameters
    ----------
    frames : DataArray, dims (stimulus, ...)
        Numbers of frames as labels, in any order; some may be missing (a gap in time).
    rate : float, frames per s
        30 for Allen's natural movies.

    Returns
    -------
    DataArray, dims (time, ...), time in s

    Raises
    ------
    DimensionError
        No labelled array with the dim ``stimulus``.
    DesignError
        Labels that are no numbers of frames, each once; a rate that is not above 0.

    Examples
    --------
    >>> in_time(xr.DataArray([7.0, 8.0], dims="stimulus", coords={"stimulus": [1, 0]}), rate=2).time.values.tolist()
    [0.0, 0.5]
    """
    require_array(frames, step="in_time")
    require_dims(frames, "stimulus", step="in_time", hint="Average repeats first: average_by(x).")
    if not np.isfinite(rate) or rate <= 0:
        message = f"rate takes frames per second, above 0; got {rate!r}. Allen's movies have 30."
        raise DesignError(message)
    label = np.asarray(frames["stimulus"].values)
    whole = label.dtype.kind in "iuf" and bool(np.all(np.isfinite(label)) and np.all(label == np.round(label)))
    if not whole or len(np.unique(label)) != label.size or label.min(initial=0) < 0:
        message = f"in_time takes numbers of frames as labels of stimulus, each once; got {label[:5].tolist()}."
        raise DesignError(message)
    shown = frames.isel(stimulus=np.argsort(label))
    beside = [name for name, its in shown.coords.items() if "stimulus" in its.dims or name == "time"]
    out = shown.drop_vars(beside).rename(stimulus="time").assign_coords(time=np.sort(label) / rate)
    out.attrs = {**provenance(frames), **{k: frames.attrs[k] for k in ("units",) if k in frames.attrs}}
    out.attrs["bin_width"] = 1 / rate
    return add_step(out, "in_time", rate=rate)
