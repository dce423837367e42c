"""Worlds in which there is nothing to find: what an analysis finds there, it has put there itself."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.require import require_whole


def equal_responses(n_stimuli: int = 20, n_repeats: int = 4, n_units: int = 100, *, seed: int = 0) -> xr.DataArray:
    """Trials of units that answer every stimulus alike: what differs between stimuli is noise.

    Parameters
    ----------
    n_stimuli, n_repeats, n_units : int
        Each stimulus is shown once in each of ``n_repeats`` blocks.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Independent Gaussian noise of mean 0 and variance 1, with the coordinates ``stimulus`` and ``block`` of trials:
        all that ``rdm`` asks for. The squared distance of any two stimuli, as a mean over units, is truly 0; of means
        over the repeats it comes to ``2 / n_repeats``.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_stimuli=n_stimuli, n_repeats=n_repeats, n_units=n_units)
    stimulus, block = np.tile(np.arange(n_stimuli), n_repeats), np.repeat(np.arange(n_repeats), n_stimuli)
    noise = np.random.default_rng(seed).standard_normal((len(stimulus), n_units))
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", block)}
    return xr.DataArray(noise, dims=("trial", "unit"), coords=coords, name="response", attrs={"units": "1"})


def unrelated(
    n_stimuli: int = 118, n_features: int = 4096, n_units: int = 60, *, seed: int = 0
) -> tuple[xr.DataArray, xr.DataArray]:
    """A layer and an area that have nothing in common, beside the stimuli that both were shown.

    The defaults are the size of a common experiment: the 118 natural scenes of the Allen Institute's surveys, a fully
    connected layer, and the units of one area on one probe.

    Parameters
    ----------
    n_stimuli, n_features, n_units : int
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    layer : DataArray, dims (stimulus, feature), unitless
    area : DataArray, dims (stimulus, unit), unitless
        Independent Gaussian numbers of mean 0 and variance 1. Any similarity of the two is 0 in truth; that of biased
        linear CKA comes to ``sqrt(p q / ((p + n) (q + n)))`` for n stimuli, p features and q units.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_stimuli=n_stimuli, n_features=n_features, n_units=n_units)
    rng = np.random.default_rng(seed)
    layer, area = rng.standard_normal((n_stimuli, n_features)), rng.standard_normal((n_stimuli, n_units))
    coords = {"stimulus": np.arange(n_stimuli)}
    return (
        xr.DataArray(layer, dims=("stimulus", "feature"), coords=coords, name="layer", attrs={"units": "1"}),
        xr.DataArray(area, dims=("stimulus", "unit"), coords=coords, name="area", attrs={"units": "1"}),
    )


def _require(seed: int, **sizes: int) -> None:
    for name, size in sizes.items():
        require_whole(size, name, least=1)
    require_whole(seed, "seed", least=0)
