"""Responses whose dimensions are known: what an estimate of them can be held against."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def white_noise(n_stimuli: int = 100, n_units: int = 200, *, seed: int = 0) -> xr.DataArray:
    """Unrelated units of equal variance: as many dimensions as units.

    Parameters
    ----------
    n_stimuli, n_units, seed : int

    Returns
    -------
    DataArray (stimulus, unit), unitless
    """
    for value, name in ((n_stimuli, "n_stimuli"), (n_units, "n_units")):
        require_whole(value, name, least=2)
    require_whole(seed, "seed", least=0)
    values = np.random.default_rng(seed).standard_normal((n_stimuli, n_units))
    return _labelled(values, "stimulus", np.arange(n_stimuli))


def power_law(
    n_stimuli: int = 600,
    n_units: int = 300,
    *,
    exponent: float = 1.0,
    noise: float = 0.3,
    n_repeats: int = 2,
    seed: int = 0,
) -> xr.DataArray:
    """Trials whose signal has a variance of ``rank ** -exponent`` along its components, in independent noise.

    Parameters
    ----------
    n_stimuli, n_units, n_repeats, seed : int
    exponent : float
        1 is what was found of the mouse's visual cortex (Stringer et al. 2019, Nature 571:361).
    noise : float
        Standard deviation of each unit in each trial; the first component has 1.

    Returns
    -------
    DataArray (trial, unit), unitless
        With ``stimulus`` and ``block``, the repeat.

    Raises
    ------
    DesignError
        A noise below 0, or numbers that are none.
    """
    for value, name in ((n_stimuli, "n_stimuli"), (n_units, "n_units"), (n_repeats, "n_repeats")):
        require_whole(value, name, least=2)
    require_whole(seed, "seed", least=0)
    if not (np.isfinite(exponent) and np.isfinite(noise) and noise >= 0):
        message = f"power_law takes a finite exponent and noise of 0 or more; got {exponent!r} and {noise!r}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    signal = rng.standard_normal((n_stimuli, n_units)) * np.arange(1.0, n_units + 1) ** (-exponent / 2) @ axes.T
    shown = np.tile(np.arange(n_stimuli), n_repeats)
    values = signal[shown] + noise * rng.standard_normal((len(shown), n_units))
    trials = _labelled(values, "trial", np.arange(len(shown)))
    return trials.assign_coords(stimulus=("trial", shown), block=("trial", np.repeat(np.arange(n_repeats), n_stimuli)))


def _labelled(values: np.ndarray, rows: str, labels: np.ndarray) -> xr.DataArray:
    coords = {rows: labels, "unit": np.arange(values.shape[1])}
    return xr.DataArray(values, dims=(rows, "unit"), coords=coords, name="response", attrs={"units": "1"})
