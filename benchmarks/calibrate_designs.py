"""Experiments without a signal, one per row of the table of nulls; each can have a signal planted, to see the power."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.sequences import ibl_sides
from neurodata4ml.analysis.design.splits import splits


class Design(NamedTuple):
    """One experiment: ``draw(rng, signal)`` makes the data, ``ask(x, n_shuffles, seed)`` decodes them."""

    draw: Callable[[np.random.Generator, float], xr.DataArray]
    ask: Callable[[xr.DataArray, int, int], xr.Dataset]
    signal: float
    """The signal planted for the power, in standard deviations of the noise of each unit."""
    exact: bool = False
    """The order was randomised and has 1,000 arrangements or more: p must not be too large either."""


def simply(x: xr.DataArray, n_shuffles: int, seed: int) -> xr.Dataset:
    """Decode as everybody will."""
    return decode(x, "label", n_shuffles=n_shuffles, seed=seed, n_jobs=1)


def over_blocks(x: xr.DataArray, n_shuffles: int, seed: int) -> xr.Dataset:
    """Decode a label that is constant in blocks, in folds of whole blocks."""
    folds = splits(x, over="block", n_folds=4, target="label")
    return decode(x, "label", folds=folds, n_shuffles=n_shuffles, seed=seed, n_jobs=1)


def as_ibl(x: xr.DataArray, n_shuffles: int, seed: int) -> xr.Dataset:
    """Decode a side that the task of the International Brain Laboratory dealt."""
    null = permutation_null(x, "label", simulate="ibl", n_shuffles=n_shuffles, seed=seed)
    return decode(x, "label", null=null, n_shuffles=n_shuffles, seed=seed, n_jobs=1)


def flowing(x: xr.DataArray, n_shuffles: int, seed: int) -> xr.Dataset:
    """Decode a quantity that flows, by ridge regression."""
    return decode(x, "label", decoder="ridge", n_shuffles=n_shuffles, seed=seed, n_jobs=1)


def ar1(rng: np.random.Generator, n: int, n_units: int, rho: float) -> np.ndarray:
    """Return stationary AR(1) signals of variance 1, (n, n_units)."""
    steps = rng.normal(size=(n, n_units)) * np.sqrt(1 - rho**2)
    steps[0] = rng.normal(size=n_units)
    return np.asarray(lfilter([1], [1, -rho], steps, axis=0))


def _trials(
    rng: np.random.Generator, noise: np.ndarray, label: np.ndarray, signal: float, **coords: Any
) -> xr.DataArray:
    """Add the signal along a random direction to the noise of trials."""
    n, n_units = noise.shape
    centred = (label - label.mean()) / label.std()
    x = noise + signal * centred[:, None] * rng.choice([-1.0, 1.0], n_units)
    coords = {"label": label, "start_time": np.arange(float(n)), **coords}
    return xr.DataArray(x, dims=("trial", "unit"), coords={name: ("trial", values) for name, values in coords.items()})


def trials_at_random(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Labels dealt trial by trial, noise without memory."""
    return _trials(rng, rng.normal(size=(120, 8)), rng.permutation(120) % 2, signal)


def trials_in_blocks(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Labels dealt trial by trial within blocks, responses that drift."""
    label = np.concatenate([rng.permutation(20) % 2 for _ in range(6)])
    return _trials(rng, _drift(rng, 120, 8), label, signal, block=np.repeat(np.arange(6), 20))


def many_blocks(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Each of 16 blocks has one label, in a random order (12,870), responses that drift."""
    return _blocks(rng, 16, 10, signal)


def few_blocks(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Each of 8 blocks has one label, in a random order (70), responses that drift."""
    return _blocks(rng, 8, 12, signal)


def repeats(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Labels that repeat the one before in 80 % of trials, responses that drift."""
    label = (np.cumsum(rng.random(150) > 0.8) + rng.integers(2)) % 2
    return _trials(rng, _drift(rng, 150, 8), label, signal)


def biased_blocks(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Sides in the biased blocks of the International Brain Laboratory, responses that drift."""
    return _trials(rng, _drift(rng, 300, 8), ibl_sides(rng, 300), signal)


def categories(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """10 images of each of 10 categories, 3 times each; units respond to images, not to categories."""
    image = np.concatenate([rng.permutation(100) for _ in range(3)])
    category = image // 10
    means = rng.normal(size=(100, 12)) + signal * rng.normal(size=(10, 12))[np.arange(100) // 10]
    coords = {"label": category, "stimulus": image, "start_time": np.arange(300.0)}
    x = means[image] + rng.normal(size=(300, 12))
    return xr.DataArray(x, dims=("trial", "unit"), coords={name: ("trial", values) for name, values in coords.items()})


def stationary(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """A quantity with a short memory, slow responses: circular shift."""
    return _recording(rng, ar1(rng, 600, 1, 0.7)[:, 0], ar1(rng, 600, 5, 0.95), signal)


def slow(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """A quantity and responses with a long memory (AR .95): linear shift."""
    return _recording(rng, ar1(rng, 400, 1, 0.95)[:, 0], ar1(rng, 400, 5, 0.95), signal)


def walks(rng: np.random.Generator, signal: float) -> xr.DataArray:
    """Random walks: linear shift, or none."""
    return _recording(rng, rng.normal(size=400).cumsum(), rng.normal(size=(400, 5)).cumsum(axis=0), 10 * signal)


def _drift(rng: np.random.Generator, n: int, n_units: int) -> np.ndarray:
    return ar1(rng, n, n_units, 0.95) + 0.3 * rng.normal(size=(n, n_units))


def _blocks(rng: np.random.Generator, n_blocks: int, n_trials: int, signal: float) -> xr.DataArray:
    block = np.repeat(np.arange(n_blocks), n_trials)
    label = (rng.permutation(n_blocks) % 2)[block]
    return _trials(rng, _drift(rng, len(block), 8), label, signal, block=block)


def _recording(rng: np.random.Generator, y: np.ndarray, noise: np.ndarray, signal: float) -> xr.DataArray:
    x = noise + signal * ((y - y.mean()) / y.std())[:, None] * rng.choice([-1.0, 1.0], noise.shape[1])
    coords = {"time": np.arange(len(y)) * 0.1, "label": ("time", y)}
    return xr.DataArray(x, dims=("time", "unit"), coords=coords, attrs={"bin_width": 0.1})


DESIGNS: dict[str, Design] = {
    "trials at random": Design(trials_at_random, simply, 0.3, exact=True),
    "trials in blocks, drift": Design(trials_in_blocks, simply, 0.5, exact=True),
    "16 blocks of one label, drift": Design(many_blocks, over_blocks, 1.0, exact=True),
    "8 blocks of one label, drift": Design(few_blocks, over_blocks, 1.5),
    "repeats, drift": Design(repeats, simply, 0.7),
    "biased blocks (IBL), drift": Design(biased_blocks, as_ibl, 0.5, exact=True),
    "category of images": Design(categories, simply, 0.5, exact=True),
    "stationary quantity": Design(stationary, flowing, 0.7),
    "slow quantity, slow responses": Design(slow, flowing, 1.0),
    "random walks": Design(walks, flowing, 1.0),
}
"""By name; docs/nulls.md says which row of the table each is for."""
