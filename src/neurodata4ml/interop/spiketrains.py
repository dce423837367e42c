"""Sessions and counts to pynapple and back: spike trains with their units, trials with what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dask
import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.dims import dense, feature_dim, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.peers import Labels, array, labels_along, require_only, tidy
from neurodata4ml.optional import need

_INSTALL = "pynapple"
_TOUCHING = 1e-6
"""Intervals of pynapple must not share a moment: where one ends as the next begins, it ends this much earlier (s)."""

_PARTS = ("units", "trials", "counts", "attrs")


def to_pynapple(x: xr.Dataset | xr.DataArray) -> dict[str, Any]:
    """Return a session, or counts, as pynapple knows them. Its times are seconds, rounded to nanoseconds.

    Parameters
    ----------
    x : Dataset or DataArray
        A session with ``spike_times``, in whole or after a selection of units or trials; or counts, rates or a series
        (time, unit) or (trial, time, unit).

    Returns
    -------
    dict
        Of a session: ``"units"``, a ``TsGroup`` whose keys are the labels of the units where these are whole numbers
        (else 0, 1, ...) and whose metadata are their coordinates; and, where it has trials, ``"trials"``, an
        ``IntervalSet`` with theirs. Trials that touch end 1 microsecond early there, as pynapple asks; their metadata
        hold ``stop_time``. Of (time, unit): ``"counts"``, a ``TsdFrame``. Of (trial, time, unit): ``"counts"``, a
        ``TsdTensor`` (time, trial, unit), which has no place for labels, so that they stand beside it as tables,
        ``"trials"`` and ``"units"``. Always ``"attrs"``: the provenance, which pynapple has no place for.

    Raises
    ------
    DimensionError
        No spikes and no dims that fit.
    DesignError
        Trials without times, or that overlap; pynapple is not installed.
    """
    nap = need("pynapple", step="to_pynapple", install=_INSTALL)
    if isinstance(x, xr.Dataset):
        return _session(nap, x)
    x = dense(x, step="to_pynapple")
    units = feature_dim(x, step="to_pynapple")
    require_dims(x, "time", step="to_pynapple", hint="Keep time: bin_spikes(session, bin_width=0.01).")
    require_only(x, "trial", "time", units, step="to_pynapple", hint='Select one: x.isel(dim=0), or x.mean("dim").')
    times, columns = x["time"].values, labels_along(x, units)
    if "trial" not in x.dims:
        names = columns.pop(units, np.arange(x.sizes[units]))
        frame = nap.TsdFrame(t=times, d=x.transpose("time", units).values, columns=names, metadata=_named(columns))
        return {"counts": frame, "attrs": dict(x.attrs)}
    tensor = nap.TsdTensor(t=times, d=x.transpose("time", "trial", units).values)
    tables = {"trials": pd.DataFrame(labels_along(x, "trial")), "units": pd.DataFrame(columns)}
    return {"counts": tensor, **tables, "attrs": dict(x.attrs)}


def from_pynapple(found: Any) -> xr.Dataset | xr.DataArray:
    """Return objects of pynapple as a session, or as a labelled array.

    Parameters
    ----------
    found : TsGroup, Tsd, TsdFrame, TsdTensor or mapping
        A mapping as ``to_pynapple`` gives it, or as ``pynapple.load_file`` does of an NWB file: ``"units"`` and
        ``"trials"``, or ``"counts"`` with tables of its trials and units.

    Returns
    -------
    Dataset or DataArray
        A session with ``spike_times`` (spike), which ``bin_spikes`` takes; (time,), (time, unit) or
        (trial, time, unit). Units come in pynapple's order, which is that of their keys.

    Raises
    ------
    DimensionError
        Something else.
    DesignError
        pynapple is not installed.
    """
    nap = need("pynapple", step="from_pynapple", install=_INSTALL)
    is_several = isinstance(found, Mapping) and not isinstance(found, nap.TsGroup)
    parts = {key: found[key] for key in _PARTS if key in found} if is_several else {}
    main = parts.get("counts", parts.get("units", found))
    attrs = dict(parts.get("attrs", {}))
    if isinstance(main, nap.TsGroup):
        return _from_group(nap, main, parts.get("trials"), attrs)
    if isinstance(main, nap.TsdFrame):
        labels = {"unit": {"unit": main.columns, **{name: main.get_info(name) for name in main.metadata_columns}}}
        return array(main.values, ("time", "unit"), {"time": {"time": main.t}, **labels}, attrs)
    if isinstance(main, nap.TsdTensor) and main.ndim == 3:
        labels = {dim: _columns(parts.get(f"{dim}s")) for dim in ("trial", "unit")}
        shown = array(main.values, ("time", "trial", "unit"), {"time": {"time": main.t}, **labels}, attrs)
        return shown.transpose("trial", "time", "unit")
    if isinstance(main, nap.Tsd):
        return array(main.values, ("time",), {"time": {"time": main.t}}, attrs)
    message = (
        f"from_pynapple takes a TsGroup, a Tsd, a TsdFrame, a TsdTensor (time, trial, unit), or a dict with 'units' or "
        f"'counts'; got a {type(main).__name__}. Type from_pynapple({{'units': group, 'trials': intervals}})."
    )
    raise DimensionError(message)


def _session(nap: Any, x: xr.Dataset) -> dict[str, Any]:
    missing = [name for name in ("spike_times", "spike_start", "spike_stop") if name not in x]
    if missing:
        message = f"to_pynapple needs spikes, and this session has no {missing[0]!r}. Type open_session(name)."
        raise DimensionError(message)
    require_dims(x, "unit", "spike", step="to_pynapple", hint="Select units with a list: isel(unit=[0]).")
    trials = _intervals(nap, x) if {"start_time", "stop_time"} <= set(x.coords) else None
    about = labels_along(x, "unit")
    labels = about.get("unit", np.arange(x.sizes["unit"]))
    keys = labels if labels.dtype.kind in "iu" and len(np.unique(labels)) == len(labels) else np.arange(len(labels))
    trains = _trains(x)
    group = nap.TsGroup(
        {int(key): nap.Ts(t=train) for key, train in zip(keys, trains, strict=True)},
        time_support=_support(nap, trains, trials),
    )
    order = np.argsort(keys)
    group.set_info(_named({name: column[order] for name, column in about.items()}))
    return {"units": group, **({} if trials is None else {"trials": trials}), "attrs": dict(x.attrs)}


def _trains(x: xr.Dataset) -> list[np.ndarray]:
    """Return the spike times of each unit: their ranges of the column, read together."""
    column = x["spike_times"].data
    ranges = zip(x["spike_start"].values.tolist(), x["spike_stop"].values.tolist(), strict=True)
    return [np.asarray(train, dtype=np.float64) for train in dask.compute(*(column[a:b] for a, b in ranges))]


def _support(nap: Any, trains: list[np.ndarray], trials: Any) -> Any:
    """From the first spike or trial to the last: without it every unit would have its own, and its own rate."""
    ends = [edge for train in trains if len(train) for edge in (train[0], train[-1])]
    ends += [] if trials is None else [trials.start[0], trials.end[-1]]
    return nap.IntervalSet(min(ends, default=0.0) - 1e-9, max(ends, default=1.0) + 1e-9)


def _intervals(nap: Any, x: xr.Dataset) -> Any:
    start, stop = (np.round(x[name].values.astype(np.float64), 9) for name in ("start_time", "stop_time"))
    bad = np.flatnonzero(~(start < stop))
    if len(bad):
        message = (
            f"to_pynapple needs a start and a later end of each trial; {len(bad)} of {len(start)} have none, the first "
            f"is trial {bad[0]}: {start[bad[0]]} to {stop[bad[0]]} s. Leave them out: session.isel(trial=[...])."
        )
        raise DesignError(message)
    order = np.argsort(start, kind="stable")
    start, stop = start[order], stop[order]
    late = stop[:-1] - start[1:]
    if (late > _TOUCHING).any():
        k = int(np.argmax(late > _TOUCHING))
        message = (
            f"to_pynapple needs trials that do not overlap, since pynapple joins those that do and forgets their "
            f"labels; trial {order[k + 1]} begins {late[k]:.6g} s before the one before it ends. Select such trials: "
            "session.isel(trial=slice(None, None, 2))."
        )
        raise DesignError(message)
    ends = stop.copy()
    ends[:-1] = np.minimum(stop[:-1], np.where(late >= 0, start[1:] - _TOUCHING, np.inf))
    about = {name: column[order] for name, column in labels_along(x, "trial").items()}
    intervals = nap.IntervalSet(start, ends)
    intervals.set_info(_named(about))
    return intervals


def _named(about: Labels) -> Labels:
    """Return metadata under names that pynapple takes."""
    if "rate" in about:
        message = "pynapple keeps the name 'rate' for itself. Type session.rename(rate='recorded_rate')."
        raise DesignError(message)
    return about


def _from_group(nap: Any, group: Any, trials: Any, attrs: dict[str, Any]) -> xr.Dataset:
    trains = [np.asarray(group[key].t) for key in group.index]
    stops = np.cumsum([len(train) for train in trains], dtype=np.int64)
    units = {"unit": np.asarray(group.index), **_columns(group.metadata.drop(columns="rate"))}
    if trials is not None and not isinstance(trials, nap.IntervalSet):
        message = f"from_pynapple needs an IntervalSet of trials; got a {type(trials).__name__}."
        raise DimensionError(message)
    about: Labels = {}
    if trials is not None:
        about = {"trial": np.arange(len(trials)), "start_time": trials.start, "stop_time": trials.end}
        about |= _columns(trials.metadata)
    coords = {name: ("unit", tidy(column)) for name, column in units.items()}
    coords |= {name: ("trial", tidy(column)) for name, column in about.items()}
    return xr.Dataset(
        {
            "spike_times": ("spike", np.concatenate([np.empty(0), *trains]), {"units": "s"}),
            "spike_start": ("unit", np.concatenate([np.zeros(1, dtype=np.int64), stops[:-1]])[: len(stops)]),
            "spike_stop": ("unit", stops),
        },
        coords=coords,
        attrs=attrs,
    )


def _columns(table: pd.DataFrame | None) -> Labels:
    return {} if table is None else {str(name): table[name].to_numpy() for name in table.columns}
