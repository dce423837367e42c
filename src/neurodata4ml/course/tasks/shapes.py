"""Tasks of notebook 03: shapes of activity."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dimensions.spectrum import decay_exponent
from neurodata4ml.course.answers import Off, function, is_near, number, values
from neurodata4ml.course.task import Task


def participation(answer: Any) -> str:
    """The participation ratio, as a function of responses (stimulus, unit)."""
    ratio = function(answer, "your function")
    rng = np.random.default_rng(5)
    x = rng.standard_normal((300, 8)) * np.array([5.0, 3.0, 2.0, 1.0, 0.5, 0.5, 0.1, 0.1]) + 7.0
    found = number(ratio(x.copy()), "what your function gives")
    own = np.linalg.eigvalsh(np.cov(x.T))
    right = float(own.sum() ** 2 / (own**2).sum())
    if is_near(found, right, within=1e-3):
        return f"{right:.2f} for eight units whose variance is unequal: one large direction counts more than six small."
    raw = np.linalg.eigvalsh(x.T @ x)
    if is_near(found, raw.sum() ** 2 / (raw**2).sum(), within=1e-3):
        message = "the mean is in it: take it from every unit first, or the mean is the largest dimension."
        raise Off(message)
    if is_near(found, (own**2).sum() / own.sum() ** 2, within=1e-3):
        message = "this is its inverse: the ratio grows with the number of dimensions."
        raise Off(message)
    root = np.sqrt(own.clip(0))
    if is_near(found, root.sum() ** 2 / (root**2).sum(), within=1e-3):
        message = "these are singular values; eigenvalues of the covariance are their squares."
        raise Off(message)
    if is_near(found, own.sum() / own.max(), within=1e-3):
        message = "this is the variance over the largest eigenvalue, another measure; square and sum."
        raise Off(message)
    across = np.linalg.eigvalsh(np.cov(x))
    if is_near(found, across.sum() ** 2 / (across**2).sum(), within=1e-3):
        message = "this is the covariance of stimuli; np.cov takes variables as rows: np.cov(x.T)."
        raise Off(message)
    message = f"for responses whose ratio is between 1 and 8 this gives {found:.3g}."
    raise Off(message)


def expected_ratio(answer: Any) -> str:
    """What white noise of 200 units shows to 400 stimuli."""
    found = number(answer, "the number of dimensions")
    right = 400 * 200 / 600
    if is_near(found, right, within=2.0):
        return f"{right:.0f} of 200: twice as many stimuli as units, and a third of the dimensions is still missing."
    if is_near(found, 200, within=2):
        message = "200 would be right for stimuli without number; with 400 the covariance is still noisy."
        raise Off(message)
    if is_near(found, 400 * 100 / 500, within=2):
        message = "this is for 100 units; here are 200."
        raise Off(message)
    if is_near(found, 200 / 600, within=0.01) or is_near(found, right / 200, within=0.01):
        message = "this is a share; how many dimensions are it?"
        raise Off(message)
    message = f"{found:.4g} is not T N / (T + N) for T = 400 stimuli and N = 200 units; nor what a simulation gives."
    raise Off(message)


def honest_exponent(answer: Any, *, trials: xr.DataArray, ranks: tuple[int, int]) -> str:
    """The decay of the signal's spectrum."""
    found = number(answer, "the exponent")
    right = float(dimensionality(trials, method="cvpca", ranks=ranks, allow_few="a task of the course").exponent)
    if is_near(found, right, within=0.03):
        return f"{right:.2f}: what both halves of the trials share is signal. Few stimuli and units still flatten it."
    means = trials.groupby("stimulus").mean().values
    naive = decay_exponent(np.linalg.eigvalsh(np.cov(means.T))[::-1], ranks)
    if is_near(found, naive, within=0.03):
        message = "this is the decay of the naive spectrum, noise and all: it is flatter than the signal's."
        raise Off(message)
    if is_near(found, -right, within=0.03):
        message = "the sign: an exponent a means that variance falls as rank ** -a."
        raise Off(message)
    single = decay_exponent(np.linalg.eigvalsh(np.cov(trials.values.T))[::-1], ranks)
    if is_near(found, single, within=0.03):
        message = "this is the spectrum of single trials: nearly all of it is noise."
        raise Off(message)
    message = f"{found:.2f} is not it: cross-validated, and fitted to the ranks {ranks[0]} to {ranks[1]}?"
    raise Off(message)


def angles_on_ring(answer: Any, *, means: xr.DataArray) -> str:
    """The angle of each condition in the plane of the first two components."""
    found = np.deg2rad(values(answer, "the angles", like=means["stimulus"] * 1.0))
    true = np.deg2rad(means["stimulus"].values.astype(float))
    fits = [np.abs(np.exp(1j * (found - sign * true)).mean()) for sign in (1, -1)]
    if max(fits) > 0.97:
        way = "" if fits[0] > fits[1] else ", the other way round: a plane may be seen from behind"
        return f"in the right order, and evenly{way}. Nobody told the units that directions are a circle."
    radians = np.rad2deg(found)
    if max(np.abs(np.exp(1j * (radians - sign * true)).mean()) for sign in (1, -1)) > 0.97:
        message = "these are radians; give degrees."
        raise Off(message)
    if np.ptp(np.asarray(answer, dtype=float)) <= 180.5:
        message = (
            "they reach through half a circle only: arctan2(y, x) knows all four quarters, arctan(y / x) does not."
        )
        raise Off(message)
    message = f"they fit the directions by {max(fits):.2f} of 1. Are both components centred, and is it the first two?"
    raise Off(message)


TASKS: dict[str, Task] = {
    "03-1A": Task("A function of responses (stimulus, unit) that gives the participation ratio.", participation),
    "03-1B": Task("The participation ratio that white noise of 200 units shows to 400 stimuli.", expected_ratio),
    "03-2A": Task("The exponent by which the variance of the signal falls: one number.", honest_exponent),
    "03-4A": Task("The angle of each direction on the ring, in degrees.", angles_on_ring),
}
