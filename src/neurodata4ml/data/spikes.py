"""Read the spikes of the selected units: their ranges and no others, checked before anyone counts them."""

from __future__ import annotations

import dask
import numpy as np
import xarray as xr

from neurodata4ml.dims import require_dims
from neurodata4ml.errors import LayoutError


def read_spikes(session: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the spike times of the units of ``session``, unit after unit.

    Parameters
    ----------
    session : Dataset with ``spike_times`` (spike) in s, ``spike_start`` and ``spike_stop`` (unit)
        As ``open_session`` gives it, in whole or after any selection of units: each unit carries its own
        range of the full column, and only the blocks that hold these ranges are read.

    Returns
    -------
    times : ndarray, float64, shape (n_spikes,)
        Seconds on the session's clock, the units' spikes end to end in the order of ``session.unit``.
    offsets : ndarray, int64, shape (n_units + 1,)
        Unit ``i`` has ``times[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    LayoutError
        When a range reaches beyond the column, spikes belong to no unit, or a unit's times are not sorted.
    """
    require_dims(session, "unit", "spike", step="read_spikes", hint="Select units with a list: isel(unit=[0]).")
    missing = [name for name in ("spike_start", "spike_stop", "spike_times") if name not in session]
    if missing:
        message = f"read_spikes needs {missing[0]!r}, which this session lost. Open it again with open_session(name)."
        raise LayoutError(message)
    starts = np.asarray(session["spike_start"].data, dtype=np.int64)
    stops = np.asarray(session["spike_stop"].data, dtype=np.int64)
    _check_ranges(session, starts, stops)
    offsets = np.concatenate([[0], np.cumsum(stops - starts)]).astype(np.int64)
    times = _gather(session["spike_times"], starts, stops, offsets)
    _check_sorted(session, times, offsets)
    return times, offsets


def _check_ranges(session: xr.Dataset, starts: np.ndarray, stops: np.ndarray) -> None:
    n_stored = session.sizes["spike"]
    session["spike_times"].variable[:1].compute()  # the file's own check of the whole index, where a file is behind
    if len(stops) and int(stops.max()) > n_stored:
        message = (
            f"{_source(session)}: the index of spike_times counts to {int(stops.max()):,}, but spike_times has "
            f"{n_stored:,} values. The column was cut short: fetch the file again, or ask its makers for a whole one."
        )
        raise LayoutError(message)
    bad = np.flatnonzero((starts < 0) | (stops < starts))
    if len(bad):
        i = int(bad[0])
        message = (
            f"{_source(session)}: unit {_unit(session, i)} has its spikes from {int(starts[i]):,} to "
            f"{int(stops[i]):,} of spike_times, which is no range. An index never decreases: ask who made the file."
        )
        raise LayoutError(message)


def _gather(column: xr.DataArray, starts: np.ndarray, stops: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Read each run of neighbouring ranges once, and copy every unit's part to its place."""
    times = np.empty(int(offsets[-1]), dtype=np.float64)
    order = np.argsort(starts, kind="stable")
    order = order[stops[order] > starts[order]]
    breaks = np.flatnonzero(starts[order][1:] > np.maximum.accumulate(stops[order])[:-1]) + 1
    runs = [run for run in np.split(order, breaks) if len(run)]
    edges = [(int(starts[run[0]]), int(stops[run].max())) for run in runs]
    pieces = dask.compute(*(column.variable[first:last].data for first, last in edges))
    for run, (first, _), piece in zip(runs, edges, pieces, strict=True):
        for i in run:
            times[offsets[i] : offsets[i + 1]] = piece[starts[i] - first : stops[i] - first]
    return times


def _check_sorted(session: xr.Dataset, times: np.ndarray, offsets: np.ndarray) -> None:
    """Raise where a time within a unit is smaller than the one before, or is not a number."""
    rising = np.ones(len(times), dtype=bool)
    rising[1:] = times[1:] >= times[:-1]  # False beside a NaN too
    rising[offsets[:-1][np.diff(offsets) > 0]] = True  # the first spike of a unit has none before it
    rising &= ~np.isnan(times)
    if rising.all():
        return
    k = int(np.flatnonzero(~rising)[0])
    i = int(np.searchsorted(offsets, k, side="right")) - 1
    within = k - int(offsets[i])
    before = f"after {times[k - 1]:.6f} s" if within else "as its first"
    message = (
        f"{_source(session)}: spike_times of unit {_unit(session, i)} are not sorted: spike {within:,} is at "
        f"{times[k]:.6f} s {before}. Counting needs sorted times: repair the file, or leave this unit out with "
        "session.isel(unit=...)."
    )
    raise LayoutError(message)


def _unit(session: xr.Dataset, i: int) -> str:
    return str(session["unit"].values[i])


def _source(session: xr.Dataset) -> str:
    return str(session.attrs.get("source") or session.attrs.get("dataset") or "this session")
