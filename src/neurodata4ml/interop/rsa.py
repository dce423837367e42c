"""Responses and RDMs to rsatoolbox and back: trials are its observations, units its channels."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import dense, feature_dim, require_dims
from neurodata4ml.errors import DimensionError
from neurodata4ml.interop.peers import Labels, array, labels_along, plain_value, require_only
from neurodata4ml.optional import need

_INSTALL = "rsatoolbox"
_OURS = "n4ml"
"""The descriptor that says how to come back. It is text, as rsatoolbox makes a label of each RDM of it."""

_THEIRS = ("index", _OURS)


def to_rsatoolbox(x: xr.DataArray) -> Any:
    """Return ``x`` as rsatoolbox knows it: responses as a dataset, dissimilarities as RDMs.

    Nothing is averaged, dropped or scaled; ``blank`` and ``valid`` trials go along under their descriptors. Squared
    distances here and there are divided by the number of units alike.

    Parameters
    ----------
    x : DataArray
        (trial, unit) or (stimulus, unit or feature): a ``Dataset``; with ``time`` too: a ``TemporalDataset``.
        (..., stimulus, stimulus2), from ``rdm``: ``RDMs``, one for every entry of the other dims.

    Returns
    -------
    rsatoolbox Dataset, TemporalDataset or RDMs
        Coordinates along trials become ``obs_descriptors`` (of an RDM ``pattern_descriptors``), those along units
        ``channel_descriptors``, those of time ``time_descriptors``, and attributes ``descriptors``.

    Raises
    ------
    DimensionError
        Other dims, or an RDM that is not symmetric or not of one set of stimuli.
    DesignError
        rsatoolbox is not installed.
    """
    x = dense(x, step="to_rsatoolbox")
    if "stimulus2" in x.dims:
        return _to_rdms(x)
    data = need("rsatoolbox.data", step="to_rsatoolbox", install=_INSTALL)
    units = feature_dim(x, step="to_rsatoolbox")
    rows = "trial" if "trial" in x.dims else "stimulus"
    require_dims(x, rows, step="to_rsatoolbox", hint='Type x.rename({"...": "trial"}).')
    hint = 'Select one, x.isel(dim=0), or average: x.mean("dim").'
    require_only(x, rows, "time", units, step="to_rsatoolbox", hint=hint)
    dims = [rows, units, *(["time"] if "time" in x.dims else [])]
    known = {
        "descriptors": _descriptors(x, dims),
        "obs_descriptors": labels_along(x, rows),
        "channel_descriptors": labels_along(x, units),
    }
    values = x.transpose(*dims).values
    if "time" not in dims:
        return data.Dataset(values, **known)
    times = labels_along(x, "time") or {"time": np.arange(x.sizes["time"])}
    return data.TemporalDataset(values, **known, time_descriptors=times)


def from_rsatoolbox(data: Any) -> xr.DataArray:
    """Return a dataset or RDMs of rsatoolbox as a labelled array.

    Parameters
    ----------
    data : rsatoolbox Dataset, TemporalDataset or RDMs

    Returns
    -------
    DataArray
        (trial, unit), (trial, time, unit) or (rdm, stimulus, stimulus2). What ``to_rsatoolbox`` made comes back with
        the dims, labels and values that it had, dims in this order.

    Raises
    ------
    DimensionError
        Something else.
    DesignError
        rsatoolbox is not installed.
    """
    toolbox = need("rsatoolbox", step="from_rsatoolbox", install=_INSTALL)
    if isinstance(data, toolbox.rdm.RDMs):
        return _from_rdms(data)
    if not isinstance(data, toolbox.data.Dataset):
        message = (
            f"from_rsatoolbox takes a Dataset, a TemporalDataset or RDMs of rsatoolbox; got a {type(data).__name__}. "
            "Convert its parts one by one."
        )
        raise DimensionError(message)
    has_time = isinstance(data, toolbox.data.TemporalDataset)
    known, attrs = _known(data.descriptors)
    dims = list(known.get("dims", ["trial", "unit", "time"][: data.measurements.ndim]))
    labels = {dims[0]: data.obs_descriptors, dims[1]: data.channel_descriptors}
    order = dims
    if has_time:
        labels[dims[2]] = data.time_descriptors
        order = [dims[0], dims[2], dims[1]]
    return array(data.measurements, dims, labels, attrs, known.get("name")).transpose(*order)


def _to_rdms(x: xr.DataArray) -> Any:
    rdm = need("rsatoolbox.rdm", step="to_rsatoolbox", install=_INSTALL)
    require_dims(x, "stimulus", "stimulus2", step="to_rsatoolbox", hint="Type rdm(x).")
    others = [str(dim) for dim in x.dims if dim not in ("stimulus", "stimulus2")]
    square = x.transpose(*others, "stimulus", "stimulus2")
    _require_symmetric(square)
    n_stimuli = x.sizes["stimulus"]
    values = square.values.reshape(-1, n_stimuli, n_stimuli)
    layout = {"sizes": [x.sizes[dim] for dim in others], "labels": {dim: list(labels_along(x, dim)) for dim in others}}
    return rdm.RDMs(
        values[(slice(None), *np.triu_indices(n_stimuli, 1))],
        dissimilarity_measure=x.attrs.get("distance"),
        descriptors=_descriptors(x, [*others, "stimulus", "stimulus2"], **layout),
        rdm_descriptors=_spread(square, others),
        pattern_descriptors=labels_along(x, "stimulus"),
    )


def _from_rdms(data: Any) -> xr.DataArray:
    known, attrs = _known(data.descriptors)
    values = data.get_matrices()
    stimuli = {name: column for name, column in data.pattern_descriptors.items() if name not in _THEIRS}
    labels: dict[str, Labels] = {"stimulus": stimuli}
    if "stimulus" in stimuli:
        labels["stimulus2"] = {"stimulus2": stimuli["stimulus"]}
    others, own = ["rdm"], {name: column for name, column in data.rdm_descriptors.items() if name not in _THEIRS}
    whole = _by_dim(own, known, len(values))
    labels |= {"rdm": own} if whole is None else whole
    if whole is not None:
        others = known["dims"][:-2]
        values = values.reshape(*known["sizes"], *values.shape[-2:])
    _restore_diagonal(values)
    if data.dissimilarity_measure is not None:
        attrs["distance"] = data.dissimilarity_measure
    return array(values, [*others, "stimulus", "stimulus2"], labels, attrs, known.get("name", "rdm"))


def _by_dim(own: Labels, known: dict[str, Any], n_rdms: int) -> dict[str, Labels] | None:
    """Return the labels of the dims that RDMs were laid out over; None where there are others, or another order."""
    sizes = list(known.get("sizes", []))
    if "labels" not in known or n_rdms != np.prod(sizes, dtype=int):
        return None
    labels: dict[str, Labels] = {}
    for axis, (dim, names) in enumerate(known["labels"].items()):
        labels[dim] = {}
        for name in names:
            column = np.moveaxis(np.asarray(own[name]).reshape(sizes), axis, 0).reshape(sizes[axis], -1)
            if not (column == column[:, :1]).all():
                return None
            labels[dim][name] = column[:, 0]
    return labels


def _spread(x: xr.DataArray, dims: list[str]) -> Labels:
    """Return the labels of ``dims`` for each of their combinations, the first dim varying slowest."""
    shape = [x.sizes[dim] for dim in dims]
    spread = {}
    for axis, dim in enumerate(dims):
        along = [-1 if k == axis else 1 for k in range(len(dims))]
        for name, column in labels_along(x, dim).items():
            spread[name] = np.broadcast_to(column.reshape(along), shape).ravel()
    return spread


def _require_symmetric(x: xr.DataArray) -> None:
    """Refuse what is no RDM: rsatoolbox keeps the pairs above the diagonal and nothing else."""
    values = x.values
    if values.shape[-1] != values.shape[-2] or not np.allclose(values, values.swapaxes(-1, -2), equal_nan=True):
        message = f"to_rsatoolbox needs an RDM that is symmetric; got {dict(x.sizes)}. Average: (x + x.T) / 2."
        raise DimensionError(message)
    if np.nan_to_num(np.einsum("...ii->...i", values)).any():
        message = "to_rsatoolbox needs dissimilarities, 0 on the diagonal; got others. For similarities: 1 - x."
        raise DimensionError(message)
    one, two = x.indexes.get("stimulus"), x.indexes.get("stimulus2")
    if one is not None and two is not None and list(one) != list(two):
        message = (
            "to_rsatoolbox needs the same stimuli in the same order on both sides of an RDM; they differ. "
            "Type x.sel(stimulus2=x.stimulus.values)."
        )
        raise DimensionError(message)


def _restore_diagonal(values: np.ndarray) -> None:
    """A stimulus without a distance to any other has none to itself either."""
    diagonal = np.einsum("...ii->...i", values)
    off = np.isnan(values).sum(axis=-1) >= values.shape[-1] - 1
    diagonal[off] = np.nan


def _descriptors(x: xr.DataArray, dims: list[str], **layout: Any) -> dict[str, Any]:
    """Return the attributes, those that are no single value as JSON beside the way back."""
    plain = {str(key): value for key, value in x.attrs.items() if isinstance(value, str | int | float | bool)}
    rest = {str(key): value for key, value in x.attrs.items() if str(key) not in plain}
    how = {"dims": dims, "name": None if x.name is None else str(x.name), "attrs": rest, **layout}
    return {**plain, _OURS: json.dumps(how, default=plain_value)}


def _known(descriptors: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what says how to come back, and the attributes."""
    known = json.loads(descriptors.get(_OURS, "{}"))
    attrs = {name: value for name, value in descriptors.items() if name != _OURS}
    return known, {**attrs, **known.get("attrs", {})}
