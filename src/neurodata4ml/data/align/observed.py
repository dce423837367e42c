"""When each unit was observed: outside its ``obs_intervals`` no spike does not mean that the unit was silent."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import xarray as xr

from neurodata4ml.data.align.windows import TOLERANCE, Windows
from neurodata4ml.errors import DesignError


def outside_observed(session: xr.Dataset, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return which of the spans ``[start, stop)`` were not observed, in whole, for every unit of the session.

    Parameters
    ----------
    session : Dataset
        With ``obs_intervals`` (obs, bound) in s, and ``obs_start``, ``obs_stop`` (unit): unit ``i`` was observed in
        ``obs_intervals[obs_start[i]:obs_stop[i]]``. Without them, or for a unit without an interval, nothing is
        said, and all spans pass. Intervals that lie a millisecond or less apart are one.
    start, stop : ndarray, s
    """
    outside = np.zeros(start.shape, dtype=bool)
    if "obs_intervals" not in session.variables:
        return outside
    intervals = np.asarray(session["obs_intervals"].values, dtype=np.float64)
    starts, stops = (np.asarray(session[name].values, dtype=np.int64) for name in ("obs_start", "obs_stop"))
    # most files say the same of every unit
    for own in {intervals[a:b].tobytes(): intervals[a:b] for a, b in zip(starts, stops, strict=True) if b > a}.values():
        first, last = _joined(own)
        i = np.searchsorted(first, start + TOLERANCE, side="right") - 1
        outside |= (i < 0) | (stop > last[i] + TOLERANCE)
    return outside


def keep_observed(session: xr.Dataset, windows: Windows) -> Windows:
    """Leave out, with a warning, the trials in whose window a selected unit was not observed.

    Raises
    ------
    DesignError
        No trial is left.
    """
    if "obs_intervals" not in session.variables:
        return windows
    lost = outside_observed(session, windows.event + windows.edges[0], windows.event + windows.edges[-1])
    cure = (
        "Select units that were observed longer, session.isel(unit=...), or a shorter window; to count all the same, "
        "session.drop_vars('obs_intervals')."
    )
    if lost.all():
        message = (
            f"bin_spikes finds no trial in whose window, {windows.span}, all {session.sizes['unit']} selected units "
            f"were observed (obs_intervals). {cure}"
        )
        raise DesignError(message)
    if lost.any():
        message = (
            f"bin_spikes leaves out {lost.sum()} of {lost.size} trials: in their windows at least one of the selected "
            f"units was not observed (obs_intervals), and a count of zero would be made up. {cure}"
        )
        warnings.warn(message, stacklevel=3)
    dropped = {**windows.dropped, "unobserved": int(lost.sum())}
    return replace(windows, kept=windows.kept[~lost], event=windows.event[~lost], dropped=dropped)


def _joined(intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last of the intervals, rising, those that touch or overlap made one."""
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    last = np.maximum.accumulate(intervals[:, 1])
    begins = np.append(True, intervals[1:, 0] > last[:-1] + TOLERANCE)
    return intervals[begins, 0], last[np.append(begins[1:], True)]
