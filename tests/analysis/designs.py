"""Small designs for tests: trials with any coordinates, Markov labels, slow signals."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.signal import lfilter


def trials(n: int = 240, **coords) -> xr.DataArray:
    """Return ``n`` trials of 2 silent units; ``start_time`` is their number unless it is given."""
    coords = {"start_time": np.arange(float(n)), **coords}
    return xr.DataArray(
        np.zeros((n, 2)), dims=("trial", "unit"), coords={name: ("trial", np.asarray(v)) for name, v in coords.items()}
    )


def recording(y: np.ndarray, name: str = "speed") -> xr.DataArray:
    """Return a continuous recording of 2 silent units with a quantity ``y``, in bins of .1 s."""
    coords = {"time": np.arange(len(y)) * 0.1, name: ("time", y)}
    return xr.DataArray(np.zeros((len(y), 2)), dims=("time", "unit"), coords=coords)


def markov(rng: np.random.Generator, n: int = 240, repeat: float = 0.8) -> np.ndarray:
    """Return 0 and 1, each the same as the one before with probability ``repeat``."""
    return np.cumsum(rng.random(n) > repeat) % 2


def ar1(rng: np.random.Generator, shape: int | tuple[int, ...], rho: float = 0.95) -> np.ndarray:
    """Return stationary AR(1) signals of variance 1 along the first axis."""
    steps = rng.normal(size=shape) * np.sqrt(1 - rho**2)
    steps[0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], steps, axis=0)
