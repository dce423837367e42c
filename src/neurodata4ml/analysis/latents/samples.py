"""Samples as rows and back: what every method of ``latents`` reads, refuses and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import xarray as xr

from neurodata4ml import optional
from neurodata4ml.dims import feature_dim, to_matrix
from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class Samples:
    """An array as a matrix: ``matrix`` (samples, units), and the names of what became rows and columns."""

    x: xr.DataArray
    dims: tuple[str, ...]
    units: str
    matrix: Any


def samples_of(x: xr.DataArray, n_components: int) -> Samples:
    """Return every dim of ``x`` but that of the units as rows; refuse what no component can be found in.

    Raises
    ------
    DesignError
        NaN, more components than the data allow, or no variance at all.
    """
    units = feature_dim(x, step="latents")
    dims = tuple(str(dim) for dim in x.dims if dim != units)
    matrix = to_matrix(x, rows=dims, columns=units)
    require_variance(matrix, n_components)
    return Samples(x, dims, units, matrix)


def require_variance(matrix: np.ndarray, n_components: int) -> None:
    """Raise a ``DesignError`` for NaN, for more components than samples or units, and where nothing varies."""
    n_samples, n_units = matrix.shape
    n_bad = int((~np.isfinite(matrix)).sum())
    if n_bad:
        message = f"latents cannot read NaN: {n_bad} of {matrix.size} values. Drop units with x.dropna('unit')."
        raise DesignError(message)
    require_room(n_samples, n_units, n_components)
    if np.ptp(matrix, axis=0).max() == 0:
        no_variance(n_samples, n_units)


def no_variance(n_samples: int, n_units: int) -> NoReturn:
    """Raise the ``DesignError`` of units that never change."""
    message = f"latents finds no variance: each of the {n_units} units answers the same to all {n_samples} samples."
    raise DesignError(message)


def require_room(n_samples: int, n_units: int, n_components: int) -> None:
    """Raise a ``DesignError`` where so many samples of so many units cannot have so many components."""
    most = max(0, min(n_samples - 1, n_units))
    if not 1 <= n_components <= most:
        message = (
            f"{n_samples} samples of {n_units} units have at most {most} components; got n_components={n_components}."
        )
        raise DesignError(message)


def labelled(
    samples: Samples, scores: Any, loadings: np.ndarray, explained: np.ndarray, *, units: str | None = None
) -> xr.Dataset:
    """Return scores (samples, component), loadings (component, unit) and explained variance with their labels.

    Signs are a convention: the largest loading of a component is positive. ``units``: those of the scores, if they
    are not those of the data.
    """
    sign = signs(loadings)
    n_components = len(loadings)
    shape = (*(samples.x.sizes[dim] for dim in samples.dims), n_components)
    units = str(samples.x.attrs.get("units", "1")) if units is None else units
    return xr.Dataset(
        {
            "latents": ((*samples.dims, "component"), (scores * sign).reshape(shape), {"units": units}),
            "loadings": (("component", samples.units), loadings * sign[:, None], {"units": "1"}),
            "explained_variance": ("component", explained, {"units": "1"}),
        },
        coords={**samples.x.coords, "component": numbered(n_components)},
        attrs={"n_samples": len(samples.matrix), "n_units": samples.matrix.shape[1]},
    )


def signs(loadings: np.ndarray) -> np.ndarray:
    """Return 1 or -1 for each row: the sign that makes its largest entry positive."""
    sign = np.sign(loadings[np.arange(len(loadings)), np.abs(loadings).argmax(axis=1)])
    sign[sign == 0] = 1.0
    return np.asarray(sign)


def numbered(n_components: int) -> np.ndarray:
    """Return the labels of components: 1, 2, ..."""
    return np.arange(1, n_components + 1)


def need(module: str, *, method: str, extra: str) -> Any:
    """Return an optional library.

    Raises
    ------
    DesignError
        It is not installed; the message says what to type.
    """
    return optional.need(module, step=f"latents(method={method!r})", install=f'"neurodata4ml[{extra}]"')
