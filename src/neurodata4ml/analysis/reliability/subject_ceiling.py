"""The ceiling over animals or subjects: how well the others predict each one, and how well all together do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from scipy import stats
from scipy.spatial.distance import squareform

from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.reliability.pooling import LIKE_CORRELATION, pooled
from neurodata4ml.analysis.reliability.trial_ceiling import has_rdm_ceiling
from neurodata4ml.analysis.reliability.trials import shown_trials
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import (
    chosen_distance,
    represent,
    told_distance,
    within_reach,
)
from neurodata4ml.dims import add_step, provenance, require_array
from neurodata4ml.errors import DesignError, DimensionError

_SUBJECTS = ("subject", "animal")
_OVER = ("subject", "stimulus", "both")
_BOUNDS = ["lower", "upper", "ceiling"]


def subject_dim(x: xr.DataArray) -> str | None:
    """Return the dim of subjects, if there is one."""
    return next((name for name in _SUBJECTS if name in x.dims), None)


def bounds_of_subjects(
    x: xr.DataArray | Mapping[str, xr.DataArray], *, metric: str, distance: str | None, over: str, confidence: float
) -> xr.Dataset:
    """Lower and upper bound of what any model can reach on average over subjects, and their intervals.

    ``upper``: the mean similarity of each subject's RDM to the pool of all, itself included: no RDM is more like them
    all (for tau-a, nearly). ``lower``: to the pool of all others. ``ceiling``: from the mean similarity r of pairs of
    subjects, on the scale of correlations, sqrt(r): what the truth reaches if subjects differ by noise alone.
    Pools: ``pooled``.

    Parameters
    ----------
    x, metric, distance, over, confidence
        As in ``noise_ceiling``.

    Returns
    -------
    Dataset; see ``noise_ceiling``

    Raises
    ------
    DesignError
        One subject, no such metric or ``over``, fewer than 4 stimuli, a subject whose RDM does not vary.
    DimensionError
        Subjects saw different stimuli.
    """
    subjects = _by_name(x)
    if over not in _OVER:
        message = f"over={over!r} is unknown. Type one of {', '.join(_OVER)}."
        raise DesignError(message)
    known = [name for name, other in METRICS.items() if has_rdm_ceiling(name, other)]
    if metric not in known:
        message = f"Bounds over subjects compare RDMs; there are none for {metric!r}. Type one of {', '.join(known)}."
        raise DesignError(message)
    stimuli = _common_stimuli(subjects)
    distance = chosen_distance(distance, from_trials=any("trial" in one.dims for one in subjects.values()))
    if DISTANCES[distance].units != "same":
        subjects = {name: one if "stimulus2" in one.dims else within_reach(one) for name, one in subjects.items()}
    rank = METRICS["rsa_tau_a"]
    rdms = [represent(one, stimuli, rank, distance=distance).values for one in subjects.values()]
    _refuse_constant(dict(zip(subjects, rdms, strict=True)), metric)
    told, mixed = told_distance(subjects, distance)
    if mixed:
        warnings.warn(mixed, stacklevel=3)
    squares = np.stack([squareform(one, checks=False) for one in rdms])
    out = _intervals(squares, metric, over, confidence)
    undefined = _undefined(out, over, len(subjects))
    if undefined:
        warnings.warn(undefined, stacklevel=3)
    out.attrs = {
        **provenance(*subjects.values()),
        "metric": metric,
        **({"distance": told} if told else {}),
        "ceiling": f"{metric} of the true RDM with those of {len(subjects)} subjects, on average over subjects",
        "n_subjects": len(subjects),
        "n_stimuli": len(stimuli),
        "over": over,
        "pooled": "ranks (approximate for tau-a)" if metric in LIKE_CORRELATION else "each RDM scaled to length 1",
        "confidence": confidence,
        "undefined": undefined,
    }
    return add_step(out, "noise_ceiling", metric=metric, distance=distance, over=over)


def _refuse_constant(rdms: dict[str, np.ndarray], metric: str) -> None:
    """Refuse a subject that is like none, not even itself, and subjects that share no distance."""
    for name, pairs in rdms.items():
        known = pairs[~np.isnan(pairs)]
        if not len(known):
            message = (
                f"No distance of {name!r} is defined: its responses are the same in all units or to all stimuli. "
                f'Leave it out, or type distance="euclidean".'
            )
            raise DesignError(message)
        if np.ptp(known) == 0 and not (known[0] and metric.startswith("rsa_cosine")):
            message = f"All distances of {name!r} are equal, and no other subject can be like it. Leave it out."
            raise DesignError(message)
    if not (~np.isnan(np.stack(list(rdms.values()))).any(axis=0)).any():
        message = (
            "No pair of stimuli has a distance in all subjects: each lacks some, where a response is the same in all "
            'units. Type distance="euclidean", or leave out the subject that lacks most.'
        )
        raise DesignError(message)


def _undefined(out: xr.Dataset, over: str, n_subjects: int) -> str:
    """Say why the ceiling or its interval is NaN; "" where neither is."""
    if bool(out["ceiling"].isnull()):
        return "Subjects share nothing above 0: the mean similarity of pairs of subjects is negative or undefined."
    if bool(out["low"].isnull()):
        return f"No interval over {over} can be given (NaN) with {n_subjects} subjects; 3 or more allow one."
    return ""


def _by_name(x: xr.DataArray | Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    if isinstance(x, xr.Dataset) or not isinstance(x, Mapping):
        require_array(x, step="noise_ceiling")
    if isinstance(x, xr.DataArray):
        dim = str(subject_dim(x))
        names = x.coords[dim].values if dim in x.coords else np.arange(x.sizes[dim])
        x = {str(name): x.isel({dim: i}, drop=True) for i, name in enumerate(names)}
    if not len(x):
        message = (
            "noise_ceiling got an empty dict. Hand in the trials of one session, or a dict of at least 2 animals, "
            'noise_ceiling({"a": first, "b": second}).'
        )
        raise DesignError(message)
    if len(x) < 2:
        message = f"Bounds over subjects need at least 2 of them; got {len(x)}. For one, hand in its trials alone."
        raise DesignError(message)
    return {name: shown_trials(one, step="noise_ceiling") for name, one in x.items()}


def _common_stimuli(subjects: dict[str, xr.DataArray]) -> np.ndarray:
    sets = {}
    for name, one in subjects.items():
        if "stimulus" not in one.coords:
            message = (
                f"noise_ceiling matches stimuli by label, and {name!r} has none. Type x.assign_coords(stimulus=...)."
            )
            raise DimensionError(message)
        sets[name] = np.unique(one.coords["stimulus"].values)
    first = next(iter(sets.values()))
    for name, stimuli in sets.items():
        if not np.array_equal(stimuli, first):
            shared = np.intersect1d(stimuli, first)
            message = (
                f"Bounds over subjects need the same stimuli in all; {name!r} shares {len(shared)} of {len(first)} "
                f"with the first. Select them: x.sel(stimulus=shared), or x.isel(trial=x.stimulus.isin(shared).values)."
            )
            raise DimensionError(message)
    if len(first) < 4:
        message = f"Bounds over subjects need at least 4 stimuli; got {len(first)}. Choose another column with by=."
        raise DesignError(message)
    return np.asarray(first)


def _intervals(squares: np.ndarray, metric: str, over: str, confidence: float) -> xr.Dataset:
    """Jackknife over subjects, over stimuli, or both, whose variances add."""
    n_subjects, n_stimuli = squares.shape[:2]
    estimate = _bounds(squares, metric)
    variance, freedom = np.zeros(len(_BOUNDS)), np.inf
    if over in ("subject", "both"):
        replicates = [_bounds(np.delete(squares, i, axis=0), metric) for i in range(n_subjects)]
        variance, freedom = variance + _jackknife_variance(replicates), min(freedom, n_subjects - 1)
    if over in ("stimulus", "both"):
        kept = (np.delete(np.arange(n_stimuli), i) for i in range(n_stimuli))
        replicates = [_bounds(squares[:, k][:, :, k], metric) for k in kept]
        variance, freedom = variance + _jackknife_variance(replicates), min(freedom, n_stimuli - 1)
    width = stats.t.ppf(0.5 + confidence / 2, freedom) * np.sqrt(variance)
    out = xr.Dataset({name: estimate[i] for i, name in enumerate(_BOUNDS)})
    for i, name in enumerate(_BOUNDS[:2]):
        out[f"{name}_low"], out[f"{name}_high"] = estimate[i] - width[i], estimate[i] + width[i]
    return out.assign(low=out["lower_low"], high=out["upper_high"])


def _bounds(squares: np.ndarray, metric: str) -> np.ndarray:
    """Return lower bound, upper bound and the ceiling from pairs; NaN for one subject."""
    pairs_of = squares[:, *np.triu_indices(squares.shape[1], 1)]
    vectors = list(pairs_of[:, ~np.isnan(pairs_of).any(axis=0)])
    if len(vectors) < 2 or not len(vectors[0]):
        return np.full(len(_BOUNDS), np.nan)
    similarity = METRICS[metric]
    everyone = pooled(vectors, metric)
    upper = np.mean([similarity(one, everyone) for one in vectors])
    others = [pooled(vectors[:i] + vectors[i + 1 :], metric) for i in range(len(vectors))]
    lower = np.mean([similarity(one, other) for one, other in zip(vectors, others, strict=True)])
    pairs = [similarity(a, b) for i, a in enumerate(vectors) for b in vectors[:i]]
    return np.array([lower, upper, _root_on(float(np.mean(pairs)), LIKE_CORRELATION.get(metric, (float, float)))])


def _root_on(r: float, scale: tuple[Callable[[float], float], Callable[[float], float]]) -> float:
    to_correlation, back = scale
    return back(float(np.sqrt(to_correlation(r)))) if r > 0 else np.nan


def _jackknife_variance(replicates: list[np.ndarray]) -> np.ndarray:
    values = np.stack(replicates)
    return np.asarray((len(values) - 1) / len(values) * np.sum((values - values.mean(axis=0)) ** 2, axis=0))
