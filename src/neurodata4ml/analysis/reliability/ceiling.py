"""The noise ceiling: how similar to noisy responses a perfect model would be."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.reliability.noise_corrected import has_signal, no_signal, self_similarity, with_halves
from neurodata4ml.analysis.similarity.metrics import METRICS, centred
from neurodata4ml.analysis.similarity.representations import chosen_distance, represent
from neurodata4ml.dims import add_step, presented, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

_BOUNDS = ["own", "ceiling", "lower", "upper"]

_N_SPLITS = {"responses": 60, "rdm": 10}
"""Random halves when none are asked for: few widen the jackknife's interval, but those of RDMs take their time."""


def noise_ceiling(
    x: xr.DataArray,
    *,
    metric: str = "cka_unbiased",
    distance: str | None = None,
    confidence: float = 0.95,
    n_groups: int = 20,
    n_splits: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """How similar to the observed trial means a perfect model would be: one that knows the noise-free responses.

    For one session: a ceiling over trials of these units, not over animals. ``attrs["ceiling"]`` says which.

    Parameters
    ----------
    x : DataArray (trial, unit), with the coordinate ``stimulus`` and perhaps ``block``
    metric : str
        ``"cka_unbiased"``: sqrt(mean HSIC_1(K_A, K_B) / HSIC_1(K, K)) over random halves A, B of the trials.
        ``"rsa_pearson"``, ``"rsa_cosine"``: sqrt(mean <d_A, d_B> / <d, d>) for the RDMs d (centred for Pearson) of
        halves and of all trials; exact for ``"crossnobis"``. Rank metrics: sqrt(2 r / (1 + r)) from the similarity r
        of the RDMs of two halves, an approximation.
        All RDM metrics also get the bounds for predicting the RDM of one half: ``lower`` = r, from the other
        half, and ``upper``, from both halves pooled, itself included (Nili et al. 2014, PLoS Comput Biol
        10:e1003553, with halves for subjects).
    distance : str, optional
        For metrics on RDMs; None is ``"crossnobis"``, as in ``compare`` of trials. All others are inflated by noise
        in all RDMs alike, so that the result is no ceiling; a warning says so.
    confidence, n_groups : float, int
        Interval ``low`` to ``high`` of ``ceiling``, from ``jackknife``.
    n_splits, seed : int, optional
        Random halves; 60 for ``"cka_unbiased"``, 10 for RDMs.

    Returns
    -------
    Dataset with ``ceiling``, ``low``, ``high``, and for RDMs ``lower`` and ``upper``; unitless
        The first three are NaN, with a warning, where the halves share no signal above the noise.

    Raises
    ------
    DesignError
        A metric without a ceiling, too few stimuli or repeats, values that are not finite.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_groups, "n_groups", least=2)
    require_whole(n_splits, "n_splits", least=1, left_out="as many as the metric needs")
    promise = METRICS.get(metric)
    if promise is None or (metric != "cka_unbiased" and promise.on != "rdm"):
        known = ["cka_unbiased", *(name for name, other in METRICS.items() if other.on == "rdm")]
        message = f"There is no noise ceiling for the metric {metric!r}. Type one of {', '.join(known)}."
        raise DesignError(message)
    distance = chosen_distance(distance, from_trials=True)
    x = presented(x, step="noise_ceiling")
    n_splits = n_splits or _N_SPLITS["rdm" if promise.on == "rdm" else "responses"]
    trials, half = with_halves(x, n_splits=n_splits, seed=seed, step="noise_ceiling")
    stimuli = np.unique(trials.coords["stimulus"].values)
    _check_design(trials, half, stimuli, metric, distance)

    def statistic(part: xr.DataArray) -> xr.DataArray:
        if metric == "cka_unbiased":
            own, observed, _ = self_similarity(part, half, len(stimuli))
            return _bounds(own, own / observed if observed > 0 else np.nan)
        return _rsa_bounds(part, half, stimuli, metric, distance)

    found = jackknife(statistic, trials, n_groups=n_groups, confidence=confidence)
    signal = bool(has_signal(found.sel(bound="own", drop=True)))
    out = found[["estimate", "low", "high"]].sel(bound="ceiling", drop=True).rename(estimate="ceiling").where(signal)
    for bound in found["bound"].values[2:]:
        out[bound] = found.estimate.sel(bound=bound, drop=True)
    if not signal:
        warnings.warn(no_signal(["x"]), stacklevel=2)
    elif promise.on == "rdm" and distance != "crossnobis":
        message = (
            f'distance="{distance}" is not cross-validated: noise inflates it in all RDMs alike, so that this is no '
            f'ceiling, and a perfect model may lie above or below it. Type distance="crossnobis".'
        )
        warnings.warn(message, stacklevel=2)
    on_rdm = {"distance": distance} if promise.on == "rdm" else {}
    of = "RDM" if promise.on == "rdm" else "observed trial means"
    out.attrs = {
        **provenance(x),
        "metric": metric,
        "ceiling": f"{metric} of the noise-free responses with the {of} of all trials; this session, these units",
        "folds": trials.attrs["folds"],
        "confidence": confidence,
        **on_rdm,
    }
    return add_step(out, "noise_ceiling", metric=metric, **on_rdm, n_splits=n_splits, seed=seed)


def _check_design(x: xr.DataArray, half: np.ndarray, stimuli: np.ndarray, metric: str, distance: str) -> None:
    n_needed = METRICS[metric].min_stimuli
    if len(stimuli) < n_needed:
        message = f"{metric} needs at least {n_needed} stimuli; got {len(stimuli)}. Choose another column with by=."
        raise DesignError(message)
    if metric == "cka_unbiased":
        return
    if distance == "crossnobis" and _fewest(x, half, stimuli) < 2:
        message = (
            "The ceiling of crossnobis RDMs needs 2 trials of every stimulus in each half of the trials. "
            'Drop stimuli with fewer than 4 trials, or type distance="correlation".'
        )
        raise DesignError(message)


def _fewest(x: xr.DataArray, half: np.ndarray, stimuli: np.ndarray) -> int:
    """Return the smallest number of trials that a stimulus has in a half."""
    half = half[x.coords["row"].values]
    stimulus = np.searchsorted(stimuli, x.coords["stimulus"].values)
    first = np.stack([np.bincount(stimulus[column], minlength=len(stimuli)) for column in half.T])
    return int(min(first.min(), (np.bincount(stimulus, minlength=len(stimuli)) - first).min()))


def _rsa_bounds(x: xr.DataArray, half: np.ndarray, stimuli: np.ndarray, metric: str, distance: str) -> xr.DataArray:
    """Return own, ceiling, lower and upper bound; NaN when a half has too few trials of a stimulus."""
    if _fewest(x, half, stimuli) < (2 if distance == "crossnobis" else 1):
        return _bounds(np.nan, np.nan, np.nan, np.nan)
    halves = half[x.coords["row"].values]
    pairs = [_rdm_halves(x, column, stimuli, metric, distance) for column in halves.T]
    own = lower = np.mean([METRICS[metric](a, b) for a, b in pairs])
    pooled = [(a, b, _pooled(a, b, metric)) for a, b in pairs]
    upper = np.mean([(METRICS[metric](a, both) + METRICS[metric](b, both)) / 2 for a, b, both in pooled])
    shared = 2 * lower / (1 + lower)
    if metric in ("rsa_pearson", "rsa_cosine"):
        prepare = METRICS[metric].prepare
        whole = represent(x, stimuli, METRICS[metric], distance=distance).values
        own = np.mean([np.dot(prepare(a), prepare(b)) / len(a) for a, b in pairs])
        shared = own / np.mean(prepare(whole[~np.isnan(whole)]) ** 2)
    return _bounds(float(own), float(shared), float(lower), float(upper))


def _bounds(own: float, shared: float, *others: float) -> xr.DataArray:
    """Return what two halves share, the ceiling (the root of its fraction, ``shared``), and any other bounds."""
    values = [own, np.sqrt(shared) if shared > 0 else np.nan, *others]
    return xr.DataArray(values, coords={"bound": _BOUNDS[: len(values)]})


def _rdm_halves(
    x: xr.DataArray, first: np.ndarray, stimuli: np.ndarray, metric: str, distance: str
) -> tuple[np.ndarray, np.ndarray]:
    parts = [x.isel(trial=np.flatnonzero(part)) for part in (first, ~first)]
    a, b = (represent(part, stimuli, METRICS[metric], distance=distance).values for part in parts)
    defined = ~(np.isnan(a) | np.isnan(b))
    return a[defined], b[defined]


def _pooled(a: np.ndarray, b: np.ndarray, metric: str) -> np.ndarray:
    """Average two RDMs so that the average is as similar to both as can be (Nili et al. 2014)."""
    if metric == "rsa_cosine":
        return np.asarray(a / np.linalg.norm(a) + b / np.linalg.norm(b))
    if metric == "rsa_pearson":
        a, b = centred(a), centred(b)
        return np.asarray(a / np.linalg.norm(a) + b / np.linalg.norm(b))
    return np.asarray(stats.rankdata(a) + stats.rankdata(b))
