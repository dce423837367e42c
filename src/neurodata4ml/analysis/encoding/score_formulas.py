"""Formulas of encoding scores on plain numbers: held-out responses, predictions, and what is known of the noise."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-24
"""A sum of squares below this share of the squared values is rounding: all values are the same."""

LEAST_RELIABILITY = 0.1
"""The lower end of a reliability must lie above this before anything is divided by it.

Below, the ratio would be the noise of its denominator: normalised scores of 4.2.
"""


def correlation(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each column of held-out responses with its prediction.

    Parameters
    ----------
    truth, predicted : ndarray (n, n_targets)

    Returns
    -------
    ndarray (n_targets,), from -1 to 1; NaN for fewer than 2 rows, and for columns that are constant or not finite
    """
    t, p = centred(truth), centred(predicted)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(t * p, axis=0) / np.sqrt(_squares(t, truth)) / np.sqrt(_squares(p, predicted)))


def explained(truth: np.ndarray, predicted: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    """Share of variance that predictions explain, ``1 - sum (y - prediction)^2 / sum (y - reference)^2``.

    Parameters
    ----------
    truth, predicted : ndarray (n, n_targets)
    reference : ndarray (n, n_targets), optional
        What could be said without features: the mean of the training rows, for each test row. Left out, the mean of
        ``truth`` itself, which nobody knew beforehand: a little stricter.

    Returns
    -------
    ndarray (n_targets,), at most 1, below 0 where the reference predicts better; NaN for columns that are constant
    """
    own = centred(truth)
    from_reference = own if reference is None else truth - reference
    known = np.where(np.isnan(_squares(own, truth)), np.nan, np.sum(from_reference**2, axis=0))
    return np.asarray(1.0 - np.sum((truth - predicted) ** 2, axis=0) / known)


def cc_norm(
    truth: np.ndarray, predicted: np.ndarray, signal_power: np.ndarray, *, n_free: int | None = None
) -> np.ndarray:
    """Normalised correlation, ``cov(prediction, mean response) / sqrt(var(prediction) signal power)``.

    What the correlation with the noise-free response would be (Schoppe et al. 2016, Front. Comput. Neurosci. 10:10;
    signal power as in Sahani & Linden 2003).

    Parameters
    ----------
    truth, predicted : ndarray (n, n_targets)
    signal_power : ndarray (n_targets,), in squared units of ``truth``
        Variance (with n - 1) of the noise-free means between stimuli.
    n_free : int, optional
        Degrees of freedom of ``truth``: n - 1 unless more than one mean was taken out.

    Returns
    -------
    ndarray (n_targets,); above 1 by chance at times; NaN where the signal power is not above 0
    """
    t, p = centred(truth), centred(predicted)
    power = np.where(signal_power > 0, signal_power, np.nan) * (len(truth) - 1 if n_free is None else n_free)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(t * p, axis=0) / np.sqrt(_squares(p, predicted)) / np.sqrt(power))


def r2_er(truth: np.ndarray, predicted: np.ndarray, noise: np.ndarray, *, n_free: int | None = None) -> np.ndarray:
    """Squared correlation with the noise-free responses, nearly unbiased (Pospisil & Bair 2021, PLoS Comput. Biol. 17).

    ``((x.y)^2 - u x.x) / (x.x y.y - (m - 1) u x.x)`` with x predictions and y mean responses, both centred over the m
    stimuli, and u the noise variance of a mean response (v / n for n trials): r^2 with the noise taken out of numerator
    and denominator.

    Parameters
    ----------
    truth, predicted : ndarray (m, n_targets)
    noise : ndarray (n_targets,), in squared units of ``truth``
    n_free : int, optional
        Degrees of freedom, in place of m - 1 where more than one mean was taken out.

    Returns
    -------
    ndarray (n_targets,); below 0 or above 1 by chance at times; NaN where the responses vary no more than noise
    """
    y, x = centred(truth), centred(predicted)
    # divided by x.x throughout: no fourth powers, which would leave the range of float64
    along = np.sum(x * y, axis=0) / np.sqrt(_squares(x, predicted))
    below = _squares(y, truth) - (len(truth) - 1 if n_free is None else n_free) * noise
    return np.asarray((along**2 - noise) / np.where(below > 0, below, np.nan))


def r_ceiled(r: np.ndarray, reliability: np.ndarray) -> np.ndarray:
    """Correlation over that of a perfect model, ``r / sqrt(reliability)``; NaN where the reliability is not above 0.

    ``reliability`` is that of the mean responses: their expected correlation with as many new trials.
    """
    return np.asarray(r / np.sqrt(np.where(reliability > 0, reliability, np.nan)))


def r2_ceiled(r: np.ndarray, reliability: np.ndarray) -> np.ndarray:
    """Squared correlation over that of a perfect model, ``r^2 / reliability``; NaN where that is not above 0.

    A perfect model reaches r^2 = reliability. Brain-Score divides so today. Its former ``(r / reliability)^2`` says .71
    of a model that explains .50 of the signal; it is not offered.
    """
    return np.asarray(r**2 / np.where(reliability > 0, reliability, np.nan))


def lower_reliability(reliability: np.ndarray, n_stimuli: int, n_trials: int) -> np.ndarray:
    """Lower end of the 95 % interval of a reliability: ``1 - q (1 - R)``, q the 97.5 % quantile of the F distribution.

    With ``n_stimuli - 1`` and ``n_trials - n_stimuli`` degrees of freedom: exact for normal noise and equal repeats.
    """
    from scipy.stats import f

    if n_stimuli < 2 or n_trials <= n_stimuli:
        return np.full(np.shape(reliability), np.nan)
    return np.asarray(1.0 - f.ppf(0.975, n_stimuli - 1, n_trials - n_stimuli) * (1.0 - reliability))


def deviance_explained(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of Poisson deviance that predicted rates explain, ``1 - D(y, prediction) / D(y, mean of y)``.

    ``D(y, m) = 2 sum w (y log(y / m) - y + m)``: the pseudo-R2 of Poisson models (Cameron & Windmeijer 1996, J. Bus.
    Econ. Stat. 14:209), and scikit-learn's ``d2_tweedie_score`` with power 1.

    Parameters
    ----------
    truth, predicted : ndarray (n, n_targets)
        Counts, or mean counts, and rates in the same unit.
    weights : ndarray (n,), optional
        Trials behind each row.

    Returns
    -------
    ndarray (n_targets,), at most 1; NaN for negative or missing rates and for counts that are negative or all the same;
    minus infinity where a rate of 0 met a spike
    """
    w = _weights(truth, weights)
    null = np.sum(w * truth, axis=0)
    saturated = np.sum(w * _log_likelihood(truth, truth), axis=0)
    gained = saturated - np.sum(w * _log_likelihood(truth, predicted), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        possible = saturated - np.sum(w * _log_likelihood(truth, np.broadcast_to(null, truth.shape)), axis=0)
        changes = possible > 1e-12 * np.maximum(null, 1e-300)
        return np.asarray(1.0 - gained / np.where(changes, possible, np.nan))


def bits_per_spike(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Information that predicted rates add to the mean rate, ``(nll(mean of y) - nll(prediction)) / (spikes ln 2)``.

    As in the Neural Latents Benchmark (Pei et al. 2021, nlb_tools): the null model is the mean of the held-out counts.

    Parameters
    ----------
    truth, predicted, weights
        As for ``deviance_explained``; ``weights`` turn means into counts of all trials.

    Returns
    -------
    ndarray (n_targets,), bits; below 0 where the mean rate predicts better; NaN for targets without spikes and for
    negative or missing rates; minus infinity where a rate of 0 met a spike
    """
    n_trials = np.ones(len(truth)) if weights is None else weights
    spikes = np.sum(n_trials[:, None] * truth, axis=0)
    mean = np.broadcast_to(spikes / n_trials.sum(), truth.shape)
    gain = np.sum(n_trials[:, None] * (_log_likelihood(truth, predicted) - _log_likelihood(truth, mean)), axis=0)
    return np.asarray(gain / (np.where(spikes > 0, spikes, np.nan) * np.log(2)))


def centred(values: np.ndarray) -> np.ndarray:
    """Return values minus the mean of their column."""
    return np.asarray(values - values.mean(axis=0)) if len(values) else values


def _squares(about_mean: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return sums of squares; NaN for what is constant but for rounding, and for fewer than two rows."""
    found = np.sum(about_mean**2, axis=0)
    size = len(values) * np.max(np.square(values), axis=0, initial=0.0)
    return np.where((found > _ROUNDING * size) & (len(values) > 1), found, np.nan)


def _weights(truth: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    w = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(w / w.sum())[:, None]


def _log_likelihood(y: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return ``y log rate - rate``, of a rate of 0 and no spike 0; NaN for what is below 0."""
    from scipy.special import xlogy

    good = (y >= 0) & (rate >= 0)
    return np.where(good, xlogy(np.where(good, y, 0.0), np.where(good, rate, 1.0)) - np.where(good, rate, 0.0), np.nan)
