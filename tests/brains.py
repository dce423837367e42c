"""Simulated brains that read out one known candidate, with noise, drift and units as they vary between recordings."""

from __future__ import annotations

import numpy as np
import xarray as xr


def brain(
    candidate: xr.DataArray, *, n_units: int, n_repeats: int, rate: float, seed: int, signal: float = 1.0
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return spike counts (trial, unit) in randomised blocks, and the noise-free mean responses (stimulus, unit).

    Units are sparse random readouts of the features; the population's excitability wanders from trial to trial and
    from block to block, as in a real recording, and spikes are Poisson.

    Parameters
    ----------
    candidate : DataArray (stimulus, feature)
    n_units, n_repeats : int
    rate : float
        Mean count of a unit in a trial.
    seed : int
    signal : float
        Standard deviation of the log rate over stimuli, about; 0 for a brain that sees nothing.
    """
    rng = np.random.default_rng(seed)
    x = candidate.values - candidate.values.mean(axis=0)
    weights = rng.normal(size=(x.shape[1], n_units)) * (rng.random((x.shape[1], n_units)) < 0.3)
    drive = x @ weights
    spread = drive.std(axis=0)
    drive = np.divide(drive, spread, out=np.zeros_like(drive), where=spread > 0)
    means = rate * rng.gamma(4.0, 0.25, size=n_units) * np.maximum(1.0 + signal * 0.4 * drive, 0.05)
    labels = candidate["stimulus"].values
    stimulus = np.concatenate([rng.permutation(len(labels)) for _ in range(n_repeats)])
    block = np.repeat(np.arange(n_repeats), len(labels))
    gain = np.exp(0.1 * rng.normal(size=n_repeats)[block] + 0.1 * rng.normal(size=len(stimulus)))
    counts = rng.poisson(means[stimulus] * gain[:, None]).astype(np.int32)
    trials = xr.DataArray(
        counts,
        dims=("trial", "unit"),
        coords={"stimulus": ("trial", labels[stimulus]), "block": ("trial", block), "unit": np.arange(n_units)},
    )
    return trials, xr.DataArray(means, dims=("stimulus", "unit"), coords={"stimulus": labels})
