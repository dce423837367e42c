"""From counts to responses: rates in Hz, and the mean response to each stimulus."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.dims import add_step, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

_NOT_KEPT = ("blank", "valid")


def firing_rate(counts: xr.DataArray, *, over: str | None = "time") -> xr.DataArray:
    """Turn spike counts per bin into rates in Hz.

    Parameters
    ----------
    counts : DataArray with dim ``time`` and ``attrs["bin_width"]`` in s
        From ``bin_spikes``.
    over : str or None
        The dim to average over; None keeps every bin.

    Returns
    -------
    DataArray without ``over``, float64, Hz

    Raises
    ------
    DimensionError
        There is no such dim, no bin width, or the values are rates already.

    Examples
    --------
    >>> counts = xr.DataArray([[1, 0, 2]], dims=("unit", "time"), attrs={"bin_width": 0.1})
    >>> firing_rate(counts).values
    array([10.])
    """
    require_array(counts, step="firing_rate")
    if over is not None:
        require_dims(counts, over, step="firing_rate", hint="It takes counts as bin_spikes gives them.")
    bin_width = counts.attrs.get("bin_width")
    if bin_width is None or counts.attrs.get("units") == "Hz":
        message = (
            "firing_rate needs counts per bin with the bin's length in attrs['bin_width'] (s); got "
            f"units {counts.attrs.get('units')!r} and bin_width {bin_width!r}. Start from bin_spikes(session, ...)."
        )
        raise DimensionError(message)
    mean = counts.astype(np.float64) if over is None else counts.mean(over, dtype=np.float64)
    rate: xr.DataArray = mean / bin_width
    rate.name = "firing_rate"
    rate.attrs = {**provenance(counts), "units": "Hz"}
    if over != "time":
        rate.attrs["bin_width"] = bin_width
    return add_step(rate, "firing_rate", over=over)


def average_by(x: xr.DataArray, by: str = "stimulus") -> xr.DataArray:
    """Average the trials that share a label: the mean response to each stimulus.

    Blank and invalid trials are dropped first: a blank sweep is not a stimulus. A NaN among the trials of a label
    makes its mean NaN.

    Parameters
    ----------
    x : DataArray with dim ``trial``, any other dims
    by : str
        A coordinate on ``trial``.

    Returns
    -------
    DataArray, dims (by, ...), float64
        Labels are sorted and keep their type (integers stay integers); ``n_trials`` says how many trials stand
        behind each. Coordinates of trials that are the same in all trials of a label stay, e.g. the class of an image.

    Raises
    ------
    DimensionError
        No trials, or no such coordinate on them.
    DesignError
        Some trials have no label.

    Examples
    --------
    >>> x = xr.DataArray([[1.0], [3.0], [5.0]], dims=("trial", "unit"), coords={"stimulus": ("trial", [7, 7, 2])})
    >>> average_by(x).to_series().to_dict()
    {(2, 0): 5.0, (7, 0): 2.0}
    """
    require_array(x, step="average_by")
    require_dims(x, "trial", step="average_by", hint="It averages trials, and these are averaged already.")
    shown = presented(x, step="average_by").transpose("trial", ...)
    labels, code = np.unique(trial_labels(shown, by, step="average_by"), return_inverse=True)
    values = np.asarray(shown.data)
    means = np.empty((len(labels), *values.shape[1:]))
    for i in range(len(labels)):
        # label by label, so that a small type such as int8 is never copied whole to float
        means[i] = values[code == i].mean(axis=0, dtype=np.float64)
    dims = (by, *shown.dims[1:])
    coords: dict[Hashable, object] = {n: c for n, c in shown.coords.items() if "trial" not in c.dims and n != by}
    coords |= {by: labels, "n_trials": (by, np.bincount(code, minlength=len(labels)))}
    coords |= {name: (by, values) for name, values in _constant_within(shown, by, code).items()}
    mean = xr.DataArray(means, dims=dims, coords=coords, name=x.name)
    mean.attrs = {name: value for name, value in shown.attrs.items() if name != "steps"} | provenance(shown)
    return add_step(mean, "average_by", by=by)


def sample_dim(x: xr.DataArray, *, step: str, hint: str = "") -> str:
    """Return the dim whose elements are samples: ``trial``, else ``time`` (a continuous recording).

    Raises
    ------
    DimensionError
        There is neither.
    """
    require_array(x, step=step)
    if "trial" not in x.dims and "time" in x.dims:
        return "time"
    require_dims(x, "trial", step=step, hint=hint)
    return "trial"


def trial_labels(x: xr.DataArray, name: str, *, step: str) -> np.ndarray:
    """Return the label of every sample (trial, or bin of a continuous recording); refuse what is missing or misspelt.

    Raises
    ------
    DimensionError
        ``name`` is no coordinate on the sample dim; the message suggests the closest.
    DesignError
        Some samples have no label: NaN, None or "".
    """
    dim = sample_dim(x, step=step)
    if not isinstance(name, str):
        message = (
            f"{step} takes the name of a coordinate, such as 'stimulus'; got a {type(name).__name__}. Add what it is "
            f"to read as one, x.assign_coords(label=({dim!r}, values)), and name it: 'label'."
        )
        raise DimensionError(message)
    if name not in x.coords or x.coords[name].dims != (dim,):
        on_samples = [str(other) for other, coord in x.coords.items() if coord.dims == (dim,)]
        there = sorted(other for other in on_samples if not other.startswith("_"))  # ours, such as _position
        message = (
            f"{step} needs the coordinate {name!r} on {dim!r}, and there is none.{guess(name, there)} "
            f"There are: {', '.join(there) or 'none'}. Or add it: x.assign_coords({name}=({dim!r}, labels))."
        )
        raise DimensionError(message)
    labels = np.asarray(x.coords[name].values)
    missing, empty = pd.isnull(labels), np.zeros(labels.shape, dtype=bool)
    if labels.dtype.kind in "OUST":
        empty = labels == ""
    if missing.any() or empty.any():
        what, keep = "NaN", f"x.{name}.notnull()"
        if empty.any():
            what, keep = 'NaN or ""', f'({keep} & (x.{name} != ""))'
        samples = "trials" if dim == "trial" else "time samples"
        message = (
            f"{step}: {int((missing | empty).sum())} of {labels.size} {samples} have no {name!r} ({what}). "
            f"Leave them out: x.isel({dim}={keep}.values)."
        )
        raise DesignError(message)
    _require_one_kind(labels, name, dim, step)
    return labels


def _require_one_kind(labels: np.ndarray, name: str, dim: str, step: str) -> None:
    kinds = sorted({type(label).__name__ for label in labels}) if labels.dtype == object else []
    try:
        np.unique(labels if len(kinds) > 1 else [])
    except TypeError as error:
        message = (
            f"{step}: the labels in {name!r} are of kinds that cannot be compared ({', '.join(kinds)}). "
            f"Make them all text: x.assign_coords({name}=({dim!r}, x.{name}.values.astype(str)))."
        )
        raise DesignError(message) from error


def _constant_within(x: xr.DataArray, by: str, code: np.ndarray) -> dict[str, np.ndarray]:
    """Return, for each coordinate of trials that never differs within a label, its value per label."""
    first = np.unique(code, return_index=True)[1]
    constant = {}
    for name, coord in x.coords.items():
        if coord.dims != ("trial",) or name in (by, "trial", *_NOT_KEPT) or coord.chunks is not None:
            continue
        values = coord.values
        if np.all(values == values[first][code]):
            constant[str(name)] = values[first]
    return constant
