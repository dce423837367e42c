"""Simulated brains that read out one known candidate, with noise, drift and units as they vary between recordings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from neurodata4ml.analysis.reliability.noise_corrected import with_halves
from neurodata4ml.analysis.reliability.trial_ceiling import bounds_of_halves, rdms_of_halves


class Recipe(NamedTuple):
    """One simulated brain: which candidate it reads out, and how well that can be seen."""

    candidate: str
    n_units: int
    n_repeats: int
    rate: float
    signal: float


def _every(
    candidates: tuple[str, ...], sizes: tuple[tuple[int, int], ...], rates: tuple[tuple[float, float], ...]
) -> list[Recipe]:
    n = len(sizes) * len(rates)
    return [Recipe(candidates[k % len(candidates)], *sizes[k % len(sizes)], *rates[k % len(rates)]) for k in range(n)]


CLEAR = _every(
    (
        "digits/conv1",
        "digits/conv2",
        "digits/penultimate",
        "digits/logits",
        "digits-untrained/penultimate",
        "digits-untrained/logits",
        "gabor",
    ),
    ((60, 8), (100, 6), (60, 12), (120, 6), (80, 10)),
    ((3.0, 1.0), (8.0, 1.0), (5.0, 0.7), (2.0, 1.0)),
)
"""20 brains whose RDM has a split-half reliability of .5 and a true lead of .05 or more."""

UNCLEAR = [
    Recipe("digits-untrained/conv1", 60, 8, 3.0, 1.0),
    Recipe("digits-untrained/conv1", 120, 6, 1.0, 1.0),
    Recipe("pixels", 40, 8, 3.0, 1.0),
    Recipe("pixels", 120, 6, 1.0, 0.5),
    Recipe("pixels", 60, 10, 8.0, 0.7),
    Recipe("digits-untrained/conv2", 60, 6, 3.0, 1.0),
    Recipe("digits-untrained/conv2", 30, 12, 1.0, 1.0),
    Recipe("digits/penultimate", 30, 8, 3.0, 1.0),
    Recipe("digits/penultimate", 60, 6, 1.0, 0.7),
    Recipe("digits/conv1", 30, 8, 1.0, 0.7),
    Recipe("digits/conv2", 30, 6, 1.0, 0.5),
    Recipe("digits/logits", 20, 10, 0.5, 0.7),
    Recipe("gabor", 20, 6, 0.5, 0.5),
]
"""Brains that hardly show which candidate they read out, or read out one that has a near twin."""


def split_half_of_rdm(x: xr.DataArray) -> float:
    """Return how well RDMs of two halves of the trials correlate, a mean over splits."""
    trials, half = with_halves(x, n_splits=10, seed=0, step="split_half_of_rdm")
    return bounds_of_halves(rdms_of_halves(half, trials, "crossnobis")(trials)[0], "rsa_pearson")[0]


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
