"""Read the spikes of the selected units: their ranges and no others, checked before anyone counts them."""

from __future__ import annotations

import dask
import numpy as np
import xarray as xr

from neurodata4ml.cores import n_cores
from neurodata4ml.data.align.counting import are_many, in_threads, parts
from neurodata4ml.data.nwb.arrays import NwbArray
from neurodata4ml.data.nwb.blocks import origin
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
    _check_finite(session, times, offsets)
    return times, offsets


def _check_ranges(session: xr.Dataset, starts: np.ndarray, stops: np.ndarray) -> None:
    n_stored = session.sizes["spike"]
    _check_index(session["spike_times"].variable)
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


def _check_index(column: xr.Variable) -> None:
    """Raise where the whole index does not fit the column, where a file is behind."""
    lazy = origin(column)
    if lazy is not None and isinstance(lazy.array, NwbArray):
        lazy.array.check()
    else:
        column[:1].compute()


def _gather(column: xr.DataArray, starts: np.ndarray, stops: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Read all runs of neighbouring ranges, each once and all together, and copy every unit's part to its place."""
    order = np.argsort(starts, kind="stable")
    order = order[stops[order] > starts[order]]
    breaks = np.flatnonzero(starts[order][1:] > np.maximum.accumulate(stops[order])[:-1]) + 1
    runs = [run for run in np.split(order, breaks) if len(run)]
    edges = np.array([(starts[run[0]], stops[run].max()) for run in runs], dtype=np.int64).reshape(-1, 2)
    read = _read_runs(column.variable, edges)
    if np.array_equal(order, np.arange(len(starts))) and len(read) == offsets[-1]:
        return read  # the units lie in the file as they do here, and none shares a spike with another
    times = np.empty(int(offsets[-1]), dtype=np.float64)
    places = np.concatenate([[0], np.cumsum(edges[:, 1] - edges[:, 0])])
    for run, (first, _), place in zip(runs, edges, places[:-1], strict=True):
        for i in run:
            here = place + starts[i] - first
            times[offsets[i] : offsets[i + 1]] = read[here : here + stops[i] - starts[i]]
    return times


def _read_runs(column: xr.Variable, edges: np.ndarray) -> np.ndarray:
    """Return the spikes in rising ranges, end to end: in one planned read where a file is behind."""
    lazy = origin(column)
    if lazy is not None and isinstance(lazy.array, NwbArray) and lazy.shape == lazy.array.shape:
        return lazy.array.read_runs(edges[:, 0], edges[:, 1]).astype(np.float64, copy=False)
    pieces = dask.compute(*(column[first:last].data for first, last in edges))
    if len(pieces) == 1:
        return np.asarray(pieces[0], dtype=np.float64)  # in memory: the column itself, no second one
    return np.concatenate([np.empty(0), *pieces])


def _check_sorted(session: xr.Dataset, times: np.ndarray, offsets: np.ndarray) -> None:
    """Raise where a time within a unit is smaller than the one before, or is not a number."""
    if are_many(times) and _rises_everywhere(times, offsets):
        return
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


def _check_finite(session: xr.Dataset, times: np.ndarray, offsets: np.ndarray) -> None:
    """Raise where a time is infinite: of sorted ones only the first and the last of a unit can be."""
    some = np.flatnonzero(np.diff(offsets))
    bad = some[np.isinf(times[offsets[some]]) | np.isinf(times[offsets[some + 1] - 1])]
    if len(bad):
        message = (
            f"{_source(session)}: spike_times of unit {_unit(session, bad[0])} hold an infinite time; {len(bad)} units "
            "do. Repair the file, or leave these units out with session.isel(unit=...)."
        )
        raise LayoutError(message)


def _rises_everywhere(times: np.ndarray, offsets: np.ndarray) -> bool:
    """Return whether all units' times rise: one look at each, on all cores, and nothing is written."""
    from neurodata4ml.data.align.kernel import rise

    some = parts(len(offsets) - 1, 4 * n_cores())
    return all(in_threads(lambda units: rise(times, offsets, *units), some, n_cores()))


def _unit(session: xr.Dataset, i: int) -> str:
    return str(session["unit"].values[i])


def _source(session: xr.Dataset) -> str:
    return str(session.attrs.get("source") or session.attrs.get("dataset") or "this session")
