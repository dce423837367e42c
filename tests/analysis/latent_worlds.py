"""Small worlds with components planted in them, one for each method of ``latents``."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr


def samples(n_samples: int = 40, n_units: int = 6, seed: int = 0) -> xr.DataArray:
    """Three shared sources in private noise (stimulus, unit)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_samples, 3)) @ (rng.normal(size=(3, n_units)) * 2) + rng.normal(
        size=(n_samples, n_units)
    )
    return xr.DataArray(values, dims=("stimulus", "unit"), coords={"stimulus": np.arange(n_samples)})


def task(n_repeats: int = 6, noise: float = 1.0, seed: int = 0) -> tuple[xr.DataArray, np.ndarray]:
    """Trials (trial, time, unit) in which time, stimulus and choice each drive one axis; returns the axes too."""
    rng = np.random.default_rng(seed)
    axes = rng.normal(size=(3, 12))
    stimulus, choice = (a.ravel() for a in np.meshgrid(np.arange(4), np.arange(2), indexing="ij"))
    stimulus, choice = np.tile(stimulus, n_repeats), np.tile(choice, n_repeats)
    time = np.arange(9) / 9
    drive = np.stack(
        [
            np.broadcast_to(3 * np.sin(2 * np.pi * time), (len(stimulus), 9)),
            (stimulus - 1.5)[:, None] * (time > 0.3) * np.ones(9),
            (2 * choice - 1)[:, None] * time,
        ],
        axis=-1,
    )
    values = drive @ axes + noise * rng.normal(size=(len(stimulus), 9, 12))
    coords = {"stimulus": ("trial", stimulus), "choice": ("trial", choice), "time": time}
    return xr.DataArray(values, dims=("trial", "time", "unit"), coords=coords), axes


def processes(
    n_trials: int = 30, n_bins: int = 20, n_units: int = 8, seed: int = 0, timescales: tuple[float, ...] = (0.04, 0.15)
) -> tuple[xr.DataArray, np.ndarray]:
    """Poisson counts (trial, time, unit) driven by two smooth processes; returns the processes too."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_bins) * 0.02
    covariances = [np.exp(-((time[:, None] - time) ** 2) / 2 / t**2) + 1e-6 * np.eye(n_bins) for t in timescales]
    sources = np.stack([rng.multivariate_normal(np.zeros(n_bins), c, size=n_trials) for c in covariances], axis=-1)
    counts = rng.poisson(np.exp(sources @ (rng.normal(size=(len(timescales), n_units)) * 0.5) + 1.5))
    coords = {"time": time, "unit": np.arange(n_units)}
    return xr.DataArray(
        counts, dims=("trial", "time", "unit"), coords=coords, attrs={"bin_width": 0.02, "units": "1"}
    ), sources


def parts(seed: int = 0, shape: tuple[int, int, int] = (20, 15, 10), noise: float = 0.05) -> tuple[xr.DataArray, list]:
    """Three non-negative tensor components (trial, time, unit); returns their factors too."""
    rng = np.random.default_rng(seed)
    factors = [rng.uniform(size=(size, 3)) ** 2 for size in shape]
    values = np.einsum("ir,jr,kr->ijk", *factors)
    values = values + noise * values.mean() * rng.uniform(size=shape)
    return xr.DataArray(values, dims=("trial", "time", "unit")), factors


def world(method: str) -> tuple[xr.DataArray, dict[str, Any]]:
    """Return data that ``method`` can be given, and options that make it quick."""
    if method == "dpca":
        return task()[0], {"conditions": ("stimulus", "choice"), "n_repeats": 2, "n_components": 1}
    if method == "gpfa":
        return processes(15, 15)[0], {"n_components": 2, "max_iter": 8}
    if method == "tca":
        return parts()[0], {"n_restarts": 2}
    if method == "cebra":
        return processes(15, 15)[0], {"max_iterations": 4, "batch_size": 64}
    if method == "nmf":
        return np.exp(0.3 * samples(80)), {}
    return samples(80), {}
