"""Single trials as every measure of reliability takes them: labelled, real, at a size whose squares are numbers."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.dims import presented, require_array
from neurodata4ml.errors import DesignError

_FARTHEST = 1e60
"""Units whose largest response is beyond it, or below 1 over it, are scaled: fourth powers would be no numbers."""


def shown_trials(x: xr.DataArray, *, step: str) -> xr.DataArray:
    """Return the trials in which a stimulus was shown and that are valid, after a check that they are real numbers.

    Raises
    ------
    DimensionError
        No labelled array.
    DesignError
        Text, complex numbers, objects.
    """
    require_array(x, step=step)
    if x.dtype.kind not in "biuf":
        message = f"{step} takes real numbers; got values of the type {x.dtype}. Type x.astype(float)."
        raise DesignError(message)
    return presented(x, step=step)


def by_unit_within_reach(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return trials (n_trials, n_units), each unit over the power of two that makes its squares numbers.

    No digit changes. The second is the exponent of that power (n_units,), 0 for units that are within reach.
    """
    size = np.abs(values).max(axis=0, initial=0.0)
    out = (size > _FARTHEST) | ((size > 0) & (size < 1 / _FARTHEST))
    exponent = np.where(out, np.frexp(size)[1], 0)
    return (np.ldexp(values, -exponent) if out.any() else values), exponent


def squares_back(squares: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Return squared quantities (..., n_units) in the units of the responses; NaN where they are no number there."""
    return _back(squares, 2 * exponent)


def products_back(products: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Return products of two units (n_units, n_units) in the units of the responses; NaN where they are no number."""
    return _back(products, exponent[:, None] + exponent)


def _back(x: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    if not exponent.any():
        return x
    with np.errstate(over="ignore", under="ignore"):
        back = np.ldexp(x, exponent)
    return np.where((x != 0) & ((back == 0) | np.isinf(back)), np.nan, back)


def why_undefined(undefined: np.ndarray, why: str) -> list[str]:
    """Return the sentence for so many units that are undefined (n_units,); none where none is."""
    n = int(np.sum(undefined))
    return [f"{n} unit{'s' * (n != 1)}: {why}"] if n else []
