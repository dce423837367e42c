"""A whole recording as one window: its bins follow each other in session seconds, and need no trials."""

from __future__ import annotations

import warnings
from collections.abc import Hashable

import numpy as np
import xarray as xr

from neurodata4ml.data.align.observed import outside_observed
from neurodata4ml.data.align.windows import Windows, touches_invalid, whole_bins
from neurodata4ml.errors import DesignError

SLACK = 1e-9
"""Part of a bin by which the first or last spike may miss an edge and still be on it."""

RARE = 0.01
"""Part of the bins of a recording that may lie before its first spike or after its last without a word."""


def choose_recording(
    session: xr.Dataset,
    spikes: tuple[np.ndarray, np.ndarray] | None,
    window: tuple[float, float] | None,
    width: float | None,
) -> Windows:
    """Return one window with its event at zero of the session's clock; see ``bin_spikes`` for the rules.

    Raises
    ------
    DesignError
        There is no window, and no way to tell where the recording begins and ends.
    """
    if window is None:
        if spikes is None or width is None:
            why = "chunks= leaves the spikes unread" if spikes is None else "bin_width=None asks for one bin"
            message = (
                f"bin_spikes(align=None) needs to know which seconds of the session to count; {why}. "
                f"Say window=(0, 900), for the first 15 minutes."
            )
            raise DesignError(message)
        span = first_and_last(*spikes)
        if span is None:
            message = "bin_spikes(align=None) finds no spike in the selected units. Say window=(0, 900)."
            raise DesignError(message)
        window = multiples_between(*span, width, step="bin_spikes")
    edges, width = whole_bins(window, width, "bin_spikes")
    return Windows(np.empty(0, dtype=np.intp), np.zeros(1), edges, width, {})


def clock_of(session: xr.Dataset, windows: Windows) -> dict[Hashable, xr.DataArray]:
    """Return the coordinates on ``time``: bin centres, and ``valid`` where the session knows of times that are not."""
    attrs = {"units": "s", "long_name": "time in the session"}
    coords: dict[Hashable, xr.DataArray] = {"time": xr.DataArray(windows.time, dims="time", attrs=attrs)}
    if "invalid_interval" in session.variables or "obs_intervals" in session.variables:
        start, stop = windows.edges[:-1], windows.edges[1:]
        bad = touches_invalid(session, start, stop) | outside_observed(session, start, stop)
        coords["valid"] = xr.DataArray(~bad, dims="time")
    return coords


def multiples_between(first: float, last: float, width: float, *, step: str) -> tuple[float, float]:
    """Return the first and the last multiple of ``width`` between two times: half a bin would be half a rate.

    Raises
    ------
    DesignError
        No whole bin lies between them.
    """
    n_before, n_until = np.ceil(first / width - SLACK), np.floor(last / width + SLACK)
    if n_until <= n_before:
        message = (
            f"{step}(align=None) finds no whole bin of {width:g} s between the beginning of the recording "
            f"({first:.6g} s) and its end ({last:.6g} s). Use a shorter bin_width, or say window=({first:g}, ...)."
        )
        raise DesignError(message)
    return float(n_before * width), float(n_until * width)


def first_and_last(times: np.ndarray, offsets: np.ndarray) -> tuple[float, float] | None:
    """Return the times of the first and the last spike of all units; None where there is none."""
    begins, ends = offsets[:-1][np.diff(offsets) > 0], offsets[1:][np.diff(offsets) > 0] - 1
    return (float(times[begins].min()), float(times[ends].max())) if len(begins) else None


def warn_of_silence(times: np.ndarray, offsets: np.ndarray, windows: Windows, *, has_trials: bool) -> None:
    """Warn of windows (of a recording: bins) before the first or after the last spike."""
    span = first_and_last(times, offsets)
    if span is None:
        return
    first, last = span
    if has_trials:
        start, stop, what = windows.event + windows.edges[0], windows.event + windows.edges[-1], "windows"
    else:
        start, stop, what = windows.edges[:-1], windows.edges[1:], "bins"
    n_outside = int(((stop <= first) | (start > last)).sum())
    if n_outside > (0 if has_trials else RARE * len(start)):
        cure = "session.isel(trial=...)" if has_trials else f"window=({first:.6g}, {last:.6g})"
        message = (
            f"bin_spikes: {n_outside} of {len(start)} {what} lie before the first spike of the selected "
            f"units ({first:.6g} s) or after the last ({last:.6g} s). They are counted as zeros; if nothing was "
            f"recorded then, drop them: {cure}."
        )
        warnings.warn(message, stacklevel=3)
