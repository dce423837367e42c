"""How far an answer varies with the noise of the trials: the noise drawn anew around the mean responses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.reliability.groups import left_out_together
from neurodata4ml.analysis.reliability.noise_corrected import self_similarity

N_DRAWS = 60
"""Draws of the noise: the width of an interval varies by 9 %."""


def over_noise(
    statistic: Callable[[xr.DataArray], xr.DataArray],
    x: xr.DataArray,
    *,
    n_groups: int,
    n_draws: int,
    confidence: float,
    seed: int,
) -> xr.Dataset:
    """Interval of a statistic for other noise of the same trials: the wild bootstrap of residuals.

    A ceiling is a ratio in which all that is linear in the noise cancels. What is left are products of the noise of
    two trials and more, whose variance a jackknife over trials overstates: by c (n - 1) / (n - c) where c of n groups
    meet (Efron & Stein 1981, Ann. Stat. 9:586), in 6 repeats by 2.5 to 10. Here every trial keeps its residual, of
    random sign, and the mean responses are shrunk by the share of noise in their variance (Wu 1986,
    Ann. Stat. 14:1261, section 7; Liu 1988, Ann. Stat. 16:1696). The interval is ``estimate -+ t * se`` with as many
    degrees of freedom as a jackknife of the trials would have.

    Parameters
    ----------
    statistic : callable DataArray (trial, unit) -> DataArray
    x : DataArray (trial, unit) with the coordinate ``stimulus`` and perhaps ``block``
    n_groups : int
        Groups of trials that a jackknife would leave out; only their number counts. See ``left_out_together``.
    n_draws, confidence, seed : int, float, int

    Returns
    -------
    Dataset with ``estimate``, ``se``, ``low``, ``high``
        NaN where the statistic is NaN in more than a tenth of the draws.
    """
    rng = np.random.default_rng(seed)
    signal, residual = _parts(x)
    signs = [rng.choice([-1.0, 1.0], len(residual)) for _ in range(n_draws)]
    draws = in_threads(lambda sign: statistic(x.copy(data=signal + sign[:, None] * residual)), signs)
    estimate, drawn = statistic(x), xr.concat(draws, dim="draw")
    se = drawn.std("draw", ddof=1).where(drawn.isnull().mean("draw") <= _UNDEFINED)
    freedom = int(left_out_together(x, n_groups)[0].max())
    width = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * se
    return xr.Dataset({"estimate": estimate, "se": se, "low": estimate - width, "high": estimate + width})


def has_signal(own: xr.Dataset, trials: xr.DataArray, half: np.ndarray, *, n_groups: int) -> xr.DataArray:
    """Return whether what two halves of the trials share is above 0, by its interval and in every replicate.

    Near 0 its root, which a corrected similarity is divided by, can be anything. Where no trial can be left out
    (2 or 3 repeats), the interval is that of ``over_noise``; what has none has no signal.

    Parameters
    ----------
    own : Dataset
        ``estimate`` and ``replicate`` of the shared signal, from a jackknife of the trials.
    trials : DataArray (trial, unit)
    half : ndarray of bool (trial, split)
        Both from ``with_halves``.
    n_groups : int
    """
    low = interval(own.estimate, own.replicate).low
    if bool(low.isnull()):
        n_stimuli = len(np.unique(trials.coords["stimulus"].values))

        def shared(part: xr.DataArray) -> xr.DataArray:
            return xr.DataArray(self_similarity(part, half, n_stimuli)[0])

        low = over_noise(shared, trials, n_groups=n_groups, n_draws=N_DRAWS, confidence=0.95, seed=0).low
    found: xr.DataArray = (own.estimate > 0) & (low > 0) & ~(own.replicate <= 0).any("group")
    return found


_UNDEFINED = 0.1
"""Share of draws without a statistic beyond which its spread is not known."""


def _parts(x: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return what each trial has of signal and of noise, (trial, unit) both.

    The signal of a unit has the variance over stimuli of its means less that of their noise; residuals are scaled to
    the variance of single trials.
    """
    stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)[1]
    means, counts = stimulus_means(np.asarray(x.values, dtype=np.float64), stimulus)[1], np.bincount(stimulus)
    residual = x.values - means[stimulus]
    residual *= np.sqrt(counts / np.maximum(counts - 1, 1))[stimulus][:, None]
    noise = np.sum(residual**2 / (counts**2)[stimulus][:, None], axis=0) / len(counts)
    variance = means.var(axis=0, ddof=1)
    share = np.clip(1.0 - np.divide(noise, variance, out=np.ones_like(noise), where=variance > 0), 0.0, 1.0)
    centre = means.mean(axis=0)
    signal = centre + np.sqrt(share) * (means - centre)
    return signal[stimulus], residual
