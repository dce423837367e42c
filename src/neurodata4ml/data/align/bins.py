"""Align spikes to events: from spike times, or a continuous series, to an array (trial, time, unit)."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.align.windows import Windows, choose_windows
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError, DimensionError, LayoutError
from neurodata4ml.suggest import guess


def bin_spikes(
    session: xr.Dataset,
    *,
    align: str = "start_time",
    window: tuple[float, float] | None = None,
    bin_width: float | None = 0.01,
    chunks: int | None = None,
) -> xr.DataArray:
    """Count the spikes of every unit in bins around an event of every trial.

    A bin is half-open: a spike on its left edge counts, a spike on its right edge belongs to the next bin. Each
    trial is counted on its own, so that windows may overlap, events need no order, and an event that occurs twice
    is counted twice. Blanks stay (analysis drops them by rule).

    Parameters
    ----------
    session : Dataset
        From ``open_session``; units may be selected before.
    align : str
        A column of times on ``trial`` (seconds): zero of the new ``time``. Trials whose event is NaN are dropped.
    window : (float, float), optional
        Seconds from the event. When left out: ``session.attrs["window"]``, else from the event to the earlier of
        the end of the trial and the next onset, in the shortest trial, as many whole bins as fit.
    bin_width : float or None
        Seconds; must divide the window. 10 ms resolves the onset of a sensory response. None: one bin, the window.
    chunks : int, optional
        Units per chunk: the counts are then lazy (dask, int16), and spikes are read when they are computed.

    Returns
    -------
    DataArray, dims (trial, time, unit), counts as signed integers: int16, wider where a count squared needs it
        Coordinates of trials and units are carried over. ``attrs`` count the trials left out:
        ``bin_spikes_dropped_nan`` (no event) and ``bin_spikes_dropped_invalid`` (``valid`` is False, or the window
        touches an invalid interval; to keep them, ``session.drop_vars(["valid", "invalid_interval"])``).

    Raises
    ------
    DimensionError
        No spikes, no trials, or ``align`` is not a time on ``trial``.
    DesignError
        The window does not hold whole bins, no trial is left, or a lazy count exceeds int16.

    Warns
    -----
    UserWarning
        A window reaches into the next stimulus, or lies before the first or after the last spike (counted as zero).

    Examples
    --------
    >>> counts = bin_spikes(session, window=(0, 0.25))
    >>> counts.dims
    ('trial', 'time', 'unit')
    """
    _require_spikes(session)
    windows = choose_windows(session, align=align, window=window, bin_width=bin_width, step="bin_spikes")
    if chunks is None:
        times, offsets = read_spikes(session)
        _warn_of_silence(times, windows)
        counts: Any = _count(times, offsets, windows)
    else:
        counts = _count_lazily(session, windows, chunks)
    parameters = {"align": align, "window": windows.span, "bin_width": windows.bin_width}
    coords = {**_coords(session, windows, align), **_coords_on(session, "unit")}
    result = xr.DataArray(counts, dims=("trial", "time", "unit"), coords=coords, name="spike_count")
    return _describe(result, session, windows, step="bin_spikes", units="1", **parameters)


def align_series(
    session: xr.Dataset,
    name: str,
    *,
    align: str = "start_time",
    window: tuple[float, float] | None,
    bin_width: float | None,
) -> xr.DataArray:
    """Average a continuous series in bins around an event of every trial.

    The series may be regular or irregular. A bin holds the mean of its samples that are not NaN; a bin without
    such a sample is NaN (nothing is interpolated), so choose ``bin_width`` no shorter than the sampling step.

    Parameters
    ----------
    session : Dataset
        From ``open_session``.
    name : str
        A series of the session, with dims ``(<name>_time, ...)``: running speed, pupil, fluorescence, ...
    align, window, bin_width
        As in ``bin_spikes``; None for ``window`` or ``bin_width`` means the same as there.

    Returns
    -------
    DataArray, dims (trial, time, ...), float64, in the units of the series
        Dims of the series other than its clock (``<name>_axis``, ``unit``) stay, last.

    Raises
    ------
    DimensionError
        There is no such series, or no such column of times.
    DesignError
        The window does not hold whole bins, or no trial is left.
    LayoutError
        A timestamp of the series is no number, or comes before the one that it follows.
    """
    series, clock = _series(session, name)
    windows = choose_windows(session, align=align, window=window, bin_width=bin_width, step="align_series")
    others = [str(dim) for dim in series.dims if dim != clock]
    means = _mean_in_bins(series.transpose(clock, *others), _rising(session, clock), windows)
    parameters = {"name": name, "align": align, "window": windows.span, "bin_width": windows.bin_width}
    coords = dict(_coords(session, windows, align))
    for dim in others:
        coords.update(_coords_on(session, dim))
    result = xr.DataArray(means, dims=("trial", "time", *others), coords=coords, name=name)
    units = series.attrs.get("units", "1")
    return _describe(result, session, windows, step="align_series", units=units, **parameters)


def _require_spikes(session: xr.Dataset) -> None:
    missing = [name for name in ("spike_times", "spike_start", "spike_stop") if name not in session.variables]
    if missing:
        series = ", ".join(_series_names(session)) or "none"
        message = (
            f"bin_spikes needs spikes, and this session has no {missing[0]!r}. "
            f"For a continuous series (here: {series}) type align_series(session, NAME, window=..., bin_width=...)."
        )
        raise DimensionError(message)
    if not session.sizes.get("unit"):
        message = "bin_spikes needs at least one unit; the session, or what was selected of it, has none."
        raise DimensionError(message)


def _count(times: np.ndarray, offsets: np.ndarray, windows: Windows) -> np.ndarray:
    """Return counts (trial, time, unit) in a signed type that holds their squares: int8 * 100 would wrap in silence."""
    n_units = len(offsets) - 1
    counts = np.zeros((len(windows.event), windows.n_bins, n_units), dtype=np.int16)
    for unit in range(n_units):
        cells, most = _cells(times[offsets[unit] : offsets[unit + 1]], windows)
        if most**2 > np.iinfo(counts.dtype).max:
            largest = int(np.bincount(cells).max())
            counts = counts.astype(np.result_type(counts, np.min_scalar_type(-(largest**2))))
        # unlike counts[...] += 1, this counts two spikes of one bin twice
        np.add.at(counts.reshape(-1), cells * n_units + unit, counts.dtype.type(1))
    return counts


def _cells(spikes: np.ndarray, windows: Windows) -> tuple[np.ndarray, int]:
    """Return ``trial * n_bins + bin`` for every spike inside a window, and the most spikes in one window."""
    event, edges = windows.event, windows.edges
    first = np.searchsorted(spikes, event + edges[0], side="left")
    n_spikes = np.searchsorted(spikes, event + edges[-1], side="left") - first
    trial = np.repeat(np.arange(len(event)), n_spikes)
    before = np.cumsum(n_spikes) - n_spikes
    spike = spikes[np.arange(len(trial)) + np.repeat(first - before, n_spikes)]
    zero = event[trial]
    guess = ((spike - (zero + edges[0])) / windows.bin_width).astype(np.int64)
    guess = np.clip(guess, 0, windows.n_bins - 1)
    # division rounds, the edges decide
    cell = guess - (spike < zero + edges[guess]) + (spike >= zero + edges[guess + 1])
    return trial * windows.n_bins + cell, int(n_spikes.max())


def _count_lazily(session: xr.Dataset, windows: Windows, n_per_chunk: int) -> Any:
    """Return the counts as a dask array, one task for every ``n_per_chunk`` units."""
    import dask
    import dask.array as da

    if n_per_chunk < 1:
        message = f"bin_spikes needs chunks of at least 1 unit; got chunks={n_per_chunk}."
        raise DesignError(message)
    blocks = []
    spikes = session[["spike_times", "spike_start", "spike_stop"]]
    spikes = spikes.drop_vars([name for name in spikes.coords if name != "unit"])
    for start in range(0, session.sizes["unit"], n_per_chunk):
        part = spikes.isel(unit=slice(start, start + n_per_chunk))
        # hidden in a partial: given as an argument, dask would first compute all spike times of the session
        counts = dask.delayed(partial(_count_part, part, windows), pure=False)()
        shape = (len(windows.event), windows.n_bins, part.sizes["unit"])
        blocks.append(da.from_delayed(counts, shape=shape, dtype=np.dtype(np.int16)))
    return da.concatenate(blocks, axis=2)


def _count_part(session: xr.Dataset, windows: Windows) -> np.ndarray:
    counts = _count(*read_spikes(session), windows)
    if counts.max(initial=0) > np.iinfo(np.int16).max:
        message = (
            f"A bin holds {int(counts.max())} spikes, more than lazy counts (int16) can say. "
            f"Use a shorter bin_width than {windows.bin_width:g} s, or leave chunks= out."
        )
        raise DesignError(message)
    return counts.astype(np.int16)


def _warn_of_silence(times: np.ndarray, windows: Windows) -> None:
    if not times.size:
        return
    first, last = float(times.min()), float(times.max())
    start, end = windows.span
    n_outside = int(((windows.event + end <= first) | (windows.event + start > last)).sum())
    if n_outside:
        message = (
            f"bin_spikes: {n_outside} of {len(windows.event)} windows lie before the first spike of the selected "
            f"units ({first:.6g} s) or after the last ({last:.6g} s). They are counted as zeros; if nothing was "
            f"recorded then, drop them: session.isel(trial=...)."
        )
        warnings.warn(message, stacklevel=3)


def _series(session: xr.Dataset, name: str) -> tuple[xr.DataArray, str]:
    names = _series_names(session)
    if name not in names:
        message = (
            f"align_series finds no series {name!r} in this session.{guess(name, names)} "
            f"There are: {', '.join(names) or 'none'}."
        )
        raise DimensionError(message)
    return session[name], f"{name}_time"


def _series_names(session: xr.Dataset) -> list[str]:
    return sorted(str(name) for name, series in session.data_vars.items() if f"{name}_time" in series.dims)


def _rising(session: xr.Dataset, clock: str) -> np.ndarray:
    """Return the timestamps of a series; raise where they do not tell which sample was when."""
    times = np.asarray(session[clock].values, dtype=np.float64)
    n_lost = int((~np.isfinite(times)).sum())
    n_falls = int((np.diff(times[np.isfinite(times)]) < 0).sum())
    if n_lost or n_falls:
        message = (
            f"{session.attrs.get('source', 'this session')}: of the {times.size:,} timestamps of "
            f"{clock.removesuffix('_time')!r}, {n_lost:,} are NaN and {n_falls:,} are before the one they follow, so "
            f"when those samples were taken is not known. Repair the file, or keep a part whose times rise: "
            f"session.isel({clock}=slice(...))."
        )
        raise LayoutError(message)
    return times


def _mean_in_bins(series: xr.DataArray, clock: np.ndarray, windows: Windows) -> np.ndarray:
    """Return the mean of the finite samples in every bin, shape (trial, time, ...); only the needed span is read."""
    from scipy.sparse import csr_array

    edges = np.searchsorted(clock, windows.event[:, None] + windows.edges, side="left")
    first, last = edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1)
    start, stop = int(first.min()), int(last.max())
    values = np.asarray(series.isel({series.dims[0]: slice(start, stop)}).data, dtype=np.float64)
    shape = (len(windows.event), windows.n_bins, *values.shape[1:])
    values = values.reshape(len(values), -1)
    n_samples = last - first
    ends = np.cumsum(n_samples)
    sample = np.arange(ends[-1]) + np.repeat(first - start - (ends - n_samples), n_samples)
    member = csr_array((np.ones(len(sample)), sample, np.append(0, ends)), shape=(len(first), len(values)))
    finite = np.isfinite(values)
    total, number = member @ np.where(finite, values, 0.0), member @ finite.astype(np.float64)
    means = np.full(total.shape, np.nan)
    np.divide(total, number, out=means, where=number > 0)
    return means.reshape(shape)


def _coords(session: xr.Dataset, windows: Windows, align: str) -> dict[Hashable, xr.DataArray]:
    attrs = {"units": "s", "long_name": f"time from {align}"}
    time = xr.DataArray(windows.time, dims="time", attrs=attrs)
    kept = session.drop_dims([dim for dim in session.dims if dim != "trial"]).isel(trial=windows.kept)
    return {"time": time, **_coords_on(kept, "trial")}


def _coords_on(session: xr.Dataset, dim: str) -> dict[Hashable, xr.DataArray]:
    return {name: coord for name, coord in session.coords.items() if coord.dims == (dim,)}


def _describe(
    result: xr.DataArray, session: xr.Dataset, windows: Windows, *, step: str, units: str, **parameters: Any
) -> xr.DataArray:
    dropped = {f"dropped_{why}": count for why, count in windows.dropped.items()}
    result.attrs = {**provenance(session), "units": units, "bin_width": windows.bin_width}
    result.attrs |= {f"{step}_{name}": count for name, count in dropped.items()}
    return add_step(result, step, **parameters, **dropped)
