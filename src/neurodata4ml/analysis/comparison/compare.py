"""Compare two representations of the same stimuli: brain with network, area with area."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.ranking import among_best
from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.reliability.noise_corrected import (
    corrected_cka,
    has_signal,
    no_signal,
    unit_vectors,
    with_halves,
)
from neurodata4ml.analysis.similarity.metrics import METRICS, Metric
from neurodata4ml.analysis.similarity.representations import (
    Side,
    chosen_distance,
    null_of,
    represent,
    similarity_of,
    trial_values,
)
from neurodata4ml.dims import add_step, presented, provenance, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole

__all__ = ["METRICS", "among_best", "compare"]

Representation = xr.DataArray | Mapping[str, xr.DataArray]

_N_SHUFFLES = 20
"""Shuffles of the stimuli behind the null value of a metric without a closed form."""


def compare(
    x: Representation,
    y: Representation,
    *,
    metric: str = "cka_unbiased",
    distance: str | None = None,
    confidence: float = 0.95,
    n_groups: int = 20,
    n_splits: int = 20,
    seed: int = 0,
) -> xr.Dataset:
    """How alike two representations of the same stimuli are; every metric grows with likeness.

    Stimuli are matched by label, never by position. With single trials in ``x``, ``cka_unbiased`` is corrected for
    trial noise: it estimates the similarity of the noise-free responses of these units to these stimuli, and an
    interval says how far the trials determine it. Both regard stimuli and units as fixed. The corrected value may
    pass 1 by its error, and the interval of very noisy responses is too wide rather than too narrow. Where no signal
    is found above the noise it is NaN, with a warning.

    Parameters
    ----------
    x, y : DataArray, or dict of name to DataArray
        Mean responses or activations (stimulus, unit or feature), or RDMs (stimulus, stimulus2). ``x`` may
        be single trials (trial, unit) with the coordinate ``stimulus``, e.g. ``firing_rate(counts)``.
        Dicts (areas, layers) give the result the dims ``x`` and ``y``.
    metric : str
        A key of ``METRICS``.
    distance : str, optional
        For metrics on RDMs: a key of ``DISTANCES``. None: ``"crossnobis"`` where ``x`` holds single trials, as in
        ``noise_ceiling``, else ``"correlation"``; ``attrs["distance"]`` says which. With ``"crossnobis"``, arrays
        without trials get its estimand, the squared Euclidean distance.
    confidence : float
        Coverage of ``low`` to ``high``.
    n_groups, n_splits, seed : int
        Groups of the jackknife over trials (see ``jackknife``), and random halves of the trials.

    Returns
    -------
    Dataset, unitless
        ``similarity``; ``null_value``: what independent data of this size would give. With single trials also
        ``low``, ``high``, ``replicate`` (dim ``group``: one group of trials left out), for dicts of two or more
        candidates ``among_best`` and ``best`` (see ``among_best``), and for ``cka_unbiased`` ``raw``, the similarity
        of the observed means, and ``ceiling``, what a perfect model would reach in ``raw``.

    Raises
    ------
    DimensionError
        Dims or labels that do not fit.
    DesignError
        Too few stimuli for the metric, values that are not finite, an unknown name.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.eye(5), dims=("stimulus", "unit"), coords={"stimulus": list("abcde")})
    >>> compare(x, 3 * x.rename(unit="feature"), metric="procrustes").similarity.round(6).item()
    1.0
    """
    for value, name, least in ((seed, "seed", 0), (n_groups, "n_groups", 2), (n_splits, "n_splits", 1)):
        require_whole(value, name, least=least)
    promise = _metric(metric)
    xs = {name: presented(array, step="compare").compute() for name, array in _named(x, "x").items()}
    ys = _named(y, "y")
    distance = chosen_distance(distance, from_trials=any("trial" in array.dims for array in xs.values()))
    from_trials = _check_trials(xs, ys, promise, distance)
    labels = _labels(next(iter(xs.values())))
    _check_count(len(labels), metric, promise)
    sides = [represent(array, labels, promise, distance=distance) for array in ys.values()]
    settings = {"confidence": confidence, "n_groups": n_groups, "n_splits": n_splits, "seed": seed}
    row = _row_of_trials if from_trials else _row_of_means
    rows = [row(array, sides, labels, metric, distance, settings) for array in xs.values()]
    if from_trials and len(ys) > 1:
        rows = [_with_best(part.assign_coords(y=list(ys)), confidence) for part in rows]
    out = xr.concat(rows, dim="x", join="outer", combine_attrs="override")
    out = out.assign_coords(x=list(xs), y=list(ys))
    _warn_undefined(out)
    out = out.squeeze([dim for dim, given in (("x", x), ("y", y)) if not isinstance(given, Mapping)], drop=True)
    out.attrs = {
        **provenance(*xs.values()),
        "metric": metric,
        "n_stimuli": len(labels),
        "range": list(promise.range),
        "assumed": _assumed(metric, from_trials),
        **rows[0].attrs,
        **({"distance": distance} if promise.on == "rdm" else {}),
    }
    return add_step(out, "compare", metric=metric, distance=distance if promise.on == "rdm" else None, **settings)


def _row_of_means(
    x: xr.DataArray,
    sides: list[Side],
    labels: np.ndarray,
    metric: str,
    distance: str,
    settings: dict[str, Any],
) -> xr.Dataset:
    promise = METRICS[metric]
    side = represent(x, labels, promise, distance=distance)
    return xr.Dataset(
        {
            "similarity": ("y", [similarity_of(promise, side, other) for other in sides]),
            "null_value": ("y", _nulls(promise, side, sides, settings["seed"])),
        }
    )


def _row_of_trials(
    x: xr.DataArray,
    sides: list[Side],
    labels: np.ndarray,
    metric: str,
    distance: str,
    settings: dict[str, Any],
) -> xr.Dataset:
    promise = METRICS[metric]
    if metric == "cka_unbiased":
        x, half = with_halves(x, n_splits=settings["n_splits"], seed=settings["seed"], step="compare")
        vectors = unit_vectors([side.prepared for side in sides])

    def statistic(part: xr.DataArray) -> xr.DataArray:
        if metric == "cka_unbiased":
            return corrected_cka(part, half, len(labels), vectors)
        return _observed(part, sides, labels, promise, distance).expand_dims(quantity=["similarity"])

    found = jackknife(statistic, x, n_groups=settings["n_groups"], confidence=settings["confidence"])
    out = found[["estimate", "low", "high", "replicate"]].sel(quantity="similarity", drop=True)
    out = out.rename(estimate="similarity").assign_coords(group=np.arange(out.sizes["group"]))
    if metric == "cka_unbiased":
        out["ceiling"] = found.estimate.sel(quantity="ceiling", drop=True).isel(y=0)
        out = out.where(has_signal(found.sel(quantity="own", drop=True).isel(y=0)))
        out["raw"] = found.estimate.sel(quantity="raw", drop=True)
    whole = represent(x, labels, promise, distance=distance)
    out["null_value"] = ("y", _nulls(promise, whole, sides, settings["seed"]))
    out.attrs = {key: found.attrs[key] for key in ("groups", "n_groups", "confidence")}
    return out.assign_attrs({"folds": x.attrs["folds"]} if "folds" in x.attrs else {})


def _observed(part: xr.DataArray, sides: list[Side], labels: np.ndarray, metric: Metric, distance: str) -> xr.DataArray:
    """Return the similarity of the trials' means (or RDM) with each side; NaN if a stimulus has too few trials."""
    counts = np.unique(part.coords["stimulus"].values, return_counts=True)[1]
    needed = 2 if metric.on == "rdm" and distance == "crossnobis" else 1
    if len(counts) < len(labels) or counts.min() < needed:
        return xr.DataArray(np.full(len(sides), np.nan), dims="y")
    side = represent(part, labels, metric, distance=distance)
    return xr.DataArray([similarity_of(metric, side, other) for other in sides], dims="y")


def _with_best(row: xr.Dataset, confidence: float) -> xr.Dataset:
    return row.assign(among_best(row.similarity, row.replicate, confidence=confidence))


def _nulls(metric: Metric, x: Side, sides: list[Side], seed: int) -> list[float]:
    return [null_of(metric, x, side, n_shuffles=_N_SHUFFLES, seed=seed) for side in sides]


def _metric(name: str) -> Metric:
    if name not in METRICS:
        message = f"Unknown metric {name!r}. Type one of {', '.join(METRICS)}."
        raise DesignError(message)
    return METRICS[name]


def _named(x: Representation, side: str) -> dict[str, xr.DataArray]:
    if not isinstance(x, Mapping):
        return {side: x}
    if not x:
        message = f"compare needs at least one array in {side}; got an empty dict."
        raise DesignError(message)
    return dict(x)


def _check_trials(xs: dict[str, xr.DataArray], ys: dict[str, xr.DataArray], metric: Metric, distance: str) -> bool:
    """Return True if ``xs`` are single trials; both sides must be of one kind each."""
    trials = [name for name, array in xs.items() if "trial" in array.dims]
    if [name for name, array in ys.items() if "trial" in array.dims]:
        message = "compare takes single trials on its first side only; average the second: average_by(y)."
        raise DimensionError(message)
    if trials and len(trials) < len(xs):
        message = f"compare takes single trials for all of x or for none; only {', '.join(trials)} have a trial dim."
        raise DimensionError(message)
    bare = not trials and not all("stimulus2" in array.dims for array in xs.values())
    if metric.on == "rdm" and distance == "crossnobis" and bare:
        message = (
            'distance="crossnobis" needs single trials (trial, unit) in x. '
            'Hand in the trials, their RDM, or type distance="correlation".'
        )
        raise DesignError(message)
    for name in trials:
        trial_values(xs[name], step="compare")
    return bool(trials)


def _labels(x: xr.DataArray) -> np.ndarray:
    if "trial" in x.dims:
        return np.unique(x.coords["stimulus"].values)
    require_dims(x, "stimulus", step="compare", hint='Average first: average_by(x, "stimulus").')
    if "stimulus" not in x.indexes:
        message = "compare matches stimuli by label, and x has none. Type x.assign_coords(stimulus=[...])."
        raise DimensionError(message)
    return np.asarray(x.indexes["stimulus"])


def _check_count(n_stimuli: int, name: str, metric: Metric) -> None:
    if n_stimuli < metric.min_stimuli:
        message = (
            f"{name} needs at least {metric.min_stimuli} stimuli; got {n_stimuli}. "
            f"Compare more conditions: choose another column with by=."
        )
        raise DesignError(message)


def _assumed(metric: str, from_trials: bool) -> str:
    if not from_trials:
        return "These stimuli and these units; noise in the responses lowers the similarity."
    fixed = "These stimuli and these units are fixed; the interval is over trials."
    if metric == "cka_unbiased":
        return f"Noise is independent between folds. {fixed}"
    return f"Not corrected for noise in the mean responses. {fixed}"


def _warn_undefined(out: xr.Dataset) -> None:
    undefined = out.similarity.isnull()
    silent = out.ceiling.isnull() & undefined.all("y") if "ceiling" in out else xr.zeros_like(out.x, dtype=bool)
    if bool(silent.any()):
        warnings.warn(no_signal([str(name) for name in out.x.values[silent.values]]), stacklevel=3)
    flat = undefined & ~silent
    if bool(flat.any()):
        where = flat.stack(pair=("x", "y"))
        names = [f"{a} and {b}" for (a, b), bad in zip(where["pair"].values, where.values, strict=True) if bad]
        warnings.warn(
            f"The similarity of {'; '.join(names[:5])} is not defined and is NaN: one side does not vary between "
            f"the stimuli.",
            stacklevel=3,
        )
    if "low" in out and bool((out.low.isnull() & ~undefined).any()):
        warnings.warn(
            "No interval can be given for some similarities (NaN): without one group of trials a stimulus, or one "
            "half of its trials, is missing. More repeats of each stimulus would help.",
            stacklevel=3,
        )
