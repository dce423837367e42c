"""The rhythm of spike trains: their power at each frequency."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import signal

from neurodata4ml.analysis.spiketrains.trains import spike_trains
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError


def power_spectrum(
    session: xr.Dataset,
    *,
    start: float = 0.0,
    stop: float | None = None,
    bin_width: float = 0.001,
    segment: float = 1.0,
) -> xr.DataArray:
    """Power of each unit's spike train, over its rate: 1 at every frequency for a Poisson process.

    Spikes are counted in bins, and periodograms of overlapping segments with a Hann window are averaged (Welch 1967),
    the mean taken out. Over twice the rate it is 1 for Poisson spikes; a refractory period lowers it at low
    frequencies, to the squared CV of the intervals at zero (Franklin & Bair 1995), and a rhythm is a peak.

    Parameters
    ----------
    session : Dataset with spikes
    start, stop : float, s
        The stretch of the recording; up to the last spike when left out.
    bin_width : float, s
        The highest frequency is half of its inverse.
    segment : float, s
        Its inverse is the resolution.

    Returns
    -------
    DataArray (unit, frequency), unitless; ``frequency`` in Hz
        NaN for units without a spike.

    Raises
    ------
    DimensionError
        The session has no spikes.
    DesignError
        A stretch shorter than two segments, or a segment of fewer than eight bins.
    """
    trains = spike_trains(session, step="power_spectrum")
    last = max((float(train[-1]) for train in trains if len(train)), default=0.0) if stop is None else float(stop)
    n_bins, n_segment = int((last - start) / bin_width) if bin_width > 0 else 0, round(segment / max(bin_width, 1e-12))
    if n_segment < 8 or n_bins < 2 * n_segment:
        message = (
            f"power_spectrum needs two segments of eight bins or more; from {start:g} to {last:g} s there are {n_bins} "
            f"bins of {bin_width:g} s, and a segment has {n_segment}. Choose a shorter segment."
        )
        raise DesignError(message)
    rows = []  # the first frequency is the mean that was taken out, the last has half of its power in Welch's sum
    for train in trains:
        place = ((train - start) / bin_width).astype(np.int64)
        counts = np.bincount(place[(place >= 0) & (place < n_bins)], minlength=n_bins).astype(float)
        rate = counts.mean() / bin_width
        frequency, power = signal.welch(counts / bin_width, 1 / bin_width, nperseg=n_segment, detrend="constant")
        rows.append(power / (2 * rate) if rate > 0 else np.full(len(power), np.nan))
    found = xr.DataArray(
        np.array(rows)[:, 1:-1],
        dims=("unit", "frequency"),
        coords={"unit": session["unit"].values, "frequency": ("frequency", frequency[1:-1], {"units": "Hz"})},
        name="power",
        attrs={**provenance(session), "units": "1"},
    )
    return add_step(found, "power_spectrum", start=start, stop=last, bin_width=bin_width, segment=segment)
