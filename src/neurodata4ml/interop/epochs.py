"""Counts of trials to MNE's epochs and back: units are its channels, trials its epochs."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.dims import dense, feature_dim, require_coords, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.peers import Labels, array, labels_along, plain_value, require_only
from neurodata4ml.optional import need

_INSTALL = "mne"
_NEAR = 1e-6
"""Times closer than this part of a bin are the same."""


def to_mne(x: xr.DataArray, *, by: str = "stimulus") -> Any:
    """Return trials as epochs of MNE, whose channels (of type ``misc``) are the units.

    MNE counts time in whole samples from the event and would round the centres of bins, half of them by half a bin.
    A sample therefore stands at the left edge of its bin where these edges are whole samples, as those of
    ``bin_spikes`` usually are; ``from_mne`` gives the centres back. Nothing is filtered, scaled or dropped. Values
    become float64.

    Parameters
    ----------
    x : DataArray (trial, time, unit), in any order
        Counts, rates or series around an event, in evenly spaced bins.
    by : str
        The trial coordinate that names the kind of event, ``event_id``.

    Returns
    -------
    mne.EpochsArray
        ``metadata`` holds the coordinates of the trials, ``info["description"]`` (JSON) those of the units, the exact
        times and the attributes. Events stand at ``start_time``, or at 0, 1, 2, ... without one.

    Raises
    ------
    DimensionError
        Other dims, no coordinate ``by``, or times that are not evenly spaced.
    DesignError
        A label or a value that is missing, or MNE is not installed.
    """
    mne = need("mne", step="to_mne", install=_INSTALL)
    x = dense(x, step="to_mne")
    units = feature_dim(x, step="to_mne")
    require_dims(x, "trial", "time", step="to_mne", hint="Keep time: bin_spikes(session, bin_width=0.01).")
    require_only(x, "trial", "time", units, step="to_mne", hint='Select one: x.isel(dim=0), or average: x.mean("dim").')
    require_coords(x, by, step="to_mne", hint="Name a coordinate of the trials: by=...")
    width, first = _grid(x)
    trials, columns = labels_along(x, "trial"), labels_along(x, units)
    if by not in trials:
        message = f"to_mne needs one label per trial; {by!r} is not along 'trial'. Name a coordinate of the trials: by="
        raise DimensionError(message)
    if not x.size:
        message = f"to_mne needs at least one trial, bin and unit, which MNE cannot do without; got {dict(x.sizes)}."
        raise DimensionError(message)
    codes, kinds = _codes(trials[by], by)
    names = [str(label) for label in columns.get(units, np.arange(x.sizes[units]))]
    if len(set(names)) < len(names):
        message = f"to_mne needs a name for each unit that no other has; {len(names) - len(set(names))} are repeated."
        raise DimensionError(message)
    info = mne.create_info(names, 1.0 / width, "misc", verbose="error")
    info["description"] = json.dumps(
        {
            "times": x["time"].values.tolist(),
            "columns": units,
            "units": {name: column.tolist() for name, column in columns.items()},
            "dtype": str(x.dtype),
            "name": None if x.name is None else str(x.name),
            "attrs": {str(name): value for name, value in x.attrs.items()},
        },
        default=plain_value,
    )
    values = x.transpose("trial", units, "time").values.astype(np.float64)
    events = np.stack([_samples(trials, 1.0 / width), np.zeros(len(codes)), codes], axis=1).astype(int)
    table = pd.DataFrame(trials).reset_index(drop=True)
    return mne.EpochsArray(
        values, info, events, tmin=first, event_id=kinds, metadata=table, proj=False, verbose="error"
    )


def from_mne(epochs: Any) -> xr.DataArray:
    """Return epochs of MNE as an array (trial, time, unit): channels are units.

    Parameters
    ----------
    epochs : mne.Epochs or mne.EpochsArray
        Dropped epochs stay dropped. Of what ``to_mne`` made, times, labels, type and attributes come back as they were.

    Returns
    -------
    DataArray
        In V, T or what else MNE holds. Trials have the columns of ``metadata``, and ``stimulus``, the kind of event,
        where there is no such column; of epochs that MNE made, ``start_time`` is the event in s.

    Raises
    ------
    DimensionError
        Something else.
    DesignError
        MNE is not installed.
    """
    mne = need("mne", step="from_mne", install=_INSTALL)
    if not isinstance(epochs, mne.BaseEpochs):
        message = (
            f"from_mne takes epochs of MNE; got a {type(epochs).__name__}. Type from_mne(mne.Epochs(raw, events))."
        )
        raise DimensionError(message)
    values = epochs.get_data(copy=True).transpose(0, 2, 1)
    kinds = {code: kind for kind, code in epochs.event_id.items()}
    trials: Labels = {"stimulus": np.array([kinds[code] for code in epochs.events[:, 2]], dtype=object)}
    if epochs.metadata is None or "start_time" not in epochs.metadata:
        trials["start_time"] = epochs.events[:, 0] / epochs.info["sfreq"]
    if epochs.metadata is not None:
        trials |= {str(name): epochs.metadata[name].to_numpy() for name in epochs.metadata.columns}
    known = _ours(epochs)
    columns = known.get("columns", "unit")
    times, units = epochs.times, {columns: np.asarray(epochs.ch_names)}
    if known:
        trials.pop("start_time" if "start_time" not in epochs.metadata else "", None)
        trials.pop("stimulus" if "stimulus" not in epochs.metadata else "", None)
        units = {name: np.asarray(column) for name, column in known["units"].items()}
        times = np.asarray(known["times"])
        values = values.astype(known["dtype"])
    labels = {"trial": trials, "time": {"time": times}, columns: units}
    return array(values, ("trial", "time", columns), labels, known.get("attrs", {}), known.get("name"))


def _grid(x: xr.DataArray) -> tuple[float, float]:
    """Return the width of the bins and the time at which MNE shall put the first: its left edge, or where it is."""
    times = x["time"].values.astype(np.float64)
    steps = np.diff(times)
    width = float(x.attrs.get("bin_width", np.mean(steps) if len(steps) else np.nan))
    if not width > 0 or (len(steps) and not np.allclose(steps, width, rtol=1e-4, atol=0)):
        message = (
            f"to_mne needs evenly spaced bins; got times {times[:3].tolist()}... with a width of {width:g} s. "
            "Bin again: bin_spikes(session, bin_width=0.01)."
        )
        raise DimensionError(message)
    for first in (times[0] - width / 2, times[0]):
        if abs(first / width - round(first / width)) < _NEAR:
            return width, first
    first = times[0] - width / 2
    message = (
        f"to_mne: bins of {width:g} s that begin at {first:g} s are not on MNE's grid of whole samples; its times are "
        f"off by {abs(first - round(first / width) * width):.3g} s. from_mne gives the exact ones back."
    )
    warnings.warn(message, stacklevel=3)
    return width, first


def _codes(labels: np.ndarray, by: str) -> tuple[np.ndarray, dict[str, int]]:
    """Return a code for each trial, from 1 on, and the codes by name."""
    absent = pd.isna(labels)
    if absent.any():
        message = f"to_mne needs a label for each trial; {by!r} lacks {int(absent.sum())}. Leave these trials out."
        raise DesignError(message)
    kinds, codes = np.unique(labels, return_inverse=True)
    return codes + 1, {str(kind): code + 1 for code, kind in enumerate(kinds.tolist())}


def _samples(trials: Labels, rate: float) -> np.ndarray:
    """Return when the trials began, in samples; their number where that does not tell them apart."""
    number = np.arange(len(next(iter(trials.values()))))
    if "start_time" not in trials or not np.isfinite(trials["start_time"].astype(float)).all():
        return number
    samples = np.round(trials["start_time"].astype(float) * rate).astype(np.int64)
    return samples if len(np.unique(samples)) == len(samples) else number


def _ours(epochs: Any) -> dict[str, Any]:
    """Return what ``to_mne`` wrote down, where it did and the epochs still have these times and channels."""
    try:
        known = json.loads(epochs.info["description"] or "")
    except ValueError:
        return {}
    if not isinstance(known, dict) or not {"times", "columns", "units", "dtype"} <= set(known):
        return {}
    names = [str(label) for label in known["units"].get(known["columns"], range(len(epochs.ch_names)))]
    same = names == list(epochs.ch_names) and len(known["times"]) == len(epochs.times) and epochs.metadata is not None
    return known if same else {}
