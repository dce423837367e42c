"""The participation ratio: how many equally strong dimensions would spread the variance as widely."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dimensions.parts import Halves, choose_halves
from neurodata4ml.analysis.dimensions.population import unbiased_sums
from neurodata4ml.analysis.dimensions.responses import stimulus_responses
from neurodata4ml.dims import to_matrix

_N_SPLITS = 10
"""Splits that the ratios of all stimuli are averaged over: their own error is larger than what more would take off."""

_SLACK = 0.05
"""A ratio this far (relatively) past a bound is the estimate of one that lies at it: a line gives 0.99 or 1.01."""


def participation(x: xr.DataArray, *, seed: int = 0) -> xr.Dataset:
    """Return the participation ratio as observed, without noise, and of the population behind the sampled units.

    With C the covariance of mean responses over stimuli, PR = tr(C)^2 / tr(C^2): N for N equally strong dimensions,
    1 for one (Gao et al. 2017, bioRxiv 214262). The plain PR has three biases: noise left in the means looks like
    more dimensions; few stimuli T cannot show more than they are: white noise of N units gives T N / (T + N), not N
    (``bias_limit``); and N units show at most N. ``participation_ratio_cv`` removes the first: tr(C)^2 and tr(C^2) of
    the *signal* come from products of trials in different folds, each factor from its own half of the folds::

        PR_cv = < tr(H G_A H) tr(H G_B H) > / < tr(H G_A H . H G_B H) >

    with ``G = linear.stimuli.cross_gram``, H the centring over stimuli, < > the mean over 50 splits of folds into
    halves. ``participation_ratio_units`` removes the first two, ``participation_ratio_population`` all three: see
    ``population.unbiased_sums``.

    Returns
    -------
    Dataset of single numbers
        ``participation_ratio``, ``bias_limit``, ``participation_ratio_units``, ``participation_ratio_population`` (of
        mean responses: noise counts; NaN where no finite ratio is left: units that share nothing fill as many
        dimensions as there are units; neither is held to a bound: 5 of 4 units says "about all 4"), and for trials
        ``participation_ratio_cv``: NaN, with a warning, where a stimulus has fewer than four folds, no signal is left,
        or the ratio is none that can be: below 1, or above the number of units or of stimuli less one (by 5 %; closer
        ones are set to that bound). ``attrs["folds"]``:
        "block" or "trial".
    """
    trials, means, units = stimulus_responses(x, step="dimensionality")
    n_stimuli, n_units = means.shape
    gram = _centre(means @ means.T)
    result = xr.Dataset(
        {
            "participation_ratio": _ratio(np.trace(gram) ** 2, np.sum(gram**2)),
            "bias_limit": n_stimuli * n_units / (n_stimuli + n_units),
        },
        attrs={
            "n_stimuli": n_stimuli,
            "n_units": n_units,
            "bias": "participation_ratio counts noise as dimensions and cannot exceed what the stimuli span; white "
            "noise of this size gives bias_limit; participation_ratio_cv is free of noise, not of few stimuli or "
            "units; participation_ratio_units is free of noise and few stimuli, participation_ratio_population of few "
            "units too, and less certain",
        },
    )
    if "trial" not in trials.dims:
        return result.assign(_positive_ratios([unbiased_sums(means, means)]))
    halves = choose_halves(trials, seed, least=2, step="dimensionality")
    if halves is None:
        _warn_of_few(trials)
        result.attrs["folds"] = "trial"
        nothing = _positive_ratios([np.full((2, 2), np.nan)])
        return result.assign({"participation_ratio_cv": np.nan, **nothing})
    values = to_matrix(trials, rows="trial", columns=units)
    result["participation_ratio_cv"] = _without_noise(values, halves)
    result.attrs["folds"] = halves.kind
    return result.assign(_positive_ratios([unbiased_sums(*pair) for pair in halves.means(values, _N_SPLITS)]))


def _without_noise(values: np.ndarray, halves: Halves) -> float:
    """Return the participation ratio of the signal of these units."""
    grams = _half_grams(values, halves)
    total = np.trace(grams, axis1=2, axis2=3)
    ratio = _ratio(float(np.mean(total[0] * total[1])), float(np.vdot(grams[0], grams[1])) / grams.shape[1])
    most, reason = min(values.shape[1], grams.shape[-1] - 1), ""
    if not (ratio > 0 and total.mean() > 0):
        reason = "no signal is left without the noise"
    elif not 1 - _SLACK <= ratio <= (1 + _SLACK) * most:
        reason = f"too little signal is left without the noise: the estimate, {ratio:.3g}, is not within 1 to {most}"
    if reason:
        warnings.warn(f"dimensionality: no cross-validated participation ratio, because {reason}.", stacklevel=4)
    return float("nan") if reason else min(max(ratio, 1.0), float(most))


def _warn_of_few(trials: xr.DataArray) -> None:
    rarest = int(np.unique(trials["stimulus"].values, return_counts=True)[1].min())
    message = (
        f"dimensionality: no cross-validated participation ratio, because a stimulus was shown only {rarest} "
        f"times; two halves with two folds each need 4."
    )
    warnings.warn(message, stacklevel=4)


def _half_grams(values: np.ndarray, halves: Halves) -> np.ndarray:
    """Return centred ``cross_gram`` of both halves of every split (half, split, stimulus, stimulus), sharing sums."""
    sums, counts = halves.sums(values)
    n_folds, n_stimuli = sums.shape[:2]
    both = np.stack([halves.in_a, 1 - halves.in_a]).reshape(-1, n_folds).astype(np.float64)
    grams = _centre(_products_across(sums, both) / _products_across(counts, both))
    return grams.reshape(2, -1, n_stimuli, n_stimuli)


def _products_across(sums: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Return sum_{k != l} s_ik . s_jl over the folds k, l of each half (half, stimulus, stimulus)."""
    n_folds, n_stimuli, n_columns = sums.shape
    within = halves @ (sums @ sums.transpose(0, 2, 1)).reshape(n_folds, -1)
    total = (halves @ sums.reshape(n_folds, -1)).reshape(-1, n_stimuli, n_columns)
    across = total @ total.transpose(0, 2, 1)
    across -= within.reshape(across.shape)
    return np.asarray(across)


def _centre(gram: np.ndarray) -> np.ndarray:
    """Return H G H: the inner products after the mean over stimuli is taken out."""
    rows = gram.mean(axis=-1, keepdims=True)
    return np.asarray(gram - rows - rows.swapaxes(-1, -2) + rows.mean(axis=-2, keepdims=True))


def _ratio(square_of_trace: float, trace_of_square: float) -> float:
    return float(square_of_trace / trace_of_square) if trace_of_square > 0 else float("nan")


def _positive_ratios(sums: list[np.ndarray]) -> dict[str, float]:
    """Return ratios of mean numerators and mean denominators; NaN where either is not above zero."""
    names = ("participation_ratio_units", "participation_ratio_population")
    pairs = zip(names, np.mean(sums, axis=0), strict=True)
    return {name: float(above / below) if above > 0 and below > 0 else float("nan") for name, (above, below) in pairs}
