"""Align series to events: from values on a clock of their own to values in bins (trial, time, ...)."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any, Literal

import numpy as np
import xarray as xr

from neurodata4ml.data.align.averages_between import between, longest_gap
from neurodata4ml.data.align.averages_lazily import Chunks, Fill, fill_lazily, float_type
from neurodata4ml.data.align.averages_means import means
from neurodata4ml.data.align.labelled import coords_of_trials, coords_on, describe, series_names
from neurodata4ml.data.align.windows import Windows, choose_windows, number, touches_invalid, whole_bins
from neurodata4ml.errors import DesignError, DimensionError, LayoutError
from neurodata4ml.suggest import guess

_SLACK = 1e-9
"""Part of a bin by which the first or last sample may miss an edge and still be on it."""


def align_series(
    session: xr.Dataset,
    name: str,
    *,
    align: str | None = "start_time",
    window: tuple[float, float] | None = None,
    bin_width: float | None = None,
    how: Literal["mean", "interpolate"] = "mean",
    chunks: Chunks | None = None,
) -> xr.DataArray:
    """Bring a continuous series into bins around an event of every trial, or through the whole recording.

    The series may be regular or irregular, and longer than memory: it is read once, in blocks as they are stored, and
    only where a window lies. A sample that is NaN (or infinite) counts as lost, column by column.

    Parameters
    ----------
    session : Dataset
        From ``open_session``.
    name : str
        A series of the session, with dims ``(<name>_time, ...)``: running speed, pupil, fluorescence, ...
    align, window
        As in ``bin_spikes``. ``align=None``: no trials, the recording itself in seconds of the session; without a
        window all multiples of ``bin_width`` between the first sample and the last.
    bin_width : float or None
        Seconds; must divide the window. None: one bin, the window. For "mean" no shorter than the sampling step.
    how : {"mean", "interpolate"}
        "mean": the mean of the finite samples of each half-open bin, NaN where there is none. "interpolate": the value
        at the centre of each bin, on the line between the finite samples before and after it; NaN outside the series,
        and where those two are further apart than two median sampling steps and than a bin: one lost sample is
        bridged, a gap is not.
    chunks : int or dict, optional
        The result is then lazy (dask), and each chunk reads its own samples when it is computed: columns (of the last
        dim) per chunk, or ``{"trial": 500, "unit": 100}`` (``"time"`` in place of ``"trial"`` with ``align=None``).
        Samples mostly lie one time after the other in a file, so divide trials or times rather than columns.

    Returns
    -------
    DataArray, dims (trial, time, ...), in the units of the series; for ``align=None`` (time, ...)
        float32 where the series is float32 (its sums are made in float64), else float64. Dims of the series other
        than its clock (``<name>_axis``, ``unit``) stay, last. ``attrs`` count the trials left out, as in
        ``bin_spikes``. With ``align=None``, bins that touch an invalid interval stay, and the coordinate ``valid`` on
        ``time`` is False there.

    Raises
    ------
    DimensionError
        There is no such series, or no such column of times.
    DesignError
        The window does not hold whole bins, no trial is left, or ``how`` or ``chunks`` is none that there is.
    LayoutError
        A timestamp of the series is no number, or comes before the one that it follows.

    Warns
    -----
    UserWarning
        Bins are shorter than the sampling step, so that the mean is NaN in most of them; or as in ``bin_spikes``.

    Examples
    --------
    >>> speed = align_series(session, "running", window=(-0.5, 1), bin_width=0.1)
    >>> speed.dims
    ('trial', 'time')
    """
    if how not in HOW:
        message = f"align_series knows how={', how='.join(map(repr, HOW))}; got {how!r}."
        raise DesignError(message)
    series, clock = _series(session, name)
    times = _rising(session, clock)
    if align is None:
        windows = _recording(name, times, window, bin_width)
        coords, along = _clock(session, windows), "time"
    else:
        windows = choose_windows(session, align=align, window=window, bin_width=bin_width, step="align_series")
        coords, along = coords_of_trials(session, windows, align), "trial"
    if how == "mean":
        _warn_of_short_bins(name, times, windows)
    others = [str(dim) for dim in series.dims if dim != clock]
    data: Any = series.transpose(clock, *others).data
    if chunks is None:
        values: Any = HOW[how](data, times, windows)
    else:
        values = fill_lazily(HOW[how], data, times, windows, chunks, (along, *others))
    for dim in others:
        coords |= coords_on(session, dim)
    dims = ("trial", "time", *others)
    result = xr.DataArray(values[0] if align is None else values, dims=dims[align is None :], coords=coords, name=name)
    parameters = {"name": name, "align": align, "window": windows.span, "bin_width": windows.bin_width, "how": how}
    units = series.attrs.get("units", "1")
    return describe(result, session, windows, step="align_series", units=units, **parameters)


def _means(data: Any, clock: np.ndarray, windows: Windows) -> np.ndarray:
    """Return the mean of the finite samples in every bin, shape (trial, time, ...)."""
    edges = np.searchsorted(clock, windows.event[:, None] + windows.edges, side="left")
    values = means(data, edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), float_type(data))
    return values.reshape(len(windows.event), windows.n_bins, *data.shape[1:])


def _between(data: Any, clock: np.ndarray, windows: Windows) -> np.ndarray:
    """Return the series at the centre of every bin, shape (trial, time, ...)."""
    centres = windows.event[:, None] + windows.time
    values = between(data, clock, centres.reshape(-1), longest_gap(clock, windows.bin_width), float_type(data))
    return values.reshape(len(windows.event), windows.n_bins, *data.shape[1:])


HOW: dict[str, Fill] = {"mean": _means, "interpolate": _between}
"""Ways from samples to bins by name: (samples (time, ...), their times, windows) -> values (trial, time, ...)."""


def _recording(name: str, clock: np.ndarray, window: tuple[float, float] | None, bin_width: float | None) -> Windows:
    """Return one window with its event at zero of the session's clock."""
    if window is None:
        if bin_width is None or not len(clock) or not number(bin_width) > 0:
            message = (
                f"align_series(align=None) needs to know which seconds of the session are meant; {name!r} has "
                f"{len(clock):,} samples, and bin_width is {bin_width}. Say bin_width=0.1, or window=(0, 900)."
            )
            raise DesignError(message)
        first, last = np.ceil(clock[0] / bin_width - _SLACK), np.floor(clock[-1] / bin_width + _SLACK)
        window = (float(first * bin_width), float(max(first + 1, last) * bin_width))
    edges, width = whole_bins(window, bin_width, "align_series")
    return Windows(np.empty(0, dtype=np.intp), np.zeros(1), edges, width, {})


def _clock(session: xr.Dataset, windows: Windows) -> dict[Hashable, xr.DataArray]:
    """Return the coordinates on ``time``: bin centres, and ``valid`` where the session knows of times that are not."""
    attrs = {"units": "s", "long_name": "time in the session"}
    coords: dict[Hashable, xr.DataArray] = {"time": xr.DataArray(windows.time, dims="time", attrs=attrs)}
    if "invalid_interval" in session.variables:
        bad = touches_invalid(session, windows.edges[:-1], windows.edges[1:])
        coords["valid"] = xr.DataArray(~bad, dims="time")
    return coords


def _warn_of_short_bins(name: str, clock: np.ndarray, windows: Windows) -> None:
    step = float(np.median(np.diff(clock))) if len(clock) > 1 else 0.0
    if windows.bin_width < step * (1 - 1e-6):
        message = (
            f"align_series: bins of {windows.bin_width:g} s are shorter than the sampling step of {name!r} "
            f"({step:.4g} s), so about {1 - windows.bin_width / step:.0%} of them hold no sample and are NaN. "
            f"Use a longer bin_width, or how='interpolate'."
        )
        warnings.warn(message, stacklevel=3)


def _series(session: xr.Dataset, name: str) -> tuple[xr.DataArray, str]:
    names = series_names(session)
    if name not in names:
        message = (
            f"align_series finds no series {name!r} in this session.{guess(name, names)} "
            f"There are: {', '.join(names) or 'none'}."
        )
        raise DimensionError(message)
    return session[name], f"{name}_time"


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
