"""Small worlds for the tests of encoding: features of images, and units that follow some of them."""

import numpy as np
import xarray as xr


def features(n=40, p=12, seed=0, name="feature"):
    rng = np.random.default_rng(seed)
    return xr.DataArray(rng.standard_normal((n, p)), dims=("stimulus", name), coords={"stimulus": np.arange(n) * 3})


def trials(x, n_units=5, n_repeats=4, noise=1.0, seed=1, gain=1.0):
    rng = np.random.default_rng(seed)
    signal = gain * x.values[:, :3] @ rng.standard_normal((3, n_units))
    code = rng.permutation(np.repeat(np.arange(len(signal)), n_repeats))
    values = signal[code] + noise * rng.standard_normal((len(code), n_units))
    coords = {"stimulus": ("trial", x.stimulus.values[code]), "unit": [f"u{i}" for i in range(n_units)]}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords, attrs={"dataset": "made"})


def means(y):
    return y.groupby("stimulus").mean()
