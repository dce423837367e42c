"""The spike trains of a session, one array per unit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.errors import DimensionError

_PARTS = ("spike_times", "spike_start", "spike_stop")


def spike_trains(session: xr.Dataset, *, step: str) -> list[np.ndarray]:
    """Return the spike times (s) of every unit of a session, sorted, each unit's own.

    Raises
    ------
    DimensionError
        It has no spikes: it is no session, or one of imaging.
    """
    missing = [name for name in _PARTS if not isinstance(session, xr.Dataset) or name not in session]
    if missing:
        message = f"{step} takes a session with spikes, as open_session gives it; {missing[0]!r} is not there."
        raise DimensionError(message)
    times = np.asarray(session["spike_times"].values, dtype=float)
    return [
        np.sort(times[a:b]) for a, b in zip(session["spike_start"].values, session["spike_stop"].values, strict=True)
    ]


def within(times: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """Return those of sorted times that lie in one of the half-open stretches (start, stop), s."""
    if len(stretches) == 0:
        return times[:0]
    order = np.argsort(stretches[:, 0])
    start, stop = stretches[order].T
    place = np.searchsorted(start, times, side="right") - 1
    kept: np.ndarray = times[(place >= 0) & (times < stop[np.maximum(place, 0)])]
    return kept
