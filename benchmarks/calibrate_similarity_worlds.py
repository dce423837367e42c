"""Simulated responses and representations whose truth is known, for the rows that calibrate similarity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.similarity.metrics import METRICS, cka_unbiased
from neurodata4ml.analysis.similarity.representations import represent

Ask = Callable[[np.random.Generator], float]
"""Draws one data set and returns a number."""

N_FRESH = 400
"""Fresh data sets behind an expected value."""

_EXPECTED: dict[tuple[object, ...], float] = {}


def labelled(values: np.ndarray) -> xr.DataArray:
    """Name the dims of (stimulus, feature), and the stimuli."""
    return xr.DataArray(values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(len(values))})


def means(rng: np.random.Generator, n_stimuli: int = 20, n_features: int = 8) -> xr.DataArray:
    """Draw independent features."""
    return labelled(rng.normal(size=(n_stimuli, n_features)))


def trials(
    rng: np.random.Generator, truth: np.ndarray, n_repeats: int, noise: float, drift: float = 0.0
) -> xr.DataArray:
    """Draw trials in random order within blocks, each stimulus once in each; blocks may drift."""
    n_stimuli, n_units = truth.shape
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_repeats)])
    block = np.repeat(np.arange(n_repeats), n_stimuli)
    values = truth[stimulus] + noise * rng.normal(size=(len(stimulus), n_units))
    values += drift * rng.normal(size=(n_repeats, n_units))[block]
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", block)}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def world(name: str, n_stimuli: int, n_units: int) -> np.ndarray:
    """Return noise-free responses that are the same in all data sets."""
    return np.random.default_rng(list(name.encode())).normal(size=(n_stimuli, n_units))


def expected(key: tuple[object, ...], draw: Ask) -> float:
    """Return the mean of ``draw`` over fresh data sets; computed once in each process, the same in all."""
    if key not in _EXPECTED:
        rng = np.random.default_rng(list(repr(key).encode()))
        _EXPECTED[key] = float(np.mean([draw(rng) for _ in range(N_FRESH)]))
    return _EXPECTED[key]


def score_of_truth(truth: np.ndarray, metric: str, n_repeats: int, noise: float) -> Ask:
    """Return what draws the score that the noise-free responses reach beside fresh trials."""
    stimuli, promise = np.arange(len(truth)), METRICS[metric]
    own = represent(labelled(truth), stimuli, promise, distance="crossnobis").values

    def draw(rng: np.random.Generator) -> float:
        x = trials(rng, truth, n_repeats, noise)
        return float(promise(represent(x, stimuli, promise, distance="crossnobis").values, own))

    return draw


LAYER = 5
"""Latents that a layer knows, of twice as many that units read out."""


def readout(
    rng: np.random.Generator, latents: np.ndarray, n_animals: int, n_units: int, scatter: float
) -> xr.DataArray:
    """Draw units that read out latents at random, those of one animal with something in common (``scatter``)."""
    animal = np.repeat(np.arange(n_animals), n_units // n_animals)
    weights = rng.normal(size=(latents.shape[1], len(animal)))
    weights += scatter * rng.normal(size=(latents.shape[1], n_animals))[:, animal]
    coords = {"stimulus": np.arange(len(latents)), "animal": ("unit", animal)}
    return xr.DataArray(latents @ weights, dims=("stimulus", "unit"), coords=coords)


def layer_of(latents: np.ndarray) -> xr.DataArray:
    """Return the layer that knows half of the latents."""
    return labelled(latents[:, :LAYER])


def likeness(x: xr.DataArray, latents: np.ndarray) -> float:
    """Return unbiased CKA of units with the layer."""
    return float(cka_unbiased(x.values, layer_of(latents).values))


def square(pairs: np.ndarray) -> xr.DataArray:
    """Return the RDM of pairs above the diagonal."""
    n = round((1 + np.sqrt(1 + 8 * len(pairs))) / 2)
    out = np.zeros((n, n))
    out[np.triu_indices(n, 1)] = pairs
    coords = {"stimulus": np.arange(n), "stimulus2": np.arange(n)}
    return xr.DataArray(out + out.T, dims=("stimulus", "stimulus2"), coords=coords)


def inside(found: xr.Dataset, known: float) -> float:
    """Return 1 where the interval holds what is known, 0 where not, NaN where there is none."""
    return float("nan") if found["low"].isnull() else float(found["low"] <= known <= found["high"])


def seed_of(rng: np.random.Generator) -> int:
    """Draw a seed."""
    return int(rng.integers(2**31))
