"""The ceiling of one session: how like its noisy trial means, or their RDM, the noise-free responses would be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.reliability.half_rdms import Design, half_rdms
from neurodata4ml.analysis.reliability.noise_corrected import root, self_similarity
from neurodata4ml.analysis.reliability.pooling import LIKE_CORRELATION, is_linear, pooled
from neurodata4ml.analysis.similarity.metrics import METRICS, Metric
from neurodata4ml.analysis.similarity.representations import represent
from neurodata4ml.errors import DesignError

_NOISIER = (2.0, 6.0)
"""A half's noise variance over that of all trials: 2 where it falls as 1 / n, up to 6 for a crossnobis of 4 blocks."""

Statistic = Callable[[xr.DataArray], xr.DataArray]
Rdms = Callable[[xr.DataArray], tuple[np.ndarray, np.ndarray]]


def require_ceiling(metric: str) -> Metric:
    """Return the metric by name if it has a ceiling.

    Raises
    ------
    DesignError
        The metric is unknown, or what noise does to it is not known.
    """
    known = [name for name, other in METRICS.items() if name == "cka_unbiased" or has_rdm_ceiling(name, other)]
    if metric not in known:
        message = f"There is no noise ceiling for the metric {metric!r}. Type one of {', '.join(known)}."
        raise DesignError(message)
    return METRICS[metric]


def has_rdm_ceiling(name: str, metric: Metric) -> bool:
    """Whether it compares RDMs by an angle, or by ranks: what noise does to others is not known."""
    return metric.on == "rdm" and (name in LIKE_CORRELATION or is_linear(metric))


def ceiling_of_trials(half: np.ndarray, trials: xr.DataArray, metric: str, distance: str) -> Statistic:
    """Return the function from ``trials``, some perhaps left out, to what two halves share ("own") and the "ceiling".

    Parameters
    ----------
    half : ndarray of bool (trial, split)
    trials : DataArray (trial, unit)
        Both from ``with_halves``.
    metric, distance : str

    Returns
    -------
    callable DataArray (trial, unit) -> DataArray (bound)
    """
    stimuli = np.unique(trials.coords["stimulus"].values)

    def of_responses(part: xr.DataArray) -> xr.DataArray:
        own, observed, _ = self_similarity(part, half, len(stimuli))
        return _named(own, root(own / observed) if observed > 0 else np.nan)

    rdms = rdms_of_halves(half, trials, distance)
    angle = METRICS["rsa_pearson" if metric in LIKE_CORRELATION else metric]

    def of_rdms(part: xr.DataArray) -> xr.DataArray:
        halves, whole = rdms(part)
        if not halves.size or np.isnan(halves).any() or np.isnan(whole).any():
            return _named(np.nan, np.nan)
        own, share, noisier = _shares(whole, halves, angle)
        if metric in LIKE_CORRELATION:
            own = float(np.mean([METRICS[metric](a, b) for a, b in halves]))
            return _named(own, _of_ranks(own, noisier, metric))
        return _named(own, root(share))

    return of_responses if METRICS[metric].on == "responses" else of_rdms


def bounds_of_halves(halves: np.ndarray, metric: str) -> tuple[float, float]:
    """Return how like the RDMs of two halves are, and how like each is to the pool of both, itself included.

    ``halves`` is (n_splits, 2, n_pairs), from ``rdms_of_halves``.
    """
    similarity = METRICS[metric]
    lower = np.mean([similarity(a, b) for a, b in halves])
    both = [pooled([a, b], metric) for a, b in halves]
    upper = np.mean([similarity(a, c) + similarity(b, c) for (a, b), c in zip(halves, both, strict=True)]) / 2
    return float(lower), float(upper)


def rdms_of_halves(half: np.ndarray, trials: xr.DataArray, distance: str) -> Rdms:
    """Return the function from ``trials``, some perhaps left out, to the RDMs of halves and of all.

    Returns
    -------
    callable DataArray (trial, unit) -> (ndarray (n_splits, 2, n_pairs), ndarray (n_pairs,))
        Pairs that are undefined in any RDM of all trials are left out; empty where a half lacks trials of a stimulus.
    """
    stimuli, folds = (np.unique(trials.coords[name].values) for name in ("stimulus", "fold"))
    codes = np.searchsorted(stimuli, trials.coords["stimulus"].values)
    design = Design.of(codes, np.searchsorted(folds, trials.coords["fold"].values), half)

    def of_crossnobis(part: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
        stimulus = np.searchsorted(stimuli, part.coords["stimulus"].values)
        fold = np.searchsorted(folds, part.coords["fold"].values)
        halves = half_rdms(part.values, stimulus, fold, half[part.coords["row"].values], design)
        all_trials = np.ones((len(stimulus), 1), dtype=bool)
        in_blocks = Design(len(stimuli), len(folds), len(folds) < len(codes))
        return halves, half_rdms(part.values, stimulus, fold, all_trials, in_blocks)[0, 0]

    def of_others(part: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
        if fewest_in_a_half(part, half, stimuli) < 1:
            return np.empty(0), np.empty(0)
        rows = half[part.coords["row"].values].T
        parts = [part.isel(trial=np.flatnonzero(side)) for column in rows for side in (column, ~column)]
        found = np.stack([_pairs_of(one, stimuli, distance) for one in (part, *parts)])
        found = found[:, ~np.isnan(found).any(axis=0)]
        return found[1:].reshape(len(rows), 2, -1), found[0]

    return of_crossnobis if distance == "crossnobis" else of_others


def fewest_in_a_half(x: xr.DataArray, half: np.ndarray, stimuli: np.ndarray) -> int:
    """Return the smallest number of trials that a stimulus has in a half."""
    half = half[x.coords["row"].values]
    stimulus = np.searchsorted(stimuli, x.coords["stimulus"].values)
    first = np.stack([np.bincount(stimulus[column], minlength=len(stimuli)) for column in half.T])
    return int(min(first.min(), (np.bincount(stimulus, minlength=len(stimuli)) - first).min()))


def _shares(whole: np.ndarray, halves: np.ndarray, metric: Metric) -> tuple[float, float, float]:
    """Return <d_A, d_B>, its share of <d, d>, and by how much a half is noisier than the whole."""
    prepared = [(metric.prepare(a), metric.prepare(b)) for a, b in halves]
    own = float(np.mean([np.sum(a * b) for a, b in prepared]))
    of_halves = float(np.mean([np.sum(a * a) + np.sum(b * b) for a, b in prepared])) / 2
    of_whole = float(np.sum(metric.prepare(whole) ** 2))
    excess = of_whole - own
    noisier = (of_halves - own) / excess if excess > 0 else np.inf
    return own, own / of_whole if of_whole > 0 else np.nan, float(np.clip(noisier, *_NOISIER))


def _of_ranks(between_halves: float, noisier: float, metric: str) -> float:
    """Step up from halves to the whole as for correlations, on whose scale ranks of normal variables stand."""
    to_correlation, back = LIKE_CORRELATION[metric]
    r = to_correlation(between_halves)
    return back(root(noisier * r / (1 + (noisier - 1) * r)))


def _pairs_of(x: xr.DataArray, stimuli: np.ndarray, distance: str) -> np.ndarray:
    """Return the pairs above the diagonal of the RDM of some trials."""
    return np.asarray(represent(x, stimuli, METRICS["rsa_tau_a"], distance=distance).values)


def _named(own: float, ceiling: float) -> xr.DataArray:
    return xr.DataArray([own, ceiling], coords={"bound": ["own", "ceiling"]})
