"""The noise ceiling: how similar to noisy responses a perfect model would be."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.reliability.noise_corrected import no_signal, with_halves
from neurodata4ml.analysis.reliability.redrawn import N_DRAWS, over_noise
from neurodata4ml.analysis.reliability.subject_ceiling import bounds_of_subjects, subject_dim
from neurodata4ml.analysis.reliability.trial_ceiling import (
    bounds_of_halves,
    ceiling_of_trials,
    fewest_in_a_half,
    rdms_of_halves,
    require_ceiling,
)
from neurodata4ml.analysis.reliability.trials import shown_trials
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import chosen_distance, within_reach
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

_N_SPLITS = {"responses": 60, "rdm": 10}
"""Random halves when none are asked for: few widen the interval, but those of RDMs take their time."""


def noise_ceiling(
    x: xr.DataArray | Mapping[str, xr.DataArray],
    *,
    metric: str = "cka_unbiased",
    distance: str | None = None,
    over: str = "subject",
    confidence: float = 0.95,
    n_groups: int = 20,
    n_splits: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """How similar to the observed responses a perfect model would be: one that knows the noise-free responses.

    Trials of one session give a ceiling over trials of these units. A dict of animals (or RDMs with a dim ``animal``
    or ``subject``) gives the bounds of Nili et al. 2014 (PLoS Comput Biol 10:e1003553) over animals.
    ``attrs["ceiling"]`` says which. A ceiling is an estimate with an interval: a perfect model lies above it half of
    the time, and a score above it is to be shown, not clipped. For one unit, see ``reliability``.

    Parameters
    ----------
    x : DataArray, or dict of animal to DataArray
        One session: trials (trial, unit), with the coordinate ``stimulus`` and perhaps ``block``.
        Many: RDMs (animal, stimulus, stimulus2), or a dict of trials, means (stimulus, unit) or RDMs of the same
        stimuli.
    metric : str
        One session. ``"cka_unbiased"``: sqrt(mean HSIC_1(K_A, K_B) / HSIC_1(K, K)) over random halves A, B of the
        trials. Pearson, cosine and their whitened forms on RDMs: sqrt(mean <d_A, d_B> / <d, d>) for the RDMs d of
        halves and of all trials; exact for ``"crossnobis"``. Rank metrics: the likeness of halves as a correlation
        of normal variables, stepped up by the noise of a half over that of all, and back: an approximation.
        All RDM metrics also get the bounds for predicting the RDM of one half: ``lower``, from the other half, and
        ``upper``, from both pooled, itself included.
        Many: any of these, and all on RDMs.
    distance : str, optional
        For metrics on RDMs; None is ``"crossnobis"`` for trials, as in ``compare``, else ``"correlation"``. All others
        are inflated by noise in all RDMs alike, so that the result for one session is no ceiling; a warning says so.
    over : "subject", "stimulus" or "both"
        Many only: what the intervals generalise to, by a jackknife that leaves out one at a time.
    confidence, n_groups : float, int
        Interval of the bounds. One session: ``low`` to ``high`` of ``ceiling`` for other noise of the same trials, by
        the wild bootstrap, with the degrees of freedom of ``n_groups`` groups of trials; see ``over_noise``.
    n_splits, seed : int, optional
        Random halves; 60 for ``"cka_unbiased"``, 10 for RDMs.

    Returns
    -------
    Dataset, unitless
        ``ceiling``, ``low``, ``high``. One session: for RDMs also ``lower`` and ``upper``; the first three are NaN,
        with a warning, where the halves share no signal above the noise. Many: ``lower``, ``upper``, each with
        ``*_low`` and ``*_high``; ``ceiling`` between them from pairs of subjects; ``low`` to ``high``, from
        the low end of ``lower`` to the high end of ``upper``, is what holds the score of the true model.
        ``attrs["undefined"]`` says why what is NaN is; "" where nothing is.

    Raises
    ------
    DesignError
        A metric without a ceiling, too few stimuli, repeats or subjects, values that are not finite real numbers.
    DimensionError
        No labelled array, other dims, or subjects that saw different stimuli.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_groups, "n_groups", least=2)
    require_whole(n_splits, "n_splits", least=1, left_out="as many as the metric needs")
    require_confidence(confidence, step="noise_ceiling")
    if not isinstance(x, xr.DataArray) or subject_dim(x) is not None:
        return bounds_of_subjects(x, metric=metric, distance=distance, over=over, confidence=confidence)
    promise = require_ceiling(metric)
    distance = chosen_distance(distance, from_trials=True)
    n_splits = n_splits or _N_SPLITS[promise.on]
    shown = shown_trials(x, step="noise_ceiling")
    reached = shown if promise.on == "rdm" and DISTANCES[distance].units == "same" else within_reach(shown)
    trials, half = with_halves(reached, n_splits=n_splits, seed=seed, step="noise_ceiling")
    stimuli = np.unique(trials.coords["stimulus"].values)
    _check_design(trials, half, stimuli, metric, distance)
    statistic = ceiling_of_trials(half, trials, metric, distance)
    drawn = {"n_groups": n_groups, "n_draws": N_DRAWS, "seed": seed}
    found = over_noise(statistic, trials, confidence=confidence, **drawn)
    out = _labelled(found)
    if promise.on == "rdm":
        lower, upper = bounds_of_halves(rdms_of_halves(half, trials, distance)(trials)[0], metric)
        out = out.assign(lower=lower, upper=upper)
    undefined = _undefined(found)
    if undefined:
        warnings.warn(undefined, stacklevel=2)
    elif promise.on == "rdm" and distance != "crossnobis":
        warnings.warn(_inflated(distance), stacklevel=2)
    on_rdm = {"distance": distance} if promise.on == "rdm" else {}
    of = "RDM" if promise.on == "rdm" else "observed trial means"
    out.attrs = {
        **provenance(shown),
        "metric": metric,
        "ceiling": f"{metric} of the noise-free responses with the {of} of all trials; this session, these units",
        "folds": trials.attrs["folds"],
        "over": "trials; stimuli and units are fixed",
        "confidence": confidence,
        "undefined": undefined,
        **on_rdm,
    }
    return add_step(out, "noise_ceiling", metric=metric, **on_rdm, n_splits=n_splits, seed=seed)


def _undefined(found: xr.Dataset) -> str:
    """Say why there is no ceiling; "" where there is one."""
    return "" if bool(found["low"].sel(bound="own") > 0) else no_signal(["x"])


def _labelled(found: xr.Dataset) -> xr.Dataset:
    """Return the ceiling with its interval, NaN unless what halves share is above 0."""
    signal = bool(found["low"].sel(bound="own") > 0)
    one = found[["estimate", "low", "high"]].sel(bound="ceiling", drop=True)
    return one.rename(estimate="ceiling").where(signal)


def _inflated(distance: str) -> str:
    return (
        f'distance="{distance}" is not cross-validated: noise inflates it in all RDMs alike, so that this is no '
        f'ceiling, and a perfect model may lie above or below it. Type distance="crossnobis".'
    )


def _check_design(x: xr.DataArray, half: np.ndarray, stimuli: np.ndarray, metric: str, distance: str) -> None:
    n_needed = METRICS[metric].min_stimuli
    if len(stimuli) < n_needed:
        message = f"{metric} needs at least {n_needed} stimuli; got {len(stimuli)}. Choose another column with by=."
        raise DesignError(message)
    if metric != "cka_unbiased" and distance == "crossnobis" and fewest_in_a_half(x, half, stimuli) < 2:
        message = (
            "The ceiling of crossnobis RDMs needs 2 trials of every stimulus in each half of the trials. "
            'Drop stimuli with fewer than 4 trials, or type distance="correlation".'
        )
        raise DesignError(message)
