"""Dissimilarities between stimuli: from responses to a matrix (stimulus, stimulus2)."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.noise import noise_precision
from neurodata4ml.analysis.linear.stimuli import cross_gram, fold_labels
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, require_dims
from neurodata4ml.errors import DesignError, DimensionError

_ROUNDING = 1e-12
"""A pattern that varies less than this, relative to its size, is constant."""


def rdm(x: xr.DataArray, *, distance: str = "correlation", precision: str | np.ndarray | None = None) -> xr.DataArray:
    """Dissimilarity between every pair of stimuli.

    Entry (i, j) is the distance between the population responses to stimuli i and j: 0 on the diagonal, larger
    for stimuli that the population tells apart. ``"euclidean"`` and ``"correlation"`` of noisy means grow with the
    noise; ``"crossnobis"`` does not: it multiplies differences from different blocks (or trials), has expectation
    0 for equal responses, and may be negative (Walther et al. 2016, NeuroImage 137:188).

    Parameters
    ----------
    x : DataArray
        ``"euclidean"``, ``"correlation"``: mean responses (stimulus, unit or feature), e.g. ``average_by(rates)``,
        or a network's activations. ``"crossnobis"``: single trials (trial, unit) with the coordinate ``stimulus``;
        blank and invalid trials are dropped. Other dims, such as ``time``, are kept.
    distance : str
        A key of ``DISTANCES``.
    precision : str or ndarray (unit, unit), optional
        For crossnobis: a key of ``PRECISIONS``, the inverse noise covariance estimated from the residuals of the
        trials, or the matrix itself. None leaves the responses as they are.

    Returns
    -------
    DataArray, dims (..., stimulus, stimulus2)
        Euclidean (squared) and crossnobis are divided by the number of units, in squared units of ``x``;
        correlation is 1 - r. ``attrs["folds"]`` says what crossnobis was cross-validated over.

    Raises
    ------
    DimensionError
        Dims missing, or trials where means are needed.
    DesignError
        NaN among the responses or the labels, fewer than two stimuli, or a stimulus in one fold only.

    Examples
    --------
    >>> import xarray as xr
    >>> x = xr.DataArray([[0.0, 2.0], [1.0, 0.0]], dims=("stimulus", "unit"), coords={"stimulus": ["cat", "dog"]})
    >>> rdm(x, distance="euclidean").sel(stimulus="cat", stimulus2="dog").item()
    2.5
    """
    if distance not in DISTANCES:
        message = f"Unknown distance {distance!r}. Type one of {', '.join(DISTANCES)}."
        raise DesignError(message)
    if precision is not None and distance != "crossnobis":
        message = f"precision= belongs to crossnobis; got distance={distance!r}. Type rdm(x, distance='crossnobis')."
        raise DesignError(message)
    x = presented(x, step="rdm").compute()
    columns = feature_dim(x, step="rdm")
    bad = int((~np.isfinite(x)).sum())
    if bad:
        message = f"rdm needs finite responses; {bad} values are not. Drop their units: x.dropna({columns!r})."
        raise DesignError(message)
    out, folds = _crossnobis(x, columns, precision) if distance == "crossnobis" else _of_means(x, columns, distance)
    out.name = "rdm"
    out.attrs = {**provenance(x), "distance": distance, "units": _units(x, distance, precision), **folds}
    name = precision if isinstance(precision, str | None) else "given"
    return add_step(out, "rdm", distance=distance, precision=name)


def euclidean(patterns: np.ndarray) -> np.ndarray:
    """Squared Euclidean distance over the number of features, from (n_stimuli, n_features)."""
    # centring keeps precision when the patterns are large and their differences small
    patterns = patterns - patterns.mean(axis=0)
    distances = distances_of_gram(patterns @ patterns.T) / patterns.shape[1]
    return np.asarray(np.maximum(distances, 0.0))


def correlation(patterns: np.ndarray) -> np.ndarray:
    """One minus the Pearson correlation of two patterns, from (n_stimuli, n_features); NaN for a constant one."""
    centred = patterns - patterns.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1)
    norm[norm <= _ROUNDING * np.linalg.norm(patterns, axis=1)] = np.nan
    unit = centred / norm[:, None]
    distances = 1.0 - unit @ unit.T
    np.fill_diagonal(distances, np.where(np.isnan(norm), np.nan, 0.0))
    return np.asarray(np.clip(distances, 0.0, 2.0))


def crossnobis(
    values: np.ndarray, labels: np.ndarray, folds: np.ndarray, precision: np.ndarray | None = None
) -> np.ndarray:
    """Cross-validated Mahalanobis distance over the number of units, from single trials (n_trials, n_units).

    Mean over all pairs of different folds; stimuli in sorted order; never clipped at 0.
    """
    if precision is not None:
        values = values @ np.linalg.cholesky(precision)
    return np.asarray(distances_of_gram(cross_gram(values, labels, folds)) / values.shape[1])


def distances_of_gram(gram: np.ndarray) -> np.ndarray:
    """Return G_ii + G_jj - 2 G_ij: squared distances from inner products, shape (n_stimuli, n_stimuli)."""
    own = np.diag(gram)
    return np.asarray(own[:, None] + own[None, :] - gram - gram.T)


def _of_means(x: xr.DataArray, columns: str, distance: str) -> tuple[xr.DataArray, dict[str, str]]:
    if "trial" in x.dims:
        message = (
            f'rdm with distance="{distance}" needs a "stimulus" dim; got ({", ".join(map(str, x.dims))}). '
            f'Average first: average_by(x, "stimulus"); or keep the trials: rdm(x, distance="crossnobis").'
        )
        raise DimensionError(message)
    require_dims(x, "stimulus", step="rdm", hint='Average first: average_by(x, "stimulus").')
    labels = x.indexes["stimulus"].to_numpy() if "stimulus" in x.indexes else None
    _check_count(x.sizes["stimulus"])
    out = _per_slice(DISTANCES[distance], x, "stimulus", columns, labels)
    constant = np.flatnonzero(np.isnan(np.einsum("...ii->...i", out.values)).reshape(-1, out.sizes["stimulus"]).any(0))
    if len(constant):
        names = [str(labels[i] if labels is not None else i) for i in constant]
        _warn_constant(names)
    return out, {}


def _crossnobis(
    x: xr.DataArray, columns: str, precision: str | np.ndarray | None
) -> tuple[xr.DataArray, dict[str, str]]:
    hint = 'Crossnobis needs single trials: rdm(rates, distance="crossnobis"), or distance="correlation" for means.'
    require_dims(x, "trial", step='rdm with distance="crossnobis"', hint=hint)
    folds, kind = fold_labels(x, step="rdm")
    labels = x.coords["stimulus"].values
    stimuli = np.unique(labels)
    _check_count(len(stimuli))

    def of_slice(values: np.ndarray) -> np.ndarray:
        return crossnobis(values, labels, folds, _precision_of(values, labels, precision))

    return _per_slice(of_slice, x, "trial", columns, stimuli), {"folds": kind}


def _precision_of(values: np.ndarray, labels: np.ndarray, precision: str | np.ndarray | None) -> np.ndarray | None:
    if isinstance(precision, str):
        return noise_precision(values, labels, method=precision)
    return None if precision is None else np.asarray(precision, dtype=np.float64)


def _per_slice(
    function: Callable[[np.ndarray], np.ndarray],
    x: xr.DataArray,
    rows: str,
    columns: str,
    labels: np.ndarray | None,
) -> xr.DataArray:
    out: xr.DataArray = xr.apply_ufunc(
        function,
        x.astype(np.float64).drop_vars([name for name, c in x.coords.items() if rows in c.dims or columns in c.dims]),
        input_core_dims=[[rows, columns]],
        output_core_dims=[["stimulus", "stimulus2"]],
        exclude_dims={rows, columns},
        vectorize=True,
    )
    return out if labels is None else out.assign_coords(stimulus=labels, stimulus2=labels)


DISTANCES: dict[str, Callable[..., np.ndarray]] = {
    "euclidean": euclidean,
    "correlation": correlation,
    "crossnobis": crossnobis,
}
"""Distances by name: on means (n_stimuli, n_features), and crossnobis on single trials."""


def _check_count(n_stimuli: int) -> None:
    if n_stimuli < 2:
        message = f"rdm compares stimuli and needs at least 2; got {n_stimuli}. Name another condition with by=."
        raise DesignError(message)


def _units(x: xr.DataArray, distance: str, precision: str | np.ndarray | None) -> str:
    units = str(x.attrs.get("units", "1"))
    return "1" if distance == "correlation" or precision is not None or units == "1" else f"{units}^2"


def _warn_constant(names: list[str]) -> None:
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    warnings.warn(
        f"The response to {len(names)} stimuli is the same in all units ({listed}): a correlation is not defined, "
        f'and their rows of the RDM are NaN. Use distance="euclidean" or "crossnobis", or drop them.',
        stacklevel=4,
    )
