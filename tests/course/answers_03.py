"""Answers to notebook 03: shapes of activity."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.analysis.dimensions.spectrum import decay_exponent
from neurodata4ml.systems.known_shapes import power_law, white_noise
from neurodata4ml.systems.lif import record

RANKS = (11, 100)


@cache
def trials() -> xr.DataArray:
    return power_law(400, 150, seed=4)


@cache
def means() -> xr.DataArray:
    return nd.average_by(
        nd.firing_rate(nd.bin_spikes(nd.open_simulation(record(seed=1, n_repeats=6)), window=(0, 0.5)))
    )


def exponent(x: xr.DataArray) -> float:
    return float(nd.dimensionality(x, method="cvpca", ranks=RANKS, allow_few="a test").exponent)


def of_covariance(x: np.ndarray) -> float:
    return decay_exponent(np.linalg.eigvalsh(np.cov(x.T))[::-1], RANKS)


def plane(means: xr.DataArray) -> np.ndarray:
    x = means.values - means.values.mean(axis=0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return (u * s)[:, :2]


def ratio(own: np.ndarray) -> float:
    return float(own.sum() ** 2 / (own**2).sum())


ANSWERS = {
    "03-1A": Answers(
        given=dict,
        right={
            "eigenvalues": lambda: lambda x: ratio(np.linalg.eigvalsh(np.cov(x.T))),
            "traces": lambda: lambda x: np.trace(np.cov(x.T)) ** 2 / np.trace(np.cov(x.T) @ np.cov(x.T)),
            "singular values": lambda: lambda x: ratio(np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2),
        },
        wrong={
            "not centred": (lambda: lambda x: ratio(np.linalg.eigvalsh(x.T @ x)), "the mean is in it"),
            "inverse": (lambda: lambda x: 1 / ratio(np.linalg.eigvalsh(np.cov(x.T))), "this is its inverse"),
            "singular values": (
                lambda: lambda x: ratio(np.linalg.svd(x - x.mean(0), compute_uv=False)),
                "these are singular values",
            ),
            "of stimuli": (lambda: lambda x: ratio(np.linalg.eigvalsh(np.cov(x))), "covariance of stimuli"),
        },
    ),
    "03-1B": Answers(
        given=dict,
        right={
            "the formula": lambda: 400 * 200 / (400 + 200),
            "a simulation": lambda: np.mean(
                [ratio(np.linalg.eigvalsh(np.cov(white_noise(400, 200, seed=k).values.T))) for k in range(3)]
            ),
        },
        wrong={
            "all of them": (lambda: 200, "stimuli without number"),
            "a hundred units": (lambda: 400 * 100 / 500, "this is for 100 units"),
            "share": (lambda: 2 / 3, "this is a share"),
            "the sum": (lambda: 600, "is not T N"),
        },
    ),
    "03-2A": Answers(
        given=lambda: {"trials": trials(), "ranks": RANKS},
        right={
            "cvPCA": lambda trials, ranks: exponent(trials),
            "fitted by hand": lambda trials, ranks: decay_exponent(
                nd.dimensionality(trials, method="cvpca", ranks=ranks, allow_few="a test").signal_variance.values, ranks
            ),
        },
        wrong={
            "naive": (lambda trials, ranks: of_covariance(trials.groupby("stimulus").mean().values), "naive spectrum"),
            "sign": (lambda trials, ranks: -exponent(trials), "the sign"),
            "single trials": (lambda trials, ranks: of_covariance(trials.values), "spectrum of single trials"),
        },
    ),
    "03-4A": Answers(
        given=lambda: {"means": means()},
        right={
            "arctan2": lambda means: np.rad2deg(np.arctan2(plane(means)[:, 1], plane(means)[:, 0])),
            "complex, turned round": lambda means: np.angle(plane(means) @ [1, -1j], deg=True),
            "from 0 to 360": lambda means: np.angle(plane(means) @ [1, 1j], deg=True) % 360,
        },
        wrong={
            "radians": (lambda means: np.arctan2(plane(means)[:, 1], plane(means)[:, 0]), "these are radians"),
            "arctan": (lambda means: np.rad2deg(np.arctan(plane(means)[:, 1] / plane(means)[:, 0])), "half a circle"),
            "one component": (
                lambda means: 400 * plane(means)[:, 0] / np.abs(plane(means)).max(),
                "fit the directions by",
            ),
            "too few": (lambda means: [0, 90, 180], r"should be \(stimulus\), shape \(8,\)"),
        },
    ),
}
