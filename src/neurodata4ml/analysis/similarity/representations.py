"""What a metric compares: responses or dissimilarities of the same stimuli, in the same order, on either side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from neurodata4ml.analysis.dissimilarity.rdm import DISTANCES, rdm
from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.analysis.similarity.centring import in_range
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.dims import feature_dim, match_labels, require_dims, to_matrix
from neurodata4ml.errors import DesignError, DimensionError

_FARTHEST = 1e60
"""Numbers beyond it, or all below 1 over it, are scaled: their fourth powers are no numbers."""

_ROUNDING = 1e-12
"""Distances that differ by less than this fraction of the largest are equal."""

_KINDS = {
    "euclidean": "euclidean",
    "crossnobis": "euclidean",
    "mahalanobis": "euclidean",
    "correlation": "correlation",
    "cosine": "cosine",
    "poisson": "poisson",
    "poisson_cv": "poisson",
}
"""Distances -> the one of means that they estimate, but for noise."""

_EVEN = 1e-6
"""By so much, of the largest distance, the two halves of an RDM may differ: single precision."""


@dataclass(frozen=True)
class Side:
    """One representation, ready for a metric.

    Attributes
    ----------
    values : ndarray
        Responses (n_stimuli, n_features), or the pairs above the diagonal of an RDM.
    prepared : ndarray
        ``metric.prepare(values)``: the part that concerns this side alone, done once.
    """

    values: np.ndarray
    prepared: np.ndarray


def represent(x: xr.DataArray, labels: np.ndarray, metric: Metric, *, distance: str) -> Side:
    """Bring means (stimulus, features), trials (trial, unit) or an RDM into the form that ``metric`` takes.

    ``labels`` gives the order of stimuli. Arrays without trials get the squared Euclidean distance in place of
    ``"crossnobis"``, which estimates it.
    """
    if "stimulus2" in x.dims:
        return _of_given(x, labels, metric)
    if metric.on == "rdm":
        if "trial" in x.dims and distance == "crossnobis":
            return _side(_pairs(rdm(x, distance=distance), labels), metric)
        means = average_trials(x)
        found = rdm(means, distance="euclidean" if distance == "crossnobis" else distance)
        return _side(_pairs(found, labels), metric)
    means = _in_order(average_trials(x), labels, "stimulus")
    return _side(to_matrix(means, "stimulus", feature_dim(means, step="compare")), metric)


def chosen_distance(distance: str | None, *, from_trials: bool) -> str:
    """Return ``distance``, by default the one that noise does not inflate where there are trials to make it from."""
    if distance is None:
        return "crossnobis" if from_trials else "correlation"
    if not isinstance(distance, str) or distance not in DISTANCES:
        message = f"Unknown distance {distance!r}. Type one of {', '.join(DISTANCES)}."
        raise DesignError(message)
    return distance


def told_distance(arrays: Mapping[str, xr.DataArray], distance: str) -> tuple[str, str]:
    """Return the distances that RDMs are of, and what is to be said where they are of different kinds; "" for nothing.

    Those that are handed in say it in ``attrs["distance"]``, where ``rdm`` made them; the others get ``distance``.
    Squared Euclidean distances, cross-validated or weighed by noise or not, are of one kind.
    """
    said = {name: str(x.attrs.get("distance", "")) if "stimulus2" in x.dims else distance for name, x in arrays.items()}
    known = {name: each for name, each in said.items() if each}
    told = " and ".join(dict.fromkeys(known.values()))
    kinds = {name: _KINDS[each] for name, each in known.items() if each in _KINDS}
    other = [name for name in kinds if kinds[name] != next(iter(kinds.values()))]
    if not other:
        return told, ""
    first = next(iter(kinds))
    like = _KINDS[known[first]]
    given = "stimulus2" in arrays[other[0]].dims
    typed = f'rdm(means, distance="{like}") for {other[0]}' if given else f'distance="{like}"'
    return told, (
        f"RDMs of different distances are beside each other: {known[first]} ({first}) and {known[other[0]]} "
        f"({', '.join(other)}). They differ for that reason too. Make them alike: {typed}."
    )


def average_trials(x: xr.DataArray, *, step: str = "compare") -> xr.DataArray:
    """Return the mean response to each stimulus (stimulus, unit) of trials (trial, unit); means pass unchanged."""
    if "trial" in x.dims:
        values, columns = trial_values(x, step=step), feature_dim(x, step=step)
        stimuli, means = stimulus_means(values, x.coords["stimulus"].values)
        return xr.DataArray(means, dims=("stimulus", columns), coords={"stimulus": stimuli}, attrs=x.attrs)
    columns = feature_dim(x, step=step)
    require_dims(x, "stimulus", step=step, hint='Average first: average_by(x, "stimulus").')
    extra = [str(dim) for dim in x.dims if dim not in ("stimulus", columns)]
    if extra:
        message = (
            f"{step} takes (stimulus, {columns}); got also {', '.join(extra)}. "
            f'Average or select: x.mean("{extra[0]}"), or make it features: x.stack(feature=[...]).'
        )
        raise DimensionError(message)
    return x


def trial_values(x: xr.DataArray, *, step: str) -> np.ndarray:
    """Return single trials as a matrix (trial, unit), after a check that they are just that, named and finite."""
    require_dims(x, "trial", step=step, hint="It needs single trials (trial, unit).")
    trial_labels(x, "stimulus", step=step)
    columns = feature_dim(x, step=step)
    if len(x.dims) != 2:
        dims = ", ".join(map(str, x.dims))
        message = f"{step} takes trials as (trial, {columns}); got ({dims}). Average over time: firing_rate(x)."
        raise DimensionError(message)
    values = to_matrix(x, "trial", columns)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        message = f"{step} needs finite responses; {bad} values are not. Drop their units: x.dropna({columns!r})."
        raise DesignError(message)
    return values


def within_reach(x: xr.DataArray) -> xr.DataArray:
    """Return responses divided by a power of two where they are so large or small that their products are no numbers.

    No digit changes, and nothing that ignores scale.
    """
    size = float(np.abs(x).max()) if x.size else 0.0
    if not 0 < size < np.inf or 1 / _FARTHEST < size < _FARTHEST:
        return x
    return x.copy(data=in_range(x.values))


def similarity_of(metric: Metric, x: Side, y: Side) -> float:
    """Return the similarity of two sides; pairs of stimuli without a distance on either side are left out.

    A metric that needs whole RDMs leaves out stimuli in their place, those with most distances missing first.
    """
    if metric.on == "rdm":
        missing = np.isnan(x.values) | np.isnan(y.values)
        if missing.any():
            kept = ~missing if not metric.whole_rdm else _among_whole(missing)
            return metric(x.values[kept], y.values[kept]) if kept.sum() > 1 else float("nan")
    return metric.function(x.prepared, y.prepared)


def shuffled(side: Side, metric: Metric, rng: np.random.Generator) -> Side:
    """Return the side with its stimuli in a random order, of an RDM rows and columns together.

    Of responses only what was prepared is put in order: its rows are stimuli, or its rows and columns.
    """
    if metric.on == "responses":
        order = rng.permutation(len(side.values))
        return Side(side.values, side.prepared[np.ix_(order, order)] if metric.form == "gram" else side.prepared[order])
    square = squareform(side.values, checks=False)
    order = rng.permutation(len(square))
    return _side(squareform(square[np.ix_(order, order)], checks=False), metric)


def _among_whole(missing: np.ndarray) -> np.ndarray:
    """Return which pairs are left when stimuli are dropped until none of theirs is missing, the worst first."""
    square = squareform(missing, checks=False)
    kept = np.ones(len(square), dtype=bool)
    while square[np.ix_(kept, kept)].any():
        kept[np.argmax(np.where(kept, square[:, kept].sum(axis=1), -1))] = False
    return np.asarray((kept[:, None] & kept)[np.triu_indices(len(kept), 1)])


def _of_given(x: xr.DataArray, labels: np.ndarray, metric: Metric) -> Side:
    """Return the pairs of an RDM that was handed in, after a check that it is one."""
    if metric.on != "rdm":
        message = (
            "This metric compares responses (stimulus, feature), and got an RDM (stimulus, stimulus2). "
            'Hand in the responses, or compare RDMs: compare(x, y, metric="rsa_pearson").'
        )
        raise DimensionError(message)
    require_dims(x, "stimulus", "stimulus2", step="compare")
    if len(x.dims) > 2:
        more = [str(dim) for dim in x.dims if dim not in ("stimulus", "stimulus2")]
        message = (
            f"compare takes one RDM (stimulus, stimulus2); got also {', '.join(more)}. Select: x.isel({more[0]}=0)."
        )
        raise DimensionError(message)
    pairs, turned = _pairs(x, labels), _pairs(x.rename(stimulus="stimulus2", stimulus2="stimulus"), labels)
    if np.isinf(pairs).any():
        message = (
            f"compare needs finite distances, or NaN where one is not known; {np.isinf(pairs).sum()} are infinite."
        )
        raise DesignError(message)
    if not np.allclose(pairs, turned, rtol=_EVEN, atol=_EVEN * np.nanmax(np.abs(pairs), initial=0.0), equal_nan=True):
        message = (
            "An RDM has one distance for a pair of stimuli; here that of i and j is not that of j and i. Average them: "
            "(x + x.T.values) / 2."
        )
        raise DesignError(message)
    return _side(pairs, metric)


def _pairs(x: xr.DataArray, labels: np.ndarray) -> np.ndarray:
    """Return the pairs above the diagonal, brought to a size whose squares are numbers: metrics ignore it.

    Distances that only differ by rounding become equal, so that no metric ranks or correlates what is left of it.
    """
    x = _in_order(_in_order(x, labels, "stimulus").transpose("stimulus", "stimulus2"), labels, "stimulus2")
    pairs = np.asarray(x.values, dtype=np.float64)[np.triu_indices(len(labels), 1)]
    size = np.nanmax(np.abs(pairs), initial=0.0)
    known = pairs[~np.isnan(pairs)]
    if known.size and size < np.inf and np.ptp(known) <= _ROUNDING * size:
        pairs = np.where(np.isnan(pairs), np.nan, known[0])
    if not 0 < size < np.inf or 1 / _FARTHEST < size < _FARTHEST:
        return pairs
    return np.asarray(np.ldexp(pairs, -int(np.frexp(size)[1])))


def _side(values: np.ndarray, metric: Metric) -> Side:
    if metric.on == "responses" and not np.isfinite(values).all():
        message = (
            f"compare needs finite responses; {int((~np.isfinite(values)).sum())} of {values.size} values are not. "
            f'Drop their units: x.dropna("unit").'
        )
        raise DesignError(message)
    return Side(values, metric.prepare(values))


def _in_order(x: xr.DataArray, labels: np.ndarray, dim: str) -> xr.DataArray:
    index = x.indexes.get(dim)
    if index is not None and index.is_unique and np.array_equal(index, labels):
        return x
    wanted = xr.DataArray(np.zeros(len(labels)), dims=dim, coords={dim: labels})
    return match_labels(wanted, x, dim, step="compare")[1]
