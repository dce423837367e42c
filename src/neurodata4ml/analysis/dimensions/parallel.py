"""How many components are more than chance would make: parallel analysis."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.dims import feature_dim, presented, to_matrix
from neurodata4ml.errors import DesignError


def parallel_analysis(x: xr.DataArray, *, n_shuffles: int = 99, quantile: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Count the components whose variance exceeds what unrelated units would show (Horn 1965, Psychometrika 30:179).

    Units are z-scored; in each shuffle the samples of every unit are put in an order of its own, so that nothing is
    shared. Component k counts as long as its eigenvalue, and those of all before it, exceed the ``quantile`` of the
    k-th eigenvalues of the shuffles. Where x has trials and time, whole trials are shuffled: what is locked to the
    event in every trial then stays in the null and does not count. In a recording without trials (time, unit) each
    unit is turned in a circle by a time of its own, which keeps how slow it is: two slow units correlate by chance.
    Units that each drift from trial to trial do so too, and that is not accounted for: take the drift out first.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit) or (stimulus, unit): samples and units
        Of single trials the components hold shared noise too, of mean responses the signal and what noise is left.
    n_shuffles : int
    quantile : float
    seed : int

    Returns
    -------
    Dataset
        ``n_components``; ``variance`` (component), the eigenvalues of the correlation matrix; ``null`` (shuffle,
        component); ``threshold`` (component).

    Raises
    ------
    DesignError
        Fewer than two units that vary, fewer than three samples (trials, where there are), NaN, or no shuffle.
    """
    x = presented(x, step="dimensionality")
    units = feature_dim(x, step="dimensionality")
    samples = [str(dim) for dim in x.dims if dim != units]
    samples = sorted(samples, key=lambda dim: dim == "time")  # whole trials lie together
    matrix = to_matrix(x, rows=samples, columns=units)
    n_bad = int((~np.isfinite(matrix)).sum())
    if n_bad:
        message = f"dimensionality cannot read NaN: {n_bad} of {matrix.size} values. Drop units: x.dropna('{units}')."
        raise DesignError(message)
    matrix = matrix[:, np.ptp(matrix, axis=0) > 0] if matrix.size else matrix[:, :0]
    n_samples, n_units = matrix.shape
    if n_units < 2 or n_samples < 3:
        message = (
            f'dimensionality(method="parallel") needs at least 2 units that vary and 3 samples; got {n_units} and '
            f"{n_samples}. Take more units, or more trials."
        )
        raise DesignError(message)
    _require_shuffles(n_shuffles, quantile)
    length = x.sizes["time"] if "time" in samples and len(samples) > 1 else 1
    if n_samples < 3 * length:
        message = (
            f'dimensionality(method="parallel") shuffles whole trials and needs 3 of them; got {n_samples // length}. '
            f"Take more trials, or a recording without trials (time, {units})."
        )
        raise DesignError(message)
    values = ((matrix - matrix.mean(axis=0)) / matrix.std(axis=0)).reshape(-1, length, n_units)
    n_kept = min(n_samples - 1, n_units)
    variance = _eigenvalues(values)[:n_kept]
    rng = np.random.default_rng(seed)
    change = _shifted if samples == ["time"] else _shuffled
    null = np.stack([_eigenvalues(change(values, rng))[:n_kept] for _ in range(n_shuffles)])
    threshold = np.quantile(null, quantile, axis=0)
    beyond = variance > threshold
    return xr.Dataset(
        {
            "n_components": int(n_kept if beyond.all() else beyond.argmin()),
            "variance": ("component", variance),
            "null": (("shuffle", "component"), null),
            "threshold": ("component", threshold),
        },
        coords={"component": np.arange(1, n_kept + 1)},
        attrs={"n_samples": n_samples, "n_units": n_units, "n_shuffles": n_shuffles, "quantile": quantile},
    )


def _shuffled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the trials of every unit in an order of its own, each trial whole: (trial, time, unit)."""
    order = np.argsort(rng.random((len(values), values.shape[2])), axis=0)
    return np.take_along_axis(values, order[:, None, :], axis=0)


def _shifted(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return every unit (time, 1, unit) turned in a circle by a number of samples of its own."""
    n_samples, _, n_units = values.shape
    order = (np.arange(n_samples)[:, None] + rng.integers(n_samples, size=n_units)) % n_samples
    return np.take_along_axis(values, order[:, None, :], axis=0)


def _require_shuffles(n_shuffles: int, quantile: float) -> None:
    if not (isinstance(n_shuffles, int | np.integer) and n_shuffles >= 1 and 0 < quantile < 1):
        message = (
            f'dimensionality(method="parallel") needs n_shuffles of 1 or more and a quantile between 0 and 1; got '
            f"n_shuffles={n_shuffles!r} and quantile={quantile!r}. Usual are 99 and 0.95."
        )
        raise DesignError(message)


def _eigenvalues(values: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the correlation matrix of z-scored units, largest first."""
    flat = values.reshape(-1, values.shape[2])
    small = flat @ flat.T if len(flat) < flat.shape[1] else flat.T @ flat
    return np.asarray(np.linalg.eigvalsh(small)[::-1] / len(flat))
