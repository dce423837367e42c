"""A period of a simulated session: what its units fire while something other than scenes is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from neurodata4ml.simulation import Series

NOISE_TIME = 0.25
"""Seconds over which the noise of a unit stays alike: as long as a scene is shown, where it is drawn anew."""


@dataclass(frozen=True)
class Period:
    """A part of a session, after another.

    Attributes
    ----------
    stop : float
        Its end in seconds of the session.
    spike_times : list of ndarray
        Seconds of the session, sorted, one array per unit.
    table : str
        The table of intervals that the period is read by: ``"trials"``.
    tables : dict of str to dict of str to ndarray
        All its tables of intervals: their columns, ``start_time`` and ``stop_time`` in s among them.
    series : dict of str to Series
        Continuous signals by name: ``"running_speed"``.
    truth : Dataset
        What no laboratory could know; its ``unit`` and ``trial`` are positions.
    images : dict of str to ndarray (frame, y, x)
        What was shown.
    """

    stop: float
    spike_times: list[np.ndarray]
    table: str
    tables: Mapping[str, Mapping[str, np.ndarray]]
    series: Mapping[str, Series]
    truth: xr.Dataset
    images: Mapping[str, np.ndarray] = field(default_factory=dict)


def slow_noise(n_bins: int, bin_width: float, loading: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return noise (bin, unit) of mean one: in each bin log-normal as a scene's, and alike over ``NOISE_TIME``.

    The log of it is ``loading @ z`` with z an autoregressive process of first order, less half its variance.
    """
    memory = np.exp(-bin_width / NOISE_TIME)
    kicks = rng.standard_normal((n_bins, loading.shape[1]))
    kicks[1:] *= np.sqrt(1 - memory**2)
    z = lfilter([1.0], [1.0, -memory], kicks, axis=0)
    return np.asarray(np.exp(z @ loading.T - 0.5 * (loading**2).sum(axis=1)))


def draw_spikes(rate: np.ndarray, start: float, bin_width: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw spikes of inhomogeneous Poisson processes whose rate is constant within bins.

    Parameters
    ----------
    rate : ndarray (bin, unit), Hz
    start, bin_width : float, s
        Bin ``k`` begins at ``start + k * bin_width``.
    rng : Generator

    Returns
    -------
    list of ndarray
        Seconds, sorted, one array per unit.
    """
    edges = start + np.arange(len(rate) + 1) * bin_width
    spikes = []
    for own in rate.T:
        expected = np.r_[0.0, np.cumsum(own * bin_width)]
        # given their number, the spikes of a Poisson process lie independently, as its rate has it
        passed = np.sort(rng.random(rng.poisson(expected[-1])))
        spikes.append(np.interp(passed * expected[-1], expected, edges))
    return spikes
