"""What is asked of `compare`: both sides named and checked, the metric, and over what the interval is."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.arrays import named
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.left_out import groups_of
from neurodata4ml.analysis.similarity.metrics import METRICS, Metric
from neurodata4ml.analysis.similarity.representations import (
    chosen_distance,
    told_distance,
    trial_values,
    within_reach,
)
from neurodata4ml.dims import feature_dim, presented, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

Representation = xr.DataArray | Mapping[str, xr.DataArray]


@dataclass(frozen=True)
class Question:
    """One call of `compare`, checked.

    Attributes
    ----------
    xs, ys : dict of str to DataArray
        Trials (trial, unit), means (stimulus, features) or RDMs; trials on ``ys`` only for noise-corrected CKA.
    metric, distance : str
    told_distance : str
        What the RDMs are of, those that were handed in by their own word; empty where none says.
    labels : ndarray
        The stimuli, in the order in which both sides are put.
    from_trials : bool
        ``xs`` are single trials.
    over : tuple of str
        What the interval is over: "trial", "stimulus", "unit" or a coordinate of units; empty for none.
    confidence, margin : float
    n_groups, n_splits, seed : int
    """

    xs: dict[str, xr.DataArray]
    ys: dict[str, xr.DataArray]
    metric: str
    distance: str
    told_distance: str
    labels: np.ndarray
    from_trials: bool
    over: tuple[str, ...]
    confidence: float
    margin: float
    n_groups: int
    n_splits: int
    seed: int

    @property
    def promise(self) -> Metric:
        """What the metric promises."""
        return METRICS[self.metric]

    @property
    def corrected(self) -> bool:
        """Whether the similarity is corrected for trial noise."""
        return self.from_trials and self.metric == "cka_unbiased"

    @property
    def two_sided(self) -> bool:
        """Whether both sides are single trials."""
        return any("trial" in array.dims for array in self.ys.values())


def ask(
    x: Representation,
    y: Representation,
    *,
    metric: str,
    distance: str | None,
    over: str | Sequence[str] | None,
    confidence: float,
    margin: float,
    n_groups: int,
    n_splits: int,
    seed: int,
) -> Question:
    """Return the question, or say what about it cannot be answered.

    Raises
    ------
    DimensionError
        Dims or labels that do not fit.
    DesignError
        An unknown name, too few stimuli for the metric, an interval over what is not there.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        message = f"Unknown metric {metric!r}.{guess(metric, METRICS)} Type one of {', '.join(METRICS)}."
        raise DesignError(message)
    require_confidence(confidence, step="compare")
    if isinstance(margin, bool) or not isinstance(margin, numbers.Real) or not 0 <= margin < 1:
        message = f"compare needs a margin of 0 or more, below 1; got {margin!r}. Type margin=0.03, or 0 for none."
        raise DesignError(message)
    xs = {name: presented(one, step="compare").compute() for name, one in named(x, "x", step="compare").items()}
    ys = {name: _shown(one) for name, one in named(y, "y", step="compare").items()}
    from_trials = any("trial" in array.dims for array in xs.values())
    distance = chosen_distance(distance, from_trials=from_trials)
    _check_trials(xs, ys, metric, distance)
    if from_trials and (METRICS[metric].on != "rdm" or DISTANCES[distance].units != "same"):
        xs = {name: within_reach(one) for name, one in xs.items()}
        ys = {name: within_reach(one) if "trial" in one.dims else one for name, one in ys.items()}
    labels = _labels(next(iter(xs.values())))
    _check_count(len(labels), metric)
    chosen = _over(over, xs, from_trials)
    told = _told(xs, ys, metric, distance)
    rest = (confidence, float(margin), n_groups, n_splits, seed)
    return Question(xs, ys, metric, distance, told, labels, from_trials, chosen, *rest)


def _told(xs: dict[str, xr.DataArray], ys: dict[str, xr.DataArray], metric: str, distance: str) -> str:
    """Return what distances RDMs are of, with a warning where they are of different kinds."""
    if METRICS[metric].on != "rdm":
        return ""
    told, mixed = told_distance(
        {**xs, **{f"{name} of y" if name in xs else name: y for name, y in ys.items()}}, distance
    )
    if mixed:
        warnings.warn(mixed, stacklevel=4)
    return told


def _over(over: str | Sequence[str] | None, xs: dict[str, xr.DataArray], from_trials: bool) -> tuple[str, ...]:
    """Return what the interval is over: trials where there are any, else stimuli, unless something is named."""
    if over is None:
        return ("trial",) if from_trials else ("stimulus",)
    chosen = (over,) if isinstance(over, str) or not isinstance(over, Sequence) else tuple(over)
    if not all(isinstance(name, str) for name in chosen):
        message = (
            f"compare cannot give an interval over {over!r}: over= takes names. "
            f'Type over="stimulus", over="unit", or over=("stimulus", "unit").'
        )
        raise DesignError(message)
    if len(chosen) == 2 and "stimulus" in chosen and "trial" not in chosen:
        chosen = ("stimulus", *(name for name in chosen if name != "stimulus"))
    elif len(chosen) > 1:
        message = (
            f"compare gives an interval over one thing, or over stimuli and units at once; got over={chosen}. "
            f'Type over="stimulus", over="unit", or over=("stimulus", "unit").'
        )
        raise DesignError(message)
    for name in chosen:
        for side, array in xs.items():
            _check_over(name, side, array)
    return chosen


def _check_over(name: str, side: str, array: xr.DataArray) -> None:
    if name == "stimulus" or (name == "trial" and "trial" in array.dims):
        return
    if "stimulus2" in array.dims:
        message = f"{side} is an RDM, which has no {name!r}; its interval can be over stimuli. Type over='stimulus'."
        raise DesignError(message)
    if name == "trial":
        message = f"over='trial' needs single trials (trial, unit); {side} has none. Type over='stimulus'."
        raise DesignError(message)
    columns = feature_dim(array, step="compare")
    groups = {str(key): coord for key, coord in array.coords.items() if coord.dims == (columns,)}
    if name == columns or (name == "unit" and columns == "feature"):
        n_groups = array.sizes[columns]
    elif name in groups:
        n_groups = int(groups_of(array, name, step="compare")[1].max(initial=-1)) + 1
    else:
        there = list(dict.fromkeys([*(["trial"] if "trial" in array.dims else []), "stimulus", columns, *groups]))
        message = (
            f"compare cannot give an interval over {name!r}: {side} has no such coordinate on {columns!r}."
            f"{guess(name, there)} Type over= one of {', '.join(there)}."
        )
        raise DesignError(message)
    if n_groups < 2:
        message = f"An interval over {name!r} needs at least 2 of them; {side} has {n_groups}. Type over='stimulus'."
        raise DesignError(message)


def _shown(y: xr.DataArray) -> xr.DataArray:
    """Return trials without blank and invalid ones; layers, which may be too large to hold, as they are."""
    return presented(y, step="compare").compute() if "trial" in y.dims else y


def _check_trials(xs: dict[str, xr.DataArray], ys: dict[str, xr.DataArray], name: str, distance: str) -> None:
    """Both sides must be of one kind each; trials on the second only where their noise can be taken out."""
    trials, others = ([one for one, array in side.items() if "trial" in array.dims] for side in (xs, ys))
    if others and (not trials or name != "cka_unbiased"):
        message = (
            f"compare takes single trials on its second side only beside trials, and for cka_unbiased; got trials in "
            f"{', '.join(others)} and metric={name!r}. Average the second: average_by(y)."
        )
        raise DimensionError(message)
    for side, some, arrays in (("x", trials, xs), ("y", others, ys)):
        if some and len(some) < len(arrays):
            message = (
                f"compare takes single trials for all of {side} or for none; only {', '.join(some)} have a trial dim."
            )
            raise DimensionError(message)
    bare = not trials and not all("stimulus2" in array.dims for array in xs.values())
    if METRICS[name].on == "rdm" and distance == "crossnobis" and bare:
        message = (
            'distance="crossnobis" needs single trials (trial, unit) in x. '
            'Hand in the trials, their RDM, or type distance="correlation".'
        )
        raise DesignError(message)
    for array in (*(xs[one] for one in trials), *(ys[one] for one in others)):
        trial_values(array, step="compare")


def _labels(x: xr.DataArray) -> np.ndarray:
    if "trial" in x.dims:
        return np.unique(x.coords["stimulus"].values)
    require_dims(x, "stimulus", step="compare", hint='Average first: average_by(x, "stimulus").')
    if "stimulus" not in x.indexes:
        message = "compare matches stimuli by label, and x has none. Type x.assign_coords(stimulus=[...])."
        raise DimensionError(message)
    return np.asarray(x.indexes["stimulus"])


def _check_count(n_stimuli: int, name: str) -> None:
    needed = METRICS[name].min_stimuli
    if n_stimuli < needed:
        message = (
            f"{name} needs at least {needed} stimuli; got {n_stimuli}. "
            f"Compare more conditions: choose another column with by=."
        )
        raise DesignError(message)
