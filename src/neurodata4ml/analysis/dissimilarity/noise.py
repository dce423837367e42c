"""The covariance of trial noise across units, shrunk so that its inverse exists with few trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.linear.stimuli import stimulus_means
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, require_array, require_dims, to_matrix
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess


def noise_precision(x: xr.DataArray, *, method: str = "ledoit-wolf") -> xr.DataArray:
    """Inverse noise covariance of units, from single trials: residuals around the mean response to each stimulus.

    For ``rdm(means, precision=...)``: where the noise was measured in other trials than the responses. The degrees of
    freedom are trials minus stimuli. (``prec_from_measurements`` of rsatoolbox 0.3.2 takes (stimuli - 1) * repeats,
    which is too many; its ``prec_from_unbalanced`` agrees with this.) Stimuli keep their means, blocks do not: what a
    block has more of counts as noise.

    Parameters
    ----------
    x : DataArray, dims (trial, unit), with the coordinate ``stimulus``
        Blank and invalid trials are dropped.
    method : str
        A key of ``PRECISIONS``.

    Returns
    -------
    DataArray (unit, unit2), in inverse squared units of ``x``
        ``attrs["degrees_of_freedom"]``.

    Raises
    ------
    DimensionError
        No labelled array (trial, unit).
    DesignError
        An unknown method, NaN, no stimulus with two trials, units whose responses never vary, or values so large or
        small that the inverse of their squares is no number.

    References
    ----------
    Walther et al. 2016, NeuroImage 137:188.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((40, 3))
    >>> x = xr.DataArray(noise, dims=("trial", "unit"), coords={"stimulus": ("trial", np.arange(40) % 4)})
    >>> noise_precision(x).dims
    ('unit', 'unit2')
    """
    known_precision(method)
    require_array(x, step="noise_precision")
    columns = feature_dim(x, step="noise_precision")
    require_dims(x, "trial", columns, step="noise_precision", hint="It needs single trials (trial, unit).")
    x = presented(x, step="noise_precision")
    values, labels = to_matrix(x, "trial", columns), trial_labels(x, "stimulus", step="noise_precision")
    if not np.isfinite(values).all():
        message = f"noise_precision needs finite responses. Drop the others: x.dropna({columns!r})."
        raise DesignError(message)
    n_free = n_free_of(labels)
    # a power of two changes no digit, and fourth powers of what is left are numbers
    power = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    values = np.ldexp(values, -power)
    stimuli, means = stimulus_means(values, labels)
    residuals = values - means[np.searchsorted(stimuli, labels)]
    silent = silent_units(values, residuals)
    if silent.any():
        raise DesignError(_silent(np.flatnonzero(silent)))
    coords = {columns: x.indexes[columns], f"{columns}2": x.indexes[columns].to_numpy()} if columns in x.indexes else {}
    with np.errstate(all="ignore"):
        found = np.ldexp(inverse(PRECISIONS[method](residuals, n_free)), -2 * power)
    if not np.isfinite(found).all() or np.diag(found).min() < _LEAST:
        raise DesignError(_too_far(2.0**power))
    out = xr.DataArray(found, dims=(columns, f"{columns}2"), coords=coords, name="noise_precision")
    out.attrs = {**provenance(x), "method": method, "degrees_of_freedom": n_free}
    return add_step(out, "noise_precision", method=method)


def of_units(precision: xr.DataArray, x: xr.DataArray, columns: str) -> np.ndarray:
    """Return the entries of a labelled precision for the units of ``x``, in their order.

    Raises
    ------
    DimensionError
        Other dims, or units that ``x`` does not have or that it has alone: those of a part of a precision are not the
        precision of a part.
    """
    second = f"{columns}2"
    require_dims(precision, columns, second, step="rdm with precision=", hint="Type noise_precision(trials).")
    if columns not in precision.indexes or columns not in x.indexes:
        return np.asarray(precision.transpose(columns, second).values)
    wanted, given = x.indexes[columns], precision.indexes[columns]
    if len(wanted) != len(given) or len(wanted.difference(given)):
        message = (
            f"rdm with precision= needs that of these {len(wanted)} {columns}s; it is of {len(given)}, "
            f"{len(wanted.intersection(given))} of them the same. Estimate it for these: noise_precision(trials)."
        )
        raise DimensionError(message)
    place = given.get_indexer(wanted)
    return np.asarray(precision.transpose(columns, second).values[np.ix_(place, place)])


def ledoit_wolf(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Covariance shrunk to a multiple of the identity (Ledoit & Wolf 2004, J. Multivar. Anal. 88:365, sec. 3.2).

    Parameters
    ----------
    residuals : ndarray (n_trials, n_units), mean 0
    n_free : int
        Degrees of freedom that the sum of squares is divided by.
    """
    n_units = residuals.shape[1]
    products = residuals.T @ residuals
    weight = ledoit_wolf_weight(np.sum(residuals**2, axis=1), float(np.sum(products**2)), n_units)
    target = np.trace(products) / n_units * np.eye(n_units)
    return np.asarray((weight * target + (1.0 - weight) * products) / n_free)


def ledoit_wolf_weight(sizes: np.ndarray, spread: float, n_units: int) -> float:
    """Return the weight of the identity, from what is the same in trial space as in unit space.

    Parameters
    ----------
    sizes : ndarray (n_trials,)
        The squared length of the residual of each trial.
    spread : float
        The sum of squares of ``R' R``, which is that of ``R R'``.
    n_units : int
    """
    n_trials = len(sizes)
    square, mean = spread / n_trials**2, sizes.sum() / n_trials / n_units
    away = square - n_units * mean**2
    error = (np.sum(sizes**2) / n_trials - square) / n_trials
    return float(min(1.0, error / away)) if away > 0 else 1.0


def schaefer_strimmer(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Covariance whose correlations are shrunk to 0 (Schaefer & Strimmer 2005, SAGMB 4:32, target D).

    Written as rsatoolbox 0.3.2 does (``shrinkage_diag``), so that published crossnobis distances can be repeated.

    Parameters
    ----------
    residuals : ndarray (n_trials, n_units), mean 0
    n_free : int
        Degrees of freedom that the sum of squares is divided by.
    """
    n_units = residuals.shape[1]
    covariance = residuals.T @ residuals / n_free
    scaled = residuals / np.sqrt(np.diag(covariance))
    spread = float(np.sum((scaled.T @ scaled) ** 2))
    weight = schaefer_strimmer_weight(np.sum(scaled**2, axis=1), spread, float(np.sum(scaled**4)), n_free, n_units)
    return np.asarray(np.where(np.eye(n_units, dtype=bool), covariance, (1.0 - weight) * covariance))


def schaefer_strimmer_weight(sizes: np.ndarray, spread: float, fourth: float, n_free: int, n_units: int) -> float:
    """Return the weight of the diagonal, from residuals whose every column has the sum of squares ``n_free``.

    Parameters
    ----------
    sizes, spread, n_units
        As for ``ledoit_wolf_weight``.
    fourth : float
        The sum of the fourth powers of the residuals.
    n_free : int
        Degrees of freedom.
    """
    n_trials = len(sizes)
    # sums over pairs of different units: all pairs, less each unit with itself
    mean = (spread - n_units * float(n_free) ** 2) / (n_trials - 1) ** 2
    square = (np.sum(sizes**2) - fourth) / (n_trials - 1)
    if mean <= 0:
        return 1.0
    return float(np.clip(n_trials / n_free**2 * (square - mean) / mean, 0.0, 1.0))


def diagonal(residuals: np.ndarray, n_free: int) -> np.ndarray:
    """Variances alone: each unit is divided by its own noise (univariate noise normalisation)."""
    return np.asarray(np.diag(np.sum(residuals**2, axis=0) / n_free))


PRECISIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "ledoit-wolf": ledoit_wolf,
    "schaefer-strimmer": schaefer_strimmer,
    "diagonal": diagonal,
}
"""Covariance estimators whose inverse can weigh the units of a Mahalanobis or crossnobis distance."""


def known_precision(method: str) -> None:
    """Refuse a name that is no key of ``PRECISIONS``."""
    if not isinstance(method, str) or method not in PRECISIONS:
        message = f"Unknown precision {method!r}. Type one of {', '.join(PRECISIONS)}, a matrix, or None."
        raise DesignError(message + guess(method, PRECISIONS))


def n_free_of(labels: np.ndarray) -> int:
    """Return trials minus stimuli, the degrees of freedom of residuals; refuse none."""
    n_stimuli = len(np.unique(labels))
    if len(labels) - n_stimuli < 1:
        message = (
            f"The noise precision needs repeated stimuli; got {len(labels)} trials of {n_stimuli} stimuli. "
            f"Type distance='euclidean', which needs no noise."
        )
        raise DesignError(message)
    return len(labels) - n_stimuli


def silent_units(values: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return which units never vary between trials of a stimulus, but for rounding of their mean."""
    return np.asarray(np.abs(residuals).max(axis=0) <= _ROUNDING * np.abs(values).max(axis=0))


def refuse_silent(values: np.ndarray, residuals: np.ndarray, *, first: int = 0) -> np.ndarray:
    """Return which units never vary at all; refuse those that tell stimuli apart without any noise to be weighed by."""
    silent = silent_units(values, residuals)
    constant = silent & (np.ptp(values, axis=0) == 0)
    if (silent & ~constant).any():
        raise DesignError(_silent(np.flatnonzero(silent & ~constant) + first))
    return np.asarray(constant)


def inverse(covariance: np.ndarray) -> np.ndarray:
    """Return the inverse of a covariance; refuse one that has none."""
    try:
        found = np.linalg.inv(covariance)
        np.linalg.cholesky(found)
    except np.linalg.LinAlgError:
        raise DesignError(NO_INVERSE) from None
    return np.asarray((found + found.T) / 2)


NO_INVERSE = (
    "The noise covariance has no inverse: some units repeat others, and trials are too few to shrink them apart. "
    'Drop the copies, or type precision="diagonal".'
)

_ROUNDING = 1e-14
"""A residual smaller than this, relative to the responses of its unit, is rounding of their mean."""

_LEAST = 1e-290
"""Numbers below it lose digits."""


def _too_far(size: float) -> str:
    return (
        f"The noise precision of responses as large as {size:.0e} is no number that float64 holds with all digits. "
        f"Change the units: x / {size:.0e}."
    )


def _silent(at: np.ndarray) -> str:
    return (
        f"The noise precision needs units whose responses vary between trials; {len(at)} never do "
        f"(at positions {', '.join(map(str, at[:5]))}). Drop them: x.isel(unit=...), or type precision=None."
    )
