"""Read responses and features out of labelled arrays, matched by label, and refuse what no model can be fitted to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import feature_dim, match_labels, require_array, require_dims, to_matrix
from neurodata4ml.errors import DesignError, DimensionError

_LARGEST = 1e100
"""Squares of larger numbers, or of such as are nearer to 0 than its inverse, leave the range of float64."""


def as_samples(responses: xr.DataArray) -> xr.DataArray:
    """Return responses whose samples are trials of labelled stimuli, or bins of time; a mean counts as a trial.

    Raises
    ------
    DimensionError
        Other dims, or stimuli without labels.
    DesignError
        Trials without a stimulus.
    """
    require_array(responses, step="encode")
    if "trial" not in responses.dims and "stimulus" in responses.dims:
        if "stimulus" not in responses.indexes or not responses.indexes["stimulus"].is_unique:
            message = (
                "encode matches stimuli by label, and these responses have none, or some twice. Type "
                "responses.assign_coords(stimulus=[...]), or average trials: average_by(x)."
            )
            raise DimensionError(message)
        labels = responses.coords["stimulus"].values
        responses = responses.drop_vars("stimulus").rename(stimulus="trial").assign_coords(stimulus=("trial", labels))
    dim = "trial" if "trial" in responses.dims else "time"
    if dim not in responses.dims or len(responses.dims) != 2:
        message = (
            f"encode takes responses (trial, unit) with the coordinate 'stimulus', their means (stimulus, unit), or a "
            f"continuous recording (time, unit); got ({', '.join(map(str, responses.dims))}). Average over time first: "
            f'firing_rate(counts), or x.mean("time").'
        )
        raise DimensionError(message)
    if dim == "trial":
        trial_labels(responses, "stimulus", step="encode")
    elif "time" not in responses.coords:
        message = "encode matches bins by their time, and the responses have no coordinate 'time' (s). Assign it."
        raise DimensionError(message)
    return responses


def read_responses(shown: xr.DataArray) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the dim of the columns, the values (n_samples, n_usable), and which units have no NaN (n_units,)."""
    unit, dim = feature_dim(shown, step="encode"), "trial" if "trial" in shown.dims else "time"
    if shown.dtype.kind not in "fiub":
        message = f"Responses are real numbers; got {shown.dtype}. If they hold numbers, type responses.astype(float)."
        raise DesignError(message)
    if not shown.size:
        message = f"encode needs responses; got {shown.sizes[dim]} samples of {shown.sizes[unit]} {unit}s."
        raise DesignError(message)
    values = to_matrix(shown, dim, unit)
    usable = np.isfinite(values).all(axis=0)
    if not usable.any():
        message = (
            f"encode needs responses of at least one {unit} without NaN in any sample; got {int(usable.sum())} of "
            f"{values.shape[1]} over {len(values)} samples. Drop the samples: x.dropna({dim!r})."
        )
        raise DesignError(message)
    if not usable.all():
        values = values[:, usable]
    _require_range(values, "The responses")
    return unit, values, usable


def read_features(arrays: Mapping[str, xr.DataArray], dim: str, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return features (n_rows, n_features) of every row, found by its label; floats and integers stay what they are.

    Raises
    ------
    DimensionError
        No such dim, labels that differ from those of the responses.
    DesignError
        No features, NaN, or numbers too large to square.
    """
    if not arrays:
        message = "encode needs at least one array of features; got an empty dict."
        raise DesignError(message)
    if len({str(name) for name in arrays}) < len(arrays):
        message = (
            f"Layers are told apart by their names as text, and of {list(arrays)!r} some are the same. Rename them."
        )
        raise DesignError(message)
    by = "time" if dim == "time" else "stimulus"
    # each label once; in their own order where that is possible, so that nothing need be copied
    ordered = len(np.unique(labels)) == len(labels)
    names = labels if ordered else np.unique(labels)
    rows = np.arange(len(labels)) if ordered else np.searchsorted(names, labels)
    wanted = xr.DataArray(np.zeros(len(names)), dims=by, coords={by: names})
    found = {}
    for name, x in arrays.items():
        require_array(x, step="encode")
        require_dims(x, by, step="encode", hint=f"Features are ({by}, feature), one row for each {by}.")
        same = by in x.indexes and x.indexes[by].equals(wanted.indexes[by])
        matched = x if same else match_labels(wanted, x, by, step="encode")[1]
        found[str(name)] = _matrix(matched, by, rows, str(name))
    return found


def _matrix(x: xr.DataArray, by: str, rows: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(x.as_numpy().transpose(by, ...).data)
    if values.dtype.kind not in "fiub":
        message = f"Features are real numbers; {name!r} holds {values.dtype}."
        raise DesignError(message)
    if values.dtype.kind == "b" or values.dtype == np.float16:
        values = values.astype(np.float64)
    values = values.reshape(len(values), int(np.prod(values.shape[1:], dtype=int)))
    if not np.array_equal(rows, np.arange(len(values))):
        values = values[rows]
    if not values.size:
        message = f"{name!r} holds no feature: its shape is {x.shape}. Leave it out."
        raise DesignError(message)
    bad = int((~np.isfinite(values)).any(axis=1).sum()) if values.dtype.kind == "f" else 0
    if bad:
        message = (
            f"Features may hold no NaN or infinity; {name!r} does for {bad} of {len(values)} rows. Leave these "
            f'features out: x.dropna("feature").'
        )
        raise DesignError(message)
    _require_range(values, f"The features {name!r}")
    return values


def _require_range(values: np.ndarray, what: str) -> None:
    largest = max(float(values.max()), -float(values.min()))
    if largest > _LARGEST or 0 < largest < 1 / _LARGEST:
        message = f"{what} reach {largest:.3g}, whose square is no number. Divide them first, x / {largest:.0e}."
        raise DesignError(message)
