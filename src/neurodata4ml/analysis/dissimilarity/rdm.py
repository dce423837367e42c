"""Dissimilarities between stimuli: from responses to a matrix (stimulus, stimulus2)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.crossing import Crossing, folds_of
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES, Distance
from neurodata4ml.analysis.dissimilarity.means import correlation, euclidean
from neurodata4ml.analysis.dissimilarity.noise import n_free_of, of_units
from neurodata4ml.analysis.dissimilarity.slices import Slices
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, require_array, require_coords, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

__all__ = ["DISTANCES", "correlation", "euclidean", "rdm"]


def rdm(
    x: xr.DataArray,
    *,
    distance: str = "correlation",
    precision: str | np.ndarray | xr.DataArray | None = None,
    over: str | None = None,
    by: str | None = None,
    folds: str | None = None,
) -> xr.DataArray:
    """Dissimilarity between every pair of stimuli.

    Entry (i, j) is the distance between the population responses to stimuli i and j: 0 on the diagonal, larger
    for stimuli that the population tells apart. Distances of noisy means grow with the noise; ``"crossnobis"`` does
    not: it multiplies differences from different blocks (or trials), has expectation 0 for equal responses, and may be
    negative (Walther et al. 2016, NeuroImage 137:188). Unequal numbers of repeats are weighed as ``Crossing`` says.

    Parameters
    ----------
    x : DataArray
        For distances on means: (stimulus, unit or feature), e.g. ``average_by(rates)``, or a network's activations.
        For those on trials: (trial, unit) with the coordinate ``stimulus``; blank and invalid trials are dropped. Other
        dims, such as ``time``, are kept. Arrays of dask are read some columns at a time, so that 100,000 fit.
    distance : str
        A key of ``DISTANCES``, which says of each whether it takes means or trials, and what it promises.
    precision : str, DataArray (unit, unit2) or ndarray (unit, unit), optional
        For crossnobis and mahalanobis: a key of ``PRECISIONS``, the inverse noise covariance estimated from the
        residuals of the trials (of each bin of time its own), or the matrix itself (``noise_precision``). None leaves
        the responses of crossnobis as they are, and is ``"ledoit-wolf"`` for mahalanobis.
    over : str, optional
        A dim that must be there, and gets an RDM for each of its entries: ``"time"``.
    by : str, optional
        A coordinate of the units, such as ``"area"``: an RDM for each of its values, along a dim of that name.
    folds : str, optional
        What crossnobis is cross-validated over. By default blocks, where there are two or more, else single trials;
        ``"trial"``, or another coordinate of the trials.

    Returns
    -------
    DataArray, dims (..., stimulus, stimulus2)
        All but correlation and cosine are means over units. ``attrs``: ``units``; ``folds``, ``n_folds`` and
        ``variance_cost`` (how much larger the variance is than without cross-validation, where stimuli do not differ);
        ``undefined`` and ``left_out`` say why entries are NaN and units do not count.

    Raises
    ------
    DimensionError
        Dims or coordinates missing, or trials where means are needed.
    DesignError
        NaN among the responses or the labels, fewer than two stimuli, a stimulus in one fold only, negative counts, or
        values so large or small that their squares are no numbers.

    Examples
    --------
    >>> import xarray as xr
    >>> x = xr.DataArray([[0.0, 2.0], [1.0, 0.0]], dims=("stimulus", "unit"), coords={"stimulus": ["cat", "dog"]})
    >>> rdm(x, distance="euclidean").sel(stimulus="cat", stimulus2="dog").item()
    2.5
    """
    out = quiet_rdm(x, distance=distance, precision=precision, over=over, by=by, folds=folds)
    if "undefined" in out.attrs:
        warnings.warn(f"{out.attrs['undefined']} Their entries are NaN. {_INSTEAD}", stacklevel=2)
    return out


def quiet_rdm(
    x: xr.DataArray,
    *,
    distance: str = "correlation",
    precision: str | np.ndarray | xr.DataArray | None = None,
    over: str | None = None,
    by: str | None = None,
    folds: str | None = None,
) -> xr.DataArray:
    """Return what ``rdm`` does; that entries are NaN is said in ``attrs["undefined"]`` alone."""
    require_array(x, step="rdm")
    x = presented(x, step="rdm")
    columns = feature_dim(x, step="rdm")
    weights = of_units(precision, x, columns) if isinstance(precision, xr.DataArray) else precision
    question = _Question(distance, _promise(distance), weights, folds)
    _check(x, question, columns, over)
    parts = {None: x} if by is None else _parts(x, by, columns, question)
    found = {name: _one(part, question, columns) for name, part in parts.items()}
    out = found[None] if by is None else _together(found, by)
    out.name = "rdm"
    out.attrs = {**provenance(x), "distance": distance, "units": _units(x, question), **out.attrs}
    name = precision if isinstance(precision, str | None) else "given"
    settings = {key: value for key, value in (("over", over), ("by", by), ("folds", folds)) if value is not None}
    return add_step(out, "rdm", distance=distance, precision=name, **settings)


@dataclass(frozen=True)
class _Question:
    """What is asked of the responses."""

    name: str
    distance: Distance
    precision: str | np.ndarray | None
    folds: str | None

    @property
    def is_of_means(self) -> bool:
        return self.distance.on == "means"


_INSTEAD = 'Use distance="euclidean" or "crossnobis", or drop them.'
_CONSTANT = {"correlation": "the same in all units", "cosine": "0 in all units"}


def _promise(distance: str) -> Distance:
    if not isinstance(distance, str) or distance not in DISTANCES:
        message = f"Unknown distance {distance!r}. Type one of {', '.join(DISTANCES)}."
        raise DesignError(message + guess(distance, DISTANCES))
    return DISTANCES[distance]


def _check(x: xr.DataArray, question: _Question, columns: str, over: str | None) -> None:
    name, distance = question.name, question.distance
    if question.precision is not None and not distance.takes_precision:
        message = (
            f"precision= belongs to crossnobis and mahalanobis; got distance={name!r}. Type distance='crossnobis'."
        )
        raise DesignError(message)
    if question.folds is not None and not distance.zero_is_same:
        message = f"folds= belongs to what is cross-validated; got distance={name!r}. Type distance='crossnobis'."
        raise DesignError(message)
    if over is not None and (over not in x.dims or over in ("trial", "stimulus", columns)):
        rest = [str(dim) for dim in x.dims if dim not in ("trial", "stimulus", columns)]
        message = f"over={over!r} is no dim with an RDM for each entry; there is {' and '.join(rest) or 'none'}."
        raise DimensionError(message)
    if x.sizes[columns] == 0:
        message = f"rdm needs responses of at least one {columns}; there is none. Was an area selected that is empty?"
        raise DesignError(message)


def _parts(x: xr.DataArray, by: str, columns: str, question: _Question) -> dict[Any, xr.DataArray]:
    """Return the units of each value of the coordinate ``by``, in sorted order; those without one are left out."""
    if not isinstance(by, str):
        message = f"by= takes the name of a coordinate of the {columns}s, such as by='area'; got {by!r}."
        raise DimensionError(message)
    require_coords(x, by, step="rdm with by=", hint="Name a coordinate of the units, as in by='area'.")
    if x.coords[by].dims != (columns,):
        message = (
            f"by={by!r} needs a coordinate of the {columns}s; it lies on ({', '.join(map(str, x.coords[by].dims))})."
        )
        raise DimensionError(message)
    if isinstance(question.precision, np.ndarray):
        message = f"A precision given as a matrix is of all units; with by={by!r} name an estimator: 'ledoit-wolf'."
        raise DesignError(message)
    labels = x.coords[by].values
    named = ~(np.asarray(labels != labels) | (labels.astype(str) == ""))
    if not named.any():
        message = f"No {columns} has a value of {by!r}. Leave by= out."
        raise DesignError(message)
    return {value: x.isel({columns: np.flatnonzero(named & (labels == value))}) for value in np.unique(labels[named])}


def _together(found: dict[Any, xr.DataArray], by: str) -> xr.DataArray:
    out = xr.concat(list(found.values()), dim=xr.Variable((by,), list(found)), combine_attrs="drop_conflicts")
    out.attrs.pop("n_units", None)
    for key in ("undefined", "left_out"):
        said = {name: one.attrs[key] for name, one in found.items() if key in one.attrs}
        if said:
            out.attrs[key] = " ".join(f"In {name}: {text}" for name, text in said.items())
    return out.assign_coords(n_units=(by, [one.attrs["n_units"] for one in found.values()]))


def _one(x: xr.DataArray, question: _Question, columns: str) -> xr.DataArray:
    """Return the RDM of all units, with attributes of how it came about."""
    on_means = question.is_of_means or ("trial" not in x.dims and question.name == "mahalanobis")
    of = _of_means if on_means else _of_trials
    rows, labels, slices, attrs = of(x, question, columns)
    values = slices.distances()
    rest = [str(dim) for dim in x.dims if dim not in (rows, columns)]
    kept = {name: c for name, c in x.coords.items() if not {rows, columns} & set(c.dims)}
    out = xr.DataArray(values, dims=(*rest, "stimulus", "stimulus2"), coords=kept)
    if labels is not None:
        out = out.assign_coords(stimulus=labels, stimulus2=labels)
    out.attrs = {"n_units": x.sizes[columns], **attrs, **_undefined(values, labels, question)}
    if slices.n_left_out:
        out.attrs["left_out"] = f"{slices.n_left_out} units never vary, and add nothing to any distance."
    return out


def _of_means(
    x: xr.DataArray, question: _Question, columns: str
) -> tuple[str, np.ndarray | None, Slices, dict[str, Any]]:
    if "trial" in x.dims:
        message = (
            f'rdm with distance="{question.name}" needs a "stimulus" dim; got ({", ".join(map(str, x.dims))}). '
            f'Average first: average_by(x, "stimulus"); or keep the trials: rdm(x, distance="crossnobis").'
        )
        raise DimensionError(message)
    require_dims(x, "stimulus", step="rdm", hint='Average first: average_by(x, "stimulus").')
    if not question.is_of_means and not isinstance(question.precision, np.ndarray):
        message = (
            'rdm with distance="mahalanobis" estimates the noise from single trials; got means. Hand in trials '
            "(trial, unit), or the inverse noise covariance: precision=noise_precision(trials)."
        )
        raise DimensionError(message)
    _check_count(x.sizes["stimulus"])
    labels = x.indexes["stimulus"].to_numpy() if "stimulus" in x.indexes else None
    options = {} if question.is_of_means else {"precision": question.precision}
    slices = Slices(_data(x, "stimulus", columns), question.distance, options=options, columns=columns)
    return "stimulus", labels, slices, {}


def _of_trials(
    x: xr.DataArray, question: _Question, columns: str
) -> tuple[str, np.ndarray | None, Slices, dict[str, Any]]:
    hint = (
        f"{question.name.capitalize()} needs single trials: rdm(rates, distance={question.name!r}), or "
        f'distance="correlation" for means.'
    )
    require_dims(x, "trial", step=f'rdm with distance="{question.name}"', hint=hint)
    labels = trial_labels(x, "stimulus", step="rdm")
    _check_count(len(np.unique(labels)))
    precision, crossing = question.precision, None
    attrs: dict[str, Any] = {}
    if question.distance.zero_is_same:
        folds, kind = folds_of(x, question.folds, step="rdm")
        crossing = Crossing.of(labels, folds, name=kind)
        attrs = {"folds": kind, "n_folds": crossing.n_folds, "variance_cost": crossing.variance_cost}
    elif precision is None:
        precision = "ledoit-wolf"
    if isinstance(precision, str):
        attrs["noise_degrees_of_freedom"] = n_free_of(labels)
    slices = Slices(_data(x, "trial", columns), question.distance, labels, crossing, {"precision": precision}, columns)
    return "trial", np.unique(labels), slices, attrs


def _data(x: xr.DataArray, rows: str, columns: str) -> Any:
    return x.transpose(..., rows, columns).data


def _undefined(values: np.ndarray, labels: np.ndarray | None, question: _Question) -> dict[str, str]:
    n_stimuli = values.shape[-1]
    constant = np.flatnonzero(np.isnan(np.einsum("...ii->...i", values)).reshape(-1, n_stimuli).any(axis=0))
    if not len(constant):
        return {}
    names = [str(labels[i] if labels is not None else i) for i in constant]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    why = f"is {_CONSTANT[question.name]} ({listed}): a {question.name} is not defined."
    return {"undefined": f"The response to {len(names)} stimuli {why}"}


def _check_count(n_stimuli: int) -> None:
    if n_stimuli < 2:
        message = f"rdm compares stimuli and needs at least 2; got {n_stimuli}. Name another condition with by=."
        raise DesignError(message)


def _units(x: xr.DataArray, question: _Question) -> str:
    units, kind = str(x.attrs.get("units", "1")), question.distance.units
    if kind == "same":
        return units
    return "1" if kind == "1" or question.precision is not None or units == "1" else f"{units}^2"
